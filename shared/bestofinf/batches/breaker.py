"""A circuit breaker over many questions: a member that keeps failing is not asked for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any

from bestofinf.border import error_text
from bestofinf.drivers.health import Health
from bestofinf.drivers.limits import RestingError
from bestofinf.drivers.wanted import idle
from bestofinf.errors import SamplingError, is_busy, is_fatal
from bestofinf.records import Draw, Failure, Member, Outcome, Usage


class LeftOutError(SamplingError):
    """A draw was not sent, because its member has failed too often recently."""


class CircuitBreaker:
    """Sends the draws of many concurrent votes, but not to members that keep failing.

    A draw of such a member fails at once and is not retried, so its question goes on with the other
    members. When the cooldown is over, one draw is sent to try the member; other draws still fail
    until that one returns a sample. If no other member could be asked, draws are sent, or wait for
    the cooldown if the circuit is patient. So is a draw whose question has no other member left, if the
    member only refuses requests as too many.

    Use it from one event loop; the health may be shared with other votes.

    Args:
        health: Counts failures over all votes.
        members: The members, in the engines' order.
        patient: Whether draws wait if no other member could be asked, so that no question fails
            because all members are down. The caller must then give up by itself.
    """

    def __init__(
        self, health: Health, members: Sequence[Member[Any]], *, patient: bool = False
    ) -> None:
        self._health = health
        self._patient = patient
        self._names = [member.name for member in members]
        self._asked = {place for place, member in enumerate(members) if member.weight}
        self._suspects: set[int] = set()  # left out, and without a sample since
        self._tried: set[int] = set()  # of these, members with a draw in flight
        self._news = asyncio.Event()  # set and replaced at every outcome

    @property
    def back_in(self) -> float:
        """Seconds until the first member may be asked."""
        return min(map(self._health.back_in, self._asked))

    @property
    def is_hopeless(self) -> bool:
        """Whether no member may be asked, for reasons that waiting does not mend, such as bad keys."""
        return all(
            self._health.back_in(member)
            and (error := self._health.last_error(member)) is not None
            and is_fatal(error)
            for member in self._asked
        )

    async def outcome(
        self,
        draw: Draw,
        ask: Callable[[Draw], Awaitable[Outcome]],
        question: Hashable = None,
        leave: Callable[[int], bool] = lambda member: True,
    ) -> Outcome:
        """Return the outcome of a draw, or why it was not sent: a fatal `LeftOutError`.

        Args:
            draw: The draw to carry out.
            ask: Asks the draw's member.
            question: Key of the question; see `Health.record`.
            leave: Notes that a member leaves the question's vote; returns False, and notes nothing, if
                no other could be asked there.
        """
        member = draw.member
        out = self._health.left_out()
        self._suspects |= out
        if member in self._spared(out) and (leave(member) or not self._pauses(member)):
            return self._refused(member)
        if self._patient:
            await self._comes_back(member)
        trying = member in self._suspects
        if trying:
            self._tried.add(member)
        try:
            outcome = await ask(draw)
        finally:
            if trying:
                self._tried.discard(member)
            self._news.set()
            self._news = asyncio.Event()
        self._health.record(draw, outcome, question)
        if not isinstance(outcome, Failure):
            self._suspects.discard(member)
        elif self._health.back_in(member):
            self._suspects.add(member)
        return outcome

    async def _comes_back(self, member: int) -> None:
        """Wait until a member without a substitute may be tried, by one draw at a time."""
        while (seconds := self._health.back_in(member)) or member in self._tried:
            with idle(), suppress(TimeoutError):
                async with asyncio.timeout(seconds or None):
                    await self._news.wait()

    def _pauses(self, member: int) -> bool:
        """Return whether a member that is left out refuses requests as too many, and no more than that."""
        error = self._health.last_error(member)
        return error is None or isinstance(error, RestingError) or is_busy(error)

    def _spared(self, out: frozenset[int]) -> frozenset[int]:
        for spared in (out | self._tried, out):
            if not self._asked <= spared:
                return frozenset(spared)
        return frozenset()

    def _refused(self, member: int) -> Failure:
        error = self._health.last_error(member)
        why = f": {error_text(error)}" if error is not None else ""
        told = f"{self._names[member]} was not asked, because it keeps failing{why}"
        causes = () if error is None else (error,)
        return Failure(LeftOutError(told, causes), usage=Usage(), fatal=True)

"""A circuit breaker for many questions at once: who keeps failing is not asked for each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bestofinf.errors import SamplingError
from bestofinf.health import Health
from bestofinf.records import Draw, Failure, Member, Outcome, Usage


class LeftOutError(SamplingError):
    """A draw was not sent, because its member has failed too often just now."""


class Circuit:
    """Sends the draws of many votes that go on side by side, but to no member that keeps failing.

    A draw of such a member fails at once, for good, so that its question goes on with the other
    members. When the cooldown is over one draw is sent to try the member, and the others still
    fail until it has brought a sample. Where no other member could be asked, draws are sent.

    To be used from one event loop; the health may be shared with other votes.

    Args:
        health: Counts failures over all votes.
        members: The members, in the engines' order.
    """

    def __init__(self, health: Health, members: Sequence[Member[Any]]) -> None:
        self._health = health
        self._names = [member.name for member in members]
        self._asked = {place for place, member in enumerate(members) if member.weight}
        self._suspects: set[int] = set()  # were left out, and have brought nothing since
        self._tried: set[int] = set()  # suspects with a draw in flight

    async def outcome(self, draw: Draw, ask: Callable[[Draw], Awaitable[Outcome]]) -> Outcome:
        """Return what came of a draw, or why it was not sent: a fatal `LeftOutError`."""
        member = draw.member
        out = self._health.left_out()
        self._suspects |= out
        if member in self._spared(out):
            return self._refused(member)
        trying = member in self._suspects
        if trying:
            self._tried.add(member)
        try:
            outcome = await ask(draw)
        finally:
            if trying:
                self._tried.discard(member)
        self._health.record(draw, outcome)
        if isinstance(outcome, Failure):
            self._suspects |= self._health.left_out()
        else:
            self._suspects.discard(member)
        return outcome

    def _spared(self, out: frozenset[int]) -> frozenset[int]:
        for spared in (out | self._tried, out):
            if not self._asked <= spared:
                return frozenset(spared)
        return frozenset()

    def _refused(self, member: int) -> Failure:
        error = self._health.last_error(member)
        why = f": {type(error).__name__}: {error}" if error is not None else ""
        told = f"{self._names[member]} was not asked, because it keeps failing{why}"
        causes = () if error is None else (error,)
        return Failure(LeftOutError(told, causes), usage=Usage(), fatal=True)

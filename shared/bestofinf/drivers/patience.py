"""How long one vote waits for members that refuse requests as too many.

While another member could be asked, all pauses for a member are together at most `BRIEF`; the pause that
would exceed it is not begun, and the member leaves the vote. Several draws of a member are often refused
at once and pause at the same time, so what counts is the time during which any of them pauses, and a
draw refused while others pause already counts as if it had been refused with the first of them.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass

from bestofinf.policy import BRIEF, FailurePolicy

_ROUNDING = 1e-6
"""Seconds by which a sum of pauses may exceed the maximum because of rounding."""


@dataclass(slots=True)
class _Pauses:
    """The pauses for one member: moments on the clock, and seconds.

    Attributes:
        begun: When the latest pause began that no other was going on at.
        until: When the latest pause ends.
        spent: Seconds of all pauses; of those at the same time, once.
        rest: Until when the member's pace holds requests back.
    """

    begun: float = -math.inf
    until: float = -math.inf
    spent: float = 0.0
    rest: float = -math.inf


class Waits:
    """How long a vote waits for members that must not be asked for a time. For any thread.

    Args:
        policy: Gives the maximum wait.
        others: Function from a member, and members about to leave the vote, to whether yet another
            could be asked instead.
        patience: Minimum for the maximum wait, in seconds, if no other member could be asked; if it
            is above 0, such a member's refused draws are retried without limit.
        clock: Returns seconds since any fixed moment.
    """

    def __init__(
        self,
        policy: FailurePolicy,
        others: Callable[[int, Collection[int]], bool],
        patience: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy
        self.clock = clock
        self._others = others
        self._patience = patience
        self._lock = threading.Lock()
        self._pauses: defaultdict[int, _Pauses] = defaultdict(_Pauses)
        self._leaving: set[int] = set()

    def others(self, member: int) -> bool:
        """Return whether another member could be asked instead, and is not about to leave."""
        return self._others(member, self._leaving)

    def endless(self, member: int) -> bool:
        """Return whether a draw refused for too many requests is retried without limit."""
        return self._patience > 0 and not self.others(member)

    def most(self, member: int, *, stated: bool = True) -> float:
        """Return the maximum seconds of one pause.

        Args:
            member: Position of the member.
            stated: Whether its server named the length of the pause.
        """
        instead = self.others(member)
        most = self.policy.patience(others=instead, stated=stated)
        return most if instead else max(most, self._patience)

    def leave(self, member: int) -> bool:
        """Note that a member is about to leave the vote; return False if no other could be asked."""
        with self._lock:
            if self.others(member):
                self._leaving.add(member)
                return True
            return False

    def note_rest(self, member: int, seconds: float) -> None:
        """Note for how long the member's pace holds requests back after a refusal."""
        with self._lock:
            self._pauses[member].rest = self.clock() + seconds

    def due(self, member: int, seconds: float) -> float:
        """Return for how long not to ask a member that was refused.

        Args:
            member: Position of the member.
            seconds: What its server asks for, or the usual pause. It is longer if the member's
                pace says so and another member could be asked.
        """
        if not self.others(member):
            return seconds
        with self._lock:
            return max(seconds, self._pauses[member].rest - self.clock())

    def grant(
        self, member: int, seconds: float, *, stated: bool, sent: float | None = None
    ) -> bool:
        """Return whether the vote waits so long, from now on, and count the pause if it does.

        If it does not although another member could be asked, the draw must fail, and the member
        leave the vote: others then no longer count on it.

        Args:
            member: Position of the member.
            seconds: Length of the pause.
            stated: Whether the member's server named it.
            sent: When the refused request was sent, on the clock; None if nothing was sent.
        """
        with self._lock:
            if not self.others(member):
                return seconds <= self.most(member, stated=stated)
            now, pauses = self.clock(), self._pauses[member]
            going_on = now < pauses.until
            known = going_on and sent is not None and sent < pauses.begun
            end = (pauses.begun if known else now) + seconds
            further = max(0.0, end - max(now, pauses.until))
            if pauses.spent + further > BRIEF + _ROUNDING:
                self._leaving.add(member)
                return False
            if not going_on:
                pauses.begun = now
            pauses.spent += further
            pauses.until = max(pauses.until, end)
            return True


waits: ContextVar[Waits | None] = ContextVar("bestofinf_waits", default=None)
"""How long the vote of this context waits; None outside of votes."""

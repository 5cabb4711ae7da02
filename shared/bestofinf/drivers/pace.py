"""How fast one member may be asked: learned from its refusals for too many requests.

Each refusal without a time lowers the allowed number of requests in flight by half a request. So a
round in which all are refused halves the number, and a round with few refusals lowers it little.
Replies raise it by at most one a round, and more slowly just after a refusal, so that a limit that was
found is not exceeded in every round. If one request at a time is still refused, the member rests,
twice as long after each refusal and half as long after each reply. If a refusal names a time, the
member is not asked before. A member that names a time again and again, without a reply between, does
not mean it: whoever could ask another member lets it rest longer, by what it would rest had it named none.

Source: additive increase with multiplicative decrease is stable among clients that do not know of each
other (Chiu and Jain 1989, Computer Networks and ISDN Systems 17); a decrease by the share that was
refused is that of DCTCP (Alizadeh et al. 2010, SIGCOMM), an increase that is slow near the last limit
that of CUBIC (RFC 9438).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from bestofinf.policy import backoff, jittered

LONGEST_REST = 10.0
"""Maximum rest in seconds if the server names no time."""

LONGEST_STATED = 86_400.0
"""Maximum rest in seconds that a server may name; more than a day is taken for an error."""

_WIDE = 256.0  # a learned limit of more requests in flight is dropped
_PARDONED = 2  # refusals in a row that name a time and are believed
_SLOW = 10  # rounds of replies after which they raise the number at full speed


class Rest(NamedTuple):
    """For how long a member is not to be asked, from now on.

    Attributes:
        seconds: The time in seconds; 0 if it may be asked now.
        stated: Whether its server named the time.
        longer: The same for those who could ask another member, at least `seconds`.
    """

    seconds: float
    stated: bool
    longer: float


_NONE = Rest(0.0, False, 0.0)


class Pace:
    """The limits learned for one member. May be used from any thread.

    Args:
        clock: Returns seconds since any fixed moment.

    Attributes:
        width: Maximum number of requests in flight; infinite until a request is refused.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.width = math.inf
        self._clock = clock
        self._lock = threading.Lock()
        self._calm = 0  # replies since the last refusal
        self._refusals = 0  # refusals in a row at a width of one; replies halve it
        self._rested = -math.inf  # when the rest began; earlier requests are not counted again
        self._told = 0  # refusals in a row that named a time; replies halve it
        self._told_at = -math.inf  # when the latest of them was counted
        self._until = self._stated_until = self._longer_until = -math.inf

    @property
    def rest(self) -> Rest:
        """How long the member is not to be asked."""
        if self._until == self._stated_until == -math.inf:  # the usual case: no look at the clock
            return _NONE
        now = self._clock()
        stated = self._stated_until >= self._until
        seconds = max(0.0, self._until - now, self._stated_until - now)
        return Rest(seconds, stated, max(seconds, self._longer_until - now))

    def accepted(self) -> None:
        """Record a reply."""
        if self.width == math.inf and not self._told:
            return
        with self._lock:
            self._told //= 2
            if self.width == math.inf:
                return
            self._refusals //= 2
            self._calm += 1
            self.width += min(1.0, self._calm / (_SLOW * self.width)) / self.width
            if self.width >= _WIDE:
                self.width = math.inf

    def refused(self, sent: float, in_flight: int, told: float | None) -> None:
        """Record a refusal for too many requests.

        Args:
            sent: When the request was sent, on the clock.
            in_flight: Number of requests in flight at that moment, this one included.
            told: Seconds that the server asked to wait; None if it named no time.
        """
        with self._lock:
            now = self._clock()
            if told is not None:
                told = min(told, LONGEST_STATED)
                self._stated_until = max(self._stated_until, now + told)
                if sent >= self._told_at:
                    self._told_at = now
                    self._told += 1
                    if self._told > _PARDONED:
                        rest = jittered(backoff(self._told - _PARDONED, LONGEST_REST))
                        self._longer_until = max(self._longer_until, now + told + rest)
                return
            self._calm = 0
            self.width = min(self.width, in_flight) - 0.5
            if self.width >= 1:
                return
            self.width = 1.0
            if sent >= self._rested:
                self._rested = now
                self._refusals += 1
                self._until = now + jittered(backoff(self._refusals, LONGEST_REST))

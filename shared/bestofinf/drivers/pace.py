"""How fast one member may be asked: learned from its refusals for too many requests.

Of the requests that may be in flight, each refusal without a time takes half a one away. So a round in
which all are refused halves their number, and a round in which few are lowers it little. Replies raise
it, by one a round at most, and slowly at first after a refusal: a limit that has been found is not
overrun in every round. Where one at a time is still too much the member rests, twice as long after each
refusal and half as long after each reply. A refusal that names a time is kept to the letter.

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

from bestofinf.errors import backoff, jittered

LONGEST_REST = 10.0
"""Seconds that a member rests at most where its server names no time."""

LONGEST_STATED = 86_400.0
"""Seconds for which a server's word is taken; beyond a day it is a slip."""

_WIDE = 256.0  # requests in flight, from which on a limit learned binds nobody
_SLOW = 10  # rounds of replies until they raise the number at full speed


class Rest(NamedTuple):
    """How long a member is to be left alone from now on.

    Attributes:
        seconds: 0 if it may be asked.
        stated: Whether its server has said so.
    """

    seconds: float
    stated: bool


class Pace:
    """What is known of one member's limits. May be used from any thread.

    Args:
        clock: Seconds, from any start.

    Attributes:
        width: Most requests in flight; infinite while nothing was refused.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.width = math.inf
        self._clock = clock
        self._lock = threading.Lock()
        self._calm = 0  # replies since the last refusal
        self._refusals = 0  # at a width of one, in a row; halved by replies
        self._rested = -math.inf  # when a rest began; requests sent before tell nothing new
        self._until = self._stated_until = -math.inf

    @property
    def rest(self) -> Rest:
        """How long the member is to be left alone."""
        if (
            self._until == self._stated_until == -math.inf
        ):  # hardly ever refused: no look at a clock
            return Rest(0.0, False)
        now = self._clock()
        stated = self._stated_until >= self._until
        return Rest(max(0.0, self._until - now, self._stated_until - now), stated)

    def accepted(self) -> None:
        """Take note of a reply."""
        if self.width == math.inf:
            return
        with self._lock:
            self._refusals //= 2
            self._calm += 1
            self.width += min(1.0, self._calm / (_SLOW * self.width)) / self.width
            if self.width >= _WIDE:
                self.width = math.inf

    def refused(self, sent: float, in_flight: int, told: float | None) -> None:
        """Take note of a refusal for too many requests.

        Args:
            sent: When the request was sent.
            in_flight: Requests in flight at that moment, this one included.
            told: Seconds for which the server asked to be left alone; None if it did not.
        """
        with self._lock:
            now = self._clock()
            if told is not None:
                told = min(told, LONGEST_STATED)
                self._stated_until = max(self._stated_until, now + told)
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

"""What to do when a draw fails: retries, time-outs, deadlines."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bestofinf.errors.checks import is_number, shown, whole
from bestofinf.errors.clients import is_busy, is_transient, retry_after
from bestofinf.errors.own import UsageError

BRIEF = 1.0
"""Seconds that a vote waits for a member although others could be asked."""

FIRST_PAUSE = 0.5
"""Most seconds of the first pause after an error; each further one may be twice as long."""


def backoff(failures: int, longest: float) -> float:
    """Return the most seconds to pause after so many failures in a row, at most `longest`."""
    return min(longest, FIRST_PAUSE * 2.0 ** min(failures - 1, 16))


def jittered(seconds: float) -> float:
    """Return between half and all of the seconds, so that many who wait do not come back at once."""
    return random.uniform(seconds / 2, seconds)


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """What to do when members fail.

    A failed draw is never a vote. It is retried if that may help, and else replaced by the next
    draw.

    Attributes:
        retries: How often one draw is tried again after a transient error.
        retry_on: Which errors are transient.
        longest_wait: Most seconds between two tries. A server that asks for more in its
            Retry-After is not asked again, and left out for as long as it said.
        timeout: Most seconds for one try; None for no limit.
        deadline: Most seconds for the whole vote; None for no limit.
        on_deadline: ``raise`` a `SamplingError`, or decide on the ``partial`` vote if its quorum
            is met.
    """

    retries: int = 2
    retry_on: Callable[[BaseException], bool] = is_transient
    longest_wait: float = 30.0
    timeout: float | None = None
    deadline: float | None = None
    on_deadline: Literal["raise", "partial"] = "raise"

    def __post_init__(self) -> None:
        whole("retries", self.retries, 0)
        for name in ("timeout", "deadline"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and 0 < value < math.inf):
                raise UsageError(f"{name} must be above 0 and finite, or None, got {shown(value)}")
        if not (is_number(self.longest_wait) and 0 <= self.longest_wait < math.inf):
            raise UsageError(f"longest_wait must be at least 0, got {shown(self.longest_wait)}")
        if not callable(self.retry_on):
            raise UsageError(f"retry_on must be a function, got {shown(self.retry_on)}")
        if self.on_deadline not in ("raise", "partial"):
            raise UsageError(
                f"on_deadline must be 'raise' or 'partial', got {shown(self.on_deadline)}"
            )

    def patience(self, *, others: bool, stated: bool) -> float:
        """Return the most seconds that a vote waits for a member that wants to be left alone.

        Args:
            others: Whether another member could be asked instead.
            stated: Whether the server has said for how long. If not, it is waited for as long as
                the retries of one draw would.
        """
        if others:
            return BRIEF
        if stated:
            return self.longest_wait
        return max(BRIEF, backoff(self.retries + 1, self.longest_wait))

    def pause_after(
        self,
        error: BaseException,
        failures: int,
        *,
        longest: float | None = None,
        endless: bool = False,
    ) -> float | None:
        """Return the seconds to pause before a further try; None if there is to be none.

        Args:
            error: What the latest try has ended with.
            failures: Tries that have failed so far.
            longest: Most seconds for a server that names a time; `longest_wait` by default.
            endless: Whether a busy server is tried beyond `retries`.
        """
        # A cancellation, or an interrupt, is nothing to try again after.
        if not isinstance(error, Exception) or not self.retry_on(error):
            return None
        if failures > self.retries and not (endless and is_busy(error)):
            return None
        told = retry_after(error)
        if told is not None:
            return told if told <= (self.longest_wait if longest is None else longest) else None
        return jittered(backoff(failures, self.longest_wait))

"""What to do when a draw fails: retries, time-outs, deadlines."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bestofinf.errors import (
    UsageError,
    is_busy,
    is_number,
    is_transient,
    retry_after,
    shown,
    whole,
)

BRIEF = 1.0
"""Maximum seconds that a vote waits for one member while other members could be asked."""

FIRST_PAUSE = 0.5
"""Maximum seconds of the first pause after an error; the maximum doubles with each error."""


def backoff(failures: int, longest: float) -> float:
    """Return the maximum pause in seconds after so many failures in a row, at most `longest`."""
    return min(longest, FIRST_PAUSE * 2.0 ** min(failures - 1, 16))


def jittered(seconds: float) -> float:
    """Return a random time between half and all of the seconds, to spread the retries of many."""
    return random.uniform(seconds / 2, seconds)


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """What to do when members fail.

    A failed draw is never a vote. It is retried if that may help, and else replaced by the next
    draw.

    Attributes:
        retries: How often one draw is tried again after a transient error, at least 0.
        retry_on: Function from an error to whether it is transient.
        longest_wait: Maximum seconds between two tries. A server whose Retry-After asks for more
            is left out of votes for the time it asked for.
        timeout: Maximum seconds for one try; None for no limit.
        deadline: Maximum seconds for the whole vote; None for no limit.
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
        """Return the maximum seconds that a vote waits for a member that asks for a pause.

        Args:
            others: Whether another member could be asked instead.
            stated: Whether the server named the length of the pause. If not, the vote waits as
                long as the retries of one draw would take.
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
            error: The error of the latest try.
            failures: Number of tries that have failed so far.
            longest: Maximum seconds if the server names a time; `longest_wait` by default.
            endless: Whether an overloaded server is tried more often than `retries`.
        """
        # After a cancellation or an interrupt there is no further try.
        if not isinstance(error, Exception) or not self.retry_on(error):
            return None
        if failures > self.retries and not (endless and is_busy(error)):
            return None
        told = retry_after(error)
        if told is not None:
            return told if told <= (self.longest_wait if longest is None else longest) else None
        return jittered(backoff(failures, self.longest_wait))

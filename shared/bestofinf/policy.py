"""What to do when a draw fails: retries, time-outs, deadlines."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_base, wait_random_exponential

from bestofinf.errors import UsageError, is_number, shown

_TRANSIENT_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_FATAL_STATUS = frozenset({401, 402, 403})
_FATAL_CODES = frozenset({"insufficient_quota", "invalid_api_key", "account_deactivated"})
_TRANSIENT_NAMES = ("timeout", "connection", "ratelimit", "overloaded", "unavailable")


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status an error carries, in any of the usual places; None if none."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status", "http_status"):
            value = getattr(holder, name, None)
            if isinstance(value, int):
                return value
    return None


def is_fatal(error: BaseException) -> bool:
    """Return whether asking the same member again cannot help: bad key, no quota, no access."""
    return status_of(error) in _FATAL_STATUS or getattr(error, "code", None) in _FATAL_CODES


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may well succeed a moment later."""
    if is_fatal(error):
        return False
    status = status_of(error)
    if status is not None:
        return status in _TRANSIENT_STATUS
    if isinstance(error, TimeoutError | ConnectionError | asyncio.TimeoutError):
        return True
    # Client libraries have errors of their own without a common base class.
    names = [kind.__name__.lower() for kind in type(error).__mro__]
    return any(word in name for word in _TRANSIENT_NAMES for name in names)


def retry_after(error: BaseException | None) -> float | None:
    """Return the seconds a server asked to wait; None if it did not.

    Source: RFC 9110, section 10.2.3: seconds or a date; ``retry-after-ms`` is OpenAI's.
    """
    headers = getattr(getattr(error, "response", None), "headers", None)
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name) if headers is not None else None
        seconds = _seconds(value) * unit if value is not None else math.nan
        if 0 <= seconds < math.inf:
            return seconds
    return None


def _seconds(value: str) -> float:
    """Return a number of seconds, or the time until a date; NaN where it is neither."""
    try:
        return float(value)
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return math.nan
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


class _WaitAsTold(wait_base):
    """Waits as long as the server asked, else grows at random up to `longest`."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._otherwise = wait_random_exponential(multiplier=0.5, max=longest)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        told = retry_after(error)
        return min(told, self._longest) if told is not None else self._otherwise(retry_state)


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """What to do when members fail.

    A failed draw is never a vote. It is retried if that may help, and else replaced by the next
    draw.

    Attributes:
        retries: How often one draw is tried again after a transient error.
        retry_on: Which errors are transient.
        longest_wait: Most seconds between two tries; a server's Retry-After is kept up to this.
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
        if isinstance(self.retries, bool) or not isinstance(self.retries, int) or self.retries < 0:
            raise UsageError(
                f"retries must be a whole number of at least 0, got {shown(self.retries)}"
            )
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

    def retrying(self) -> Retrying:
        """Return tenacity's loop for one draw in a thread."""
        return Retrying(
            stop=stop_after_attempt(self.retries + 1),
            retry=retry_if_exception(self.retry_on),
            wait=_WaitAsTold(self.longest_wait),
            reraise=True,
        )

    def async_retrying(self) -> AsyncRetrying:
        """Return tenacity's loop for one draw in a task."""
        return AsyncRetrying(
            stop=stop_after_attempt(self.retries + 1),
            retry=retry_if_exception(self.retry_on),
            wait=_WaitAsTold(self.longest_wait),
            reraise=True,
        )

"""Refusals as clients raise them, and a clock that stands still unless it is moved."""

from __future__ import annotations


class Refused(Exception):
    """An error with a status, and a ``Retry-After`` in seconds unless that is None."""

    def __init__(self, status: int = 429, after: float | None = None) -> None:
        self.status_code = status
        self.response = self
        self.headers = {} if after is None else {"retry-after": str(after)}


class Clock:
    """Seconds in `now`."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

"""Votes within votes: a member may be an ensemble, but none may ask itself without end."""

from __future__ import annotations

from contextvars import ContextVar

from bestofinf.errors import ErrorKind, UsageError, kind_of
from bestofinf.records import Failure, Outcome

DEEPEST = 8
"""Votes that may stand within one another."""

WIDE = 2
"""Levels at which several draws go at once. Below, one at a time finds an endless nest early."""

_depth: ContextVar[int] = ContextVar("bestofinf_depth", default=0)


class NestingError(UsageError):
    """Votes stand within one another without end: an ensemble asks itself, by way of a tool."""


class Level:
    """How deep a vote that begins here stands.

    Raises:
        NestingError: If it is the one too many.
    """

    def __init__(self) -> None:
        self._depth = _depth.get() + 1
        if self._depth > DEEPEST:
            raise NestingError(
                f"{DEEPEST} votes stand within one another, and a further one was about to begin: "
                "does a tool of a member ask the ensemble that the member belongs to?"
            )

    def slots(self, concurrency: int) -> int:
        """Return how many draws go at once."""
        return concurrency if self._depth <= WIDE else 1

    def enter(self) -> None:
        """Let votes that begin in this context stand within this one."""
        _depth.set(self._depth)


def check_control(outcome: Outcome) -> None:
    """Raise an error that is no failure of a draw but steers the program around the vote.

    An endless nest is such an error, wherever it stands among the causes of another: every vote
    around is to end by it.

    Raises:
        BaseException: That error.
    """
    if not isinstance(outcome, Failure):
        return
    error: BaseException | None = outcome.error
    while error is not None:
        if kind_of(error) is ErrorKind.CONTROL:
            raise error
        error = error.__cause__

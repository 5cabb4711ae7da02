"""Votes within votes: a member may be an ensemble, but an ensemble must not ask itself endlessly."""

from __future__ import annotations

from contextvars import ContextVar

from bestofinf.errors import ErrorKind, UsageError, kind_of
from bestofinf.records import Failure, Outcome

DEEPEST = 8
"""Maximum depth of votes within votes."""

WIDE = 2
"""Depth down to which a vote runs draws concurrently. Below it runs one at a time, so that an
endless nest reaches `DEEPEST` with few requests."""

_depth: ContextVar[int] = ContextVar("bestofinf_depth", default=0)


class NestingError(UsageError):
    """Votes are nested too deeply: an ensemble asks itself, probably through a tool."""


class Level:
    """The depth of a vote that begins in this context.

    Raises:
        NestingError: If it is deeper than `DEEPEST`.
    """

    def __init__(self) -> None:
        self._depth = _depth.get() + 1
        if self._depth > DEEPEST:
            raise NestingError(
                f"votes are nested {DEEPEST} deep, and another one was about to begin within them: "
                "does a tool of a member ask the ensemble that the member belongs to?"
            )

    def slots(self, concurrency: int) -> int:
        """Return the number of draws that run at a time."""
        return concurrency if self._depth <= WIDE else 1

    def enter(self) -> None:
        """Make votes that begin in this context count as nested in this one."""
        _depth.set(self._depth)


def is_control(error: BaseException) -> bool:
    """Return whether an error, or a cause of it, is meant for the program and is no failure."""
    return _control(error) is not None


def _control(error: BaseException | None) -> BaseException | None:
    while error is not None:
        if kind_of(error) is ErrorKind.CONTROL:
            return error
        error = error.__cause__
    return None


def check_control(outcome: Outcome) -> None:
    """Raise the error of an outcome if it is meant for the program and not a failure of the draw.

    A `NestingError`, also as the cause of another error, is of this kind, because it must end all
    the votes around it.

    Raises:
        BaseException: The error of the outcome.
    """
    if isinstance(outcome, Failure) and (error := _control(outcome.error)) is not None:
        raise error

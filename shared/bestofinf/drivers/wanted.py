"""What whoever sends a request has to know of the vote that it is for.

A driver says so in the context of each draw; limits on members, and votes within votes, look there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from bestofinf.errors import FailurePolicy, SamplingError


def _always() -> bool:
    return True


wanted: ContextVar[Callable[[], bool]] = ContextVar("bestofinf_wanted", default=_always)
"""Says in a draw's thread whether its vote still waits for it; if not, it must send nothing."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a vote waits for members that want to be left alone.

    Attributes:
        policy: Says so.
        others: Whether another member could be asked instead of this one.
        patience: Seconds to wait at least where none could; above 0, draws refused as too many are
            sent again however often.
    """

    policy: FailurePolicy
    others: Callable[[int], bool]
    patience: float = 0.0

    def most(self, member: int, *, stated: bool) -> float:
        """Return the most seconds to wait.

        Args:
            member: Position of the member.
            stated: Whether its server has said for how long it wants to be left alone.
        """
        instead = self.others(member)
        most = self.policy.patience(others=instead, stated=stated)
        return most if instead else max(most, self.patience)

    def endless(self, member: int) -> bool:
        """Return whether a draw refused as one too many is sent again however often."""
        return self.patience > 0 and not self.others(member)


waits: ContextVar[Waits | None] = ContextVar("bestofinf_waits", default=None)
"""How long the vote waits; None where no vote has begun."""

failing: ContextVar[Callable[[BaseException], None]] = ContextVar(
    "bestofinf_failing", default=lambda error: None
)
"""Told every error that a request has ended with, also those after which it is sent again."""


class GivenUpError(SamplingError):
    """A draw was given up before anything was sent. It says nothing about the member."""


def is_wanted() -> bool:
    """Return whether the vote still waits for the draw of this context."""
    return wanted.get()()


def is_bound() -> bool:
    """Return whether this context belongs to a draw that may be given up."""
    return wanted.get() is not _always


def check_wanted() -> None:
    """Raise an error if the vote waits for the draw of this context no more.

    Raises:
        GivenUpError: Then.
    """
    if not is_wanted():
        raise GivenUpError("given up before anything was sent")


class Idle:
    """Draws of a batch that have nothing in flight: they pause between two tries, or wait their turn.

    When the batch stops, they need not be waited for.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._over = False

    def end(self) -> None:
        """Cancel all of them, and whoever would be idle from now on."""
        self._over = True
        for task in self._tasks:
            task.cancel()

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note that the running task has nothing in flight while the context is open."""
        task = asyncio.current_task()
        assert task is not None, "only tasks pause"
        if self._over:
            task.cancel()
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)


idlers: ContextVar[Idle | None] = ContextVar("bestofinf_idlers", default=None)
"""Where draws of a batch note that they have nothing in flight."""


async def pause(seconds: float) -> None:
    """Sleep with nothing in flight."""
    with idle():
        await asyncio.sleep(seconds)


@contextmanager
def idle() -> Iterator[None]:
    """Note that the running task has nothing in flight while the context is open."""
    noted = idlers.get()
    if noted is None:
        yield
    else:
        with noted.noted():
            yield

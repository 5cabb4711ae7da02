"""Limits on the requests in flight to one member, over all votes of an ensemble."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from bestofinf.errors import SamplingError
from bestofinf.records import Member

PATIENCE = 0.1  # seconds between two looks whether a waiting thread is still wanted

given_up: ContextVar[Callable[[], bool]] = ContextVar("given_up", default=lambda: False)
"""Says in a draw's thread whether the vote has given the draw up; it must send nothing then."""


class GivenUpError(SamplingError):
    """The vote gave a draw up before anything was sent: it says nothing about the member."""


def _check_wanted() -> None:
    if given_up.get()():
        raise GivenUpError("given up while waiting for a free slot of the member")


class Slots:
    """Holds requests back while a member has `Member.concurrency` in flight.

    Tasks of one event loop share their slots, and so do all threads; the two do not know of each
    other.
    """

    def __init__(self, members: Sequence[Member[Any]]) -> None:
        self._limits = [member.concurrency for member in members]
        self._threads = [
            threading.BoundedSemaphore(limit) if limit is not None else None
            for limit in self._limits
        ]
        # An asyncio semaphore belongs to the loop in which it first had to wait.
        self._tasks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, asyncio.Semaphore]] = (
            WeakKeyDictionary()
        )

    def __deepcopy__(self, memo: object) -> Slots:
        """Return the same slots: copies of an ensemble ask the same provider."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Written and read again, all slots are free."""
        return Slots, ([Member(None, concurrency=limit) for limit in self._limits],)

    @contextmanager
    def taken(self, member: int) -> Iterator[None]:
        """Wait for a slot of a member and hold it, in a thread."""
        semaphore = self._threads[member]
        if semaphore is None:
            yield
            return
        while not semaphore.acquire(timeout=PATIENCE):
            _check_wanted()
        try:
            _check_wanted()
            yield
        finally:
            semaphore.release()

    @asynccontextmanager
    async def ataken(self, member: int) -> AsyncIterator[None]:
        """Wait for a slot of a member and hold it, in a task."""
        limit = self._limits[member]
        if limit is None:
            yield
            return
        own = self._tasks.setdefault(asyncio.get_running_loop(), {})
        async with own.setdefault(member, asyncio.Semaphore(limit)):
            yield

    def limited(self, member: int) -> bool:
        """Return whether a member has a limit at all."""
        return self._limits[member] is not None

"""Collect many tasks in the order in which they end."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

from bestofinf.errors import ProtocolMisuseError

T = TypeVar("T")


class Arrivals(Generic[T]):
    """Collects the tasks of one waiting task that have ended.

    Each is handled once, when it ends. `asyncio.wait` examines all running tasks for every one that
    ends.
    """

    def __init__(self) -> None:
        self._ended: list[asyncio.Task[T]] = []
        self._under_way = 0
        self._turn: asyncio.Future[None] | None = None

    def expect(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        """Collect a task when it has ended; return it."""
        self._under_way += 1
        task.add_done_callback(self._note)
        return task

    async def next(self, *, seconds: float | None = None) -> list[asyncio.Task[T]]:
        """Wait for a task to end, and return all that have ended by then.

        Args:
            seconds: Maximum seconds to wait, after which the list may be empty; None for no limit.

        Raises:
            ProtocolMisuseError: If no task is expected, as none would ever end.
        """
        if not self._ended:
            if not self._under_way:
                raise ProtocolMisuseError("no task is expected: there is nothing to wait for")
            loop = asyncio.get_running_loop()
            turn = self._turn = loop.create_future()
            timer = None if seconds is None else loop.call_later(seconds, _wake, turn)
            try:
                await turn
            finally:
                self._turn = None
                if timer is not None:
                    timer.cancel()
        ended, self._ended = self._ended, []
        return ended

    def _note(self, task: asyncio.Task[T]) -> None:
        self._under_way -= 1
        self._ended.append(task)
        if self._turn is not None:
            _wake(self._turn)


def _wake(turn: asyncio.Future[Any]) -> None:
    if not turn.done():
        turn.set_result(None)

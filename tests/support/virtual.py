"""An event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs tasks as always, but no time passes while they run and none is spent waiting.

    `time` is the virtual time in seconds, from 0. A loop in which nothing can ever happen again
    raises `RuntimeError` instead of standing still. Not for work in other threads.
    """

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__()

    def time(self) -> float:
        """Return the virtual time."""
        return self._now

    def _run_once(self) -> None:
        if not self._ready:  # type: ignore[attr-defined]
            timers = [timer for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
            if not timers:
                raise RuntimeError("stuck: every task waits and no timer runs")
            self._now = max(self._now, min(timer.when() for timer in timers))
        super()._run_once()  # type: ignore[misc]


def run_virtually(work: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """Run a coroutine to its end in virtual time; return its result and the seconds it took.

    Raises:
        AssertionError: If it leaves a task behind.
    """
    loop = VirtualLoop()
    try:
        result = loop.run_until_complete(work)
        assert not asyncio.all_tasks(loop), "a task is left behind"
        return result, loop.time()
    finally:
        loop.close()

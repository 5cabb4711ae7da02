"""Run asynchronous work from blocking code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Generic, TypeVar

from bestofinf._concurrency.waiting import result_of

T = TypeVar("T")

GRACE = 1.0
"""Seconds that work has for ending once nobody waits for it."""


def run_blocking(work: Awaitable[T]) -> T:
    """Run asynchronous work to its end, even if an event loop is running in this thread.

    An interrupt cancels the work.

    Args:
        work: An awaitable that is not bound to an event loop yet.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_awaited(work))
    aside = Aside(_awaited(work))  # a notebook, say
    try:
        return aside.result()
    finally:
        aside.leave()


async def _awaited(work: Awaitable[T]) -> T:
    return await work


class Aside(Generic[T]):
    """Asynchronous work in an event loop of its own, in a thread of its own.

    The thread does not keep the program from ending. The work sees the caller's context variables.

    Args:
        work: The awaitable to run.
        name: Name of the thread.
    """

    def __init__(self, work: Coroutine[Any, Any, T], name: str = "bestofinf-aside") -> None:
        self._result: Future[T] = Future()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[Any] | None = None
        self._left = False
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._run, work), name=name, daemon=True
        )
        self._thread.start()

    def result(self) -> T:
        """Wait for the result; an error of the work is raised."""
        return result_of(self._result)

    def leave(self, seconds: float = GRACE) -> None:
        """Cancel the work if it is running, and wait at most this long for it to end."""
        with suppress(RuntimeError):  # it has ended, and closed its loop
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(seconds)

    def _cancel(self) -> None:
        self._left = True
        if self._task is not None:
            self._task.cancel()

    def _run(self, work: Coroutine[Any, Any, T]) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                result = runner.run(self._main(work))
        except BaseException as error:
            self._result.set_exception(error)
        else:
            self._result.set_result(result)

    async def _main(self, work: Coroutine[Any, Any, T]) -> T:
        self._task = asyncio.current_task()
        if self._left:
            work.close()
            raise asyncio.CancelledError
        return await work

"""Iterate over a vote: its state whenever this changes, then its result."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from contextvars import Context
from typing import Any, Self, TypeAlias

from bestofinf._concurrency.endings import ended, looked_at
from bestofinf._concurrency.waiting import next_in, result_of
from bestofinf.drivers.wanted import wanted
from bestofinf.ensemble.call import Result

Watch: TypeAlias = Callable[[str], object]
"""A function that receives the state of a vote as a line when it has changed; see
`progress.lines`."""


class awatched:
    """An asynchronous iterator over the state of a vote whenever it changes, then its result.

    Iterate over it once, then call `aclose`, which cancels the vote if it is still running and
    returns when it has ended. This is a class and not a generator, because an event loop that ends
    closes its generators, possibly while another task still reads from one.

    Args:
        work: Runs the vote. It is called with a `Watch`, or None without `progress`.
        context: The context in which the vote runs.
        progress: Whether to yield the state; otherwise there is only the result.
    """

    def __init__(
        self,
        work: Callable[[Watch | None], Coroutine[Any, Any, Result]],
        context: Context,
        *,
        progress: bool,
    ) -> None:
        self._work = work
        self._context = context
        self._notes: asyncio.Queue[str | None] | None = asyncio.Queue() if progress else None
        self._task: asyncio.Task[Result] | None = None
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | Result:
        if self._over:
            raise StopAsyncIteration
        notes = self._notes
        if self._task is None:
            work = self._work(notes.put_nowait if notes is not None else None)
            self._task = asyncio.get_running_loop().create_task(work, context=self._context)
            if notes is not None:
                self._task.add_done_callback(lambda _: notes.put_nowait(None))
        if notes is not None and (note := await notes.get()) is not None:
            return note
        self._over = True
        await asyncio.wait([self._task])
        return self._task.result()

    async def aclose(self) -> None:
        """Cancel the vote if it is still running, and wait for its end."""
        self._over = True
        if self._task is None:
            return
        self._task.cancel()
        again = await ended([self._task])
        looked_at(self._task)  # the caller has got its error already, or does not want it
        if again is not None:
            raise again


def watched(
    work: Callable[[Watch | None], Result], context: Context, *, progress: bool
) -> Generator[str | Result, None, None]:
    """Do the same in blocking code: yield the state whenever it changes, then the result.

    If the generator is closed before the end, the vote sends no further requests.

    Args:
        work: As in `awatched`, but blocking.
        context: The context in which the vote runs.
        progress: Whether to yield the state. Then the vote runs in a thread of its own.
    """
    if not progress:
        yield context.run(work, None)
        return
    notes: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    future: Future[Result] = Future()
    over, around = threading.Event(), context.run(wanted.get)

    def run() -> None:
        wanted.set(lambda: not over.is_set() and around())
        try:
            future.set_result(work(notes.put))
        except BaseException as error:
            future.set_exception(error)
        notes.put(None)

    threading.Thread(target=context.run, args=(run,), name="bestofinf-stream", daemon=True).start()
    try:
        while (note := next_in(notes)) is not None:
            yield note
        yield result_of(future)
    finally:
        over.set()

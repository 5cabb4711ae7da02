"""Wait for tasks to end, even if the waiting task is cancelled meanwhile.

asyncio cancels a task once. anyio, and with it Starlette, FastAPI and MCP servers, cancels it again
in every turn of the loop until it has left the cancelled scope. A wait in a ``finally``, and a wait
that is started again, must end in both cases.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

T = TypeVar("T")


async def ended(
    tasks: Iterable[asyncio.Future[Any]], *, seconds: float | None = None
) -> asyncio.CancelledError | None:
    """Wait for tasks to end, even if cancelled meanwhile, as `asyncio.TaskGroup` does.

    Args:
        tasks: Tasks that will end soon, because they have been cancelled.
        seconds: Maximum seconds to wait; None for no limit.

    Returns:
        A cancellation that came during the wait, for the caller to raise; None for none.
    """
    loop = asyncio.get_running_loop()
    pending = {task for task in tasks if not task.done()}
    cancelled: asyncio.CancelledError | None = None
    if not pending:
        return None
    with _shielded():
        # Created only now, because the first shield of a program imports a part of anyio.
        end = None if seconds is None else loop.time() + seconds
        while pending and (end is None or loop.time() < end):
            try:
                await asyncio.wait(pending, timeout=None if end is None else end - loop.time())
            except asyncio.CancelledError as error:
                cancelled = error
            # Checked again each time, because an interrupted wait says nothing about its tasks.
            pending = {task for task in pending if not task.done()}
    return cancelled


async def finished(work: Awaitable[T]) -> T:
    """Wait for work to its end. If cancelled meanwhile, raise that then; the result is lost."""
    task = asyncio.ensure_future(work)
    again = await ended([task])
    if again is None:
        return task.result()
    looked_at(task)
    raise again


async def apart(work: Awaitable[T], cancel: Callable[[], object] | None = None) -> T:
    """Run work in a task of its own. A cancellation cancels that task once, and waits for its end.

    Args:
        work: The awaitable to run.
        cancel: Function that cancels it; None to cancel the task.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError as error:
        (cancel or task.cancel)()
        again = await ended([task])
        looked_at(task)
        raise again or error from None
    return task.result()


def looked_at(task: asyncio.Future[Any]) -> None:
    """Keep the loop from reporting an error of a task whose result nobody wants."""
    if task.done() and not task.cancelled():
        task.exception()


def _shielded() -> AbstractContextManager[object]:
    """Keep anyio, if it is in use, from running the loop at full speed meanwhile."""
    anyio = sys.modules.get("anyio")
    return nullcontext() if anyio is None else anyio.CancelScope(shield=True)

"""Cancellations that come again in every turn of the loop, as anyio and trio deliver them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

SECONDS = 10.0
"""In which everything must have ended: ten times what is promised."""

Cancel = Callable[[Callable[[], Awaitable[Any]], int], Awaitable[bool]]


async def by_scope(work: Callable[[], Awaitable[Any]], turns: int) -> bool:
    """Run work in an anyio scope that is cancelled after so many turns; False if it had ended."""

    async def cancel(scope: anyio.CancelScope) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        scope.cancel()

    with anyio.CancelScope() as scope:
        cancelling = asyncio.ensure_future(cancel(scope))
        await work()
    cancelling.cancel()
    await asyncio.wait([cancelling])
    return scope.cancelled_caught


async def by_hand(work: Callable[[], Awaitable[Any]], turns: int) -> bool:
    """Run work in a task that is cancelled in every turn of the loop, after so many turns."""
    task = asyncio.ensure_future(work())
    for _ in range(turns):
        await asyncio.sleep(0)
    end = time.monotonic() + SECONDS
    while not task.done():
        assert time.monotonic() < end, "it does not end"
        task.cancel()
        await asyncio.sleep(0)
    if not task.cancelled():
        task.result()
    return task.cancelled()


async def by_timeout(work: Callable[[], Awaitable[Any]], turns: int) -> bool:
    """Run work under `asyncio.timeout`, which cancels once."""
    try:
        async with asyncio.timeout(None) as limit:

            async def expire() -> None:
                for _ in range(turns):
                    await asyncio.sleep(0)
                limit.reschedule(0)

            expiring = asyncio.ensure_future(expire())
            await work()
    except TimeoutError:
        return True
    finally:
        expiring.cancel()
        await asyncio.wait([expiring])
    return False


class _GroupEndedError(Exception):
    pass


async def by_group(work: Callable[[], Awaitable[Any]], turns: int) -> bool:
    """Run work beside a task that fails, in an `asyncio.TaskGroup`."""

    async def fail() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise _GroupEndedError

    ended = False

    async def watched() -> None:
        nonlocal ended
        await work()
        ended = True

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(watched())
            group.create_task(fail())
    except* _GroupEndedError:
        pass
    return not ended


WAYS: dict[str, Cancel] = {
    "an anyio scope": by_scope,
    "every turn": by_hand,
    "asyncio.timeout": by_timeout,
    "a task group": by_group,
}

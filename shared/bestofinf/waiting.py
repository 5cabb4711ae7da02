"""Waiting for asynchronous work from blocking code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


def finished(work: Awaitable[T]) -> T:
    """Run asynchronous work to its end, also where an event loop is running in this thread.

    Args:
        work: Anything that can be awaited and is bound to no event loop yet.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_awaited(work))
    with ThreadPoolExecutor(1) as pool:  # a notebook, say
        return pool.submit(copy_context().run, asyncio.run, _awaited(work)).result()


async def _awaited(work: Awaitable[T]) -> T:
    return await work

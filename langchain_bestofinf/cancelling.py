"""Where a cancellation may fall: into a vote, not between a run's beginning and its end.

LangChain tells most handlers of a run in threads. A call that is cancelled meanwhile no longer
waits for them, but the threads go on: a handler would see a run begin that nobody ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.outputs import LLMResult

T = TypeVar("T")


class _Cut:
    """The part of one call that may be cancelled."""

    def __init__(self) -> None:
        self.fallen = False
        self.part: asyncio.Future[Any] | None = None

    def fall(self) -> None:
        self.fallen = True
        if self.part is not None:
            self.part.cancel()


_cut: ContextVar[_Cut | None] = ContextVar("bestofinf_cut", default=None)


async def finished(work: Awaitable[T], *, _cut: _Cut | None = None) -> T:
    """Wait for work to its end. A cancellation meanwhile is raised then, and the result is lost."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
            if _cut is not None:
                _cut.fall()
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # else it would be reported as never looked at
    raise cancelled


async def cancelled_within(call: Coroutine[Any, Any, T]) -> T:
    """Run a call of which only the part within `may_be_cancelled` is cancelled."""
    cut = _Cut()
    token = _cut.set(cut)
    try:
        task = asyncio.ensure_future(call)
    finally:
        _cut.reset(token)
    return await finished(task, _cut=cut)


async def may_be_cancelled(work: Coroutine[Any, Any, T]) -> T:
    """Run the part of a call that a cancellation of the call falls into."""
    cut = _cut.get()
    if cut is None:
        return await work
    token = _cut.set(None)  # calls within this one are not its part
    try:
        cut.part = asyncio.ensure_future(work)
    finally:
        _cut.reset(token)
    if cut.fallen:
        cut.part.cancel()
    try:
        return await cut.part  # type: ignore[no-any-return]
    finally:
        cut.part = None


async def begun(
    beginning: Coroutine[Any, Any, Sequence[AsyncCallbackManagerForLLMRun]],
) -> AsyncCallbackManagerForLLMRun:
    """Begin a run. If that is cancelled, the run is ended again."""
    task = asyncio.ensure_future(beginning)
    try:
        (run,) = await finished(task)
    except asyncio.CancelledError as error:
        for run in task.result():
            await finished(run.on_llm_error(error, response=LLMResult(generations=[])))
        raise
    return run

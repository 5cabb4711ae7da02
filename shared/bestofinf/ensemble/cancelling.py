"""Cancels a call only while it votes, so that callbacks see every run begin and end.

A framework may call the handlers of a run in threads. If a call is cancelled while it waits for
them, the threads continue: a handler would see the beginning of a run that never ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

from bestofinf._concurrency.endings import apart, finished

__all__ = ["cancelled_within", "finished", "may_be_cancelled"]

T = TypeVar("T")


class _Cut:
    """The parts of one call that may be cancelled."""

    def __init__(self) -> None:
        self.fallen = False
        self.parts: set[asyncio.Task[Any]] = set()

    def fall(self) -> None:
        self.fallen = True
        for part in self.parts:
            part.cancel()


_cut: ContextVar[_Cut | None] = ContextVar("bestofinf_cut", default=None)


async def cancelled_within(call: Coroutine[Any, Any, T]) -> T:
    """Run a call; if it is cancelled, only its parts within `may_be_cancelled` are cancelled."""
    cut = _Cut()
    token = _cut.set(cut)
    try:
        task = asyncio.ensure_future(call)
    finally:
        _cut.reset(token)
    return await apart(task, cut.fall)


async def may_be_cancelled(work: Coroutine[Any, Any, T]) -> T:
    """Run a part of a call that is cancelled together with the call; see `cancelled_within`."""
    cut = _cut.get()
    if cut is None:
        return await work
    token = _cut.set(None)  # calls within the work decide for themselves
    try:
        part = asyncio.ensure_future(work)
    finally:
        _cut.reset(token)
    cut.parts.add(part)
    if cut.fallen:
        part.cancel()
    try:
        return await part
    finally:
        cut.parts.discard(part)

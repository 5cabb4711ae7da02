"""What stands in a sample's run for a handler of the ensemble's.

`Followed` for one that may be cancelled: what it saw begin, it sees end. `Muted` for one that is
to see no samples. In the ensemble's own run, `Ended` for one that has seen its end. To all
appearances each is the handler itself, as LangChain and tracers look at the classes of handlers: a
tracer that attaches itself to every run does so where none of its own class is there.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.callbacks.manager import handle_event
from langchain_core.outputs import LLMResult

# How a run that has begun with an event is ended by an error, and who does not care.
_BEGINNINGS = {
    "on_chain_start": ("on_chain_error", "ignore_chain"),
    "on_chat_model_start": ("on_llm_error", "ignore_llm"),
    "on_llm_start": ("on_llm_error", "ignore_llm"),
    "on_retriever_start": ("on_retriever_error", "ignore_retriever"),
    "on_tool_start": ("on_tool_error", "ignore_agent"),
}
_ENDS = frozenset(
    f"on_{kind}_{how}" for kind in ("chain", "llm", "retriever", "tool") for how in ("end", "error")
)


def is_told_in_threads(handler: BaseCallbackHandler) -> bool:
    """Return whether asynchronous calls tell a handler in threads, as they do by default.

    A call that is cancelled does not stop such a thread and no longer waits for it.
    """
    return not handler.run_inline and not inspect.iscoroutinefunction(handler.on_llm_error)


class _StandIn:
    def __init__(self, handler: BaseCallbackHandler) -> None:
        self._handler = handler

    @classmethod
    def of(cls, handler: BaseCallbackHandler) -> BaseCallbackHandler:
        """Return what stands for a handler."""
        return cast("BaseCallbackHandler", cls(handler))

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """Return the handler's class."""
        return self._handler.__class__


class Muted(_StandIn):
    """Stands for a handler that is told nothing."""

    run_inline = True
    raise_error = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("ignore_"):
            return True
        return _nothing if name.startswith("on_") else getattr(self._handler, name)

    def copy_with_metadata_defaults(self, **named: Any) -> Muted:
        """Return what stands for the copy that LangChain makes of its tracer for each run."""
        return self


class Ended(_StandIn):
    """Stands for a handler that has been told the end of its run: it hears what a stream says after."""

    def __getattr__(self, name: str) -> Any:
        muted = name.startswith("on_") and name != "on_stream_event"
        return _nothing if muted else getattr(self._handler, name)


def _nothing(*given: Any, **named: Any) -> None:
    """Take what a handler would be told."""


class Followed(_StandIn):
    """Stands for a handler that is told in threads, and knows which runs it has seen begin.

    Once closed it tells the handler nothing more: a thread that comes late begins no run.
    """

    def __init__(self, handler: BaseCallbackHandler) -> None:
        super().__init__(handler)
        self._lock = threading.RLock()
        self._open: dict[UUID, tuple[str, UUID | None]] = {}  # how it began, and its parent
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._handler, name)
        if inspect.iscoroutinefunction(found):
            return found
        if name in _BEGINNINGS:
            return partial(self._begin, found, name)
        if name in _ENDS:
            return partial(self._end, found)
        return found

    def _begin(self, event: Callable[..., Any], name: str, /, *given: Any, **kwargs: Any) -> Any:
        with self._lock:
            if self._closed:
                return None
            self._open[kwargs["run_id"]] = name, kwargs.get("parent_run_id")
            return event(*given, **kwargs)

    def _end(self, event: Callable[..., Any], /, *given: Any, **kwargs: Any) -> Any:
        with self._lock:
            if self._closed:
                return None
            self._open.pop(kwargs["run_id"], None)
            return event(*given, **kwargs)

    async def close(self, error: BaseException) -> None:
        """End what is open, the innermost first."""
        close = partial(copy_context().run, self._close, error)
        await asyncio.get_running_loop().run_in_executor(None, close)

    def _close(self, error: BaseException) -> None:
        with self._lock:
            self._closed = True
            for run_id, (name, parent) in reversed(self._open.items()):
                event, ignored = _BEGINNINGS[name]
                more = {"response": LLMResult(generations=[])} if event == "on_llm_error" else {}
                handle_event(
                    [self._handler],
                    event,
                    ignored,
                    error,
                    run_id=run_id,
                    parent_run_id=parent,
                    **more,
                )
            self._open.clear()

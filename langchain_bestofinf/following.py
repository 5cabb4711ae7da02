"""Stand-ins for handlers, in the runs of samples and of their ensemble.

`Followed` sees the end of every run that it saw begin, also if the sample is cancelled. `Muted`
sees nothing of the samples. `Ended`, in the ensemble's own run, has seen its end already. Each has
the class of the handler that it stands for, because LangChain and tracers check classes: a tracer
that attaches itself to every run does so if there is no handler of its class.
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
    """Return whether asynchronous calls run the methods of a handler in threads (the default).

    A cancelled call does not stop such a thread and does not wait for it.
    """
    return not handler.run_inline and not inspect.iscoroutinefunction(handler.on_llm_error)


class _StandIn:
    def __init__(self, handler: BaseCallbackHandler) -> None:
        self._handler = handler

    @classmethod
    def of(cls, handler: BaseCallbackHandler) -> BaseCallbackHandler:
        """Return the stand-in for a handler."""
        return cast("BaseCallbackHandler", cls(handler))

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """Return the handler's class."""
        return self._handler.__class__


class Muted(_StandIn):
    """Stand-in for a handler whose methods are not called."""

    run_inline = True
    raise_error = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("ignore_"):
            return True
        return _nothing if name.startswith("on_") else getattr(self._handler, name)

    def copy_with_metadata_defaults(self, **named: Any) -> Muted:
        """Return a stand-in for the copy that LangChain makes of its tracer for each run."""
        return self


class Ended(_StandIn):
    """Stand-in for a handler that has seen its run end: only `on_stream_event` still reaches it."""

    def __getattr__(self, name: str) -> Any:
        muted = name.startswith("on_") and name != "on_stream_event"
        return _nothing if muted else getattr(self._handler, name)


def _nothing(*given: Any, **named: Any) -> None:
    """Do nothing, instead of a method of the handler."""


class Followed(_StandIn):
    """Stand-in for a handler that is called in threads; it knows which runs the handler saw begin.

    After `close` it does not call the handler, so that a late thread begins no run.
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
        """End the open runs with an error, the innermost first."""
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

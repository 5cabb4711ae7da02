"""A tracer of LlamaIndex spans that waits for the end of streams, as OpenInference's does."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.exception import ExceptionEvent
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMCompletionEndEvent,
    LLMStructuredPredictEndEvent,
)
from llama_index.core.instrumentation.span import BaseSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index_instrumentation import get_dispatcher
from pydantic import PrivateAttr

_ENDS = (LLMChatEndEvent, LLMCompletionEndEvent, LLMStructuredPredictEndEvent, ExceptionEvent)


class Tracer(BaseSpanHandler[BaseSpan]):
    """Knows which spans are open, whose parent was never seen, and which ended by an error.

    The span of a method that returns a stream goes on until an event of its end.
    """

    _parents: dict[str, str | None] = PrivateAttr(default_factory=dict)
    _open: set[str] = PrivateAttr(default_factory=set)
    _waiting: set[str] = PrivateAttr(default_factory=set)
    _failed: dict[str, BaseException | None] = PrivateAttr(default_factory=dict)

    @property
    def open(self) -> set[str]:
        return self._open

    @property
    def orphans(self) -> set[str]:
        return {s for s, p in self._parents.items() if p is not None and p not in self._parents}

    @property
    def roots(self) -> list[str]:
        """Names of the outermost spans, but for the preparation that stands beside a chat."""
        names = [span.partition("-")[0] for span, up in self._parents.items() if up is None]
        return [name for name in names if not name.endswith("._prepare_chat_with_tools")]

    @property
    def failed(self) -> dict[str, BaseException | None]:
        """Errors by name of the span."""
        return {span.partition("-")[0]: error for span, error in self._failed.items()}

    def span_enter(self, id_: str, *args: Any, parent_id: Any = None, **kwargs: Any) -> None:
        self._parents[id_] = parent_id
        self._open.add(id_)

    def span_exit(self, id_: str, *args: Any, result: Any = None, **kwargs: Any) -> None:
        if inspect.isgenerator(result) or inspect.isasyncgen(result):
            self._waiting.add(id_)
        else:
            self._open.discard(id_)

    def span_drop(self, id_: str, *args: Any, err: Any = None, **kwargs: Any) -> None:
        self._open.discard(id_)
        self._failed[id_] = err

    def event(self, event: Any) -> None:
        if isinstance(event, _ENDS) and event.span_id in self._waiting:
            self._waiting.discard(event.span_id)
            self._open.discard(event.span_id)
            if isinstance(event, ExceptionEvent):
                self._failed[event.span_id] = event.exception

    def new_span(self, *args: Any, **kwargs: Any) -> None: ...
    def prepare_to_exit_span(self, *args: Any, **kwargs: Any) -> None: ...
    def prepare_to_drop_span(self, *args: Any, **kwargs: Any) -> None: ...


@contextmanager
def traced() -> Iterator[Tracer]:
    """Trace everything within."""

    class Handler(BaseEventHandler):
        def handle(self, event: Any, **kwargs: Any) -> None:
            tracer.event(event)

    tracer, handler, root = Tracer(), Handler(), get_dispatcher()
    root.add_span_handler(tracer)
    root.add_event_handler(handler)
    try:
        yield tracer
    finally:
        root.span_handlers = [h for h in root.span_handlers if h is not tracer]
        root.event_handlers = [h for h in root.event_handlers if h is not handler]

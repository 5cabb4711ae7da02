"""Records the parent of each span of LlamaIndex's instrumentation, which events do not have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from llama_index.core.instrumentation.span import BaseSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from pydantic import PrivateAttr

_MAX_SPANS = 100_000  # spans remembered that have not ended; beyond that the oldest is forgotten


class SpanParents(BaseSpanHandler[BaseSpan]):
    """Knows the parent of every open span."""

    _parents: dict[str, str | None] = PrivateAttr(default_factory=dict)
    _own_lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @classmethod
    def class_name(cls) -> str:
        """Return the name of the handler."""
        return "SpanParents"

    def ancestors(self, span_id: str | None) -> Iterator[str]:
        """Yield a span and those that contain it, the innermost first."""
        seen = 0
        while span_id is not None and seen < _MAX_SPANS:
            yield span_id
            span_id = self._parents.get(span_id)
            seen += 1

    def is_open(self, span_id: str) -> bool:
        """Return whether the span has begun and not ended."""
        return span_id in self._parents

    def span_enter(
        self,
        id_: str,
        bound_args: Any,
        instance: Any | None = None,
        parent_id: str | None = None,
        tags: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """A span begins."""
        with self._own_lock:
            self._parents[id_] = parent_id
            if len(self._parents) > _MAX_SPANS:
                del self._parents[next(iter(self._parents))]

    def span_exit(self, id_: str, *args: Any, **kwargs: Any) -> None:
        """A span has ended."""
        with self._own_lock:
            self._parents.pop(id_, None)

    def span_drop(self, id_: str, *args: Any, **kwargs: Any) -> None:
        """A span has ended with an error."""
        self.span_exit(id_)

    def new_span(self, *args: Any, **kwargs: Any) -> None:
        """Make no span: only ids are stored."""

    def prepare_to_exit_span(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: only ids are kept."""

    def prepare_to_drop_span(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: only ids are kept."""

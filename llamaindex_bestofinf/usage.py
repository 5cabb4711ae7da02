"""Reads the usage of a structured prediction from the events within it; its result has none."""

from __future__ import annotations

import threading
from typing import Any

from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMCompletionEndEvent
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.base import BaseEvent
from pydantic import PrivateAttr

from bestofinf.border import as_count
from llamaindex_bestofinf.messages import tokens_of

USAGE_TAG = "bestofinf.usage"
"""Tag with the key under which events are to be counted."""

Counts = tuple[int | None, int | None]
UNKNOWN: Counts = (None, None)


class UsageBook(BaseEventHandler):
    """Adds up the tokens of model calls made under a tag.

    A call of ``chat`` often calls ``achat``, ``chat`` and ``complete`` of one model, each with an
    end event of its own. Within one prediction the largest count is used.
    """

    _counts: dict[str, Counts] = PrivateAttr(default_factory=dict)

    @classmethod
    def class_name(cls) -> str:
        """Return the name of the handler."""
        return "UsageBook"

    def open(self, key: str) -> None:
        """Begin to count for a key."""
        self._counts[key] = UNKNOWN

    def close(self, key: str) -> Counts:
        """Return the tokens read and generated under a key, and forget it; None if unknown."""
        return self._counts.pop(key, UNKNOWN)

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        """Count the tokens of an event."""
        key = event.tags.get(USAGE_TAG)
        if key not in self._counts or not isinstance(
            event, LLMChatEndEvent | LLMCompletionEndEvent
        ):
            return
        if event.response is not None:
            written, read = tokens_of(event.response)
            before = self._counts[key]
            told = as_count(read), as_count(written)
            self._counts[key] = (_larger(before[0], told[0]), _larger(before[1], told[1]))


def _larger(first: int | None, second: int | None) -> int | None:
    known = [count for count in (first, second) if count is not None]
    return max(known, default=None)


_book: UsageBook | None = None
_lock = threading.Lock()


def usage_book() -> UsageBook:
    """Return the `UsageBook` of this process, which listens from its first use."""
    global _book
    with _lock:
        root = get_dispatcher()
        if _book is None:
            _book = UsageBook()
        if not any(handler is _book for handler in root.event_handlers):
            root.add_event_handler(_book)
        return _book

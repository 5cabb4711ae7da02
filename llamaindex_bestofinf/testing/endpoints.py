"""All endpoints of a LlamaIndex LLM in one form, and what they emit."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms.llm import LLM
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.base import BaseEvent
from pydantic import PrivateAttr

CHATS = ("chat", "achat", "stream_chat", "astream_chat")
COMPLETIONS = ("complete", "acomplete", "stream_complete", "astream_complete")
TOOL_CHATS = (
    "chat_with_tools",
    "achat_with_tools",
    "stream_chat_with_tools",
    "astream_chat_with_tools",
)
STRUCTURED = (
    "structured_predict",
    "astructured_predict",
    "stream_structured_predict",
    "astream_structured_predict",
)
PREDICTIONS = ("predict", "apredict", "stream", "astream")


@dataclass
class Called:
    """What one call of an endpoint gave.

    Attributes:
        responses: The response, or all pieces of a stream.
        streamed: Whether it was a stream.
    """

    responses: list[Any] = field(default_factory=list)
    streamed: bool = False

    @property
    def last(self) -> Any:
        """The response, or the last piece of the stream."""
        return self.responses[-1]

    @property
    def text(self) -> str:
        """The whole text."""
        return text_of(self.last)

    @property
    def deltas(self) -> str:
        """The deltas of a stream, joined."""
        return "".join(response.delta or "" for response in self.responses)


async def called(llm: LLM, endpoint: str, *args: Any, **kwargs: Any) -> Called:
    """Call any endpoint, and take all of what it gives."""
    found = getattr(llm, endpoint)(*args, **kwargs)
    if inspect.isawaitable(found):
        found = await found
    if inspect.isasyncgen(found):
        return Called([item async for item in found], streamed=True)
    if inspect.isgenerator(found):
        return Called(list(found), streamed=True)
    return Called([found])


def text_of(response: Any) -> str:
    """Return the text of a chat or completion response."""
    if isinstance(response, ChatResponse):
        return response.message.content or ""
    return str(response.text)


def asked(endpoint: str, prompt: str) -> Any:
    """Return what an endpoint is called with to ask a prompt: messages, or a text."""
    if endpoint in COMPLETIONS:
        return prompt
    return [ChatMessage(role=MessageRole.USER, content=prompt)]


class Events(BaseEventHandler):
    """Keeps all events."""

    _kept: list[BaseEvent] = PrivateAttr(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        """Return the name of the handler."""
        return "Events"

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        """Keep an event."""
        self._kept.append(event)

    def of(self, *kinds: type[BaseEvent]) -> list[Any]:
        """Return the events of some classes, in order."""
        return [event for event in self._kept if isinstance(event, kinds)]

    @property
    def all(self) -> Sequence[BaseEvent]:
        """All events, in order."""
        return tuple(self._kept)


@contextmanager
def listening() -> Iterator[Events]:
    """Keep all events of the block."""
    events, root = Events(), get_dispatcher()
    root.add_event_handler(events)
    try:
        yield events
    finally:
        root.event_handlers = [h for h in root.event_handlers if h is not events]

"""Streams: the winner's message as chunks, and the progress of the vote as custom events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManager, BaseCallbackHandler, CallbackManager
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import AIMessage, AIMessageChunk, UsageMetadata
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk

from bestofinf.ensemble import Line, Observer, events, pieces

PROGRESS_EVENT = "bestofinf.sample"

MOST_CHUNKS = 2_048
"""A text is replayed in at most this many pieces: each takes LangChain about a tenth of a millisecond,
so one for each word of a reply of ten megabytes would keep the stream going for minutes."""


def replayed(message: AIMessage, message_id: str | None) -> Iterator[ChatGenerationChunk]:
    """Yield a finished message as chunks that add up to it.

    Texts are divided into words, long ones into larger pieces; content blocks and tool calls have a
    chunk each; the metadata are in the last chunk, but the additional arguments are with the first
    tool call. Some clients leave the raw calls in them, and LangChain would read these in a chunk
    without calls as further calls. A message with invalid tool calls is a single chunk: LangChain
    repairs such calls when it adds up chunks, and they would be executed.
    """
    if message.invalid_tool_calls:
        fields = message.model_dump(exclude={"type", "id", "content"})
        content: Any = message.content
        yield _chunk(
            AIMessageChunk(content=content, id=message_id, chunk_position="last", **fields)
        )
        return
    blocks = message.content
    for content in (
        pieces(blocks, MOST_CHUNKS) if isinstance(blocks, str) else ([block] for block in blocks)
    ):
        yield _chunk(AIMessageChunk(content=content, id=message_id))
    empty: str | list[str | dict[str, Any]] = "" if isinstance(message.content, str) else []
    more = message.additional_kwargs
    for index, call in enumerate(message.tool_calls):
        piece = ToolCallChunk(
            name=call["name"],
            args=json.dumps(call["args"]),
            id=call["id"],
            index=index,
            type="tool_call_chunk",
        )
        yield _chunk(
            AIMessageChunk(
                content=empty, tool_call_chunks=[piece], id=message_id, additional_kwargs=more
            )
        )
        more = {}
    yield _chunk(
        AIMessageChunk(
            content=empty,
            id=message_id,
            name=message.name,
            additional_kwargs=more,
            response_metadata=message.response_metadata,
            usage_metadata=_that_adds_up(message.usage_metadata),
            chunk_position="last",
        )
    )


def _that_adds_up(usage: UsageMetadata | None) -> UsageMetadata | None:
    """Return usage without a cost in fractions, at which LangChain could not add up the chunks."""
    if usage is None:
        return None
    kept = {name: value for name, value in usage.items() if not isinstance(value, float)}
    return cast(UsageMetadata, kept)


def _chunk(message: AIMessageChunk) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=message)


class Progress:
    """Sends a custom event for every outcome of a vote.

    The event ``bestofinf.sample`` belongs to the ensemble's run, in order of arrival.

    Args:
        manager: Manager of the ensemble's run.
        line: Sends the events of several votes in order; by default there is one for this vote.
    """

    def __init__(self, manager: BaseRunManager | None, line: Line | None = None) -> None:
        self._manager: Any = manager
        self._handlers = [h for h in (manager.handlers if manager else []) if _hears_events(h)]
        self._line = line or Line()

    @property
    def wanted(self) -> bool:
        """Whether a handler receives custom events."""
        return bool(self._handlers)

    def observers(self, names: Sequence[str], *, asynchronous: bool) -> list[Observer]:
        """Return the observers that send the progress of a vote; none if no handler receives it.

        Args:
            names: Names of the members.
            asynchronous: Whether the vote runs in tasks.
        """
        return [events(names, self.asend if asynchronous else self.send)] if self.wanted else []

    def send(self, event: dict[str, Any]) -> None:
        """Send from blocking code."""
        self._send(CallbackManager, event)

    def asend(self, event: dict[str, Any]) -> None:
        """Send from a task, after what was sent before; `drain` waits for all."""
        self._line.add(partial(self._send, AsyncCallbackManager, event))

    async def drain(self) -> None:
        """Wait until all events so far are sent."""
        await self._line.drain()

    def _send(self, kind: Any, event: dict[str, Any]) -> Any:
        manager = self._manager
        heard = kind(handlers=self._handlers, tags=[*manager.tags], metadata={**manager.metadata})
        return heard.on_custom_event(PROGRESS_EVENT, event, run_id=manager.run_id)


def _hears_events(handler: BaseCallbackHandler) -> bool:
    base = BaseCallbackHandler.on_custom_event
    return not handler.ignore_custom_event and not _same_function(handler.on_custom_event, base)


def _same_function(method: Any, function: Any) -> bool:
    return getattr(method, "__func__", method) is function


class ProgressToLangGraph(BaseCallbackHandler):
    """Forwards progress of votes to langgraph's ``stream_mode="custom"``.

    Add it to the callbacks of the graph; outside of a graph it does nothing.
    """

    run_inline = True  # langgraph finds its stream by the context of the node

    def on_custom_event(self, name: str, data: Any, **kwargs: Any) -> None:
        """Write the event's data, under its name, to the stream of the running graph."""
        if name != PROGRESS_EVENT:
            return
        try:
            write = import_module("langgraph.config").get_stream_writer()
        except (ModuleNotFoundError, RuntimeError):
            return  # langgraph is not installed, or no graph is running
        write({name: data})

"""Streams: the winner's response as deltas that add up to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)

from bestofinf.ensemble import Result, pieces
from llamaindex_bestofinf.messages import response_text
from llamaindex_bestofinf.reporting import EndpointReport, ObjectReport

R = TypeVar("R", ChatResponse, CompletionResponse)
T = TypeVar("T")

MOST_CHUNKS = 256
"""A text is replayed in at most this many pieces, as every piece carries the text so far."""


def replayed(response: R) -> Iterator[R]:
    """Yield a finished response or completion as chunks whose deltas add up to its text.

    Every chunk has the text so far. The last one has the whole message, with its tool calls and
    metadata.
    """
    *first, last = pieces(response_text(response), MOST_CHUNKS) or [""]
    text = ""
    for piece in first:
        text += piece
        yield _chunk(type(response), text, piece)
    yield response.model_copy(update={"delta": last})


def _chunk(kind: Any, text: str, delta: str, **kwargs: Any) -> Any:
    if issubclass(kind, CompletionResponse):
        return kind(text=text, delta=delta, additional_kwargs=kwargs)
    message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
    return kind(message=message, delta=delta, additional_kwargs=kwargs)


def only(report: ObjectReport, item: str | Result, respond: Callable[[Result], T]) -> Iterator[T]:
    """Yield the object that is made from the result of a watched vote, and report it."""
    if isinstance(item, str):
        return  # the state of the vote is not an object
    found = respond(item)
    report.end_stream(found)
    yield found


def handed_out(
    report: EndpointReport, item: str | Result, respond: Callable[[Result], R]
) -> Iterator[R]:
    """Yield the chunks of a stream for an item of a watched vote, and report them.

    The state of the vote is a chunk without text but with a ``thinking_delta``.

    Args:
        report: Reports the stream.
        item: The state of the vote, or its result.
        respond: Makes a response from the result.
    """
    if isinstance(item, str):
        chunk: R = _chunk(report.kind, "", "", thinking_delta=item)
        report.progress(chunk)
        yield chunk
        return
    response = respond(item)
    for chunk in replayed(response):
        report.progress(chunk)
        yield chunk
    report.end(response)

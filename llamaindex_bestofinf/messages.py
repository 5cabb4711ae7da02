"""Converts LlamaIndex's responses to replies of the core, and reads their usage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)

from bestofinf.ensemble import Reading
from bestofinf.ensemble.told import (
    COUNTS,
    told,
    told_call,
    told_ending,
    told_logprobs,
    told_tokens,
)
from bestofinf.records import Reply, ToolCall, Usage

TRACE_KEY = "bestofinf"
"""Where a decision stands in a response's `additional_kwargs`."""

Response = ChatResponse | CompletionResponse
R = TypeVar("R", ChatResponse, CompletionResponse)


def reply_of(response: Response, calls: Sequence[Any] | None = None) -> Reply:
    """Return a model's response as a reply.

    If a message has a tool call whose arguments are not a JSON object, the reply has no text
    either, so that it abstains: the text beside a broken call is not the member's answer.

    Args:
        response: The model's response.
        calls: Its tool calls as the model's own class reads them; None takes those in the message.
    """
    text, found = response_text(response), []
    if isinstance(response, ChatResponse):
        found = _calls_in(response.message)
    broken = any(call is None for call in found)
    if broken:
        text, calls, found = "", (), []
    finish, refused = told_ending(response.raw)
    return Reply(
        text=text,
        tool_calls=tuple(
            [call for call in found if call is not None]
            if calls is None
            else [ToolCall(c.tool_name, c.tool_kwargs, c.tool_id) for c in calls]
        ),
        finish_reason=finish,
        refusal=refused,
        **told_logprobs(response.raw, response.logprobs or [], text, finish),
        native=response,
    )


def response_text(response: Response) -> str:
    """Return the visible text of a response."""
    if isinstance(response, CompletionResponse):
        return response.text
    return response.message.content or ""


def tokens_of(response: Response) -> tuple[object, object]:
    """Return generated and read tokens as reported, wherever the integration puts them."""
    raw = response.raw
    places = [response.additional_kwargs, told(raw, "usage")]
    if isinstance(response, ChatResponse):
        places.append(response.message.additional_kwargs)
    return told_tokens(*places, told(raw, "usage_metadata"), raw)


def reading_of(response: Response, calls: Sequence[Any] | None = None) -> Reading:
    """Return a response as a reply with its usage, which for an ensemble is that of its trace.

    Args:
        response: The model's response.
        calls: As for `reply_of`.
    """
    reply = reply_of(response, calls)
    own = response.additional_kwargs.get(TRACE_KEY)
    if own is not None:
        spent = sum((Usage(**usage) for usage in own["usage_by_member"].values()), Usage())
        return Reading(
            reply,
            spent.input_tokens,
            spent.output_tokens,
            spent.calls,
            spent.cost,
            unmetered=spent.unmetered,
        )
    written, read = tokens_of(response)
    return Reading(reply, read, written)


def uncounted(response: R) -> R:
    """Return a response without token counts, for the end event of the ensemble.

    Handlers have already counted the tokens in the responses of the members.
    """
    given = response.additional_kwargs
    kept = {name: value for name, value in given.items() if name not in COUNTS}
    return response.model_copy(
        update={"raw": {"winner": response.raw}, "additional_kwargs": kept},
    )


def winning_chat(reply: Reply, trace: Mapping[str, Any] | None) -> ChatResponse:
    """Return the winner's response with the decision; a copy, as agents write into messages."""
    native, traced = reply.native, _traced(trace)
    if not isinstance(native, ChatResponse):
        # An answer that is composed of several replies has no message of its own.
        message = ChatMessage(role=MessageRole.ASSISTANT, content=reply.text)
        return ChatResponse(message=message, additional_kwargs=traced)
    response = ChatResponse(
        message=_copied(native.message),
        additional_kwargs={**native.additional_kwargs, **traced},
    )
    return _as_told(response, native)


def _copied(message: ChatMessage) -> ChatMessage:
    """Return a copy of a message that shares no object that could be changed."""
    if message.additional_kwargs or {type(block) for block in message.blocks} - {TextBlock}:
        return message.model_copy(deep=True)
    # Most messages have only a text, for which a shallow copy is enough and faster.
    blocks = [block.model_copy() for block in message.blocks]
    return message.model_copy(update={"blocks": blocks, "additional_kwargs": {}})


def winning_completion(reply: Reply, trace: Mapping[str, Any] | None) -> CompletionResponse:
    """Return the winner's completion with the decision."""
    native, traced = reply.native, _traced(trace)
    known = native if isinstance(native, CompletionResponse) else CompletionResponse(text="")
    response = CompletionResponse(
        text=reply.text if native is None else response_text(native),
        additional_kwargs={**known.additional_kwargs, **traced},
    )
    return _as_told(response, known)


def _as_told(response: R, native: Response) -> R:
    """Return a response with what the provider has told, unchecked: a decision is not to fail by it."""
    return response.model_copy(update={"raw": native.raw, "logprobs": native.logprobs})


def _traced(trace: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if trace is None else {TRACE_KEY: trace}


def _calls_in(message: ChatMessage) -> list[ToolCall | None]:
    """Return the calls in a message's blocks; None for one that cannot be read."""
    return [
        told_call(block.tool_name, block.tool_kwargs, block.tool_call_id)
        for block in message.blocks
        if isinstance(block, ToolCallBlock)
    ]

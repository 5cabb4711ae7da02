"""Between LlamaIndex's responses and the core's replies."""

from __future__ import annotations

import json
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
from bestofinf.likelihood import logprob_fields, token_logprob
from bestofinf.records import Reply, ToolCall, Usage

TRACE_KEY = "bestofinf"
"""Where a decision stands in a response's `additional_kwargs`."""

Response = ChatResponse | CompletionResponse
R = TypeVar("R", ChatResponse, CompletionResponse)

_OUTPUT_KEYS = ("completion_tokens", "output_tokens", "candidates_token_count", "eval_count")
_INPUT_KEYS = ("prompt_tokens", "input_tokens", "prompt_token_count", "prompt_eval_count")
_FINISH_KEYS = ("finish_reason", "stop_reason", "done_reason")
_COUNTS = frozenset({*_OUTPUT_KEYS, *_INPUT_KEYS, "total_tokens", "total_token_count"})


def reply_of(response: Response, calls: Sequence[Any] | None = None) -> Reply:
    """Return a model's response as a reply.

    A message with a tool call whose arguments are no JSON object has no text either, so that it
    abstains: the text beside a broken call is not the member's answer.

    Args:
        response: What the model gave.
        calls: Its tool calls as the model's own class reads them; None takes those in the message.
    """
    text, found = response_text(response), []
    if isinstance(response, ChatResponse):
        found = _calls_in(response.message)
    broken = any(call is None for call in found)
    if broken:
        text, calls, found = "", (), []
    finish, refused = _ending(response.raw)
    return Reply(
        text=text,
        tool_calls=tuple(
            [call for call in found if call is not None]
            if calls is None
            else [ToolCall(c.tool_name, c.tool_kwargs, c.tool_id) for c in calls]
        ),
        finish_reason=finish,
        refusal=refused,
        **_logprobs(response, text, finish),
        native=response,
    )


def response_text(response: Response) -> str:
    """Return the visible text of a response."""
    if isinstance(response, CompletionResponse):
        return response.text
    return response.message.content or ""


def tokens_of(response: Response) -> tuple[object, object]:
    """Return generated and read tokens as told, wherever the integration puts them."""
    raw = response.raw
    found = _tokens_in(response.additional_kwargs) or _tokens_in(_get(raw, "usage"))
    if found is None and isinstance(response, ChatResponse):
        found = _tokens_in(response.message.additional_kwargs)
    return found or _tokens_in(_get(raw, "usage_metadata")) or _tokens_in(raw) or (None, None)


def reading_of(response: Response, calls: Sequence[Any] | None = None) -> Reading:
    """Return a response as a reply with its usage; an ensemble within says its own.

    Args:
        response: What the model gave.
        calls: As for `reply_of`.
    """
    reply = reply_of(response, calls)
    told = response.additional_kwargs.get(TRACE_KEY)
    if told is not None:
        spent = sum((Usage(**usage) for usage in told["usage_by_member"].values()), Usage())
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
    """Return a response as the ensemble's own end is told: without token counts.

    Whatever counts tokens has counted them with the members' own responses.
    """
    told = response.additional_kwargs
    kept = {name: value for name, value in told.items() if name not in _COUNTS}
    return response.model_copy(
        update={"raw": {"winner": response.raw}, "additional_kwargs": kept},
    )


def winning_chat(reply: Reply, told: Mapping[str, Any] | None) -> ChatResponse:
    """Return the winner's response with the decision; a copy, as agents write into messages."""
    native, traced = reply.native, _traced(told)
    if not isinstance(native, ChatResponse):
        # An answer composed of several replies has no message of its own.
        message = ChatMessage(role=MessageRole.ASSISTANT, content=reply.text)
        return ChatResponse(message=message, additional_kwargs=traced)
    return ChatResponse(
        message=_copied(native.message),
        raw=native.raw,
        logprobs=native.logprobs,
        additional_kwargs={**native.additional_kwargs, **traced},
    )


def _copied(message: ChatMessage) -> ChatMessage:
    """Return a copy that shares nothing with a message that can be written into."""
    if message.additional_kwargs or {type(block) for block in message.blocks} - {TextBlock}:
        return message.model_copy(deep=True)
    # Mostly there is nothing but a text, of which a shallow copy is quicker.
    blocks = [block.model_copy() for block in message.blocks]
    return message.model_copy(update={"blocks": blocks, "additional_kwargs": {}})


def winning_completion(reply: Reply, told: Mapping[str, Any] | None) -> CompletionResponse:
    """Return the winner's completion with the decision."""
    native, traced = reply.native, _traced(told)
    known = native if isinstance(native, CompletionResponse) else CompletionResponse(text="")
    return CompletionResponse(
        text=reply.text if native is None else response_text(native),
        raw=known.raw,
        logprobs=known.logprobs,
        additional_kwargs={**known.additional_kwargs, **traced},
    )


def _traced(told: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if told is None else {TRACE_KEY: told}


def _calls_in(message: ChatMessage) -> list[ToolCall | None]:
    """Return the calls in a message's blocks; None for one that cannot be read."""
    return [_call(block) for block in message.blocks if isinstance(block, ToolCallBlock)]


def _call(block: ToolCallBlock) -> ToolCall | None:
    args: Any = block.tool_kwargs
    if isinstance(args, str):
        try:
            args = json.loads(args) if args.strip() else {}
        except ValueError:
            return None
    if not isinstance(args, Mapping):
        return None
    return ToolCall(block.tool_name, args, block.tool_call_id)


def _ending(raw: Any) -> tuple[str | None, bool]:
    """Return why a reply ended, and whether it is a refusal."""
    if raw is None:
        return None, False
    choice = _choice(raw)
    finish = _get(choice, "finish_reason") if choice is not None else None
    for name in _FINISH_KEYS:
        if isinstance(finish, str):
            break
        finish = _get(raw, name)
    if not isinstance(finish, str):
        finish = None
    refused = finish == "refusal" or bool(_get(_get(choice, "message"), "refusal"))
    return finish, refused


def _logprobs(response: Response, text: str, finish: str | None) -> dict[str, Any]:
    """Return the log-probability of every generated token, where it is known, as fields of a reply."""
    places, choice = response.logprobs or [], _choice(response.raw)
    told = None
    # Clients that were asked in the call alone leave them there. A chunk has those of its own text.
    if places or _get(choice, "message") is not None:
        told = _get(_get(choice, "logprobs"), "content")
    # A list of several holds the likeliest tokens and does not say which was taken.
    if not told and all(len(place) == 1 for place in places):
        told = [place[0] for place in places]
    pairs = [
        (_get(t, "token"), token_logprob(_get(t, "logprob"), _get(t, "prob"))) for t in told or ()
    ]
    return logprob_fields(pairs, text, finish)


def _choice(raw: Any) -> Any:
    choices = _get(raw, "choices")
    return choices[0] if isinstance(choices, Sequence) and choices else None


def _get(place: Any, name: str) -> Any:
    if isinstance(place, dict):  # what it mostly is, and quicker to tell
        return place.get(name)
    return place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)


def _tokens_in(place: Any) -> tuple[object, object] | None:
    if not place:
        return None
    found = _first(place, _OUTPUT_KEYS), _first(place, _INPUT_KEYS)
    return None if found == (None, None) else found


def _first(place: Any, names: Sequence[str]) -> object:
    """Return the first number, or what stands in its place."""
    found = (_get(place, name) for name in names)
    return next((value for value in found if isinstance(value, int | float | str)), None)

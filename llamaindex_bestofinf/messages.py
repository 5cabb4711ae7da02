"""Between LlamaIndex's responses and the core's replies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
    ToolCallBlock,
)

from bestofinf.records import Member, Reply, ToolCall, Usage

TRACE_KEY = "bestofinf"
"""Where a decision stands in a response's `additional_kwargs`, and in its `raw`."""

Response = ChatResponse | CompletionResponse

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
        logprobs=_logprobs(response),
        native=response,
    )


def response_text(response: Response) -> str:
    """Return the visible text of a response."""
    if isinstance(response, CompletionResponse):
        return response.text
    return response.message.content or ""


def tokens_of(response: Response) -> tuple[int | None, int | None]:
    """Return generated and read tokens, wherever the integration puts them."""
    raw = response.raw
    found = _tokens_in(response.additional_kwargs) or _tokens_in(_get(raw, "usage"))
    if found is None and isinstance(response, ChatResponse):
        found = _tokens_in(response.message.additional_kwargs)
    return found or _tokens_in(_get(raw, "usage_metadata")) or _tokens_in(raw) or (None, None)


def usage_of(response: Response, member: Member[Any]) -> Usage:
    """Return what one response has cost: at the member's price, or as an ensemble says."""
    told = response.additional_kwargs.get(TRACE_KEY)
    if told is not None:
        spent = (Usage(**usage) for usage in told["usage_by_member"].values())
        return sum(spent, Usage())
    written, read = tokens_of(response)
    return member.charge(read or 0, written or 0)


def without_counts(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a response's additional arguments without token counts.

    Whatever counts tokens has counted them with the members' own responses.
    """
    return {name: value for name, value in found.items() if name not in _COUNTS}


def winning_chat(reply: Reply, told: Mapping[str, Any]) -> ChatResponse:
    """Return the winner's response with the decision; a copy, as agents write into messages."""
    native = reply.native
    if not isinstance(native, ChatResponse):
        # An answer composed of several replies has no message of its own.
        message = ChatMessage(role=MessageRole.ASSISTANT, content=reply.text)
        return ChatResponse(
            message=message,
            raw={"winner": None, TRACE_KEY: told},
            additional_kwargs={TRACE_KEY: told},
        )
    return ChatResponse(
        message=native.message.model_copy(deep=True),
        raw={"winner": native.raw, TRACE_KEY: told},
        logprobs=native.logprobs,
        additional_kwargs={**without_counts(native.additional_kwargs), TRACE_KEY: told},
    )


def winning_completion(reply: Reply, told: Mapping[str, Any]) -> CompletionResponse:
    """Return the winner's completion with the decision."""
    native = reply.native
    known = native if isinstance(native, CompletionResponse) else CompletionResponse(text="")
    return CompletionResponse(
        text=reply.text if native is None else response_text(native),
        raw={"winner": known.raw, TRACE_KEY: told},
        logprobs=known.logprobs,
        additional_kwargs={**without_counts(known.additional_kwargs), TRACE_KEY: told},
    )


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
    return (finish.lower() if finish else None), refused


def _logprobs(response: Response) -> tuple[float, ...] | None:
    """Return the log-probability of every generated token, where it is known."""
    places = response.logprobs
    if not places:
        return None
    content = _get(_get(_choice(response.raw), "logprobs"), "content")
    if content:
        return tuple(float(_get(token, "logprob")) for token in content)
    # A list of several holds the likeliest tokens and does not say which was taken.
    if all(len(place) == 1 for place in places):
        return tuple(place[0].logprob for place in places)
    return None


def _choice(raw: Any) -> Any:
    choices = _get(raw, "choices")
    return choices[0] if isinstance(choices, Sequence) and choices else None


def _get(place: Any, name: str) -> Any:
    return place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)


def _tokens_in(place: Any) -> tuple[int | None, int | None] | None:
    if not place:
        return None
    found = _first(place, _OUTPUT_KEYS), _first(place, _INPUT_KEYS)
    return None if found == (None, None) else found


def _first(place: Any, names: Sequence[str]) -> int | None:
    for name in names:
        value = _get(place, name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None

"""Converts LangChain's messages to replies of the core, and reads their usage."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, UsageMetadata, get_buffer_string
from langchain_core.messages.ai import add_usage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.prompt_values import PromptValue
from langchain_core.utils.utils import LC_ID_PREFIX

from bestofinf.border import BROKEN_OFF, as_amount, as_count, as_finish_reason
from bestofinf.ensemble import Reading, Trace
from bestofinf.errors import SamplingError
from bestofinf.records import Reply, ToolCall, Usage
from bestofinf.records.likelihood import logprob_fields, token_logprobs

TRACE_KEY = "bestofinf"
"""Where a decision stands in a message's `response_metadata`."""

tells_all: ContextVar[bool] = ContextVar("bestofinf_tells_all", default=False)
"""Whether a message's usage is to be that of all samples: an ensemble around counts by it."""

_ENDINGS = ("finish_reason", "stop_reason", "stopReason", "done_reason", "status")
_TELLING = frozenset(
    {"openai", "azure_openai", "anthropic", "google_genai", "google_vertexai", "groq", "mistralai"}
    | {"ollama", "deepseek", "xai", "openrouter", "fireworks", "bedrock", "bedrock_converse"}
)
"""Providers whose clients tell with every whole reply why it ended."""


class MessageTrace(Trace):
    """The trace of a decision in a message.

    Attributes:
        parsed: The winner's structured output, for the step that returns it (`handed_out`).
    """

    parsed: Structured | None = None


@dataclass(frozen=True, slots=True)
class Structured:
    """A structured output as its member gave it.

    Attributes:
        raw: The message.
        parsed: The object; None if there is none.
        error: The error of parsing, if known.
    """

    raw: AIMessage
    parsed: Any
    error: BaseException | None = None


def read_output(output: Any) -> Reply:
    """Return the output of a member as a reply.

    Args:
        output: A message, or a mapping with raw and parsed structured output.

    Raises:
        SamplingError: If it is neither.
    """
    if isinstance(output, AIMessage):
        return reply_of(output)
    raw = output.get("raw") if isinstance(output, Mapping) else None
    if not isinstance(raw, AIMessage):
        raise SamplingError(f"a chat model gives an AIMessage, this gave {type(output).__name__}")
    native = Structured(raw, output.get("parsed"), output.get("parsing_error"))
    reply = replace(reply_of(raw), tool_calls=(), parsed=native.parsed, native=native)
    # Without an object there is nothing to vote on, so the text must not vote either.
    return reply if native.parsed is not None else replace(reply, text="")


def reply_of(message: AIMessage) -> Reply:
    """Return a member's message as a reply.

    A message with tool calls that cannot be read has no text either, so that it abstains: the
    text beside a broken call is not the member's answer.
    """
    finish, text = ending_of(message), str(message.text)
    broken = bool(message.invalid_tool_calls)
    calls = [] if broken else message.tool_calls
    return Reply(
        text="" if broken else text,
        tool_calls=tuple(ToolCall(c["name"], c["args"], c["id"]) for c in calls),
        finish_reason=finish,
        refusal=bool(message.additional_kwargs.get("refusal")) or finish == "refusal",
        **logprob_fields(token_logprobs(message.response_metadata.get("logprobs")), text, finish),
        native=message,
    )


def ending_of(message: AIMessage) -> str | None:
    """Return the finish reason of a reply, or `BROKEN_OFF`.

    Some providers report a finish reason with every whole reply. If a stream ends before the reply
    does, their clients raise no error, and the finish reason is missing.
    """
    metadata = message.response_metadata
    incomplete = metadata.get("incomplete_details")
    told = [incomplete.get("reason")] if isinstance(incomplete, Mapping) else []
    told += [metadata.get(key) for key in _ENDINGS]
    cut = metadata.get("model_provider") in _TELLING and not any(k in metadata for k in _ENDINGS)
    return next(filter(None, map(as_finish_reason, told)), BROKEN_OFF if cut else None)


def message_in(reply: Reply | None) -> AIMessage | None:
    """Return the message that a reply was made from; None if there is none."""
    native = reply.native if reply is not None else None
    if isinstance(native, Structured):
        native = native.raw
    return native if isinstance(native, AIMessage) else None


def with_text(message: AIMessage, change: Callable[[str], str]) -> AIMessage:
    """Return a message with its text changed and its other content unchanged."""
    content: Any = message.content
    if isinstance(content, str):
        return message.model_copy(update={"content": change(content)})
    changed = [
        change(part)
        if isinstance(part, str)
        else {**part, "text": change(part["text"])}
        if part.get("type") == "text" and isinstance(part.get("text"), str)
        else part
        for part in content
    ]
    return message.model_copy(update={"content": changed})


def reading_of(reply: Reply) -> Reading:
    """Return a reply with the tokens that its message reports."""
    usage = told_usage(message_in(reply))
    return Reading(reply, usage.get("input_tokens"), usage.get("output_tokens"))


def told_usage(message: object) -> Mapping[str, Any]:
    """Return a message's usage; an empty mapping if it is not a mapping."""
    usage = getattr(message, "usage_metadata", None)
    return usage if isinstance(usage, Mapping) else {}


def usage_in(response: LLMResult, price: tuple[float, float] = (0.0, 0.0)) -> Usage:
    """Return the usage of one model run at a price, as reported by the first of its messages."""
    generations = [generation for row in response.generations for generation in row]
    first = generations[0] if generations else None
    told = told_usage(first.message if isinstance(first, ChatGeneration) else None)
    return Usage.told(told.get("input_tokens"), told.get("output_tokens"), price=price)


def summed_usage(messages: Iterable[AIMessage]) -> UsageMetadata | None:
    """Return the sum of the messages' usage with all details; None if none reports any."""
    total: UsageMetadata | None = None
    for message in messages:
        if (usage := metered(told_usage(message))) is not None:
            total = add_usage(total, usage)
    return total


def metered(usage: Mapping[str, Any] | None) -> UsageMetadata | None:
    """Return a message's usage with the numbers of tokens that can be right.

    None if it has no tokens: a reply from a cache may have only a cost of 0.
    """
    checked: dict[str, Any] = _counts(
        {
            name: (usage or {}).get(name)
            for name in ("input_tokens", "output_tokens", "total_tokens")
        }
    )
    if usage is None or len(checked) < 3:
        return None
    for name in ("input_token_details", "output_token_details"):
        details = usage.get(name)
        if isinstance(details, Mapping):
            checked[name] = _counts(details)
    return cast(UsageMetadata, checked)


def _counts(told: Mapping[str, Any]) -> dict[str, int]:
    """Return the whole numbers among the values, as `int`: LangChain cannot add up others."""
    return {name: count for name, n in told.items() if (count := as_count(n)) is not None}


def own_usage(message: AIMessage) -> UsageMetadata | None:
    """Return a message's usage, with the cost if it is reported.

    A whole cost, such as the 0 of a reply from a cache, is an `int`: LangChain adds up no others.
    """
    told = told_usage(message)
    usage, cost = metered(told), as_amount(told.get("total_cost"))
    if usage is None or cost is None:
        return usage
    whole = int(cost) if cost.is_integer() else cost
    return cast(UsageMetadata, {**usage, "total_cost": whole})


def as_text(input: Any) -> str:
    """Return the input of a model or chain as text."""
    try:
        return _text(input)
    except (TypeError, ValueError, RecursionError):
        # Keys that JSON does not have, cycles, messages of a class that LangChain does not know.
        return str(input)


def _text(input: Any) -> str:
    if isinstance(input, str):
        return input
    if isinstance(input, PromptValue):
        return input.to_string()
    if isinstance(input, list) and all(isinstance(item, BaseMessage) for item in input):
        return get_buffer_string(input)
    return json.dumps(input, default=str, ensure_ascii=False, sort_keys=True)


def own_id(message: BaseMessage) -> str | None:
    """Return the provider's id of a message; None where LangChain made it from the run's id."""
    given = as_str(message.id)
    return None if given is None or given.startswith(LC_ID_PREFIX) else given


def as_str(value: Any) -> str | None:
    """Return a text; None for anything else, as clients set fields that nobody checks again."""
    return value if isinstance(value, str) else None

"""Between LangChain's messages and the core's replies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, UsageMetadata
from langchain_core.messages.ai import add_usage
from langchain_core.utils.utils import LC_ID_PREFIX

from bestofinf.errors import SamplingError
from bestofinf.records import Decision, Member, Reply, Sample, ToolCall, Usage

TRACE_KEY = "bestofinf"
"""Where a decision stands in a message's `response_metadata`."""


@dataclass(frozen=True, slots=True)
class Structured:
    """A structured output as its member gave it.

    Attributes:
        raw: The message.
        parsed: The object; None when there is none.
        error: Why there is none, if that is known.
    """

    raw: AIMessage
    parsed: Any
    error: BaseException | None = None


def read_output(output: Any) -> Reply:
    """Return what a member gave as a reply: a message, or raw and parsed structured output.

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
    # Without an object there is nothing to vote on, whatever the text around it says.
    return reply if native.parsed is not None else replace(reply, text="")


def reply_of(message: AIMessage) -> Reply:
    """Return a member's message as a reply.

    A message with tool calls that cannot be read has no text either, so that it abstains: the
    text beside a broken call is not the member's answer.
    """
    metadata = message.response_metadata
    finish = metadata.get("finish_reason") or metadata.get("stop_reason")
    broken = bool(message.invalid_tool_calls)
    calls = [] if broken else message.tool_calls
    return Reply(
        text="" if broken else str(message.text),
        tool_calls=tuple(ToolCall(c["name"], c["args"], c["id"]) for c in calls),
        finish_reason=str(finish).lower() if finish else None,
        refusal=bool(message.additional_kwargs.get("refusal")) or finish == "refusal",
        logprobs=_logprobs(metadata.get("logprobs")),
        native=message,
    )


def _logprobs(recorded: Any) -> tuple[float, ...] | None:
    """Return the log-probabilities in the form that OpenAI-compatible servers give."""
    content = recorded.get("content") if isinstance(recorded, Mapping) else None
    if not content:
        return None
    return tuple(float(token["logprob"]) for token in content)


def usage_of(message: AIMessage | None, member: Member[Any]) -> Usage:
    """Return what one message has cost, at the member's price."""
    counted = message.usage_metadata if message is not None else None
    if not counted:
        return Usage(calls=1)
    return member.charge(counted["input_tokens"], counted["output_tokens"])


def message_in(reply: Reply | None) -> AIMessage | None:
    """Return the message that a reply was taken from, where there is one."""
    native = reply.native if reply is not None else None
    if isinstance(native, Structured):
        native = native.raw
    return native if isinstance(native, AIMessage) else None


def messages_in(samples: Iterable[Sample]) -> list[AIMessage]:
    """Return the messages that samples were taken from."""
    return [m for sample in samples if (m := message_in(sample.reply)) is not None]


def summed_usage(messages: Iterable[AIMessage]) -> UsageMetadata | None:
    """Return the sum of the messages' usage with all details; None when none reports any."""
    total: UsageMetadata | None = None
    for message in messages:
        if message.usage_metadata is not None:
            total = add_usage(total, message.usage_metadata)
    return total


def finished_samples(decision: Decision) -> list[Sample]:
    """Return all samples of a decision's trail, counted or not, in draw order."""
    return [line.outcome for line in decision.trail if isinstance(line.outcome, Sample)]


def own_id(message: BaseMessage) -> str | None:
    """Return the provider's id of a message; None where LangChain made it from the run's id."""
    if message.id is None or message.id.startswith(LC_ID_PREFIX):
        return None
    return message.id

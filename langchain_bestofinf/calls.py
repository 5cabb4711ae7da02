"""One call of an ensemble of LangChain's models, and the message that it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata

from bestofinf.ensemble import Call, Result, TraceDetail, finished, shown_trace
from bestofinf.records import Usage
from langchain_bestofinf.messages import (
    TRACE_KEY,
    MessageTrace,
    Structured,
    as_str,
    message_in,
    own_id,
    own_usage,
    summed_usage,
)
from langchain_bestofinf.streaming import Progress


@dataclass(frozen=True)
class EnsembleCall:
    """One call, and the events of its progress."""

    call: Call
    progress: Progress

    def run(self) -> Result:
        """Vote with threads."""
        return self.call.run()

    async def arun(self) -> Result:
        """Vote with tasks; when it returns or raises, all events are sent."""
        try:
            return await self.call.arun()
        finally:
            await finished(self.progress.drain())


def winning_message(
    result: Result, *, usage: Literal["winner", "all"], detail: TraceDetail
) -> AIMessage:
    """Return the winner's message with the decision.

    Args:
        result: Result of the call.
        usage: Whose usage the message has: that of the ``winner`` or of ``all`` samples.
        detail: The part of the trace that the message has; see `TraceDetail`.
    """
    reply = result.reply
    # An answer composed of several replies' fields has no message of its own.
    message = message_in(reply) or AIMessage(reply.text)
    told = MessageTrace(shown_trace(result.told, detail) or {})
    if isinstance(reply.native, Structured):
        told.parsed = reply.native
    elif reply.parsed is not None:
        told.parsed = Structured(message, reply.parsed)
    traced = {TRACE_KEY: told} if told or told.parsed is not None else {}
    return message.model_copy(
        update={
            "id": own_id(message),
            "name": as_str(message.name),
            "usage_metadata": usage_of_all(result) if usage == "all" else own_usage(message),
            "response_metadata": {**message.response_metadata, **traced},
        }
    )


def usage_of_all(result: Result) -> UsageMetadata | None:
    """Return the usage of all samples that were paid for, with the sums of the trace."""
    paid = [sample.reply for sample in result.samples if sample.usage != Usage()]
    return summed_usage(message for reply in paid if (message := message_in(reply)) is not None)

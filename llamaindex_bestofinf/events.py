"""The events of an ensemble: a call has begun, a draw has ended, the call is decided."""

from __future__ import annotations

from typing import Any

from llama_index_instrumentation.base import BaseEvent
from pydantic import Field

CALL_TAG = "bestofinf.call_id"
SAMPLE_TAG = "bestofinf.sample"
MEMBER_TAG = "bestofinf.member"
"""Tags of all events that a member's models emit while an ensemble asks it."""


class _EnsembleEvent(BaseEvent):
    """An event of one call.

    Attributes:
        call_id: Identifier of the call, in all its events and in the response.
        kind: Name of the method that was called: "chat", "complete", "structured", ...
    """

    call_id: str
    kind: str

    @classmethod
    def class_name(cls) -> str:
        """Return the name of the event."""
        return cls.__name__


class EnsembleStartEvent(_EnsembleEvent):
    """An ensemble is asked.

    Attributes:
        prompt: The question: a text, or chat messages.
        tools: The offered tools, in OpenAI's form.
    """

    prompt: Any = ""
    tools: list[Any] = Field(default_factory=list)


class EnsembleSampleEvent(_EnsembleEvent):
    """A draw of an ensemble has ended, with a sample or a failure.

    Attributes:
        index: Number of the draw in the call, from 0.
        member: Name of the member that was asked.
        answer: The vote; None if the reply abstains.
        text: Text of the reply.
        tokens: Generated tokens; None if unknown.
        input_tokens: Tokens read; None if unknown.
        cost: Cost in money; None if unknown.
        seconds: Seconds from request to reply.
        score: A verifier's score in [0, 1]; None without a scorer.
        counted: Whether the draw takes part in the decision.
        error: The error of a failed draw; None for a sample.
        weight: The member's weight.
    """

    index: int
    member: str
    answer: Any = None
    text: str | None = None
    tokens: int | None = None
    input_tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    score: float | None = None
    counted: bool = True
    error: str | None = None
    weight: float = 1.0


class EnsembleEndEvent(_EnsembleEvent):
    """An ensemble has decided.

    Attributes:
        trace: The decision in its JSON form, as in the response.
    """

    trace: dict[str, Any]

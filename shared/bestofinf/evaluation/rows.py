"""The rows of an evaluation store as values, and a whole call as one unit of writing."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from bestofinf.records import Reply


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question.

    Attributes:
        id: Unique in the store.
        prompt_hash: Hash of the prompt in its normal form; None for imported questions.
        prompt: The prompt, where kept.
        dataset: Name of the collection it comes from.
        created_at: When it was first seen, in seconds since 1970.
    """

    id: str
    prompt_hash: str | None = None
    prompt: str | None = None
    dataset: str = ""
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class CallRow:
    """One time that a question was asked.

    Attributes:
        id: Unique in the store: the framework's own identifier of the run.
        question_id: What was asked.
        kind: "ensemble", "model" (one plain model) or "import".
        fixed: True when the number of samples did not depend on the answers.
        rule: The stopping rule.
        answer: The answer returned; None where there was none.
        confidence: As the rule said.
        reason: Why sampling ended.
        winner_member: Who gave the answer.
        seconds: From the first draw to the decision.
        started_at: When it began, in seconds since 1970.
        details: Tags and metadata as JSON, where kept.
    """

    id: str
    question_id: str
    kind: str = "ensemble"
    fixed: bool = False
    rule: str = ""
    answer: str | None = None
    confidence: float | None = None
    reason: str | None = None
    winner_member: str | None = None
    seconds: float | None = None
    started_at: float = 0.0
    details: str | None = None


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One draw of a call and what came of it.

    Attributes:
        call_id: The call it belongs to.
        draw: Place in the call, from 0; a call has each place once.
        member: Who was asked.
        answer: The vote; None abstains, or there was none.
        text: The reply, where kept.
        tokens: Generated tokens.
        input_tokens: Tokens read.
        cost: Money.
        seconds: Time from request to reply.
        score: A verifier's score in [0, 1].
        weight: The member's weight in that call.
        error: Why no sample came back; None for a sample.
        counted: True when it took part in the decision.
    """

    call_id: str
    draw: int
    member: str
    answer: str | None = None
    text: str | None = None
    tokens: int | None = None
    input_tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    score: float | None = None
    weight: float | None = None
    error: str | None = None
    counted: bool = True


@dataclass(frozen=True, slots=True)
class LabelRow:
    """Somebody's word on what is right.

    Attributes:
        id: Unique in the store.
        question_id: The question it is about.
        answer: The answer spoken of; None takes all earlier labels of the question back.
        correct: True: this answer is the right one. False: it is wrong.
        call_id: The call that was judged, where it was one.
        source: Who says so.
        at: When, in seconds since 1970.
    """

    id: str
    question_id: str
    answer: str | None = None
    correct: bool = True
    call_id: str | None = None
    source: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Everything that one call adds to the store; written whole or not at all.

    Attributes:
        question: The question; None when the store has it already.
        call: The call; None when only late samples follow.
        samples: Its samples, failures among them.
        labels: Labels that come along.
        unread: Replies whose answer has yet to be taken, by draw.
    """

    question: QuestionRow | None
    call: CallRow | None
    samples: tuple[SampleRow, ...] = ()
    labels: tuple[LabelRow, ...] = ()
    unread: tuple[tuple[int, Reply], ...] = ()

    def size(self) -> int:
        """Return roughly the bytes it takes in memory."""
        texts = sum(len(s.text or "") + len(s.answer or "") for s in self.samples)
        texts += sum(len(reply.text) for _, reply in self.unread)
        prompt = len(self.question.prompt or "") if self.question else 0
        return 500 + 300 * len(self.samples) + 2 * (texts + prompt)


Row = QuestionRow | CallRow | SampleRow | LabelRow


_COLUMNS: dict[type[Any], tuple[str, ...]] = {
    kind: tuple(f.name for f in fields(kind))
    for kind in (QuestionRow, CallRow, SampleRow, LabelRow)
}


def columns(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of a row's columns."""
    return _COLUMNS[kind]


def as_dict(row: Row) -> dict[str, Any]:
    """Return a row as a mapping."""
    return {name: getattr(row, name) for name in _COLUMNS[type(row)]}

"""The rows of an evaluation store as values, and a whole call as one unit of writing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar, get_args

from bestofinf.border import as_amount, as_count, as_finite, as_fraction, as_logprob
from bestofinf.records import Likelihood, LogprobKind, Reply
from bestofinf.records.likelihood import digest, read_likelihood

Provenance = Literal["random", "asked", "feedback", "import"]
"""How a question came to be labelled. ``random``: drawn at random from a population. ``asked``:
chosen because its label improves the weights most, so that such questions are no fair sample.
``feedback``: a user judged an answer unasked. ``import``: the label came with a file. None: unknown,
as for labels given by hand without a provenance, and in stores before version 2. Accuracy and
calibration may be estimated from ``random`` labels, and from ``asked`` ones by their scores."""


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question.

    Attributes:
        id: Unique in the store.
        prompt_hash: Hash of the prompt in its normal form; None for imported questions.
        prompt: The prompt; None if not stored.
        dataset: Name of the collection it comes from.
        created_at: When it was first seen, in seconds since 1970.
        last_message: The last message of the user; None if not stored.
    """

    id: str
    prompt_hash: str | None = None
    prompt: str | None = None
    dataset: str = ""
    created_at: float = 0.0
    last_message: str | None = None


@dataclass(frozen=True, slots=True)
class CallRow:
    """One time that a question was asked.

    Attributes:
        id: Unique in the store: the framework's own identifier of the run.
        question_id: Id of the question.
        kind: "ensemble", "model" (one plain model) or "import".
        fixed: True if the number of samples did not depend on the answers.
        rule: The stopping rule as text.
        answer: The answer returned; None if there was none.
        confidence: Confidence of the decision, in [0, 1].
        reason: Why sampling ended.
        winner_member: Name of the member whose reply was returned.
        seconds: Seconds from the first draw to the decision.
        started_at: When it began, in seconds since 1970.
        details: Tags and metadata as JSON; None if not stored.
        run: Name of the run (``bestofinf run``) that made the call; None for other calls.
        run_question: The question's id in the run's file.
        attempt: Number of the attempt at that question in the run, from 1.
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
    run: str | None = None
    run_question: str | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One draw of a call and its outcome.

    Attributes:
        call_id: Id of the call.
        draw: Index in the call, from 0; unique within the call.
        member: Name of the member.
        answer: The vote; None if the reply abstained or the draw failed.
        text: The reply's text; None if not stored.
        tokens: Number of generated tokens.
        input_tokens: Number of tokens read.
        cost: Cost in money.
        seconds: Time in seconds from request to reply.
        score: A verifier's score in [0, 1].
        weight: The member's weight in that call.
        error: Why the draw failed; None for a sample.
        counted: True if it took part in the decision.
        logprob: Log-probability of the whole reply: the sum over its tokens, in nats, at most 0.
        logprob_tokens: Number of tokens that the sum is over.
        logprob_kind: Which probabilities they are; see `bestofinf.records.LogprobKind`.
        said: Digest of the reply, to tell replies apart if the text is not stored.
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
    logprob: float | None = None
    logprob_tokens: int | None = None
    logprob_kind: str | None = None
    said: str | None = None

    @property
    def reply(self) -> Reply | None:
        """The reply as far as it is stored; None if its text is not."""
        return None if self.text is None else Reply(text=self.text)

    @property
    def likelihood(self) -> Likelihood | None:
        """The probability of the reply; None if unknown."""
        said = self.said or (None if self.text is None else digest(self.text))
        if self.logprob is None or said is None:
            return None
        return read_likelihood([self.logprob, self.logprob_tokens, self.logprob_kind, said])


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A statement of a person or program on the right answer of a question.

    Attributes:
        id: Unique in the store.
        question_id: Id of the question.
        answer: The answer that is judged; None retracts all earlier labels of the question.
        correct: True if this answer is the right one, False if it is wrong.
        call_id: Id of the call that was judged; None if none was.
        source: Name of the person or program.
        at: When it was given, in seconds since 1970.
        provenance: How the question came to be labelled; see `Provenance`.
        score: Probability, above 0 and at most 1, with which the question was drawn to be
            labelled; None if it was not drawn.
    """

    id: str
    question_id: str
    answer: str | None = None
    correct: bool = True
    call_id: str | None = None
    source: str = ""
    at: float = 0.0
    provenance: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Everything that one call adds to the store; written whole or not at all.

    Attributes:
        question: The question; None when the store has it already.
        call: The call; None when only late samples follow.
        samples: Its samples, including failures.
        labels: Labels to add with it.
        unread: Replies whose answer has not been taken yet, by draw.
    """

    question: QuestionRow | None
    call: CallRow | None
    samples: tuple[SampleRow, ...] = ()
    labels: tuple[LabelRow, ...] = ()
    unread: tuple[tuple[int, Reply], ...] = ()

    def size(self) -> int:
        """Return the approximate number of bytes it takes in memory."""
        texts = sum(len(str(s.text or "")) + len(str(s.answer or "")) for s in self.samples)
        texts += sum(len(reply.text) for _, reply in self.unread)
        prompt = 0
        if self.question:
            prompt = len(self.question.prompt or "") + len(self.question.last_message or "")
        return 500 + 300 * len(self.samples) + 2 * (texts + prompt)


Row = QuestionRow | CallRow | SampleRow | LabelRow


_COLUMNS: dict[type[Any], tuple[str, ...]] = {
    kind: tuple(f.name for f in fields(kind))
    for kind in (QuestionRow, CallRow, SampleRow, LabelRow)
}


R = TypeVar("R", QuestionRow, CallRow, SampleRow, LabelRow)

_CHECKS: dict[type[Any], Mapping[str, Callable[[object], object]]] = {
    QuestionRow: {"created_at": lambda value: as_finite(value) or 0.0},
    CallRow: {
        "confidence": as_fraction,
        "seconds": as_amount,
        "started_at": lambda value: as_finite(value) or 0.0,
        "attempt": as_count,
    },
    SampleRow: {
        "tokens": as_count,
        "input_tokens": as_count,
        "cost": as_amount,
        "seconds": as_amount,
        "score": as_finite,
        "weight": as_amount,
        "logprob": as_logprob,
        "logprob_tokens": as_count,
        "logprob_kind": lambda value: value if value in get_args(LogprobKind) else None,
    },
    LabelRow: {
        "at": lambda value: as_finite(value) or 0.0,
        "provenance": lambda value: value if value in get_args(Provenance) else None,
        "score": lambda value: as_fraction(value) or None,
    },
}


def checked(row: R) -> R:
    """Return a row whose invalid numbers and keywords are replaced by None."""
    bad: dict[str, Any] = {
        name: found
        for name, check in _CHECKS[type(row)].items()
        if (value := getattr(row, name)) is not None and (found := check(value)) != value
    }
    return replace(row, **bad) if bad else row


def columns(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of a row's columns."""
    return _COLUMNS[kind]


def as_dict(row: Row) -> dict[str, Any]:
    """Return a row as a mapping."""
    return {name: getattr(row, name) for name in _COLUMNS[type(row)]}

"""The outcome of a draw, and the result of a vote."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bestofinf.border import answer_fault, as_amount, as_count, as_fraction
from bestofinf.errors import UncheckedValueError, shown
from bestofinf.records.display import Brief, vote
from bestofinf.records.likelihood import Likelihood
from bestofinf.records.members import Draw
from bestofinf.records.replies import Reply, Usage

AnswerValue: TypeAlias = Hashable
"""What a vote is for: any hashable value in canonical form."""

_ONE_CALL = Usage(calls=1)


@dataclass(frozen=True, slots=True, repr=False)
class Sample(Brief):
    """What a draw returned: a vote with its cost, length and score.

    Attributes:
        answer: The vote; None abstains.
        reply: The reply the vote was taken from; None if the driver keeps none.
        usage: The tokens and money that this sample has cost.
        tokens: Number of generated tokens, which rules use as evidence; None if unknown.
        seconds: Time in seconds from request to reply.
        score: A verifier's score in [0, 1]; None when not scored.
        note: Why the sample abstains, or another remark for the trail.
        likelihood: How probable the reply was to its member; that of `reply` by default.

    Raises:
        UncheckedValueError: If a value is not a number or out of its range, or if the answer
            cannot be hashed or does not equal itself. See `bestofinf.border` for functions that check foreign values.
    """

    answer: AnswerValue | None
    reply: Reply | None = None
    usage: Usage = _ONE_CALL
    tokens: int | None = None
    seconds: float | None = None
    score: float | None = None
    note: str = ""
    likelihood: Likelihood | None = None

    def __post_init__(self) -> None:
        if self.tokens is not None and as_count(self.tokens) is None:
            raise UncheckedValueError(
                f"tokens must be a whole number from 0 to 2^53 - 1, or None if it is not known, "
                f"got {shown(self.tokens)}"
            )
        if self.seconds is not None and as_amount(self.seconds) is None:
            raise UncheckedValueError(
                f"seconds must be at least 0 and finite, got {shown(self.seconds)}"
            )
        if self.score is not None and as_fraction(self.score) is None:
            raise UncheckedValueError(f"a score must be from 0 to 1, got {shown(self.score)}")
        if self.likelihood is None and self.reply and self.reply.logprobs:
            object.__setattr__(self, "likelihood", self.reply.likelihood)
        fault = answer_fault(self.answer)
        if fault is not None:
            raise UncheckedValueError(
                "an answer must be a value that can be hashed, equals itself and has a text; "
                f"this {type(self.answer).__name__} {fault}"
            )

    def voting(self, answer: AnswerValue | None, note: str) -> Sample:
        """Return the same sample with its vote, and why it abstains or other remarks."""
        # Once for every sample: `dataclasses.replace` takes three times as long.
        return Sample(
            answer,
            self.reply,
            self.usage,
            self.tokens,
            self.seconds,
            self.score,
            note,
            self.likelihood,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """A draw that returned no sample. It is never a vote.

    Attributes:
        error: What went wrong.
        usage: The known cost of the attempt.
        seconds: Time in seconds until it failed.
        fatal: True if the member is not to be asked again on this question.
        cancelled: True if the driver itself gave up the draw.
        refused: True if the provider refused the content of the question; this says nothing about
            other questions.
        wait: Seconds for which the member is not to be asked, on other questions either.
    """

    error: BaseException
    usage: Usage = _ONE_CALL
    seconds: float | None = None
    fatal: bool = False
    cancelled: bool = False
    refused: bool = False
    wait: float = 0.0


Outcome: TypeAlias = Sample | Failure


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One line of a decision's trail.

    Attributes:
        draw: The request.
        outcome: Its sample or failure; None if it was still in flight at the decision.
        counted: True if the sample took part in the decision, as a vote or an abstention.
    """

    draw: Draw
    outcome: Outcome | None
    counted: bool


@dataclass(frozen=True, slots=True, repr=False)
class Decision(Brief):
    """The result of a vote.

    Attributes:
        answer: The winning answer; None if no sample had an answer and the first reply is returned.
        winner: The sample that the caller gets; None only for a partial decision without samples.
        winner_member: Name of the member that gave it.
        confidence: Probability in [0, 1]. If `calibrated`, that the answer is right; otherwise that it
            is the mode, which infinitely many votes would elect, or what the rule defines.
        reason: Why sampling ended, beginning with the rule that fired.
        votes: Votes per answer, most first; ties in order of the decision.
        shares: Share of each answer under the members' weights; they sum to 1 unless empty.
        n_samples: Samples counted, votes and abstentions.
        n_failed: Draws that failed before the decision.
        n_abstained: Counted samples without a vote.
        n_cancelled: Draws started but not used, because they were cancelled or came too late.
        usage: Known cost of all draws, including failed and cancelled ones.
        usage_by_member: The known cost by name of the member.
        seconds: Time in seconds from the first draw to the decision, as told to the engine.
        trail: Every draw in order.
        calibrated: Whether the confidence was learned from labels; see `ConfidenceCalibration`.
    """

    answer: AnswerValue | None
    winner: Sample | None
    winner_member: str | None
    confidence: float
    reason: str
    votes: Mapping[AnswerValue, int]
    shares: Mapping[AnswerValue, float]
    n_samples: int
    n_failed: int
    n_abstained: int
    n_cancelled: int
    usage: Usage
    usage_by_member: Mapping[str, Usage]
    seconds: float
    trail: tuple[TrailEntry, ...] = field(repr=False)
    calibrated: bool = False

    def _repr_html_(self) -> str:
        note = f"{self.n_samples} samples, {self.usage.output_tokens:,} tokens; {self.reason}"
        return vote(self.answer, self.confidence, self.votes, note=note)

"""Conditions for accepting a decision, and the model to ask if they are not met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bestofinf.ensemble.causes import of_kind
from bestofinf.ensemble.trace import Trace, trace
from bestofinf.ensemble.unvotable import Unvotable
from bestofinf.errors import NoConsensusError, SamplingError, UsageError, is_number, shown
from bestofinf.records import Decision, Member, Sample, Usage

CONSENSUS = frozenset({"coverage", "min_confidence", "on_unvotable"})
"""Settings of the acceptance that may be given with a single call."""


@dataclass(frozen=True)
class Acceptance:
    """Conditions that a decision must meet to be accepted.

    Attributes:
        min_confidence: Minimum confidence of a vote, in [0, 1].
        escalate_to: The model to ask if there is no consensus; None raises an error.
        unvotable: What to return if no reply could be voted on. The first reply is returned only
            with a `min_confidence` of 0 and without `escalate_to`, which both demand a vote.

    Raises:
        UsageError: If `min_confidence` is out of its range.
    """

    min_confidence: float = 0.0
    escalate_to: Member[Any] | None = None
    unvotable: Unvotable = field(default_factory=Unvotable)

    def __post_init__(self) -> None:
        least = self.min_confidence
        if not is_number(least) or not 0 <= least <= 1:
            raise UsageError(f"min_confidence must lie in [0, 1], got {shown(least)}")

    @property
    def wants_vote(self) -> bool:
        """Whether a first reply that was not voted on is rejected."""
        way = self.unvotable.way
        demanded = self.min_confidence > 0 or self.escalate_to is not None
        return way == "error" or (way in ("first", "vote") and demanded)

    def check(self, decision: Decision, *, unvoted: bool) -> None:
        """Raise an error if a decision does not meet the conditions.

        Args:
            decision: The decision.
            unvoted: Whether it has no vote at all; see `is_unvoted`.

        Raises:
            NoConsensusError: If nothing could be voted on, or the confidence is too low.
        """
        if unvoted:
            if self.wants_vote:
                raise NoConsensusError(
                    f"no consensus: no reply could be voted on ({decision.reason})"
                )
        elif decision.confidence < self.min_confidence:
            what = "the reply" if decision.answer is None else repr(str(decision.answer)[:80])
            raise NoConsensusError(
                f"no consensus: confidence {decision.confidence:.3f} in {what}, at least "
                f"{self.min_confidence:g} wanted ({decision.reason})"
            )

    def higher(self, error: SamplingError) -> Member[Any]:
        """Return the member to escalate to.

        Raises:
            SamplingError: `error` with the classes of its causes (`of_kind`), from the first one,
                if there is no such member.
        """
        if self.escalate_to is not None:
            return self.escalate_to
        error = of_kind(error)
        if error.causes:
            raise error from error.causes[0]
        raise error


def escalated_trace(
    sample: Sample,
    name: str,
    decision: Decision | None,
    error: SamplingError,
    names: Sequence[str],
) -> Trace:
    """Return the JSON form of a call that was escalated.

    Args:
        sample: The sample of the model that was escalated to.
        name: Name of that model.
        decision: The decision that was not accepted; None if there was none.
        error: The reason for the escalation.
        names: Names of the members, in their order.
    """
    told = trace(decision or _nothing(str(error)), names)
    told |= {"winner_member": name, "reason": f"escalated: {error}", "escalated": True}
    usage = sample.usage
    told["usage_by_member"][name] = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost": usage.cost,
        "calls": usage.calls,
    }
    return told


def _nothing(reason: str) -> Decision:
    return Decision(
        answer=None,
        winner=None,
        winner_member=None,
        confidence=0.0,
        reason=reason,
        votes={},
        shares={},
        n_samples=0,
        n_failed=0,
        n_abstained=0,
        n_cancelled=0,
        usage=Usage(),
        usage_by_member={},
        seconds=0.0,
        trail=(),
    )

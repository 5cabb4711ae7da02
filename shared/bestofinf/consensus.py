"""What a decision must have to stand, and whom to ask where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bestofinf.errors import NoConsensusError, SamplingError, UsageError, shown
from bestofinf.records import Decision, Sample, Usage
from bestofinf.trace import trace

H = TypeVar("H")


@dataclass(frozen=True)
class Consensus(Generic[H]):
    """What a decision must have to stand.

    Attributes:
        demanded: Whether a decision may be refused at all.
        min_confidence: Least confidence.
        escalate_to: Asked instead where there is no consensus; None raises.
    """

    demanded: bool = False
    min_confidence: float = 0.0
    escalate_to: H | None = None

    @classmethod
    def of(cls, abstain: Any, min_confidence: Any, escalate_to: H | None) -> Consensus[H]:
        """Return what settings demand.

        Raises:
            UsageError: If the confidence is no number in [0, 1].
        """
        least = min_confidence
        if isinstance(least, bool) or not isinstance(least, int | float) or not 0 <= least <= 1:
            raise UsageError(f"min_confidence must lie in [0, 1], got {shown(least)}")
        demanded = bool(abstain) or least > 0 or escalate_to is not None
        return cls(demanded, float(least), escalate_to)

    def check(self, decision: Decision) -> None:
        """Refuse a decision that does not stand.

        Raises:
            NoConsensusError: If nothing could be voted on, or the confidence is too low.
        """
        if not self.demanded:
            return
        if decision.answer is None:
            raise NoConsensusError(f"no consensus: no reply could be voted on ({decision.reason})")
        if decision.confidence < self.min_confidence:
            raise NoConsensusError(
                f"no consensus: confidence {decision.confidence:.3f} in "
                f"{str(decision.answer)[:80]!r}, at least {self.min_confidence:g} wanted "
                f"({decision.reason})"
            )

    def higher(self, error: SamplingError) -> H:
        """Return whom to escalate to, or raise the error with its first cause."""
        if self.escalate_to is not None:
            return self.escalate_to
        if error.causes:
            raise error from error.causes[0]
        raise error


def escalated_trace(
    sample: Sample,
    name: str,
    decision: Decision | None,
    error: SamplingError,
    names: Sequence[str],
) -> dict[str, Any]:
    """Return the JSON form of a call that was escalated.

    Args:
        sample: What the model above the ensemble said.
        name: Its name.
        decision: The decision that did not stand; None where there was none.
        error: Why it was escalated.
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

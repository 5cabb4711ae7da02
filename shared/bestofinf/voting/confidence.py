"""The chance that a decision is right, learned from labelled questions.

Without labels the confidence of a decision is the chance that its answer is the mode, which
infinitely many votes would elect. Because the mode may be wrong, that is not the chance to be right.
`bestofinf.calibration.fit_confidence` learns the latter for one rule and its members.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from bestofinf.errors import UsageError, is_number
from bestofinf.optscale.reliability import on_knots
from bestofinf.records import Decision
from bestofinf.records.display import Brief

FORMAT = "bestofinf-confidence"
VERSION = 1
EDGE = 1e-3
"""Scores are moved at least this far from 0 and 1 before their logarithms are taken."""


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """Coverage and accuracy when only the surest decisions are answered.

    Attributes:
        coverage: Share of the questions that are answered, in (0, 1].
        accuracy: Share of right answers among these, on held-out questions.
        se: Standard error of the accuracy, over questions.
        least: Lowest confidence of the decisions that are answered.
    """

    coverage: float
    accuracy: float
    se: float
    least: float


@dataclass(frozen=True, repr=False)
class ConfidenceCalibration(Brief):
    """P(right) of a decision, given the rule, the votes and the members.

    A decision has a score s in [0, 1]: its ``confidence`` before calibration, or the ``share`` of
    the samples that voted for the winner, (share × votes + 1/2) / (samples + 1). The chance is
    1 / (1 + exp(-(c + a ln s - b ln(1 - s)))), the beta calibration of M. Kull, T. Silva Filho and
    P. Flach (Beta calibration, AISTATS 2017), or a rising line through knots.

    Attributes:
        score: "share" or "confidence".
        method: "beta" or "isotonic".
        a, b, c: Parameters of the beta curve; a and b are at least 0.
        scores: Scores of the knots of an isotonic curve, ascending.
        chances: Chances at the knots, ascending; linear between them, constant beyond.
        rule: The stopping rule, as text.
        max_samples: Maximum number of samples of a vote.
        weights: Weight by member; they sum to 1.
        labels: Number of labelled questions it was learned from.
        base_rate: Share of right decisions on these questions.
        error: Expected calibration error on held-out questions.
        perfect: Expected calibration error of a perfect curve with as many questions, simulated.
        uncalibrated: Expected calibration error of the confidence before calibration.
        squared: Mean squared error (Brier score) on held-out questions.
        uncalibrated_squared: Mean squared error before calibration.
        curve: Accuracy by coverage, from all questions to few.
    """

    score: str
    method: str
    rule: str
    max_samples: int
    weights: Mapping[str, float]
    a: float = 1.0
    b: float = 1.0
    c: float = 0.0
    scores: tuple[float, ...] = ()
    chances: tuple[float, ...] = ()
    labels: int = 0
    base_rate: float = 0.0
    error: float = 0.0
    perfect: float = 0.0
    uncalibrated: float = 0.0
    squared: float = 0.0
    uncalibrated_squared: float = 0.0
    curve: tuple[CoveragePoint, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.score not in ("share", "confidence"):
            raise UsageError(f"score must be 'share' or 'confidence', got {self.score!r}")
        if self.method not in ("beta", "isotonic"):
            raise UsageError(f"method must be 'beta' or 'isotonic', got {self.method!r}")
        numbers = (self.a, self.b, self.c)
        if not all(is_number(n) and math.isfinite(n) for n in numbers) or min(self.a, self.b) < 0:
            raise UsageError(f"a and b must be at least 0, and c finite, got {numbers}")
        if len(self.scores) != len(self.chances):
            raise UsageError(f"{len(self.scores)} scores but {len(self.chances)} chances")
        if self.method == "isotonic":
            for column, what in ((self.scores, "scores"), (self.chances, "chances")):
                inside = all(is_number(x) and 0 <= x <= 1 for x in column)
                if not column or not inside or list(column) != sorted(column):
                    raise UsageError(f"{what} of the knots must rise within [0, 1]")

    def chance(self, score: float) -> float:
        """Return the probability that a decision with this score is right."""
        if self.method == "beta":
            s = min(max(score, EDGE), 1 - EDGE)
            z = self.c + self.a * math.log(s) - self.b * math.log1p(-s)
            return 1 / (1 + math.exp(-max(min(z, 700.0), -700.0)))
        return on_knots(self.scores, self.chances, score)

    def of(self, decision: Decision) -> float:
        """Return the probability that a decision is right; 0 if no answer was elected."""
        if decision.answer is None:
            return 0.0
        if self.score == "confidence":
            return self.chance(decision.confidence)
        return self.chance(share_of(decision))

    def fits(self, *, rule: str, max_samples: int, weights: Mapping[str, float]) -> bool:
        """Return whether it was learned for this rule, this limit and these weights.

        Args:
            rule: The stopping rule, as text.
            max_samples: Maximum number of samples of a vote.
            weights: Weight by member, with any sum; members of weight 0 may be absent.
        """
        total = sum(weights.values())
        names = {name for name, weight in {**self.weights, **weights}.items() if weight}
        alike = total > 0 and all(
            abs(self.weights.get(name, 0.0) - weights.get(name, 0.0) / total) < 1e-3
            for name in names
        )
        return alike and rule == self.rule and max_samples == self.max_samples

    def least_for(self, coverage: float) -> float:
        """Return the lowest confidence to answer at so that this share of questions is answered.

        Raises:
            UsageError: If the share is not above 0 and at most 1, or there is no curve.
        """
        if not is_number(coverage) or not 0 < coverage <= 1:
            raise UsageError(f"coverage must be above 0 and at most 1, got {coverage!r}")
        if not self.curve:
            raise UsageError(
                "the calibration has no coverage curve: fit it again with fit_confidence"
            )
        # Between two points of the curve, take the one with the larger coverage.
        wider = [point for point in self.curve if point.coverage >= coverage - 1e-9]
        return min(wider, key=lambda point: point.coverage).least if wider else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return plain values, with the format and its version."""
        record: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        record["weights"] = dict(self.weights)
        record["scores"], record["chances"] = list(self.scores), list(self.chances)
        record["curve"] = [
            {f.name: getattr(point, f.name) for f in fields(point)} for point in self.curve
        ]
        return {"format": FORMAT, "version": VERSION, **record}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ConfidenceCalibration:
        """Read what `to_json` gave.

        Raises:
            UsageError: If it is not such a calibration, or of a later version.
        """
        if not isinstance(record, Mapping) or record.get("format") != FORMAT:
            raise UsageError(f"not a calibration of confidence: wanted format {FORMAT!r}")
        if record.get("version") != VERSION:
            raise UsageError(
                f"calibration of confidence of version {record.get('version')!r}; this release "
                f"reads {VERSION}"
            )
        try:
            values = {f.name: record[f.name] for f in fields(cls)}
            values["weights"] = {str(k): float(w) for k, w in record["weights"].items()}
            values["scores"] = tuple(map(float, record["scores"]))
            values["chances"] = tuple(map(float, record["chances"]))
            values["curve"] = tuple(CoveragePoint(**point) for point in record["curve"])
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"not a calibration of confidence: {error!r}") from None
        return cls(**values)


def share_of(decision: Decision) -> float:
    """Return the share of a decision's samples that voted for its winner, shrunk towards 1/2."""
    if decision.answer is None:
        return 0.0
    votes = decision.shares.get(decision.answer, 0.0) * sum(decision.votes.values())
    return (votes + 0.5) / (decision.n_samples + 1)

"""Strategies for answering questions, and their results on held-out questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bestofinf.calibration.kappa import KappaFit
from bestofinf.rules import OptimalStopping, ProbabilityMass, parse_rule
from bestofinf.rules.optimal import PRESETS

Floats = NDArray[np.float64]

PRESET_NAMES = tuple(PRESETS)
"""Names of the rules that `advise` tries by default."""


def with_kappa(rules: Sequence[str], fit: KappaFit) -> list[str]:
    """Return the rules that can use probabilities, with kappa set; empty if it is not confirmed."""
    if not fit.confirmed:
        return []
    parsed = [parse_rule(rule) for rule in rules]
    return [
        str(ProbabilityMass(rule.price, kappa=fit.kappa))
        for rule in parsed
        if type(rule) is OptimalStopping and rule == OptimalStopping(rule.price)
    ]


def price_of(rule: str | None) -> float | None:
    """Return the price of a sample in a rule; None if the rule has none."""
    parsed = parse_rule(rule) if rule is not None else None
    return parsed.price if isinstance(parsed, OptimalStopping) else None


@dataclass(frozen=True, slots=True)
class Contender:
    """One strategy for answering questions.

    Attributes:
        name: Name shown to the user.
        kind: ``one`` sample of a member, ``votes`` of a member, ``limit`` of a member with
            infinitely many votes, or an ``ensemble``.
        member: Name of the member; None for an ensemble, and for a member chosen on the other folds.
        objective: Objective of the ensemble's weights; None without weights.
        rule: The stopping rule; None for one sample and for the limit.
    """

    name: str
    kind: str
    member: str | None = None
    objective: str | None = None
    rule: str | None = None


@dataclass(frozen=True)
class HeldOutResult:
    """The result of a strategy on held-out questions.

    Attributes:
        strategy: The strategy.
        correct: Unbiased estimate of its accuracy per question, in the order of the set; for the
            limit it may lie outside [0, 1].
        tokens: Mean tokens per question; NaN if unknown.
        samples: Mean samples per question; infinite for the limit.
        cost: Mean cost per question in the unit of the advice; NaN if unknown.
        step: Part of the standard error that is the same for all questions.
    """

    strategy: Contender
    correct: Floats = field(repr=False)
    tokens: Floats = field(repr=False)
    samples: Floats = field(repr=False)
    cost: Floats = field(repr=False)
    step: float = 0.0

    @property
    def accuracy(self) -> float:
        """Mean chance of the right answer."""
        return min(max(float(self.correct.mean()), 0.0), 1.0)

    @property
    def se(self) -> float:
        """Standard error of the accuracy, over questions and samples."""
        return math.hypot(standard_error(self.correct), self.step)

    @property
    def mean_tokens(self) -> float | None:
        """Mean tokens of a question; None when not known."""
        known = self.tokens[~np.isnan(self.tokens)]
        return float(known.mean()) if len(known) else None

    @property
    def mean_samples(self) -> float:
        """Mean samples of a question."""
        return float(self.samples.mean())

    @property
    def mean_cost(self) -> float | None:
        """Mean cost of a question; None when not known."""
        known = self.cost[~np.isnan(self.cost)]
        return float(known.mean()) if len(known) else None

    def over(self, other: HeldOutResult) -> tuple[float, float]:
        """Return the accuracy minus that of another, and the paired standard error."""
        difference = self.correct - other.correct
        return float(difference.mean()), standard_error(difference)

    def to_json(self) -> dict[str, float | None]:
        """Return plain values."""
        samples = self.mean_samples
        return {
            "accuracy": self.accuracy,
            "se": self.se,
            "tokens": self.mean_tokens,
            "samples": None if math.isinf(samples) else samples,
            "cost": self.mean_cost,
        }


def standard_error(values: Floats) -> float:
    """Return the standard error of a mean over questions; NaN for a single one."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan

"""Choose a strategy, and estimate its value on questions that were not used for the choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bestofinf.advice.laboratory import spliced
from bestofinf.advice.strategies import Floats, HeldOutResult, standard_error
from bestofinf.errors import UsageError, is_number

LEVEL = 0.95
"""Quantile of the one-sided test that a gain must pass."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Aim:
    """The aim of a choice; without a value or a budget, high accuracy at low cost.

    Attributes:
        value: Value of one more right answer, in units of cost: the choice maximises
            value × accuracy - cost.
        budget: Maximum mean cost of a question: the choice is the most accurate within it.
    """

    value: float | None = None
    budget: float | None = None

    def __post_init__(self) -> None:
        if self.value is not None and self.budget is not None:
            raise UsageError("give a value or a budget, not both")
        for name in ("value", "budget"):
            given = getattr(self, name)
            if given is not None and not (is_number(given) and 0 < given < float("inf")):
                raise UsageError(f"{name} must be above 0, got {given!r}")

    def worth(self, result: HeldOutResult) -> Floats:
        """Return the number that is compared, per question."""
        return result.correct if self.value is None else self.value * result.correct - result.cost

    def pick(self, results: Sequence[HeldOutResult], rows: Bools) -> HeldOutResult:
        """Return the best result on some questions.

        Without value or budget that is the cheapest of those that are not below the most accurate
        by more than one standard error of the paired difference.
        """
        if self.value is not None:
            return max(results, key=lambda r: float(self.worth(r)[rows].mean()))

        def cost(result: HeldOutResult) -> float:
            return float(result.cost[rows].mean())

        def accuracy(result: HeldOutResult) -> float:
            return float(result.correct[rows].mean())

        if self.budget is not None:
            allowed = [r for r in results if cost(r) <= self.budget]
            if not allowed:
                return min(results, key=cost)
            return max(allowed, key=lambda r: (accuracy(r), -cost(r)))
        best = max(results, key=accuracy)
        near = []
        for result in results:
            loss = best.correct[rows] - result.correct[rows]
            error = standard_error(loss)
            if loss.mean() <= (0.0 if np.isnan(error) else error):
                near.append(result)
        return min(near, key=cost)


@dataclass(frozen=True)
class Choice:
    """A strategy chosen from several.

    Attributes:
        chosen: The strategy chosen on all questions; the plain one if no gain is shown.
        result: The result of the choice, made for every fold on the other folds, so that it has no
            bias from choosing among many strategies.
        plain: The same for the best single answer.
        gain: Accuracy of `result` minus that of `plain`.
        se: Standard error of the gain, over questions and samples.
        shown: Whether `result` is better than `plain`, by a one-sided test at 5 %.
    """

    chosen: HeldOutResult
    result: HeldOutResult
    plain: HeldOutResult
    gain: float
    se: float
    shown: bool


def choose(
    ones: Sequence[HeldOutResult],
    others: Sequence[HeldOutResult],
    folds: Sequence[Bools],
    aim: Aim,
) -> Choice:
    """Choose among single answers and other strategies.

    Args:
        ones: Results of one answer of each member.
        others: Results of votes; may be empty.
        folds: Masks of the folds of the questions.
        aim: The aim of the choice.
    """
    every = np.ones(len(ones[0].correct), dtype=np.bool_)
    one = aim.pick(ones, every) if aim.value or aim.budget else _most_accurate(ones, every)
    plain = spliced(
        "one answer of the best member",
        [
            aim.pick(ones, ~fold) if aim.value or aim.budget else _most_accurate(ones, ~fold)
            for fold in folds
        ],
        folds,
    )
    if not others:
        return Choice(one, plain, plain, 0.0, 0.0, shown=False)
    options = [*ones, *others] if aim.value or aim.budget else others
    chosen = aim.pick(options, every)
    result = spliced(chosen.strategy.name, [aim.pick(options, ~fold) for fold in folds], folds)
    worth = aim.worth(result) - aim.worth(plain)
    error = standard_error(worth)
    shown = bool(worth.mean() > 0 and worth.mean() > stdtrit(len(worth) - 1, LEVEL) * error)
    gain, se = result.over(plain)
    if not shown or chosen.strategy.kind == "one":
        return Choice(one, result, plain, gain, se, shown=False)
    return Choice(chosen, result, plain, gain, se, shown=True)


def _most_accurate(results: Sequence[HeldOutResult], rows: Bools) -> HeldOutResult:
    return max(results, key=lambda r: float(r.correct[rows].mean()))

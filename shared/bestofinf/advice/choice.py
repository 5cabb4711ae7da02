"""Chooses a way to answer, and says what the choice is worth on questions it was not made by."""

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
"""Of the one-sided test that a gain has to pass."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Aim:
    """What a choice is made for; without a value or a budget, for accuracy with thrift.

    Attributes:
        value: Worth of one more right answer, in units of cost: what is maximised is
            value × accuracy - cost.
        budget: Mean cost of a question at most: of what it allows, the most accurate is taken.
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
        """Return what is compared, per question."""
        return result.correct if self.value is None else self.value * result.correct - result.cost

    def pick(self, results: Sequence[HeldOutResult], rows: Bools) -> HeldOutResult:
        """Return the best by some questions.

        Without value or budget: the cheapest of those that are not below the most accurate by more
        than one standard error of the paired difference.
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
        chosen: The strategy, chosen by all questions; the plain one where the gain is not shown.
        result: How it fared, chosen in every fold by the other folds: the number of strategies
            that it was chosen from is paid for.
        plain: The same of the best single answer.
        gain: Accuracy of `result` over `plain`.
        se: Its standard error, over questions and samples.
        shown: Whether it is worth more than the plain one, by a one-sided test at 5 %.
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
        ones: One answer of each member.
        others: Votes; may be empty.
        folds: Parts of the questions.
        aim: What for.
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

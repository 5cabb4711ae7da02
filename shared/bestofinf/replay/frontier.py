"""Quality against cost: many rules on the same samples, between two reference lines.

*Fixed* is plain majority voting over n samples. The *oracle* knows the distribution of every question
and stops at the lead that is best for it, which for two answers is the optimal test. No rule that must
learn the distribution from the votes can reach it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.provenance import for_estimates
from bestofinf.replay.draws import Draws
from bestofinf.replay.populations import Bools, Floats, Population
from bestofinf.replay.results import Grid, ReplayResult, bootstrap, cost_at
from bestofinf.replay.run import (
    ReplayPlan,
    drawn,
    grid_of,
    populations_of,
    replay_all,
    stratified,
)
from bestofinf.rules import FixedSamples, StopRule
from bestofinf.rules.tally_arrays import TallyArrays

FIXED = (1, 2, 3, 5, 8, 12, 20, 32, 50, 80, 100, 160, 256)
LEADS = 24
"""Largest lead at which the oracle stops."""

_THEORY = 30  # number of trials that the theoretical value counts as in the oracle's choice
_ORACLE_TRIALS = (
    200  # with fewer trials it chooses leads by luck and seems up to a tenth dearer than it is
)


@dataclass(frozen=True)
class Curve:
    """Points of one family of rules, from cheap to dear.

    Attributes:
        name: Name of the family.
        grid: The questions.
        points: For each point the columns ``samples``, ``tokens``, ``accuracy``, ``agreement``, and
            with prices ``cost``.
    """

    name: str
    grid: Grid = field(repr=False)
    points: Sequence[Mapping[str, Floats]] = field(repr=False)

    def means(self, cost: str = "samples", quality: str = "agreement") -> list[tuple[float, float]]:
        """Return (cost, quality) of every point, each a mean as from `Grid.mean`."""
        return [(self.grid.mean(p[cost]), self.grid.mean(p[quality])) for p in self.points]

    def cost_at(self, level: float, cost: str = "samples", quality: str = "agreement") -> float:
        """Return the cost of a quality on the hull of the points; NaN if it is out of reach."""
        return cost_at(self.means(cost, quality), level)

    def costs_at(self, level: float, cost: str, quality: str, times: Floats) -> Floats:
        """Return `cost_at` for resamples of the questions, see `Grid.means`."""
        costs = np.array([self.grid.means(p[cost], times) for p in self.points]).T
        values = np.array([self.grid.means(p[quality], times) for p in self.points]).T
        rows = zip(costs.tolist(), values.tolist(), strict=True)
        return np.array([cost_at(list(zip(*row, strict=True)), level) for row in rows])


@dataclass(frozen=True)
class Frontier:
    """Families of rules on the same samples.

    Attributes:
        lines: The curves by name, including ``"fixed"`` and ``"oracle"``.
        results: Results of the single rules, by name of the family.
    """

    lines: Mapping[str, Curve]
    results: Mapping[str, Sequence[ReplayResult]]

    def ratio(
        self,
        one: str,
        other: str,
        level: float,
        *,
        cost: str = "samples",
        quality: str = "agreement",
    ) -> tuple[float, float]:
        """Return the cost of one family divided by that of another at a quality, and its error.

        The standard error is by a paired bootstrap over questions. Both are NaN if one of the
        families does not reach the quality.
        """
        first, second = self.lines[one], self.lines[other]

        def quotient(times: Floats) -> Floats:
            return first.costs_at(level, cost, quality, times) / second.costs_at(
                level, cost, quality, times
            )

        ratio = first.cost_at(level, cost, quality) / second.cost_at(level, cost, quality)
        return ratio, math.nan if math.isnan(ratio) else bootstrap(first.grid, quotient)


def frontier(
    evaluation_set: EvaluationSet,
    families: Mapping[str, Sequence[StopRule | str]],
    plan: ReplayPlan | None = None,
    *,
    fixed: bool = True,
    oracle: bool = True,
) -> Frontier:
    """Replay families of rules on the same samples.

    Args:
        evaluation_set: Recorded answers.
        families: Rules by name of the family, such as one rule at several prices.
        plan: Settings of the replay.
        fixed: Add the line of plain majority voting.
        oracle: Add the line of the oracle. Its leads are chosen on half of the trials of each
            question and scored on the other half, with at least 200 trials whatever the plan says.
    """
    plan = plan or ReplayPlan()
    families = dict(families)
    if fixed:
        families["fixed"] = [FixedSamples(n) for n in FIXED if n <= plan.max_samples]
    flat = [rule for rules in families.values() for rule in rules]
    done = iter(replay_all(evaluation_set, flat, plan))
    results = {name: [next(done) for _ in rules] for name, rules in families.items()}
    lines = {
        name: Curve(name, members[0].grid, [result.columns for result in members])
        for name, members in results.items()
        if members
    }
    if oracle:
        # Questions in the same order as in the other lines, because errors of ratios are paired.
        lines["oracle"] = _oracle(for_estimates(evaluation_set)[0].fixed().ordered, plan)
    return Frontier(lines, results)


def _oracle(evaluation_set: EvaluationSet, plan: ReplayPlan) -> Curve:
    """Return the line of the oracle that stops each question at the lead best for it."""
    populations = populations_of(evaluation_set, plan)
    plan = replace(plan, trials=max(plan.trials, _ORACLE_TRIALS))
    table = np.full((5, len(populations), LEADS, 2), np.nan)
    for rows, chunk, draws, _ in drawn(populations, plan):
        table[:, rows] = _by_lead(chunk, draws, by_strata=stratified(plan), trials=plan.trials)
    samples, _, _, _, agreement = table
    # A few trials say little about rare errors, so the theoretical rate is mixed in.
    half = plan.trials / 2
    expected = np.array([_p_mode_by_lead(p.shares, p.modes) for p in populations])
    believed = (half * agreement + _THEORY * expected[..., None]) / (half + _THEORY)
    prices = np.geomspace(1e-5, 0.3, 60)
    points = []
    for price in prices:
        columns = []
        for one in (0, 1):
            value = believed[..., one] - price * samples[..., one]
            best = value.argmax(axis=1)
            columns.append(
                [np.take_along_axis(t[..., 1 - one], best[:, None], 1)[:, 0] for t in table]
            )
        names = ("samples", "tokens", "cost", "accuracy", "agreement")
        means = [(a + b) / 2 for a, b in zip(*columns, strict=True)]
        points.append(dict(zip(names, means, strict=True)))
    return Curve("oracle", grid_of(populations), points)


def _p_mode_by_lead(shares: Floats, modes: Bools) -> Floats:
    """Return the chance that the first answer to lead by 1, 2, ... is a mode.

    It is exact for two answers (gambler's ruin); for more, the odds of the pairs are summed.
    """
    leads = np.arange(1, LEADS + 1)[:, None]
    odds = (shares / max(shares.max(), 1e-300)) ** leads
    whole: Floats = odds.sum(axis=1)
    right: Floats = (odds * modes).sum(axis=1)
    return right / whole


def _by_lead(chunk: Sequence[Population], draws: Draws, *, by_strata: bool, trials: int) -> Floats:
    """Return samples, tokens, cost, accuracy and agreement when stopping at each lead.

    Shape (5, populations, LEADS, 2); the last axis has the two halves of the trials.
    """
    rows, length = draws.answers.shape
    tallies = TallyArrays(
        rows,
        max(len(p.shares) for p in chunk),
        weights=chunk[0].weights,
        stratified=by_strata,
    )
    found = np.zeros((4, rows, LEADS))  # samples, tokens, cost, answer
    found[0] = draws.lengths[:, None]
    reached = np.zeros(rows, dtype=np.int64)
    active = np.arange(rows)
    for step in range(length):
        tallies.count(
            draws.answers[active, step],
            tokens=draws.tokens[active, step],
            member=draws.members[active, step],
            cost=draws.costs[active, step],
        )
        lead = np.minimum(np.floor(tallies.c1 - tallies.c2 + 1e-9).astype(np.int64), LEADS)
        up = np.flatnonzero(lead > reached[active])
        for k in range(1, int(lead[up].max(initial=0)) + 1):
            new = up[(lead[up] >= k) & (reached[active[up]] < k)]
            at = active[new]
            found[0, at, k - 1] = step + 1
            found[1, at, k - 1] = tallies.tokens[new]
            found[2, at, k - 1] = tallies.cost[new]
            found[3, at, k - 1] = tallies.leader[new]
        reached[active[up]] = lead[up]
        going = reached[active] < LEADS
        if going.mean() < 0.8:
            tallies.keep(going)
            active = active[going]
            if not len(active):
                break
    open_ = np.arange(LEADS)[None, :] >= reached[active][:, None]
    for place, last in ((1, tallies.tokens), (2, tallies.cost), (3, tallies.leader)):
        found[place, active] = np.where(open_, last[:, None], found[place, active])
    return _halves(chunk, found, trials)


def _halves(chunk: Sequence[Population], found: Floats, trials: int) -> Floats:
    shape = (len(chunk), trials, LEADS)
    samples, tokens, costs = (part.reshape(shape) for part in found[:3])
    answers = found[3].reshape(shape).astype(np.int64)
    right = np.full(shape, np.nan)
    modes = np.zeros(shape)
    for place, population in enumerate(chunk):
        winner = answers[place]
        modes[place] = (winner >= 0) & population.modes[winner]
        if population.right is not None:
            right[place] = (winner >= 0) & (winner == population.right)
    halves = [slice(0, None, 2), slice(1, None, 2)] if trials > 1 else [slice(None)] * 2
    return np.stack(
        [
            np.stack([values[:, half].mean(axis=1) for half in halves], axis=-1)
            for values in (samples, tokens, costs, right, modes)
        ]
    )

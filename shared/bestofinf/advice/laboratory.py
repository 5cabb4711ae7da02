"""Measure strategies, each on questions that it was not fitted to.

Questions are divided into folds. A strategy learns its weights, or which member is best, from the
other folds; then the recorded samples of the held-out fold are voted on again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bestofinf.advice.strategies import Contender, Floats, HeldOutResult
from bestofinf.advice.units import Unit
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.limits import Elections
from bestofinf.replay import ReplayPlan, ReplayResult, Timing
from bestofinf.replay.run import populations_of, replay_populations
from bestofinf.rules import parse_rule
from bestofinf.weights.fit import learn
from bestofinf.weights.solver.clock import Clock
from bestofinf.weights.solver.margins import Margins
from bestofinf.weights.votes import VOTES, FewVotes

Bools = NDArray[np.bool_]


class Laboratory:
    """Measures strategies on one evaluation set.

    Args:
        evaluation_set: Labelled questions, in order, with `max_samples` samples of every member.
        rules: Stopping rules, as text.
        unit: The unit of costs.
        trials: Number of votes per question.
        max_samples: Maximum number of samples of a vote.
        folds: Number of folds of the questions; each is held out once.
        seed: Seed of the folds and the samples.
        advance: Called after every step.
    """

    def __init__(
        self,
        evaluation_set: EvaluationSet,
        rules: Sequence[str],
        unit: Unit,
        *,
        trials: int,
        max_samples: int,
        folds: int,
        seed: int,
        advance: Callable[[], None] = lambda: None,
    ) -> None:
        self.evaluation_set = evaluation_set
        self.members = evaluation_set.members
        self.elections = Elections(evaluation_set, self.members, seed=seed)
        self._rules, self._unit, self._seed, self._advance = rules, unit, seed, advance
        self._margins = Margins.of(evaluation_set)
        self._alone = FewVotes(evaluation_set, self.members, min(VOTES, max_samples)).alone()
        self._place = {question.id: i for i, question in enumerate(evaluation_set)}
        self._plan = ReplayPlan(
            trials=trials,
            max_samples=max_samples,
            seed=seed,
            prices=unit.prices or None,
            timing=Timing() if unit.name == "seconds" else None,
        )
        size = len(evaluation_set)
        order = np.random.default_rng(seed).permutation(size)
        fold = np.empty(size, dtype=np.int64)
        fold[order] = np.arange(size) % min(folds, size)
        self.folds = [fold == number for number in range(int(fold.max()) + 1)]

    def one(self, member: str) -> HeldOutResult:
        """Return the result of one answer of a member."""
        samples = [question.samples[member] for question in self.evaluation_set]
        golds = [question.gold for question in self.evaluation_set]
        right = [s.answers.count(g) / len(s) for s, g in zip(samples, golds, strict=True)]
        known = [[t for t in s.tokens if t is not None] for s in samples]
        tokens = np.array([np.mean(lengths) if lengths else np.nan for lengths in known])
        once = np.ones(len(samples))
        strategy = Contender(f"one answer of {member}", "one", member)
        costs = {
            "tokens": tokens,
            "samples": once,
            "money": tokens * self._unit.prices.get(member, np.nan),
            "seconds": tokens / (self._unit.speed or np.nan),
        }
        return HeldOutResult(strategy, np.array(right), tokens, once, costs[self._unit.name])

    def votes(self) -> dict[str, list[HeldOutResult]]:
        """Return the results of votes of each member alone under each rule."""
        results = self._replayed(self.evaluation_set, self._plan)
        self._advance()
        found: dict[str, list[HeldOutResult]] = {name: [] for name in self.members}
        for rule, result in zip(self._rules, results, strict=True):
            groups = np.array(result.grid.groups)
            for name, outcomes in found.items():
                strategy = Contender(f"votes of {name}, {rule}", "votes", name, rule=rule)
                outcomes.append(self._result(strategy, result, groups == name))
        return found

    def limit(self, member: str) -> HeldOutResult | None:
        """Return the result of infinitely many votes of a member; None if it cannot be estimated."""
        values, steps = self.elections.limits([float(name == member) for name in self.members])
        if np.isnan(values).any():
            return None
        unknown = np.full(len(values), np.nan)
        return HeldOutResult(
            Contender(f"limit of {member}", "limit", member),
            values,
            unknown,
            np.full(len(values), np.inf),
            unknown,
            step=abs(float(steps.mean())) / 2,
        )

    def ensemble(self, objective: str) -> list[HeldOutResult]:
        """Return the results of an ensemble under each rule, with weights from the other folds."""
        size = len(self._place)
        columns = [{m: np.full(size, np.nan) for m in _MEASURES} for _ in self._rules]
        for fold in self.folds:
            weights = self._learned(objective, ~fold)
            kept = tuple(q for q, mine in zip(self.evaluation_set, fold, strict=True) if mine)
            held_out = replace(self.evaluation_set, questions=kept)
            results = self._replayed(held_out, replace(self._plan, weights=weights))
            for collected, result in zip(columns, results, strict=True):
                part = self._result(_PART, result, np.ones(len(result.grid.questions), dtype=bool))
                for measure, values in collected.items():
                    column = getattr(part, measure)
                    values[fold] = column[fold]
            self._advance()
        return [
            _measured(
                Contender(f"{objective} ensemble, {rule}", "ensemble", None, objective, rule),
                collected,
            )
            for rule, collected in zip(self._rules, columns, strict=True)
        ]

    def of_the_best(
        self, name: str, outcomes: Mapping[str, HeldOutResult], best: Callable[[Bools], str]
    ) -> HeldOutResult:
        """Return the result of using, in each fold, the member chosen on the other folds.

        Args:
            name: Name of the strategy.
            outcomes: Results of the strategy with each member, by member.
            best: Chooses a member from the questions that are not held out.
        """
        chosen = [best(~fold) for fold in self.folds]
        return spliced(name, [outcomes[member] for member in chosen], self.folds)

    def best_member(self, rest: Bools) -> str:
        """Return the member whose few votes are most often right on some questions.

        `compare_weights` chooses it in the same way.
        """
        return self.members[int(self._alone[rest].mean(axis=0).argmax())]

    def _replayed(self, recorded: EvaluationSet, plan: ReplayPlan) -> list[ReplayResult]:
        """Return the replays under each rule, without the limit of infinitely many votes."""
        rules = [parse_rule(rule) for rule in self._rules]
        return replay_populations(populations_of(recorded, plan), rules, plan)

    def _learned(self, objective: str, rest: Bools) -> dict[str, float]:
        fitted = learn(
            self._margins.take(np.flatnonzero(rest)),
            objective,
            solver="cbc",
            clock=Clock(5.0),
            seed=self._seed,
        )
        return dict(zip(self.members, fitted.weights.tolist(), strict=True))

    def _result(self, strategy: Contender, result: ReplayResult, rows: Bools) -> HeldOutResult:
        """Return some entries of a replay in the order of the whole set; NaN if absent."""
        places = [
            self._place[q] for q, mine in zip(result.grid.questions, rows, strict=True) if mine
        ]

        def placed(column: Floats) -> Floats:
            values = np.full(len(self._place), np.nan)
            values[places] = column[rows]
            return values

        columns = {name: placed(column) for name, column in result.columns.items()}
        if not columns["tokens"][places].any():
            columns["tokens"] = np.full(len(self._place), np.nan)
        if self._unit.name == "money":
            cost = columns["cost"]
        elif self._unit.speed is not None and self._unit.name == "seconds":
            cost = columns["seconds"] / self._unit.speed
        else:
            cost = columns[self._unit.name]
        return HeldOutResult(
            strategy, columns["accuracy"], columns["tokens"], columns["samples"], cost
        )


def spliced(name: str, parts: Sequence[HeldOutResult], folds: Sequence[Bools]) -> HeldOutResult:
    """Return the result of using another strategy in every fold."""
    columns = {measure: np.full(len(folds[0]), np.nan) for measure in _MEASURES}
    for part, fold in zip(parts, folds, strict=True):
        for measure, values in columns.items():
            values[fold] = getattr(part, measure)[fold]
    strategies = {part.strategy for part in parts}
    strategy = (
        parts[0].strategy if len(strategies) == 1 else replace(parts[0].strategy, member=None)
    )
    return _measured(replace(strategy, name=name, member=None), columns)


def _measured(strategy: Contender, columns: Mapping[str, Floats]) -> HeldOutResult:
    return HeldOutResult(
        strategy, columns["correct"], columns["tokens"], columns["samples"], columns["cost"]
    )


_MEASURES = ("correct", "tokens", "samples", "cost")
_PART = Contender("", "ensemble")

"""Ways to answer questions, each measured on questions that taught it nothing.

Questions are divided into folds. What a strategy learns (weights, or which member is best) it learns
from the other folds; then the recorded samples of its own fold are voted on again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bestofinf.evaluation import EvaluationSet
from bestofinf.replay import ReplayPlan, replay
from bestofinf.rules.optimal import PRESETS
from bestofinf.weights import fit_weights

Floats = NDArray[np.float64]

PRESET_NAMES = tuple(PRESETS)


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to answer.

    Attributes:
        name: Shown to the user.
        kind: ``one`` sample of a member, ``votes`` of a member, ``limit`` of a member with
            infinitely many votes, or an ``ensemble``.
        member: Whose samples; None for an ensemble, and for the member chosen on the other folds.
        objective: How the ensemble's weights are learned; None without weights.
        rule: When to stop; None for one sample and for the limit.
    """

    name: str
    kind: str
    member: str | None = None
    objective: str | None = None
    rule: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a strategy fared on held-out questions.

    Attributes:
        strategy: Which.
        correct: Chance of the right answer per question, in the order of the set.
        tokens: Tokens per question; NaN where unknown.
        samples: Samples per question; infinite for the limit.
    """

    strategy: Strategy
    correct: Floats = field(repr=False)
    tokens: Floats = field(repr=False)
    samples: Floats = field(repr=False)

    @property
    def accuracy(self) -> float:
        """Mean chance of the right answer, over the questions that could be graded."""
        return float(np.nanmean(self.correct))

    @property
    def se(self) -> float:
        """Standard error of the accuracy, for new questions of the same kind."""
        return _standard_error(self.correct)

    @property
    def mean_tokens(self) -> float | None:
        """Mean tokens of a question; None when not known."""
        known = self.tokens[~np.isnan(self.tokens)]
        return float(known.mean()) if len(known) else None

    @property
    def mean_samples(self) -> float:
        """Mean samples of a question."""
        return float(np.nanmean(self.samples))

    def over(self, other: Outcome) -> tuple[float, float]:
        """Return by how much it is better than another, and the paired standard error."""
        difference = self.correct - other.correct
        return float(np.nanmean(difference)), _standard_error(difference)

    def to_json(self) -> dict[str, float | None]:
        """Return plain values."""
        samples = self.mean_samples
        return {
            "accuracy": self.accuracy,
            "se": self.se,
            "tokens": self.mean_tokens,
            "samples": None if math.isinf(samples) else samples,
        }


def _standard_error(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.std(known, ddof=1) / math.sqrt(len(known))) if len(known) > 1 else math.nan


class Laboratory:
    """Measures strategies on one evaluation set.

    Args:
        evaluation_set: Labelled questions.
        trials: Votes per question.
        max_samples: Samples of a vote at most.
        folds: Parts of the questions; each is held out once.
        seed: Of the folds and the samples.
        advance: Told after every step.
    """

    def __init__(
        self,
        evaluation_set: EvaluationSet,
        *,
        trials: int,
        max_samples: int,
        folds: int,
        seed: int,
        advance: Callable[[], None] = lambda: None,
    ) -> None:
        self.evaluation_set = evaluation_set
        self._place = {question.id: i for i, question in enumerate(evaluation_set)}
        self._plan = ReplayPlan(trials=trials, max_samples=max_samples, seed=seed)
        self._advance = advance
        self._seed = seed
        order = np.random.default_rng(seed).permutation(len(evaluation_set))
        self._fold = np.empty(len(evaluation_set), dtype=np.int64)
        self._fold[order] = np.arange(len(evaluation_set)) % min(folds, len(evaluation_set))

    def member(self, name: str, rules: Sequence[str]) -> list[Outcome]:
        """Return one sample, votes under each rule, and the limit, for one member alone."""
        outcomes = []
        for rule in rules:
            result = replay(self.evaluation_set, rule, self._plan, members=[name])
            columns = self._columns(result.grid.questions, result.columns)
            strategy = Strategy(f"votes of {name}, {rule}", "votes", name, rule=rule)
            outcomes.append(
                Outcome(strategy, columns["accuracy"], columns["tokens"], columns["samples"])
            )
            self._advance()
        one = np.where(np.isnan(columns["bo1"]), np.nan, 1.0)
        mean_tokens = np.array([self._tokens_of_one(name, i) for i in range(len(self._place))])
        return [
            Outcome(
                Strategy(f"one answer of {name}", "one", name), columns["bo1"], mean_tokens, one
            ),
            *outcomes,
            Outcome(
                Strategy(f"limit of {name}", "limit", name),
                columns["bo_inf"],
                np.full(len(one), np.nan),
                one * np.inf,
            ),
        ]

    def ensemble(
        self, objective: str, rules: Sequence[str], members: Sequence[str] | None = None
    ) -> list[Outcome]:
        """Return an ensemble under each rule, its weights learned on the other folds."""
        size = len(self._place)
        collected = {rule: {m: np.full(size, np.nan) for m in _MEASURES} for rule in rules}
        for fold in range(int(self._fold.max()) + 1):
            held_out, rest = self._part(self._fold == fold), self._part(self._fold != fold)
            fit = fit_weights(rest, objective, time_limit=5, members=members, seed=self._seed)
            for rule in rules:
                result = replay(held_out, rule, self._plan, weights=fit.weights)
                columns = self._columns(result.grid.questions, result.columns)
                for measure, values in collected[rule].items():
                    found = ~np.isnan(columns[measure])
                    values[found] = columns[measure][found]
                self._advance()
        return [
            Outcome(
                Strategy(f"{objective} ensemble, {rule}", "ensemble", None, objective, rule),
                values["accuracy"],
                values["tokens"],
                values["samples"],
            )
            for rule, values in collected.items()
        ]

    def chosen(self, name: str, outcomes: Mapping[str, Outcome]) -> Outcome:
        """Return the strategy that takes, in each fold, the member that was best on the others.

        Args:
            name: Its name.
            outcomes: The same strategy of every member, by member.
        """
        size = len(self._place)
        columns = {m: np.full(size, np.nan) for m in _MEASURES}
        for fold in range(int(self._fold.max()) + 1):
            here = self._fold == fold
            best = max(outcomes, key=lambda m: np.nanmean(outcomes[m].correct[~here]))
            columns["accuracy"][here] = outcomes[best].correct[here]
            columns["tokens"][here] = outcomes[best].tokens[here]
            columns["samples"][here] = outcomes[best].samples[here]
        strategy = next(iter(outcomes.values())).strategy
        return Outcome(
            Strategy(name, strategy.kind, None, rule=strategy.rule),
            columns["accuracy"],
            columns["tokens"],
            columns["samples"],
        )

    def _part(self, kept: NDArray[np.bool_]) -> EvaluationSet:
        return self.evaluation_set.filter(lambda question: bool(kept[self._place[question.id]]))

    def _columns(
        self, questions: Sequence[str], columns: Mapping[str, Floats]
    ) -> dict[str, Floats]:
        """Return columns of a replay in the order of the whole set; NaN where absent."""
        places = np.array([self._place[question] for question in questions])
        placed = {}
        for name, values in columns.items():
            placed[name] = np.full(len(self._place), np.nan)
            placed[name][places] = values
        return placed

    def _tokens_of_one(self, member: str, place: int) -> float:
        samples = self.evaluation_set.questions[place].samples.get(member)
        lengths = [t for t in samples.tokens if t is not None] if samples else []
        return sum(lengths) / len(lengths) if lengths else math.nan


_MEASURES = ("accuracy", "tokens", "samples")

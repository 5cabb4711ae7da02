"""Scores of learners on questions they were not fitted on, split by split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.limits import Elections
from bestofinf.weights.heldout import Estimate, at_infinity, estimate
from bestofinf.weights.solver.margins import Floats, Ints, Margins
from bestofinf.weights.votes import FewVotes


@dataclass(frozen=True, slots=True)
class Scores:
    """The result of weights under a stopping rule on some questions.

    Attributes:
        correct: Chance of the right answer per question, in [0, 1].
        tokens: Mean tokens per question; None if unknown.
    """

    correct: Sequence[float]
    tokens: Sequence[float] | None = None


Score: TypeAlias = Callable[[Mapping[str, float], EvaluationSet], Scores]
"""Function that scores weights on the questions of a set, in their order, by replaying a rule."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The results of one learner on questions that it was not fitted on.

    Attributes:
        accuracy: Mean score: of the rule if a `Score` was given, otherwise of a few votes.
        se: Standard error of the accuracy.
        tokens: Mean tokens per question at that score; None if unknown.
        at_votes: Accuracy of a few votes, see `bestofinf.weights.votes`.
        at_infinity: Accuracy with infinitely many votes, see `bestofinf.evaluation.limits`; None
            if there are too few samples.
        over_single: The score minus that of the member whose few votes were most often right on the
            training part, paired.
        over_uniform: The score minus that of equal weights, paired.
        trained: Share of the questions of the training parts that all recorded votes win: an upper
            limit, not an estimate.
    """

    accuracy: float
    se: float
    tokens: float | None
    at_votes: Estimate
    at_infinity: Estimate | None
    over_single: Estimate
    over_uniform: Estimate
    trained: float


class HeldOutScores:
    """Scores per objective, split and question."""

    def __init__(
        self,
        names: Sequence[str],
        splits: int,
        labelled: EvaluationSet,
        margins: Margins,
        votes: int,
        seed: int,
    ) -> None:
        shape = (splits, len(labelled))
        self._labelled, self._margins = labelled, margins
        self._votes = FewVotes(labelled, margins.members, votes, seed=seed)
        self._alone = self._votes.alone()
        self._elections = Elections(labelled, margins.members, seed=seed)
        self.infinity = {name: np.full(shape, np.nan) for name in names}
        self.few = {name: np.full(shape, np.nan) for name in names}
        self.score = {name: np.full(shape, np.nan) for name in names}
        self.tokens = {name: np.full(splits, np.nan) for name in names}
        self.trained = {name: np.full(splits, np.nan) for name in names}

    def best_member(self, train: Ints) -> Floats:
        """Return all weight on the member whose few votes are most often right on some questions.

        Ties go to the member with the fewest tokens, then to the first by name.
        """
        accuracy = self._alone[train].mean(axis=0)
        tokens = np.nan_to_num(self._margins.tokens, nan=np.inf)
        best = np.lexsort((tokens, -np.round(accuracy, 12)))[0]
        return np.asarray(np.arange(len(accuracy)) == best, dtype=np.float64)

    def enter(
        self, name: str, split: int, weights: Floats, train: Ints, rest: Ints, score: Score | None
    ) -> None:
        """Score one fit on the questions it did not see."""
        self.trained[name][split] = at_infinity(self._margins, weights)[train].mean()
        self.infinity[name][split, rest] = self._elections.limits(weights)[0][rest]
        chance = self._votes.together(weights)[rest]
        self.few[name][split, rest] = chance
        asked = self._votes.asked(weights)
        self.tokens[name][split] = asked[asked > 0] @ self._margins.tokens[asked > 0]
        if score is None:
            self.score[name][split, rest] = chance
            return
        kept = tuple(self._labelled.questions[q] for q in rest)
        by_member = dict(zip(self._margins.members, weights.tolist(), strict=True))
        scores = score(by_member, EvaluationSet(kept))
        if len(scores.correct) != len(kept):
            raise UsageError(f"score gave {len(scores.correct)} values for {len(kept)} questions")
        self.score[name][split, rest] = scores.correct
        tokens = np.nan if scores.tokens is None else float(np.mean(scores.tokens))
        self.tokens[name][split] = tokens

    def summary(self, name: str, trained: int) -> HeldOut:
        """Return the estimates of one objective."""
        score = self.score[name]
        overall = estimate(score, trained=trained)
        tokens = float(self.tokens[name].mean())
        # Every question is held out in some split, so one without a limit leaves no mean.
        unknown = np.isnan(self.infinity[name]) & ~np.isnan(score)
        return HeldOut(
            accuracy=overall.mean,
            se=overall.se,
            tokens=None if np.isnan(tokens) else tokens,
            at_votes=estimate(self.few[name], trained=trained),
            at_infinity=None if unknown.any() else estimate(self.infinity[name], trained=trained),
            over_single=estimate(score - self.score["single"], trained=trained),
            over_uniform=estimate(score - self.score["uniform"], trained=trained),
            trained=float(self.trained[name].mean()),
        )

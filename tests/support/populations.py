"""Models whose answers are drawn from known chances, so that the truth of an estimate is known.

Every question has its difficulty and its tempting wrong answers; a share of both is common to all
members, the rest is a member's own. The less they have in common, the more a mixture gains.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.rules.tally import EPSILON
from bestofinf.voting.schedule import Schedule

Floats = NDArray[np.float64]

MEMBERS, ANSWERS = 4, "ABCD"
"""A is right."""


@dataclass(frozen=True)
class Population:
    """Four members.

    Attributes:
        common: Share of the variance of a question's logits that all members have in common; 1
            for copies of one model.
    """

    common: float

    def chances(self, rng: np.random.Generator, questions: int) -> Floats:
        """Return the chance of every answer, shape (questions, members, answers)."""

        def logits(members: int) -> tuple[Floats, Floats]:
            shape = (questions, members)
            return rng.normal(0, 1.3, (*shape, 3)), rng.normal(0, 2.2, shape)

        (tempting, ease), (own, own_ease) = logits(1), logits(MEMBERS)
        a, b = np.sqrt(self.common), np.sqrt(1 - self.common)
        wrong = a * tempting + b * own
        right = np.log(np.exp(wrong).sum(axis=2)) + 0.75 + a * ease + b * own_ease
        return np.asarray(softmax(np.concatenate([right[..., None], wrong], axis=2), axis=2))

    def recorded(self, questions: int, samples: int, seed: int) -> EvaluationSet:
        """Return an evaluation set: other questions with every seed."""
        rng = np.random.default_rng([seed, questions, samples])
        rows = []
        for place, chances in enumerate(self.chances(rng, questions)):
            answers = {
                f"m{k}": Samples(tuple(ANSWERS[a] for a in rng.choice(4, samples, p=p)))
                for k, p in enumerate(chances)
            }
            rows.append(Question(f"q{place}", answers, gold="A"))
        return EvaluationSet(tuple(rows))

    def gain(self, votes: int) -> float:
        """Return what softmax weights gain over the best member, with so many votes. To .001."""
        return _gain(self.common, votes)


COPIES = Population(1.0)
GAINS = {0.0: COPIES, 0.7: Population(0.925), 2.4: Population(0.75), 6.0: Population(0.475)}
"""By the gain of five votes in points, about."""


@lru_cache(maxsize=64)
def _gain(common: float, votes: int) -> float:
    if common == 1.0:
        return 0.0  # of copies, whatever their weights
    rng = np.random.default_rng(0)
    chances = Population(common).chances(rng, 40_000)
    share = chances[:, :, 0].mean(axis=0)
    weights = np.asarray(softmax(25 * share))
    steps = chances.cumsum(axis=2)
    drawn = (rng.random((len(chances), MEMBERS, votes, 1)) > steps[:, :, None, :]).sum(axis=3)
    alone = max(_accuracy(drawn, row) for row in np.eye(MEMBERS))
    return _accuracy(drawn, weights) - alone


def _accuracy(drawn: NDArray[np.int64], weights: Floats) -> float:
    votes = drawn.shape[2]
    asked = np.bincount(Schedule("greedy", weights.tolist()).peek(votes), minlength=MEMBERS)
    scores = np.zeros((len(drawn), len(ANSWERS)))
    for member in np.flatnonzero(asked):
        for turn in range(asked[member]):
            own = drawn[:, member, turn, None] == np.arange(len(ANSWERS))
            scores += own * weights[member] / asked[member]
    most = scores.max(axis=1, keepdims=True)
    level = scores >= most - EPSILON
    return float((level[:, 0] / level.sum(axis=1)).mean())

"""Tests of weights on a locked set of questions that took no part in choosing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.limits import Elections
from bestofinf.weights.heldout import at_infinity
from bestofinf.weights.solver.margins import Floats, Margins
from bestofinf.weights.votes import FewVotes

BOOTSTRAPS = 4000
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Rival:
    """The recommended weights against other fixed weights on the same questions.

    Attributes:
        difference: Mean score of the recommended weights minus the rival's.
        lower: One-sided lower 95 % limit of the difference, by a paired bootstrap over questions.
        better: Number of questions that all recorded votes win only with the recommended weights.
        worse: Number of questions that all recorded votes win only with the rival's weights.
        p_value: Two-sided exact McNemar test of these two numbers.
    """

    difference: float
    lower: float
    better: int
    worse: int
    p_value: float


@dataclass(frozen=True)
class LockedTest:
    """The recommended weights on a locked test set.

    Attributes:
        questions: Labelled questions of the test set.
        accuracy: Accuracy there with the same number of votes as in the comparison.
        se: Standard error of the accuracy over questions and samples.
        accuracy_inf: Accuracy with infinitely many votes; None if it cannot be estimated.
        rivals: Every member alone by its name, and "uniform".
        beats_every_member: True if the lower limit against each member is above 0. For the claim
            "better than all" each comparison may use the full level (intersection-union test).
    """

    questions: int
    accuracy: float
    se: float
    accuracy_inf: float | None
    rivals: Mapping[str, Rival]
    beats_every_member: bool


def locked_test(
    test: EvaluationSet,
    members: Sequence[str],
    weights: Sequence[float],
    *,
    votes: int,
    seed: int = 0,
) -> LockedTest:
    """Compare fixed weights with every member and with equal weights.

    Args:
        test: Labelled questions, each with `votes` samples of every member or more.
        members: The members.
        weights: Weight of each member.
        votes: Number of samples of a vote, for the score.
        seed: Seed of the bootstrap.
    """
    margins = Margins.of(test, members=members)
    k, n = len(margins.members), len(margins)
    few = FewVotes(test, members, votes, seed=seed)
    mine = np.array(weights)
    score, won = few.together(mine), at_infinity(margins, mine)
    random = np.random.default_rng(seed)
    times = random.multinomial(n, np.full(n, 1 / n), size=BOOTSTRAPS) / n
    others: dict[str, Floats] = dict(zip(margins.members, np.eye(k), strict=True))
    others["uniform"] = np.full(k, 1 / k)
    rivals = {}
    for name, other in others.items():
        difference = score - few.together(other)
        theirs = at_infinity(margins, other)
        better, worse = int((won > theirs).sum()), int((won < theirs).sum())
        p = binomtest(better, better + worse).pvalue if better + worse else 1.0
        rivals[name] = Rival(
            difference=float(difference.mean()),
            lower=float(np.quantile(times @ difference, LEVEL)),
            better=better,
            worse=worse,
            p_value=float(p),
        )
    return LockedTest(
        questions=n,
        accuracy=float(score.mean()),
        se=float(score.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0,
        accuracy_inf=Elections(test, members, seed=seed).limit(mine).value,
        rivals=rivals,
        beats_every_member=all(rivals[name].lower > 0 for name in margins.members),
    )

"""A claim about weights on a locked test set that took no part in choosing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from bestofinf.weights.heldout import at_infinity, at_samples
from bestofinf.weights.margins import Floats, Margins

BOOTSTRAPS = 4000
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Rival:
    """The recommended weights against other fixed weights on the same questions.

    Attributes:
        difference: Mean score of the recommended weights minus the rival's.
        lower: One-sided 95 % limit of it from below, by a paired bootstrap over questions.
        better: Questions that infinitely many samples win with the recommended weights alone.
        worse: Those won with the rival alone.
        p_value: Exact McNemar test on these, two-sided.
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
        accuracy: Mean score there.
        se: Its standard error over questions.
        accuracy_inf: Accuracy with infinitely many samples; a tie counts one half.
        rivals: Every member alone by its name, and "uniform".
        beats_every_member: True when the lower limit against each member is above 0. For "better
            than all" each comparison at its full level is right (intersection-union test).
    """

    questions: int
    accuracy: float
    se: float
    accuracy_inf: float
    rivals: Mapping[str, Rival]
    beats_every_member: bool


def locked_test(
    margins: Margins,
    weights: Floats,
    *,
    samples: int,
    seed: int = 0,
) -> LockedTest:
    """Compare fixed weights with every member and with equal weights.

    Args:
        margins: Vote counts of the test set.
        weights: Shape (K,).
        samples: Number of samples for the score.
        seed: Seed of the bootstrap.
    """
    k, n = len(margins.members), len(margins)
    score, won = at_samples(margins, weights, samples), at_infinity(margins, weights)
    random = np.random.default_rng(seed)
    times = random.multinomial(n, np.full(n, 1 / n), size=BOOTSTRAPS) / n
    others: dict[str, Floats] = dict(zip(margins.members, np.eye(k), strict=True))
    others["uniform"] = np.full(k, 1 / k)
    rivals = {}
    for name, other in others.items():
        difference = score - at_samples(margins, other, samples)
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
        accuracy_inf=float(won.mean()),
        rivals=rivals,
        beats_every_member=all(rivals[name].lower > 0 for name in margins.members),
    )

"""Choose the score to stop at, for a wanted accuracy, by replies that did not help to choose it.

A curve fitted to some replies says which scores are right often enough *among them*, and the last
score that does is chosen because it came out well: on other replies it is right less often. So the
choice is tried out on questions that were left out, and the curve is asked for as much more as
makes it hold there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bestofinf._arrays import Floats
from bestofinf.optscale.reliability import Calibration

Fit = Callable[[Floats, Floats], Calibration]

STRICTER = (1.0, 0.85, 0.7, 0.55, 0.4, 0.3, 0.2, 0.1, 0.05)
"""Shares of the error wanted that the curve is asked for, in turn."""

SPLITS = 5


@dataclass(frozen=True, slots=True)
class Target:
    """A score to stop at, and how it does where it was not chosen.

    Attributes:
        score: At and above it replies are right as often as wanted; None where no score is.
        accuracy: Share right at and above scores chosen in the same way, on questions left out.
        se: Its standard error, questions taken whole.
    """

    score: float | None
    accuracy: float | None = None
    se: float | None = None


def least_score(scores: Floats, chances: Floats, accuracy: float) -> float | None:
    """Return the least score with a mean chance of `accuracy` at and above it; None if none has."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    mean = np.cumsum(chances[order]) / np.arange(1, falling.size + 1)
    last_of_equals = np.append(falling[1:] < falling[:-1], True)
    good = falling[(mean >= accuracy) & last_of_equals]
    good = good[good > 0]
    return float(good[-1]) if good.size else None


def choose_target(
    fit: Fit,
    scores: Floats,
    grades: Floats,
    questions: Floats,
    *,
    accuracy: float,
    folds: int,
    seed: int = 0,
) -> Target:
    """Return the least score that keeps what is wanted on questions left out.

    Args:
        fit: Makes a curve of scores and grades.
        scores: Shape (n,).
        grades: 1 for right, 0 for wrong.
        questions: Number of the question of each reply.
        accuracy: Wanted, in (0, 1).
        folds: Parts of the questions, each left out once.
        seed: Of the parts.
    """
    distinct, place = np.unique(questions, return_inverse=True)
    parts = min(folds, distinct.size)
    levels = [1 - (1 - accuracy) * share for share in STRICTER]
    right = np.zeros((len(levels), distinct.size))
    above = np.zeros_like(right)
    random = np.random.default_rng(seed)
    for _ in range(SPLITS):
        fold = (random.permutation(distinct.size) % parts)[place]
        for part in range(parts):
            out = fold == part
            curve = fit(scores[~out], grades[~out])
            chances = np.array([curve.chance(s) for s in scores[~out].tolist()])
            for row, level in enumerate(levels):
                least = least_score(scores[~out], chances, level)
                taken = np.flatnonzero(out & (scores >= (2.0 if least is None else least)))
                np.add.at(above[row], place[taken], 1 / SPLITS)
                np.add.at(right[row], place[taken], grades[taken] / SPLITS)
    curve = fit(scores, grades)
    chances = np.array([curve.chance(s) for s in scores.tolist()])
    for row, level in enumerate(levels):
        number = above[row].sum()
        score = least_score(scores, chances, level)
        if not number or score is None:
            break
        share = right[row].sum() / number
        if share >= accuracy:
            # A ratio of sums over questions.
            error = np.sqrt(((right[row] - share * above[row]) ** 2).sum()) / number
            return Target(score, float(share), float(error))
    return Target(None)

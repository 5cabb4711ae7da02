"""Choose the score to stop at for a target accuracy, checked on held-out questions.

A curve fitted to some replies says which scores are right often enough *among them*. The lowest such
score is chosen because it did well on them, so on other replies it is right less often. Therefore the
choice is tested on held-out questions, and the curve is asked for a higher accuracy until the target
is met there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bestofinf._arrays import Floats
from bestofinf.optscale.reliability import Calibration

Fit = Callable[[Floats, Floats], Calibration]

STRICTER = (1.0, 0.85, 0.7, 0.55, 0.4, 0.3, 0.2, 0.1, 0.05)
"""Fractions of the target error rate that the curve is asked for, in turn."""

SPLITS = 5


@dataclass(frozen=True, slots=True)
class Target:
    """A score to stop at, and its accuracy on held-out questions.

    Attributes:
        score: Replies with this score or more are right as often as wanted; None if there is no
            such score.
        accuracy: Share right at and above scores chosen in the same way, on held-out questions.
        se: Standard error of the accuracy, over questions.
    """

    score: float | None
    accuracy: float | None = None
    se: float | None = None


def least_score(scores: Floats, chances: Floats, accuracy: float) -> float | None:
    """Return the lowest score with a mean chance of `accuracy` at and above it; None if there is none."""
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
    """Return the lowest score that has the target accuracy on held-out questions.

    Args:
        fit: Fits a curve to scores and grades.
        scores: Scores of the replies, shape (n,).
        grades: 1 for right and 0 for wrong, shape (n,).
        questions: Number of the question of each reply, shape (n,).
        accuracy: The target accuracy, in (0, 1).
        folds: Number of folds of the questions.
        seed: Seed of the folds.
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
            # standard error of a ratio of sums over questions
            error = np.sqrt(((right[row] - share * above[row]) ** 2).sum()) / number
            return Target(score, float(share), float(error))
    return Target(None)

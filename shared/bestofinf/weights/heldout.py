"""Scores of weights on questions they were not fitted on, and their errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from bestofinf.weights.learners import FLOOR
from bestofinf.weights.margins import Floats, Margins

TIE = 1e-12
"""Margins nearer to zero than this are ties: sums of a few products of doubles."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over held-out questions with its standard error.

    Attributes:
        mean: The mean.
        se: The larger of the two errors below.
        question_se: For new questions with this training set: standard deviation of the
            questions' means over the splits, divided by the square root of their number.
        split_se: For new training sets too: Nadeau and Bengio 2003 (Machine Learning 52),
            ``sqrt((1/J + n_test/n_train) S²)``; 0 with a single split.
    """

    mean: float
    se: float
    question_se: float
    split_se: float


def at_infinity(margins: Margins, weights: Floats) -> Floats:
    """Return 1 for a question won by infinitely many samples, 1/2 for a tie, else 0."""
    worst = margins.margins(weights)
    votes = margins.shares @ weights > 0
    return np.where((np.abs(worst) <= TIE) & votes, 0.5, worst > TIE).astype(float)


def at_samples(margins: Margins, weights: Floats, samples: int) -> Floats:
    """Return the chance to win each question with some number of samples.

    The normal approximation ``min_r Phi(delta_r / sigma_r)`` with ``sigma² = (g + a - delta² +
    0.001) / samples`` for the shares g of the right and a of a wrong answer, and delta = g - a.
    It is smooth, so it tells strategies apart with less noise than counting wins.
    """
    delta = margins.rows @ weights
    right = (margins.shares @ weights)[margins.question]
    both = right + margins.wrong_shares @ weights
    sigma = np.sqrt((both - delta**2 + FLOOR) / samples)
    chance = np.minimum.reduceat(ndtr(delta / sigma), margins.starts)
    # Where the right answer has no votes it cannot win, though nothing may be ahead of it.
    return np.where(margins.shares @ weights > 0, chance, 0.0)


def estimate(scores: Floats, *, trained: int) -> Estimate:
    """Estimate the mean of scores from repeated splits.

    Args:
        scores: Shape (splits, questions); NaN where a question was in the training part.
        trained: Questions in each training part.
    """
    tested = ~np.isnan(scores)
    seen = tested.any(axis=0)
    per_question = np.nansum(scores[:, seen], axis=0) / tested[:, seen].sum(axis=0)
    per_split = np.nanmean(scores, axis=1)
    n = int(seen.sum())
    question_se = float(np.std(per_question, ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    split_se = 0.0
    if len(scores) > 1:
        ratio = 1 / len(scores) + float(tested.sum(axis=1).mean()) / trained
        split_se = float(np.sqrt(ratio * np.var(per_split, ddof=1)))
    mean = float(per_split.mean())
    return Estimate(mean, max(question_se, split_se), question_se, split_se)

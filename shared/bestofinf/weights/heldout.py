"""Scores of weights on questions they were not fitted on, and their errors."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np

from bestofinf.weights.solver.margins import Floats, Margins

TIE = 1e-12
"""Margins closer to zero than this are ties; they differ only by rounding."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over held-out questions with its standard error.

    Attributes:
        mean: The mean.
        se: Standard error: the root of the sum of squares of the two errors below.
        question_se: Error for new questions and samples with these training sets: the standard
            deviation of the questions' means over the splits, divided by the square root of their
            number.
        split_se: Error for new training sets; see `estimate`. 0 with a single split.
    """

    mean: float
    se: float
    question_se: float
    split_se: float


def at_infinity(margins: Margins, weights: Floats) -> Floats:
    """Return 1 for a question won by all recorded votes, 1/2 for a tie, else 0."""
    worst = margins.margins(weights)
    votes = margins.shares @ weights > 0
    return np.where((np.abs(worst) <= TIE) & votes, 0.5, worst > TIE).astype(float)


def estimate(scores: Floats, *, trained: int) -> Estimate:
    """Estimate the mean of scores from repeated random splits.

    Let r be the effect of a split's training set: the mean difference of its scores from the mean
    scores of its questions over all splits. Training sets with a share f of the questions have a
    share f in common, so about f of the variance of r remains in the mean over any number of
    splits. About half of that is noise of the held-out questions and not due to training sets, and
    does not remain. So split_se² = (f/2 + 1/J) var(r) for J splits. On populations with a known
    truth the intervals mean ± 1.96 se contain it in 93 to 99 % (benchmarks/advice.py). The larger
    error of Nadeau and Bengio (Machine Learning 52, 2003), which attributes all variance between
    splits to the training sets, contained it in every run.

    Args:
        scores: Shape (splits, questions); NaN if a question was in the training part.
        trained: Number of questions in each training part.
    """
    tested = ~np.isnan(scores)
    seen = tested.any(axis=0)
    per_question = np.nansum(scores[:, seen], axis=0) / tested[:, seen].sum(axis=0)
    n = int(seen.sum())
    question_se = float(np.std(per_question, ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    split_se = 0.0
    if len(scores) > 1:
        shift = np.nanmean(scores[:, seen] - per_question, axis=1)
        share = trained / (trained + float(tested.sum(axis=1).mean()))
        split_se = float(np.sqrt((share / 2 + 1 / len(scores)) * np.var(shift, ddof=1)))
    mean = float(np.nanmean(scores, axis=1).mean())
    return Estimate(mean, hypot(question_se, split_se), question_se, split_se)

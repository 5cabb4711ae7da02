"""Fit P(right | score), and choose the score to stop at for a target accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit
from scipy.stats import rankdata

from bestofinf._arrays import Floats
from bestofinf.calibration.newton import least
from bestofinf.calibration.pools import ScorePool
from bestofinf.calibration.targets import choose_target
from bestofinf.errors import UsageError, one_of
from bestofinf.optscale.prior import ScorePrior
from bestofinf.optscale.reliability import Calibration, logit

BINS = 10
_SPLITS = 5
_PRIOR_SCORES, _PRIOR_QUESTIONS = 4, 10
_HOLD = 1e-6  # keeps the intercept finite if all replies are right, or all wrong
_RIDGE = 1e-3  # keeps the slope finite if the scores separate right from wrong replies


def fit_calibration(
    pool: ScorePool,
    *,
    accuracy: float = 0.9,
    method: str = "auto",
    folds: int = 10,
    seed: int = 0,
    name: str = "",
) -> Calibration:
    """Fit a calibration to graded scores.

    Questions are split into folds five times; all replies to a question are in the same fold,
    because they resemble each other. Of the methods whose squared error on held-out folds is within
    one standard error of the best, the one with the smallest calibration error is fitted to all
    questions. The errors reported are those on held-out folds, as means of the five splits.

    The prior is fitted if at least 10 questions have 4 scores or more.

    Args:
        pool: Graded scores.
        accuracy: Target accuracy: `min_score` is the lowest score such that replies with this
            score or more are right at least this often, on questions that were not used to choose
            it (`bestofinf.calibration.targets`).
        method: "isotonic", "logistic", or "auto" for the better of the two.
        folds: Number of folds, at least 2; at most the number of questions is used.
        seed: Seed of the splits.
        name: Name of the scorer, stored with the calibration.

    Raises:
        UsageError: If there are fewer than 20 scored replies, not both right and wrong ones, or if
            scores are clearly higher for wrong ones.
    """
    if not 0 < accuracy < 1:
        raise UsageError(f"accuracy must lie in (0, 1), got {accuracy!r}")
    one_of("method", method, ["auto", *_FITS])
    if folds < 2:
        raise UsageError(f"folds must be at least 2, got {folds!r}")
    scores, grades, questions = pool.columns()
    order = np.lexsort((questions, grades, scores))  # for sums in a fixed order
    scores, grades, questions = scores[order], grades[order], questions[order]
    if scores.size < 20 or len(set(grades.tolist())) < 2 or len(set(questions.tolist())) < 2:
        raise UsageError(
            "a calibration needs at least 20 scored replies to two or more questions, right and "
            f"wrong ones; got {scores.size}, of which {int(grades.sum())} right"
        )
    auc = area_under_curve(scores, grades)
    if auc < 0.5 - 2 * _auc_error(grades):
        raise UsageError(
            f"the scores are higher for wrong replies than for right ones (area under the curve "
            f"{auc:.3f}, at least 0.5 wanted): check whether a high score means a wrong reply, and "
            "give 1 - score then"
        )
    trials = [
        _held_out(kind, scores, grades, questions, folds=folds, seed=seed)
        for kind in (_FITS if method == "auto" else (method,))
    ]
    best = _best(trials)
    fitted = _FITS[best.method](scores, grades)
    target = choose_target(
        _FITS[best.method], scores, grades, questions, accuracy=accuracy, folds=folds, seed=seed
    )
    return replace(
        fitted,
        n_samples=scores.size,
        n_questions=len(set(questions.tolist())),
        base_rate=float(grades.mean()),
        ece=best.ece,
        brier=float(best.squares.mean()),
        auc=auc,
        min_score=target.score,
        accuracy=accuracy,
        held_out_accuracy=target.accuracy,
        held_out_se=target.se,
        prior=_prior(pool),
        name=name,
    )


def _prior(pool: ScorePool) -> ScorePrior | None:
    """Fit the prior to the questions with enough scores; None if there are too few of them.

    One score per question says nothing about the spread within a question. The most likely prior
    would then have no spread, and `OptScale` would give up after a single score.
    """
    lists = [scores for scores in pool.score_lists() if len(scores) >= _PRIOR_SCORES]
    return ScorePrior.fit(lists) if len(lists) >= _PRIOR_QUESTIONS else None


def area_under_curve(scores: Floats, grades: Floats) -> float:
    """Return the chance that a right reply is scored above a wrong one; ties count half.

    Source: the rank sum of Mann and Whitney (1947).

    >>> area_under_curve(np.array([0.1, 0.4, 0.4]), np.array([0, 0, 1]))
    0.75
    """
    right = int(grades.sum())
    wrong = grades.size - right
    if not right or not wrong:
        return 0.5
    ranks = float(rankdata(scores)[grades > 0].sum())
    return (ranks - right * (right + 1) / 2) / (right * wrong)


def _auc_error(grades: Floats) -> float:
    """Return the standard error of the area under the curve for scores without information."""
    right = float(grades.sum())
    wrong = grades.size - right
    return math.sqrt((right + wrong + 1) / (12 * right * wrong))


def share_right_above(scores: Floats, grades: Floats, least: float) -> tuple[float, int]:
    """Return the share of right replies among those scored `least` or more, and their number.

    The share is NaN if there are none.
    """
    chosen = grades[scores >= least]
    return (float(chosen.mean()) if chosen.size else float("nan")), int(chosen.size)


def expected_calibration_error(chances: Floats, grades: Floats) -> float:
    """Return the mean distance of chance and frequency, over `BINS` of equal width.

    Source: Naeini et al., AAAI 2015; bins are weighted by their number of replies.
    """
    place = np.minimum((chances * BINS).astype(int), BINS - 1)
    gaps = np.bincount(place, weights=chances - grades, minlength=BINS)
    return float(np.abs(gaps).sum() / chances.size)


@dataclass(frozen=True, slots=True)
class _Trial:
    """Errors of a method on held-out folds: squared per reply, and of calibration."""

    method: str
    squares: Floats
    ece: float


def _best(trials: list[_Trial]) -> _Trial:
    least = min(trials, key=lambda trial: float(trial.squares.mean()))

    def is_near(trial: _Trial) -> bool:
        more = trial.squares - least.squares
        return float(more.mean()) <= float(more.std()) / math.sqrt(more.size)

    return min(filter(is_near, trials), key=lambda trial: trial.ece)


def _held_out(
    method: str, scores: Floats, grades: Floats, questions: Floats, *, folds: int, seed: int
) -> _Trial:
    """Return the errors of a method on folds that it was not fitted to."""
    distinct = np.unique(questions)
    rng = np.random.default_rng(seed)
    squares, errors = np.zeros_like(scores), []
    for _ in range(_SPLITS):
        place = rng.permutation(distinct.size) % min(folds, distinct.size)
        fold = place[np.searchsorted(distinct, questions)]
        chances = np.empty_like(scores)
        for held in range(min(folds, distinct.size)):
            out = fold == held
            fitted = _FITS[method](scores[~out], grades[~out])
            chances[out] = [fitted.chance(score) for score in scores[out].tolist()]
        squares += (chances - grades) ** 2 / _SPLITS
        errors.append(expected_calibration_error(chances, grades))
    return _Trial(method, squares, float(np.mean(errors)))


def _isotonic(scores: Floats, grades: Floats) -> Calibration:
    """Fit the best rising step curve; every step is shrunk to the mean by one reply.

    Without that, a step of a few right replies would have the chance 1.
    """
    distinct, place = np.unique(scores, return_inverse=True)
    size = np.bincount(place).astype(np.float64)
    share = np.bincount(place, weights=grades) / size
    curve = isotonic_regression(share, weights=size)
    steps = curve.blocks[:-1]
    weight = np.add.reduceat(size, steps)
    drawn = (curve.x[steps] * weight + grades.mean()) / (weight + 1)
    level = isotonic_regression(drawn, weights=weight + 1).x
    first, last = distinct[steps], distinct[curve.blocks[1:] - 1]
    knots: list[float] = []
    chances: list[float] = []
    for low, high, chance in zip(first.tolist(), last.tolist(), level.tolist(), strict=True):
        for score in dict.fromkeys((low, high)):
            knots.append(score)
            chances.append(min(max(chance, 0.0), 1.0))
    return Calibration("isotonic", scores=tuple(knots), chances=tuple(chances))


def _logistic(scores: Floats, grades: Floats) -> Calibration:
    """Fit a logistic curve in the score's logit by maximum likelihood (Platt 1999)."""
    logits = np.array([logit(score) for score in scores.tolist()])
    x = np.stack([np.ones(len(logits)), logits], axis=1)
    pull = np.array([_HOLD, _RIDGE])

    def loss(p: Floats) -> tuple[float, Floats, Floats]:
        z = x @ p
        value = float(np.mean(np.logaddexp(0, z) - grades * z))
        chance = expit(z)
        slope = x.T @ (chance - grades) / len(x) + pull * p
        bend = (x.T * (chance * (1 - chance))) @ x / len(x) + np.diag(pull)
        return value + float(pull @ p**2) / 2, slope, bend

    found = least(loss, np.array([0.0, 1.0]), np.array([-np.inf, 0.0]))
    return Calibration("logistic", intercept=float(found[0]), slope=float(found[1]))


_FITS: dict[str, Callable[[Floats, Floats], Calibration]] = {
    "isotonic": _isotonic,
    "logistic": _logistic,
}

"""Learn from labelled questions how often a decision is right.

The recorded answers are voted on again, without replacement, under the rule and with the members
in use. Every question has the same number of votes, and all votes of a question are held out together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit

from bestofinf._arrays import Floats
from bestofinf.calibration.fitting import expected_calibration_error
from bestofinf.calibration.newton import least
from bestofinf.errors import UsageError, whole
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.coverage import comparable, deep_enough
from bestofinf.evaluation.provenance import for_estimates
from bestofinf.replay.decisions import Decisions, decisions
from bestofinf.rules import parse_rule
from bestofinf.voting.confidence import EDGE, ConfidenceCalibration, CoveragePoint

LABELS = 20
"""Minimum number of labelled questions for a calibration."""

COVERAGES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)

_TRUST = 4.0
"""Number of questions that the prior "chance = score" counts as."""

_WORTH = 0.001
"""Minimum reduction of the squared error for which another curve is chosen."""

_EACH, _VOTES, _QUESTIONS = 4, 1_200, 4_000
"""Votes per question and in total, and maximum number of questions. With more questions fewer votes of
each are enough, because the error is over questions."""

_SIMULATIONS = 20

Fit: TypeAlias = Callable[[Floats, Floats, int], dict[str, Any]]
"""Takes scores, whether the decisions were right, and the votes of each question."""


def fit_confidence(
    evaluation_set: EvaluationSet,
    rule: str,
    weights: Mapping[str, float],
    *,
    max_samples: int = 64,
    method: str = "auto",
    folds: int = 10,
    seed: int = 0,
) -> ConfidenceCalibration:
    """Fit P(right) of a decision to votes on labelled questions.

    Three curves are tried: a beta curve of the confidence, a beta curve of the winner's share of
    the samples, and an isotonic curve of that share. The first is used unless another has a smaller
    squared error on held-out questions, by more than one standard error. With few labels a curve is
    pulled towards "chance = score".

    Args:
        evaluation_set: Recorded answers. Only questions are used that have a right answer and, of
            every member with weight, samples that were drawn whatever the earlier answers were.
        rule: The stopping rule, as text.
        weights: Weight by member.
        max_samples: Maximum number of samples of a vote. If fewer are recorded of some member, the
            calibration is for votes of at most that many.
        method: "beta", "isotonic" or "auto".
        folds: Number of folds of the questions, at least 2.
        seed: Seed of the folds and the votes.

    Raises:
        UsageError: If fewer than `LABELS` questions can be used, or a setting is wrong.
    """
    whole("folds", folds, 2)
    kinds = [kind for kind in _KINDS if method in ("auto", kind.method)]
    if not kinds:
        raise UsageError(f"method must be one of auto, beta, isotonic, got {method!r}")
    heavy = {name: weights[name] for name in sorted(weights) if weights[name] > 0}
    labelled, depth = _labelled(evaluation_set, list(heavy), max_samples, seed)
    number = len(labelled)
    each = max(1, min(_EACH, _VOTES // number))
    votes = decisions(labelled, rule, weights=heavy, trials=each, max_samples=depth, seed=seed)
    blank = ConfidenceCalibration(
        score="share",
        method="beta",
        rule=str(parse_rule(rule)),
        max_samples=depth,
        weights={name: weight / sum(heavy.values()) for name, weight in heavy.items()},
        labels=number,
        base_rate=float(votes.right.mean()),
        uncalibrated=_error(votes.confidences, votes.right, each),
        uncalibrated_squared=float(((votes.confidences - votes.right) ** 2).mean()),
    )
    fold = np.repeat(np.random.default_rng(seed).permutation(number) % min(folds, number), each)
    trials = [kind.held_out(blank, votes, fold, each) for kind in kinds]
    best = _best(trials, votes.right, each)
    chances = trials[best]
    fitted = kinds[best].fitted(blank, votes, np.ones(len(votes), dtype=np.bool_), each)
    return replace(
        fitted,
        error=_error(chances, votes.right, each),
        perfect=_perfect(chances, each, seed),
        squared=float(((chances - votes.right) ** 2).mean()),
        curve=_curve(chances, kinds[best].chances(fitted, votes), votes.right, each),
    )


def _labelled(
    evaluation_set: EvaluationSet, members: Sequence[str], max_samples: int, seed: int
) -> tuple[EvaluationSet, int]:
    """Return the questions to learn from, and the maximum number of samples of a vote on them."""
    estimable, sources = for_estimates(evaluation_set)
    labelled = estimable.labelled().fixed()
    wanted = f"a calibration of confidence needs at least {LABELS} labelled questions"
    if not labelled.members:
        others = f" ({sources})" if sources.left_out else ""
        raise UsageError(f"{wanted}, got 0{others}")
    common, coverage = comparable(labelled, members)
    if len(common) < LABELS:
        raise UsageError(f"{wanted} that all members were asked, got {len(common)} ({coverage})")
    deep, depth = deep_enough(common, max_samples, questions=LABELS)
    return (
        deep.split(_QUESTIONS / len(deep), seed=seed)[0] if len(deep) > _QUESTIONS else deep
    ), depth


@dataclass(frozen=True, slots=True)
class _Kind:
    """A curve of a score."""

    score: str
    method: str
    fit: Fit

    def scores(self, votes: Decisions) -> Floats:
        return votes.confidences if self.score == "confidence" else votes.shares

    def fitted(
        self,
        blank: ConfidenceCalibration,
        votes: Decisions,
        rows: NDArray[np.bool_],
        each: int,
    ) -> ConfidenceCalibration:
        parameters = self.fit(self.scores(votes)[rows], votes.right[rows], each)
        return replace(blank, score=self.score, method=self.method, **parameters)

    def chances(self, curve: ConfidenceCalibration, votes: Decisions) -> Floats:
        return np.array([curve.chance(score) for score in self.scores(votes).tolist()])

    def held_out(
        self, blank: ConfidenceCalibration, votes: Decisions, fold: NDArray[np.int64], each: int
    ) -> Floats:
        """Return the chances of all decisions, each by a curve that was not fitted to its question."""
        chances = np.empty(len(votes))
        for held in np.unique(fold):
            out = fold == held
            chances[out] = self.chances(self.fitted(blank, votes, ~out, each), votes)[out]
        return chances


def _beta(scores: Floats, right: Floats, each: int) -> dict[str, Any]:
    """Fit a beta curve; the prior at a = b = 1, c = 0 has the weight of `_TRUST` questions."""
    s = np.clip(scores, EDGE, 1 - EDGE)
    x = np.stack([np.log(s), -np.log1p(-s), np.ones(len(s))], axis=1)
    start, pull = np.array([1.0, 1.0, 0.0]), _TRUST * np.array([1.0, 1.0, 0.25])

    def loss(p: Floats) -> tuple[float, Floats, Floats]:
        z = x @ p
        away = p - start
        value = float((np.logaddexp(0, z) - right * z).sum()) / each
        chance = expit(z)
        slope = x.T @ (chance - right) / each + pull * away
        bend = (x.T * (chance * (1 - chance))) @ x / each + np.diag(pull)
        return value + float(pull @ away**2) / 2, slope, bend

    found = least(loss, start, np.array([0.0, 0.0, -np.inf]))
    return {"a": float(found[0]), "b": float(found[1]), "c": float(found[2])}


def _isotonic(scores: Floats, right: Floats, each: int) -> dict[str, Any]:
    """Fit the best rising step curve, with every step shrunk to the mean by `_TRUST` questions.

    The mean includes one more right and one more wrong question, so it is never 0 or 1.
    """
    distinct, place = np.unique(scores, return_inverse=True)
    size = np.bincount(place) / each
    share = np.bincount(place, weights=right) / each / size
    curve = isotonic_regression(share, weights=size)
    steps = curve.blocks[:-1]
    weight = np.add.reduceat(size, steps)
    mean = (right.sum() / each + 1) / (len(right) / each + 2)
    drawn = (curve.x[steps] * weight + mean * _TRUST) / (weight + _TRUST)
    level = isotonic_regression(drawn, weights=weight + _TRUST).x
    chances = np.repeat(level, np.diff(curve.blocks))
    return {
        "scores": tuple(distinct.tolist()),
        "chances": tuple(np.clip(chances, 0.0, 1.0).tolist()),
    }


_KINDS = (
    _Kind("confidence", "beta", _beta),
    _Kind("share", "beta", _beta),
    _Kind("share", "isotonic", _isotonic),
)


def _best(trials: Sequence[Floats], right: Floats, each: int) -> int:
    """Return the index of the best trial that is clearly better than the first; 0 if none is."""
    squares = [((chances - right) ** 2).reshape(-1, each).mean(axis=1) for chances in trials]
    least = min(range(len(squares)), key=lambda i: float(squares[i].mean()))
    less = squares[0] - squares[least]
    error = float(less.std(ddof=1)) / len(less) ** 0.5
    return least if float(less.mean()) > max(error, _WORTH) else 0


def _error(chances: Floats, right: Floats, each: int) -> float:
    """Return the calibration error with one vote per question, as a mean over the votes."""
    slots = zip(chances.reshape(-1, each).T, right.reshape(-1, each).T, strict=True)
    return float(np.mean([expected_calibration_error(c, r) for c, r in slots]))


def _perfect(chances: Floats, each: int, seed: int) -> float:
    """Return the expected error if the chances were true, with the same number of questions."""
    rng = np.random.default_rng(seed)
    drawn = (rng.random((_SIMULATIONS, len(chances))) < chances).astype(np.float64)
    return float(np.mean([_error(chances, right, each) for right in drawn]))


def _curve(held_out: Floats, final: Floats, right: Floats, each: int) -> tuple[CoveragePoint, ...]:
    """Return accuracy by coverage.

    Questions are ranked by curves that were not fitted to them; the lowest confidence is that of
    the curve fitted to all.
    """
    order = np.argsort(-held_out, kind="stable")
    questions = np.repeat(np.arange(len(right) // each), each)
    falling = np.sort(final)[::-1]
    points: dict[int, CoveragePoint] = {}
    for coverage in COVERAGES:
        least = float(falling[max(int(np.ceil(coverage * len(final) - 1e-9)), 1) - 1])
        answered = int((final >= least).sum())  # equal ones together
        chosen = order[:answered]
        asked = np.bincount(questions[chosen], minlength=questions[-1] + 1)
        hits = np.bincount(questions[chosen], weights=right[chosen], minlength=questions[-1] + 1)
        accuracy = float(hits.sum() / asked.sum())
        # standard error of a ratio of sums over questions
        spread = float(((hits - accuracy * asked) ** 2).sum()) ** 0.5
        se = spread / answered * (len(asked) / max(len(asked) - 1, 1)) ** 0.5
        points[answered] = CoveragePoint(answered / len(final), accuracy, se, least)
    return tuple(points.values())

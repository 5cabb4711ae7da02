"""The table of the demo: each way to answer, replayed on recorded answers of the tiny models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bestofinf import BestScore
from bestofinf.calibration import (
    ScorePool,
    Strategy,
    best_of_n,
    fit_calibration,
    majority_of_n,
    replay_scores,
)
from bestofinf.errors import MissingExtraError
from bestofinf.evaluation import EvaluationSet
from bestofinf.replay import ReplayPlan, ReplayResult, replay, replay_all
from bestofinf.rules import FixedSamples, MaxSamples
from bestofinf.rules.optscale import OptScale
from bestofinf.weights import fit_weights

MAX_SAMPLES = 64
FIXED = (1, 2, 4, 8, 16, 32, 64)
RULES = ("fast", "balanced", "thorough")


@dataclass(frozen=True, slots=True)
class DemoRow:
    """How one way to answer did on the half of the questions that nothing was fitted to.

    Attributes:
        name: The way to answer, such as ``16 votes, equal weights``.
        accuracy: Share of questions answered right, from 0 to 1.
        se: Standard error of the accuracy over questions.
        samples: Mean number of samples for a question.
        tokens: Mean number of generated tokens for a question.
    """

    name: str
    accuracy: float
    se: float
    samples: float
    tokens: float


def fitted(train: EvaluationSet) -> tuple[dict[str, float], str]:
    """Return the fitted weights by member, and in words how they were fitted."""
    try:
        fit = fit_weights(train, "maxmargin", time_limit=10)
    except MissingExtraError:
        fit = fit_weights(train, "softmax")
        return dict(fit.weights), "by softmax (python-mip, the extra 'weights', is not installed)"
    return dict(fit.weights), f"by python-mip, {fit.status.value}, {fit.correct} of {fit.total} won"


def measured(
    train: EvaluationSet, test: EvaluationSet, weights: Mapping[str, float], seed: int
) -> tuple[list[DemoRow], dict[str, list[tuple[float, float]]]]:
    """Return the rows of the table, and lines of (samples, accuracy) for the picture."""
    plan = ReplayPlan(trials=40, max_samples=MAX_SAMPLES, seed=seed)
    best = max(
        train.members, key=lambda m: replay(train, FixedSamples(1), plan, members=[m]).accuracy
    )
    equal = dict.fromkeys(train.members, 1.0)
    fixed = [FixedSamples(n) for n in FIXED]
    single = replay_all(test, fixed, plan, members=[best])
    even = replay_all(test, fixed, plan, weights=equal)
    ensemble = replay_all(test, fixed, plan, weights=weights)
    adaptive = replay_all(test, RULES, plan, weights=weights)
    scored, line = _by_score(train, test, best, seed)
    sixteen = FIXED.index(16)
    rows = [
        _row(f"one answer of the best model, {best}", single[0]),
        _row(f"16 votes of {best}", single[sixteen]),
        _row("16 votes, equal weights", even[sixteen]),
        _row("16 votes, optimal weights", ensemble[sixteen]),
        _row(f"{FIXED[-1]} votes, optimal weights", ensemble[-1]),
        _row("adaptive, optimal weights", adaptive[1]),
        *scored,
    ]
    lines = {
        f"votes of {best}": [(r.samples, r.accuracy) for r in single],
        "votes, equal weights": [(r.samples, r.accuracy) for r in even],
        "votes, optimal weights": [(r.samples, r.accuracy) for r in ensemble],
        "adaptive, optimal weights": [(r.samples, r.accuracy) for r in adaptive],
        "best of N by the verifier": line,
    }
    return rows, lines


def _by_score(
    train: EvaluationSet, test: EvaluationSet, member: str, seed: int
) -> tuple[list[DemoRow], list[tuple[float, float]]]:
    """Return the rows that use the verifier's scores: majority and best of 8, and OptScale.

    The second value is the line of (samples, accuracy) for the picture.
    """
    calibration = fit_calibration(ScorePool.from_set(train, member=member), accuracy=0.95)
    rule = OptScale(calibration.min_score or 0.95, calibration=calibration, cap=MAX_SAMPLES)
    stop = Strategy("scores", rule | MaxSamples(MAX_SAMPLES), BestScore())
    pool = ScorePool.from_set(test, member=member)
    sizes = best_of_n(FIXED)
    majority, eight, chosen, *line = replay_scores(
        pool, [*majority_of_n([8]), *best_of_n([8]), stop, *sizes], trials=10, seed=seed
    )
    rows = [
        DemoRow(name, o.accuracy, o.accuracy_se, o.samples, o.tokens)
        for name, o in (
            (f"majority of 8 of {member}", majority),
            (f"best of 8 of {member} by the verifier", eight),
            (f"OptScale with the verifier, {member}", chosen),
        )
    ]
    return rows, [(o.samples, o.accuracy) for o in line]


def _row(name: str, result: ReplayResult) -> DemoRow:
    return DemoRow(
        name, result.accuracy, result.standard_error("accuracy"), result.samples, result.tokens
    )

"""Calibration of scorers on recorded replies, and replay of stopping by scores."""

from bestofinf.calibration.fitting import (
    area_under_curve,
    expected_calibration_error,
    fit_calibration,
    share_right_above,
)
from bestofinf.calibration.pools import (
    ScoredQuestion,
    ScorePool,
    read_pool,
    simulate_pool,
)
from bestofinf.calibration.replay import (
    Outcome,
    Strategy,
    Tuned,
    best_of_n,
    draw_chart,
    majority_of_n,
    replay_scores,
    tune,
    usual_strategies,
)
from bestofinf.scores.reliability import Calibration

__all__ = [
    "Calibration",
    "Outcome",
    "ScorePool",
    "ScoredQuestion",
    "Strategy",
    "Tuned",
    "area_under_curve",
    "best_of_n",
    "draw_chart",
    "expected_calibration_error",
    "fit_calibration",
    "majority_of_n",
    "read_pool",
    "replay_scores",
    "share_right_above",
    "simulate_pool",
    "tune",
    "usual_strategies",
]

"""Calibration of scorers and of the confidence of decisions, and replay of stopping by scores."""

from bestofinf.calibration.confidence import fit_confidence
from bestofinf.calibration.fitting import (
    area_under_curve,
    expected_calibration_error,
    fit_calibration,
    share_right_above,
)
from bestofinf.calibration.kappa import KappaFit, fit_kappa, tells_probabilities
from bestofinf.calibration.pools import (
    ScoredQuestion,
    ScorePool,
    read_pool,
    simulate_pool,
)
from bestofinf.calibration.replay import (
    Strategy,
    StrategyResult,
    Tuned,
    best_of_n,
    draw_chart,
    majority_of_n,
    replay_scores,
    tune,
    usual_strategies,
)
from bestofinf.optscale.reliability import Calibration
from bestofinf.voting.confidence import ConfidenceCalibration, CoveragePoint

__all__ = [
    "Calibration",
    "ConfidenceCalibration",
    "CoveragePoint",
    "KappaFit",
    "ScorePool",
    "ScoredQuestion",
    "Strategy",
    "StrategyResult",
    "Tuned",
    "area_under_curve",
    "best_of_n",
    "draw_chart",
    "expected_calibration_error",
    "fit_calibration",
    "fit_confidence",
    "fit_kappa",
    "majority_of_n",
    "read_pool",
    "replay_scores",
    "share_right_above",
    "simulate_pool",
    "tells_probabilities",
    "tune",
    "usual_strategies",
]

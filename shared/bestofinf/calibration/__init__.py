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
    merge_pools,
    read_pool,
    simulate_pool,
)
from bestofinf.scores.reliability import Calibration

__all__ = [
    "Calibration",
    "ScorePool",
    "ScoredQuestion",
    "area_under_curve",
    "expected_calibration_error",
    "fit_calibration",
    "merge_pools",
    "read_pool",
    "share_right_above",
    "simulate_pool",
]

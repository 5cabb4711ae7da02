"""Ensemble weights: the proven optimum on seen questions, and what to use on new ones."""

from bestofinf.weights.budget import Progress
from bestofinf.weights.compare import (
    HeldOut,
    Score,
    Scores,
    WeightComparison,
    compare_weights,
)
from bestofinf.weights.fit import fit_weights
from bestofinf.weights.heldout import Estimate
from bestofinf.weights.locked import LockedTest, Rival
from bestofinf.weights.options import OBJECTIVES
from bestofinf.weights.result import Baseline, FitStatus, QuestionFit, WeightFit

__all__ = [
    "OBJECTIVES",
    "Baseline",
    "Estimate",
    "FitStatus",
    "HeldOut",
    "LockedTest",
    "Progress",
    "QuestionFit",
    "Rival",
    "Score",
    "Scores",
    "WeightComparison",
    "WeightFit",
    "compare_weights",
    "fit_weights",
]

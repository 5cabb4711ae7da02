"""Ensemble weights: the proven optimum on seen questions, and what to use on new ones."""

from bestofinf.weights.budget import Progress
from bestofinf.weights.fit import fit_weights
from bestofinf.weights.options import OBJECTIVES
from bestofinf.weights.result import Baseline, FitStatus, QuestionFit, WeightFit

__all__ = [
    "OBJECTIVES",
    "Baseline",
    "FitStatus",
    "Progress",
    "QuestionFit",
    "WeightFit",
    "fit_weights",
]

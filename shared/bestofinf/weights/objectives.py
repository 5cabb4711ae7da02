"""The objectives of a fit by name."""

from __future__ import annotations

OBJECTIVES = (
    "maxmargin",
    "accuracy",
    "hinge",
    "finite-n",
    "softmax",
    "blend",
    "consensus",
    "bagged-single",
    "single",
    "uniform",
)
"""Names of the objectives that `fit_weights` takes."""
FINITE_VOTES = 5
"""Default number of votes whose accuracy "finite-n" maximises."""
PROVEN = ("maxmargin", "accuracy")
"""Objectives whose optimum is proven."""
SOLVED = (*PROVEN, "hinge")
"""Objectives that need a solver."""

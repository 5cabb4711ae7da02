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
"""Votes whose accuracy "finite-n" maximises, where nothing else is said."""
PROVEN = ("maxmargin", "accuracy")
"""Those whose optimum is proven."""
SOLVED = (*PROVEN, "hinge")
"""Those that a solver finds."""

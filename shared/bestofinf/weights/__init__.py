"""Ensemble weights: the proven optimum on seen questions, and what to use on new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestofinf._extras import handed_on
from bestofinf.weights.objectives import OBJECTIVES

if TYPE_CHECKING:
    from bestofinf.weights.asking import Wanted, at_random, to_label
    from bestofinf.weights.compare import WeightComparison, compare_weights
    from bestofinf.weights.deciding import Decider, Verdict
    from bestofinf.weights.fit import fit_weights
    from bestofinf.weights.heldout import Estimate
    from bestofinf.weights.locked import LockedTest, Rival
    from bestofinf.weights.result import (
        Baseline,
        FitStatus,
        Proposal,
        QuestionFit,
        UnlabelledWeightsWarning,
        WeightFit,
    )
    from bestofinf.weights.solver.clock import Progress
    from bestofinf.weights.solver.proof import Proof
    from bestofinf.weights.splits import HeldOut, Score, Scores

__all__ = [
    "OBJECTIVES",
    "Baseline",
    "Decider",
    "Estimate",
    "FitStatus",
    "HeldOut",
    "LockedTest",
    "Progress",
    "Proof",
    "Proposal",
    "QuestionFit",
    "Rival",
    "Score",
    "Scores",
    "UnlabelledWeightsWarning",
    "Verdict",
    "Wanted",
    "WeightComparison",
    "WeightFit",
    "at_random",
    "compare_weights",
    "fit_weights",
    "to_label",
]

__getattr__ = handed_on(
    __name__,
    {
        "asking": ("Wanted", "at_random", "to_label"),
        "compare": ("WeightComparison", "compare_weights"),
        "deciding": ("Decider", "Verdict"),
        "fit": ("fit_weights",),
        "heldout": ("Estimate",),
        "locked": ("LockedTest", "Rival"),
        "result": (
            "Baseline",
            "FitStatus",
            "Proposal",
            "QuestionFit",
            "UnlabelledWeightsWarning",
            "WeightFit",
        ),
        "solver.clock": ("Progress",),
        "solver.proof": ("Proof",),
        "splits": ("HeldOut", "Score", "Scores"),
    },
)


def __dir__() -> list[str]:
    return list(__all__)

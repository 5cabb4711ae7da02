"""The advice in words."""

from __future__ import annotations

from collections.abc import Mapping

from bestofinf.advice.choice import Aim, Choice
from bestofinf.advice.strategies import Contender
from bestofinf.advice.units import Unit
from bestofinf.calibration import ConfidenceCalibration
from bestofinf.evaluation.limits import FEWEST
from bestofinf.weights.votes import FEWEST_VOTES

SURE = 0.8
"""Coverage of the example: the share of questions that are answered."""


def sure(calibration: ConfidenceCalibration) -> str:
    """Return in words the accuracy of answering only the questions with the surest votes."""
    point = min(calibration.curve, key=lambda point: abs(point.coverage - SURE))
    return (
        f"Calibrated confidence: the surest {100 * point.coverage:.0f} % of the questions are "
        f"{100 * point.accuracy:.1f} ± {100 * point.se:.1f} % right (confidence from "
        f"{point.least:.2f}); calibration error {calibration.error:.3f}, of a perfect curve "
        f"{calibration.perfect:.3f}."
    )


def recommendation(strategy: Contender, weights: Mapping[str, float], depth: int) -> str:
    """Return the recommendation in words."""
    if strategy.kind == "one":
        return f"Do not vote: ask {next(iter(weights))} once."
    rule = f"{strategy.rule!r}, with at most {depth} samples"
    if len(weights) == 1:
        return f"Use one model, {next(iter(weights))}, and let it vote with the rule {rule}."
    listed = ", ".join(weights)
    return f"Use the ensemble of {listed} ({strategy.objective} weights), rule {rule}."


def reason(choice: Choice, unit: Unit, aim: Aim, depth: int) -> str:
    """Return the figures behind the recommendation in words."""
    plain, result = choice.plain, choice.result
    if depth < FEWEST_VOTES:
        samples = f"{depth} sample{'s' if depth > 1 else ''}"
        return (
            f"what votes give cannot be known from {samples} a question: record at least "
            f"{FEWEST}, for example with Explore(samples={FEWEST})"
        )
    aimed = ""
    if aim.value is not None:
        aimed = f" at {unit.tell(aim.value)} for a right answer"
    elif aim.budget is not None:
        aimed = f" within {unit.tell(aim.budget)} a question"
    right = f"{100 * result.accuracy:.1f} %"
    if result.strategy.kind == "one":
        once = f"one answer: {right}{_price(choice, unit)}"
        if aim.budget is not None:
            return f"nothing{aimed} is more accurate than {once}"
        return f"no votes are worth their price{aimed}; {once}"
    gain = f"{100 * choice.gain:+.1f} ± {100 * choice.se:.1f} points"
    against = f"{right} right against {100 * plain.accuracy:.1f} % for one answer ({gain})"
    shown = "" if choice.shown else "a gain of votes is not shown: "
    return f"{shown}{against}{_price(choice, unit)},{aimed}".rstrip(",")


def _price(choice: Choice, unit: Unit) -> str:
    """Return in words what the votes cost; "" if unknown."""
    votes, once = choice.result.mean_cost, choice.plain.mean_cost
    if votes is None or not once:
        return ""
    if choice.result.strategy.kind == "one":
        return f" for {unit.tell(votes)}"
    return f" for {votes / once:.1f} times the cost ({unit.tell(votes, once)})"

"""The cost of a question in the user's unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from bestofinf.errors import UsageError, is_number
from bestofinf.evaluation import EvaluationSet

UnitName: TypeAlias = Literal["money", "tokens", "seconds", "samples"]


@dataclass(frozen=True)
class Unit:
    """The unit of costs.

    Attributes:
        name: "money", "tokens", "seconds" (to the decision, with up to 8 requests at a time) or
            "samples".
        prices: Money for one generated token, by member.
        speed: Tokens that one reply generates in a second; None if the unit is not seconds.
    """

    name: UnitName
    prices: Mapping[str, float] = field(default_factory=dict)
    speed: float | None = None

    def tell(self, *costs: float) -> str:
        """Return costs in words, each compared with the next."""
        form = ",.0f" if self.name == "tokens" else ",.3g"
        shown = " against ".join(format(cost, form) for cost in costs)
        return shown if self.name == "money" else f"{shown} {self.name}"


def chosen_unit(
    evaluation_set: EvaluationSet,
    members: Sequence[str],
    *,
    name: str | None,
    prices: Mapping[str, float] | None,
    speed: float | None,
) -> Unit:
    """Return the unit asked for; by default money if prices are given, else tokens if known.

    Raises:
        UsageError: If the set lacks what the unit needs, or a number is wrong.
    """
    prices = dict(prices or {})
    for member, price in prices.items():
        if not is_number(price) or not price >= 0:
            raise UsageError(f"the price of {member!r} must be at least 0, got {price!r}")
    if speed is not None and not (is_number(speed) and speed > 0):
        raise UsageError(f"speed must be above 0 tokens a second, got {speed!r}")
    uncounted = [m for m in members if not _counted(evaluation_set, m)]
    if name is None:
        name = "money" if prices else "samples" if uncounted else "tokens"
    if name not in get_args(UnitName):
        raise UsageError(f"unit must be one of {', '.join(get_args(UnitName))}, got {name!r}")
    if name != "samples" and uncounted:
        raise UsageError(
            f"costs in {name} need token counts; none are recorded for {', '.join(uncounted)}: "
            "use the unit samples"
        )
    unpriced = [m for m in members if m not in prices]
    if name == "money" and unpriced:
        raise UsageError(f"costs in money need a price of every member: {', '.join(unpriced)}")
    if name == "seconds" and speed is None:
        raise UsageError("costs in seconds need the speed of a reply, in tokens a second")
    return Unit(name, prices, speed)  # type: ignore[arg-type]


def _counted(evaluation_set: EvaluationSet, member: str) -> bool:
    return any(
        token is not None
        for question in evaluation_set
        if member in question.samples
        for token in question.samples[member].tokens
    )

"""What a caller may ask of a fit, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

import numpy as np

from bestofinf.errors import UsageError
from bestofinf.weights.margins import Floats, Margins

OBJECTIVES = (
    "maxmargin",
    "accuracy",
    "hinge",
    "finite-n",
    "softmax",
    "bagged-single",
    "single",
    "uniform",
)
PROVEN = ("maxmargin", "accuracy")
SOLVED = (*PROVEN, "hinge")

Bound = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Limits:
    """Limits of the weights, per member.

    Attributes:
        lower: Least weights, exactly.
        upper: Greatest weights, exactly.
        max_members: Most members with weight; None for no limit.
        price: Accuracy given up for one unit of cost.
        cost: Cost of one sample of each member, shape (K,).
    """

    lower: tuple[Fraction, ...]
    upper: tuple[Fraction, ...]
    max_members: int | None
    price: float
    cost: Floats

    @property
    def free(self) -> bool:
        """True when there are neither limits nor a price."""
        return (
            not any(self.lower)
            and all(u == 1 for u in self.upper)
            and self.max_members is None
            and self.price == 0
        )


def check_objective(objective: str) -> str:
    """Return the objective's name.

    Raises:
        UsageError: If it is unknown.
    """
    if objective not in OBJECTIVES:
        raise UsageError(f"objective must be one of {', '.join(OBJECTIVES)}, got {objective!r}")
    return objective


def check_time_limit(seconds: float) -> float:
    """Return the limit.

    Raises:
        UsageError: If it is not above zero.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise UsageError(f"time_limit must be above 0 seconds, got {seconds!r}")
    return float(seconds)


def check_limits(
    margins: Margins,
    *,
    bounds: Mapping[str, Bound] | None,
    fixed: Mapping[str, float] | None,
    max_members: int | None,
    price: float,
    costs: Mapping[str, float] | None,
) -> Limits:
    """Put the limits of the weights together.

    Args:
        margins: The vote counts.
        bounds: Least and greatest weight by member; (0, 1) where none is given.
        fixed: Weight by member.
        max_members: Most members with weight.
        price: Accuracy given up for one unit of cost.
        costs: Cost of one sample by member; thousands of tokens, as recorded, when None.

    Raises:
        UsageError: If a name is unknown, a number out of range, or no weights keep the limits.
    """
    pairs = dict(bounds or {})
    for name, weight in (fixed or {}).items():
        if name in pairs:
            raise UsageError(
                f"member {name!r} has both bounds and a fixed weight: give one of them"
            )
        pairs[name] = (weight, weight)
    for name in pairs:
        if name not in margins.members:
            raise UsageError(f"no member {name!r} to bound; there are {', '.join(margins.members)}")
    both = [_interval(name, pairs.get(name, (0.0, 1.0))) for name in margins.members]
    lower, upper = tuple(b[0] for b in both), tuple(b[1] for b in both)
    if sum(lower) > 1:
        raise UsageError(f"weights cannot sum to 1: the least weights alone are {_sum(lower)}")
    if sum(upper) < 1:
        raise UsageError(
            f"weights cannot sum to 1: the greatest weights are {_sum(upper)} together"
        )
    _check_members(max_members, lower, upper)
    if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < np.inf:
        raise UsageError(f"price must be a number of at least 0, got {price!r}")
    return Limits(lower, upper, max_members, float(price), _costs(margins, price, costs))


def _interval(name: str, pair: Bound) -> tuple[Fraction, Fraction]:
    try:
        low, high = (Fraction(str(float(value))) for value in pair)
    except (TypeError, ValueError):
        raise UsageError(f"bounds of {name!r} must be two numbers, got {pair!r}") from None
    if not 0 <= low <= high <= 1:
        raise UsageError(
            f"bounds of {name!r} must satisfy 0 <= least <= greatest <= 1, got {pair!r}"
        )
    return low, high


def _check_members(
    max_members: int | None, lower: Sequence[Fraction], upper: Sequence[Fraction]
) -> None:
    if max_members is None:
        return
    if isinstance(max_members, bool) or not isinstance(max_members, int) or max_members < 1:
        raise UsageError(f"max_members must be a whole number of at least 1, got {max_members!r}")
    needed = [high for low, high in zip(lower, upper, strict=True) if low > 0]
    others = sorted((h for low, h in zip(lower, upper, strict=True) if low == 0), reverse=True)
    if len(needed) > max_members:
        raise UsageError(
            f"max_members is {max_members}, but {len(needed)} members have a least weight above 0"
        )
    if sum(needed) + sum(others[: max_members - len(needed)]) < 1:
        raise UsageError(f"weights cannot sum to 1 with {max_members} members and these bounds")


def _costs(margins: Margins, price: float, costs: Mapping[str, float] | None) -> Floats:
    if costs is None:
        if price and np.isnan(margins.tokens).any():
            missing = [
                m for m, t in zip(margins.members, margins.tokens, strict=True) if np.isnan(t)
            ]
            raise UsageError(
                f"a price needs the cost of every member, but no token counts are recorded for "
                f"{', '.join(missing)}: give costs"
            )
        return np.nan_to_num(margins.tokens) / 1000
    for name in margins.members:
        cost = costs.get(name)
        if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < np.inf:
            raise UsageError(f"costs must give a number of at least 0 for {name!r}, got {cost!r}")
    return np.array([float(costs[name]) for name in margins.members])


def _sum(values: Sequence[Fraction]) -> str:
    total = float(sum(values))
    return f"{total:g}" if isfinite(total) else str(total)

"""The options of a fit, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

import numpy as np

from bestofinf.errors import UsageError, one_of, shown, whole
from bestofinf.weights.objectives import OBJECTIVES
from bestofinf.weights.solver.margins import Floats, Margins

Bound = tuple[float, float]

SIMPLE = 10_000
"""Greatest denominator of the fractions that a float is interpreted as."""

ROUNDING = Fraction(1, 10**9)
"""Accepted deviation of a sum of weights from 1."""


@dataclass(frozen=True, eq=False)
class Limits:
    """Limits of the weights, per member.

    Attributes:
        lower: Least weights, exactly.
        upper: Greatest weights, exactly.
        max_members: Maximum number of members with a weight above 0; None for no limit.
        price: Accuracy that one unit of cost must gain.
        cost: Cost of one sample of each member, shape (K,).
    """

    lower: tuple[Fraction, ...]
    upper: tuple[Fraction, ...]
    max_members: int | None
    price: float
    cost: Floats

    @property
    def free(self) -> bool:
        """True when the weights have no limits."""
        free = not any(self.lower) and all(u == 1 for u in self.upper)
        return free and self.max_members is None

    @classmethod
    def none(cls, members: int) -> Limits:
        """Return limits that allow all weights of this many members, without a price."""
        zero, one = (Fraction(0),) * members, (Fraction(1),) * members
        return cls(zero, one, None, 0.0, np.zeros(members))


def check_objective(objective: str) -> str:
    """Return the objective's name.

    Raises:
        UsageError: If it is unknown.
    """
    one_of("objective", objective, OBJECTIVES)
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
    price: float = 0.0,
    costs: Mapping[str, float] | None = None,
) -> Limits:
    """Check the limits of the weights and combine them.

    Args:
        margins: The vote counts.
        bounds: Least and greatest weight by member; (0, 1) for others.
        fixed: Fixed weight by member.
        max_members: Maximum number of members with a weight above 0.
        price: Accuracy that one unit of cost must gain.
        costs: Cost of one sample by member; None for the recorded tokens in thousands.

    Returns:
        The limits as exact fractions. A float that is nearest to a fraction with a small denominator
        becomes that fraction; another becomes the decimal it is written with. Limits whose sum
        misses 1 only by rounding are adjusted to sum to 1.

    Raises:
        UsageError: If a name is unknown, a number out of range, or no weights satisfy the limits.
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
    lower, upper = _rounded_to_one(lower, upper)
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
        low, high = (_exactly(value) for value in pair)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"bounds of {name!r} must be two numbers, got {shown(pair)}") from None
    if not 0 <= low <= high <= 1:
        raise UsageError(
            f"bounds of {name!r} must satisfy 0 <= least <= greatest <= 1, got {pair!r}"
        )
    return low, high


def _exactly(value: float | Fraction) -> Fraction:
    """Return the number that was meant: 1/3 for 0.3333333333333333, 123/1000 for 0.123."""
    if isinstance(value, Fraction):
        return value
    number = float(value)
    simple = Fraction(number).limit_denominator(SIMPLE)
    return simple if float(simple) == number else Fraction(str(number))


def _rounded_to_one(
    lower: tuple[Fraction, ...], upper: tuple[Fraction, ...]
) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]]:
    """Adjust limits whose sum misses 1 only by rounding."""
    least, greatest = sum(lower), sum(upper)
    if 1 < least <= 1 + ROUNDING:
        shrunk = tuple(low / least for low in lower)
        upper = tuple(
            new if low == high else high
            for new, low, high in zip(shrunk, lower, upper, strict=True)
        )
        lower = shrunk
    if 1 - ROUNDING <= greatest < 1:
        grown = tuple(high / greatest for high in upper)
        lower = tuple(
            new if low == high else low for new, low, high in zip(grown, lower, upper, strict=True)
        )
        upper = grown
    return lower, upper


def _check_members(
    max_members: int | None, lower: Sequence[Fraction], upper: Sequence[Fraction]
) -> None:
    if max_members is None:
        return
    whole("max_members", max_members)
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

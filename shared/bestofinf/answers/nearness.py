"""Whether two canonical JSON values agree, numbers within a tolerance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from bestofinf.answers.canonical_json import Schema, is_unordered, parse_json
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue

MAX_MATCHED = 50
"""Longer lists without order are compared in the order of their canonical forms."""


def checked_tolerance(tolerance: float) -> float:
    """Return the tolerance if it lies in [0, 1)."""
    if not 0 <= tolerance < 1:
        raise UsageError(f"tolerance must lie in [0, 1), got {tolerance!r}")
    return tolerance


def near(
    first: AnswerValue, second: AnswerValue, *, schema: Schema | None, tolerance: float
) -> bool:
    """Return whether two canonical JSON texts agree, numbers within a relative tolerance."""
    if not tolerance:
        return first == second
    factor = Decimal(repr(tolerance))
    return _near(parse_json(str(first)), parse_json(str(second)), schema, factor)


def _near(first: Any, second: Any, schema: Schema | None, tolerance: Decimal) -> bool:
    if isinstance(first, Decimal) and isinstance(second, Decimal):
        return abs(first - second) <= tolerance * max(abs(first), abs(second))
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        properties = (schema or {}).get("properties", {})
        return first.keys() == second.keys() and all(
            _near(first[k], second[k], properties.get(k), tolerance) for k in first
        )
    if isinstance(first, list):
        if len(first) != len(second):
            return False
        items = (schema or {}).get("items")

        def agree(a: Any, b: Any) -> bool:
            return _near(a, b, items, tolerance)

        if is_unordered(schema or {}) and len(first) <= MAX_MATCHED:
            return paired(first, second, agree)
        return all(map(agree, first, second))
    return bool(first == second)


def paired(first: Sequence[Any], second: Sequence[Any], agree: Callable[[Any, Any], bool]) -> bool:
    """Return whether the items of two lists of one length can be paired so that all agree."""
    partners = [[j for j, b in enumerate(second) if agree(a, b)] for a in first]
    taken: dict[int, int] = {}

    def place(i: int, tried: set[int]) -> bool:
        # An augmenting path of bipartite matching (Kuhn's algorithm).
        for j in partners[i]:
            if j not in tried:
                tried.add(j)
                if j not in taken or place(taken[j], tried):
                    taken[j] = i
                    return True
        return False

    return all(place(i, set()) for i in range(len(first)))

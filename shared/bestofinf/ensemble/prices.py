"""Prices of members from a table by model name, as users and LiteLLM write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from bestofinf.border import as_price
from bestofinf.errors import UsageError
from bestofinf.records import Member

M = TypeVar("M")

Price: TypeAlias = "Sequence[float] | Mapping[str, Any]"
Prices: TypeAlias = Mapping[str, Price]
"""Price by name of a member or a model: money for one input and one output token, as a pair or as
a mapping with ``input_cost_per_token`` and ``output_cost_per_token``. That is also the form of
LiteLLM's table, which may be given as a whole."""

FREE = (0.0, 0.0)
_KEYS = ("input_cost_per_token", "output_cost_per_token")


def priced(
    members: Sequence[Member[M]], prices: Any, model_name: Callable[[M], str]
) -> tuple[Member[M], ...]:
    """Return the members with their prices from a table; a member's own price comes first.

    A member is looked up by its name, then by its model's name, then by either with or without
    a provider before it (``openai/gpt-5-mini``).

    Args:
        members: The members, named.
        prices: A table in the form of `Prices`; None leaves the members unchanged.
        model_name: Returns the name of a member's model.

    Raises:
        UsageError: If `prices` is not a mapping, a price of a member has a wrong form, or a member
            has neither an entry nor a price of its own.
    """
    if prices is None:
        return tuple(members)
    if not isinstance(prices, Mapping):
        raise UsageError(f"prices must map names to prices, got {type(prices).__name__}")
    return tuple(
        member
        if tuple(member.price) != FREE
        else replace(member, price=_found(prices, member.name, model_name(member.model)))
        for member in members
    )


def _found(prices: Prices, name: str, model: str) -> tuple[float, float]:
    for wanted in dict.fromkeys((name, name.rpartition("#")[0], model)):
        if wanted and wanted in prices:
            return _price(wanted, prices[wanted])
    bare = {model, model.rpartition("/")[2]}
    near = [key for key in prices if isinstance(key, str) and key.rpartition("/")[2] in bare]
    found = {_price(key, prices[key]) for key in near}
    if len(found) == 1:
        return found.pop()
    if found:
        raise UsageError(
            f"prices has several entries for the model {model!r}, at different prices: "
            f"{', '.join(sorted(near)[:5])}; add one for the member {name!r}"
        )
    raise UsageError(
        f"prices has no entry for the member {name!r} (model {model!r}): add one, or (0, 0) if it "
        "is free"
    )


def _price(name: str, given: Any) -> tuple[float, float]:
    pair: Any = [given.get(key) for key in _KEYS] if isinstance(given, Mapping) else given
    found = as_price(pair)
    if found is None:
        raise UsageError(
            f"the price of {name!r} must be two numbers of at least 0 for one input and one output "
            f"token, or a mapping with {' and '.join(_KEYS)}, got {given!r:.200}"
        )
    return found

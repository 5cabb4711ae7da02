"""The members of an ensemble, their names and their weights, from what users give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from bestofinf.border import LONGEST_NAME, hide_secrets, read_json
from bestofinf.errors import UsageError, is_number, shown
from bestofinf.records import Member

M = TypeVar("M")

_LONGEST = 8 * LONGEST_NAME  # far longer than a name, so that a key is hidden before it is cut off


@runtime_checkable
class FittedWeights(Protocol):
    """A result of fitting weights: weight by member name."""

    @property
    def weights(self) -> Mapping[str, float]:
        """Weight by member name."""


Weights: TypeAlias = Mapping[str, float] | Sequence[float] | FittedWeights | None


MEMBER_FIELDS = frozenset(
    {"weight", "name", "cost", "price", "call_kwargs", "concurrency", "logprobs", "system"}
)
"""What a mapping that describes a member may hold besides its ``model``."""


def read_members(
    given: Any, read: Callable[[Any], tuple[M, str]], wanted: str
) -> tuple[Member[M], ...]:
    """Return members with models and unique names.

    Args:
        given: A list with, for each member, a model, a pair of a model and its weight, a `Member`,
            or a mapping with ``model`` and fields of a `Member`.
        read: Returns the model that something stands for, and its own name.
        wanted: What a list should hold, for the error.

    Raises:
        UsageError: If it is not a list, holds nothing, or something in it is not a member.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise UsageError(f"members must be a list of {wanted}, got {shown(given)}")
    return unique_names([_read_member(item, read) for item in given])


def _read_member(item: Any, read: Callable[[Any], tuple[M, str]]) -> Member[M]:
    if isinstance(item, Mapping) and "model" in item:
        unknown = item.keys() - MEMBER_FIELDS - {"model"}
        if unknown:
            raise UsageError(
                "a member given as a mapping has the key 'model' and may have "
                f"{', '.join(sorted(MEMBER_FIELDS))}; got {', '.join(map(str, item))}"
            )
        item = Member(**{**item, "price": tuple(item.get("price", (0.0, 0.0)))})
    elif isinstance(item, tuple) and len(item) == 2:
        item = Member(item[0], weight=item[1])
    member = item if isinstance(item, Member) else Member(item)
    model = member.model
    if model is None and member.factory is not None:
        model = member.factory()
    if isinstance(model, str):  # its name is the text, here as on the command line
        return replace(member, model=read(model)[0], name=member.name or member_name(model))
    model, name = read(model)
    return replace(member, model=model, name=member.name or name)


def member_name(text: str) -> str:
    """Return the name of a member that is given as a text: that text, without secrets.

    >>> member_name("openai:gpt-5-mini"), member_name("a@http://user:word@host/v1?v=3")
    ('openai:gpt-5-mini', 'a@http://host/v1?v=3')
    """
    model, at, address = text.partition("@http")
    if not at:
        return text
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    full = f"{model}@http{scheme}://{host.rpartition('@')[2]}{slash}{path}"
    return hide_secrets(full[:_LONGEST])


def common_facts(found: Sequence[object]) -> dict[str, Any] | None:
    """Return the facts that hold for all of several models.

    Args:
        found: The facts of each model by name; anything else than a mapping stands for none.

    Returns:
        The facts that every model has: booleans joined with ``and``, the minimum of numbers, and
        other values if all are equal. None if some model has no facts.
    """
    known = [facts for facts in found if isinstance(facts, Mapping) and facts]
    if not known or len(known) < len(found):
        return None
    first, *others = known
    common: dict[str, Any] = {}
    for key in first:
        if not all(key in other for other in others):
            continue
        values = [first[key], *(other[key] for other in others)]
        if all(isinstance(value, bool) for value in values):
            common[key] = all(values)
        elif all(isinstance(value, int | float) for value in values):
            common[key] = min(values)
        elif all(value == values[0] for value in values):
            common[key] = values[0]
    return common


def written_member(given: Any) -> Any:
    """Return a member as a user gave it in a form that JSON can hold and `read_members` reads.

    Only the fields that differ from a `Member`'s defaults are written.
    """
    if isinstance(given, tuple) and len(given) == 2:
        return {"model": given[0], "weight": given[1]}
    if not isinstance(given, Member):
        return given
    plain = Member(given.model)
    changed = {
        name: getattr(given, name)
        for name in sorted(MEMBER_FIELDS)
        if getattr(given, name) != getattr(plain, name)
    }
    for name, kind in (("price", list), ("call_kwargs", dict)):
        if name in changed:
            changed[name] = kind(changed[name])
    return {"model": given.model, **changed}


def unique_names(members: Sequence[Member[M]]) -> tuple[Member[M], ...]:
    """Return the members with unique names: repeated names get ``#2``, ``#3``, ...

    A member without a name is called ``member-PLACE``, counted from 0.

    Raises:
        UsageError: If there is no member.
    """
    if not members:
        raise UsageError("an ensemble needs at least one member, got none")
    seen: dict[str, int] = {}
    named = []
    for place, member in enumerate(members):
        name = member.name or f"member-{place}"
        seen[name] = seen.get(name, 0) + 1
        named.append(replace(member, name=name if seen[name] == 1 else f"{name}#{seen[name]}"))
    return tuple(named)


def weighted(members: Sequence[Member[M]], weights: Weights) -> tuple[Member[M], ...]:
    """Return the members with their weights replaced.

    Args:
        members: The members, with unique names.
        weights: By name (members that are not named get 0), in order of the members, or the result
            of a fit. None leaves the members unchanged.

    Raises:
        UsageError: If a name is not a member's, or the number of weights is not the members'.
    """
    if weights is None:
        return tuple(members)
    if isinstance(weights, FittedWeights):
        weights = weights.weights
    if isinstance(weights, Mapping):
        names = [member.name for member in members]
        unknown = [name for name, weight in weights.items() if name not in names and weight]
        if unknown:
            raise UsageError(
                f"weights name {unknown[0]!r}, which is no member; members are {', '.join(names)}"
            )
        wrong = [weight for weight in weights.values() if not is_number(weight)]
        if wrong:
            raise UsageError(f"weights must be numbers, got {shown(wrong[0])}")
        return tuple(replace(m, weight=float(weights.get(m.name, 0.0))) for m in members)
    if isinstance(weights, str) or not isinstance(weights, Sequence):
        raise UsageError(
            "weights must be a mapping by member name, a list in order of the members, or a fit, "
            f"got {shown(weights)}"
        )
    if not all(is_number(weight) for weight in weights):
        raise UsageError(f"weights must be numbers, got {shown(weights)}")
    if len(weights) != len(members):
        raise UsageError(
            f"weights must have a number for each of the {len(members)} members, "
            f"got {len(weights)} weights"
        )
    return tuple(replace(m, weight=float(w)) for m, w in zip(members, weights, strict=True))


def read_fit(path: str | PathLike[str]) -> Mapping[str, float]:
    """Return the weights in the file of a fit.

    Raises:
        UsageError: If the file cannot be read or holds no weights.
    """
    path = Path(path)
    try:
        found = read_json(path)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"weights: {path} cannot be read: {error}") from error
    found = found.get("weights") if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise UsageError(
            f"weights: {path} has no weights by member name under the key 'weights', which the "
            "file of a fit must have"
        )
    return found

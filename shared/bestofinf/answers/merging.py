"""Lists by agreement: the items of a field that enough replies have in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bestofinf.answers.base import YES, Abstain
from bestofinf.answers.canonical_json import Schema, parse_json, value_json
from bestofinf.errors import UsageError, shown
from bestofinf.records import AnswerValue

HALF = "items in at least half"
"""The one way to merge: what a vote on every item by itself elects."""

NO = "false"


def checked_merge(merge: Mapping[str, str], schema: Schema | None) -> tuple[str, ...]:
    """Return the names of the fields that are merged.

    Raises:
        UsageError: If a way is not known, or the schema says that a field is no list.
    """
    if not isinstance(merge, Mapping):
        raise UsageError(f"merge must map fields to {HALF!r}, got {shown(merge)}")
    properties = (schema or {}).get("properties")
    for name, way in merge.items():
        if way != HALF:
            raise UsageError(f"merge[{name!r}] must be {HALF!r}, got {shown(way)}")
        if properties is not None and name not in properties:
            raise UsageError(f"no field {name!r} in the schema; it has {', '.join(properties)}")
        kind = (properties or {}).get(name, {}).get("type", "array")
        if kind != "array":
            raise UsageError(f"merge[{name!r}]: the schema says that it is no list but {kind!r}")
    return tuple(merge)


def item_forms(value: Mapping[str, Any], field: str) -> list[str] | None:
    """Return the canonical forms of a list's items, each once; None where there is no list."""
    items = value.get(field)
    if not isinstance(items, list | tuple | set | frozenset):
        return None
    return list(dict.fromkeys(value_json(item) for item in items))


def lists_of(value: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Return the lists of an object in an order that does not matter.

    Raises:
        Abstain: If a field is there and no list.
    """
    found = {}
    for field in fields:
        if value.get(field) is not None:
            forms = item_forms(value, field)
            if forms is None:
                raise Abstain(f"{field} is no list")
            found[field] = [parse_json(form) for form in sorted(forms)]
    return found


def part_name(field: str, form: str) -> str:
    """Return the name of the part on which is voted whether an item is in a list."""
    return f"{field}: {form}"


def votes_on(
    value: Mapping[str, Any], fields: Iterable[str], names: Collection[str]
) -> dict[str, AnswerValue]:
    """Return the votes of an object on items; of a list that it lacks it says nothing."""
    votes: dict[str, AnswerValue] = {}
    for field in fields:
        forms = item_forms(value, field)
        if forms is not None:
            own = {part_name(field, form) for form in forms}
            of_field = (name for name in names if name.startswith(f"{field}: "))
            votes |= {name: YES if name in own else NO for name in of_field}
    return votes


def kept(parts: Mapping[str, AnswerValue], field: str) -> list[str]:
    """Return the canonical forms of the items that have won a place in a list."""
    prefix = f"{field}: "
    won = (name for name, vote in parts.items() if name.startswith(prefix) and vote == YES)
    return [name[len(prefix) :] for name in won]


def merged(
    parts: Mapping[str, AnswerValue], field: str, objects: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the items that have won, as they were written first, by their canonical forms."""
    wanted, found = set(kept(parts, field)), dict[str, Any]()
    for value in objects:
        items = value.get(field) if item_forms(value, field) is not None else ()
        for item in items or ():
            if (form := value_json(item)) in wanted:
                found.setdefault(form, item)
    return found

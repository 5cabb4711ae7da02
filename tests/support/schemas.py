"""A small instance of a JSON schema, filled from a text where it has something that fits."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from support.request import Json

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_QUOTED = re.compile(r"""(?<!\w)(['"`])(.+?)\1(?!\w)""")
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def conforming(
    schema: Json, text: str = "", *, known: Mapping[str, Any] | None = None, name: str = "value"
) -> Any:
    """Make an instance that obeys the schema.

    Required properties are given; all of them where the schema requires none. Of alternatives the
    first that is not null is taken. Numbers come from the first number in the text, strings from
    the first quotation in it, both only if they fit.

    Args:
        schema: With local ``$ref`` only.
        text: Where to look for values.
        known: Values for properties by name, at any depth, used where they fit.
        name: Name of the value at the top.
    """
    return _make(schema, _Source(schema, text, known or {}), name)


class _Source:
    def __init__(self, root: Json, text: str, known: Mapping[str, Any]) -> None:
        self.root = root
        self.known = known
        self.numbers = [float(number) for number in _NUMBER.findall(text)]
        quoted = _QUOTED.search(text)
        self.quoted = quoted[2] if quoted else None

    def resolve(self, reference: str) -> Json:
        found: Any = self.root
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return dict(found)


def _make(schema: Json, source: _Source, name: str) -> Any:
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _make({**source.resolve(schema["$ref"]), **rest}, source, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        known = source.known.get(name)
        return known if known in schema["enum"] else schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            options = [o for o in schema[key] if o.get("type") != "null"] or [{"type": "null"}]
            return _make(options[0], source, name)
    if "allOf" in schema:
        merged: Json = {}
        for part in schema["allOf"]:
            merged |= source.resolve(part["$ref"]) if "$ref" in part else part
        return _make(merged, source, name)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    return _KINDS[kind](schema, source, name)


def _object(schema: Json, source: _Source, name: str) -> Json:
    properties = schema.get("properties", {})
    wanted = schema.get("required") or list(properties)
    return {key: _make(properties.get(key, {}), source, key) for key in wanted}


def _array(schema: Json, source: _Source, name: str) -> list[Any]:
    items = schema.get("items", {})
    return [_make(items, source, name) for _ in range(schema.get("minItems", 0))]


def _string(schema: Json, source: _Source, name: str) -> str:
    if name in source.known:
        value = str(source.known[name])
    elif schema.get("format") in _FORMATS:
        value = _FORMATS[schema["format"]]
    else:
        value = source.quoted or f"the {name.replace('_', ' ')}"
    return value.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]


def _number(schema: Json, source: _Source, name: str) -> float:
    return _fitting(schema, source, name, whole=False)


def _integer(schema: Json, source: _Source, name: str) -> int:
    return int(_fitting(schema, source, name, whole=True))


def _fitting(schema: Json, source: _Source, name: str, *, whole: bool) -> float:
    def fits(value: float) -> bool:
        return (
            schema.get("minimum", value) <= value <= schema.get("maximum", value)
            and ("exclusiveMinimum" not in schema or schema["exclusiveMinimum"] < value)
            and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
            and not (whole and value != int(value))
        )

    candidates = list(source.numbers)
    if name in source.known:
        with contextlib.suppress(ValueError):  # no number: the others remain
            candidates.insert(0, float(source.known[name]))
    low = _bound(schema, "minimum", "exclusiveMinimum")
    high = _bound(schema, "maximum", "exclusiveMaximum")
    candidates += [low, low + 1, high, high - 1, (low + high) / 2]
    for value in candidates:
        if fits(value):
            return value
    raise ValueError(f"no number fits {schema!r}")


def _bound(schema: Json, *names: str) -> float:
    return next((float(schema[name]) for name in names if name in schema), 0.0)


_KINDS: dict[str, Callable[[Json, _Source, str], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": lambda schema, source, name: True,
    "null": lambda schema, source, name: None,
}

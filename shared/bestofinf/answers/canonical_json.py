"""One spelling for each JSON value: key order, number forms, defaults, order-free lists.

A JSON schema is used where given: defaults are filled in, and lists that it marks as sets
(``uniqueItems``) or as ``x-unordered`` lose their order.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, time
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import islice
from typing import Any, NoReturn, TypeAlias

from bestofinf.answers.base import Abstain
from bestofinf.answers.numbers import value_form

Schema: TypeAlias = Mapping[str, Any]

MAX_TEXT = 200_000
"""Longer JSON text is not read."""

MAX_DEPTH = 60
MAX_NODES = 20_000


def json_form(text: str) -> str | None:
    """Return the canonical spelling of JSON text; None where it is not valid, sane JSON.

    Refused are NaN and infinities, a key that stands twice, and what is too long or too deep.

    >>> json_form('{"b": 1.0, "a": [1e2, "x"]}')
    '{"a":[100,"x"],"b":1}'
    """
    try:
        return value_json(parse_json(text))
    except Abstain:
        return None


def parse_json(text: str) -> Any:
    """Return the value of JSON text, numbers as exact Decimals.

    Raises:
        Abstain: With what is wrong with the text.
    """
    if len(text) > MAX_TEXT:
        raise Abstain(f"JSON of more than {MAX_TEXT} characters")
    try:
        return json.loads(
            text,
            parse_float=Decimal,
            parse_int=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except RecursionError:
        raise Abstain("JSON nested too deeply") from None
    except (ValueError, ArithmeticError) as error:
        raise Abstain(f"not JSON: {error}"[:120]) from None


def value_json(value: object, *, schema: Schema | None = None) -> str:
    """Return the canonical JSON of a value: plain data, a dataclass or a pydantic object.

    Raises:
        Abstain: If it holds NaN, an infinity or what JSON cannot say, or is too large or deep.
    """
    return "".join(_Writer(schema).write(value, schema, 0))


def plain(value: object) -> object:
    """Return an object's plain data where it is a model, a dataclass or an enumeration."""
    for dump in ("model_dump", "dict"):  # pydantic 2, pydantic 1
        method = getattr(value, dump, None)
        if callable(method) and not isinstance(value, Mapping | type):
            return method(mode="json") if dump == "model_dump" else method()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date | time):
        return value.isoformat()
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise Abstain(f"JSON holds {name}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Abstain("JSON holds a key twice")
    return found


class _Writer:
    def __init__(self, root: Schema | None) -> None:
        self._root = root or {}
        self._nodes = 0

    def write(self, value: object, schema: Schema | None, depth: int) -> Iterator[str]:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise Abstain("JSON too deep or too large")
        value = plain(value)
        if value is None or isinstance(value, bool | str):
            yield _scalar(value)
        elif isinstance(value, int | float | Decimal | Fraction):
            yield _number(value)
        elif isinstance(value, Mapping):
            yield from self._object(value, self._resolve(schema, "object"), depth)
        elif isinstance(value, Sequence | AbstractSet) and not isinstance(value, bytes | bytearray):
            yield from self._array(value, self._resolve(schema, "array"), depth)
        else:
            raise Abstain(f"JSON cannot hold {type(value).__name__}")

    def _object(self, value: Mapping[Any, object], schema: Schema, depth: int) -> Iterator[str]:
        if not all(isinstance(key, str) for key in value):
            raise Abstain("a key is not text")
        properties = _mapping(schema.get("properties"))
        filled = {
            name: sub["default"]
            for name, sub in ((n, self._resolve(s, None)) for n, s in properties.items())
            if "default" in sub and name not in value
        }
        extra = schema.get("additionalProperties")
        members = {**filled, **value}
        yield "{"
        for place, key in enumerate(sorted(members)):
            yield ("," if place else "") + _scalar(key) + ":"
            sub = properties.get(key, extra if isinstance(extra, Mapping) else None)
            yield from self.write(members[key], sub, depth + 1)
        yield "}"

    def _array(self, value: Any, schema: Schema, depth: int) -> Iterator[str]:
        items = schema.get("items")
        item_schema = items if isinstance(items, Mapping) else None
        written = [
            "".join(self.write(item, item_schema, depth + 1)) for item in islice(value, MAX_NODES)
        ]
        if isinstance(value, AbstractSet) or is_unordered(schema):
            written.sort()
        yield "[" + ",".join(written) + "]"

    def _resolve(self, schema: object, kind: str | None) -> Schema:
        """Follow references within the schema and choose the branch of the wanted type."""
        found = _mapping(schema)
        for _ in range(8):
            if isinstance(reference := found.get("$ref"), str):
                target: object = self._root
                for step in reference.removeprefix("#/").split("/"):
                    target = _mapping(target).get(step.replace("~1", "/").replace("~0", "~"))
                found = {**_mapping(target), **{k: v for k, v in found.items() if k != "$ref"}}
                continue
            branches = found.get("anyOf") or found.get("oneOf") or found.get("allOf")
            if kind is None or not isinstance(branches, Sequence) or "properties" in found:
                return found
            fitting = [self._resolve(b, kind) for b in branches]
            chosen = next((b for b in fitting if b.get("type") == kind), None)
            return chosen or found
        return found


def is_unordered(schema: Schema) -> bool:
    """Return whether a schema says that the order of a list has no meaning."""
    return schema.get("uniqueItems") is True or schema.get("x-unordered") is True


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _scalar(value: bool | str | None) -> str:
    if isinstance(value, str):
        value = value.encode("utf-8", "replace").decode() if not value.isascii() else value
    return json.dumps(value, ensure_ascii=False)


def _number(value: int | float | Decimal | Fraction) -> str:
    form = value_form(value)
    if form is None:
        large = isinstance(value, int | Fraction)
        raise Abstain(f"JSON holds {'a number of thousands of digits' if large else value}")
    # A fraction that no decimal can say is written as text.
    return json.dumps(form) if "/" in form else form

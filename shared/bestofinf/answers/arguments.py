"""Checks the arguments of a tool call against the schema of the tool, and finds the free text in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeGuard

from bestofinf.answers.base import Abstain
from bestofinf.answers.canonical_json import Schema, plain

MAX_DEPTH = 20
MAX_FIXED = 24
"""A string that may have at most so many characters is no free text."""

_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "object": (Mapping,),
    "array": (list, tuple, set, frozenset),
    "null": (type(None),),
    "integer": (int, Decimal, float),
    "number": (int, Decimal, float),
}
_TELLING = frozenset(
    [
        "q",
        "query",
        "input",
        "question",
        "prompt",
        "text",
        "body",
        "message",
        "content",
        "reason",
        "reasoning",
        "thought",
        "thoughts",
        "summary",
        "description",
        "note",
        "notes",
        "comment",
        "comments",
        "instruction",
        "instructions",
        "subject",
        "task",
        "explanation",
        "rationale",
        "justification",
        "feedback",
        "request",
        "search",
        "__arg1",
    ]
)
_TELLING_END = re.compile(
    r"(?:^|_)(?:query|question|prompt|text|message|reason|reasoning|thought|summary|description|note|comment"
    r"|instructions?|explanation)$"
)
_FINAL = re.compile(
    r"(?:^|_)(?:final|answer|respond|response|finish|submit|done|complete|completion|return)(?:_|$)"
)
_PROGRAM = re.compile(
    r"(?:select|insert|update|delete|with|create|drop|alter|import|from|def|print|curl|sudo)\s|[;{}]\s*$|\n[^\S\n]*+\S.*[=(]",
    re.I,
)


def tool_schemas(tools: Iterable[object]) -> dict[str, Schema]:
    """Return the schema of each tool's arguments by its name, of tools in OpenAI's form.

    Empty where one has another form: then it is not known what may be called.
    """
    found: dict[str, Schema] = {}
    for tool in tools:
        function = _mapping(_mapping(tool).get("function"))
        if not isinstance(name := function.get("name"), str):
            return {}
        found[name] = _mapping(function.get("parameters"))
    return found


def checked(name: str, args: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Return the arguments of a call as the schema of its tool has them.

    A number or truth value that is written as text is taken for what the schema wants, as the
    frameworks take it when they call the tool.

    Raises:
        Abstain: If a required argument is missing or one is against the schema.
    """
    for required in _names(schema.get("required")):
        if required not in args:
            raise Abstain(f"calls {name!r} without {required!r}")
    found: dict[str, Any] = {}
    properties = _mapping(schema.get("properties"))
    for key, value in args.items():
        if key not in properties:
            if properties and schema.get("additionalProperties") is False:
                raise Abstain(f"calls {name!r} with an unknown argument {key!r}")
            found[key] = value
            continue
        try:
            found[key] = _fitting(plain(value), properties[key], schema, 0)
        except ValueError as fault:
            raise Abstain(
                f"calls {name!r} with {key!r} against its schema: {fault}"[:200]
            ) from None
    return found


def free_texts(name: str, args: Mapping[str, Any], schema: Schema) -> frozenset[str]:
    """Return the names of arguments that are free text: no two replies word them alike.

    A string without enum, const, format, pattern or a short length, with a telling name. What
    hands in the answer itself, and values that are programs or queries of databases, are none.
    """
    if _FINAL.search(name.lower()):
        return frozenset()
    properties = _mapping(schema.get("properties"))
    return frozenset(
        key
        for key, value in args.items()
        if isinstance(value, str)
        and key in properties
        and is_telling(key)
        and _is_open(properties[key], schema)
        and not _PROGRAM.search(value)
    )


def is_telling(key: str) -> bool:
    """Return whether a name says that its value is free text."""
    key = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()
    return key in _TELLING or _TELLING_END.search(key) is not None


def _is_open(given: object, root: Schema) -> bool:
    schema = _resolved(given, root)
    for branch in schema.get("anyOf") or schema.get("oneOf") or ():
        resolved = _resolved(branch, root)
        if resolved.get("type") == "string":
            return _is_open(resolved, root)
    if schema.get("type") not in ("string", None):
        return False
    short = schema.get("maxLength")
    return not (
        any(key in schema for key in ("enum", "const", "format", "pattern"))
        or (isinstance(short, int) and short <= MAX_FIXED)
    )


def _fitting(value: Any, given: object, root: Schema, depth: int) -> Any:
    """Return a value as a schema has it; ValueError says what is wrong."""
    schema = _resolved(given, root)
    if depth > MAX_DEPTH or not schema:
        return value
    for key in ("anyOf", "oneOf"):
        if isinstance(branches := schema.get(key), Sequence) and branches:
            return _of_branches(value, branches, root, depth)
    for branch in schema.get("allOf") or ():
        value = _fitting(value, branch, root, depth + 1)
    kinds = _names(schema.get("type"))
    if kinds:
        value = _of_kind(value, kinds)
    if "enum" in schema and value not in schema["enum"]:
        raise ValueError("none of its values")
    if "const" in schema and value != schema["const"]:
        raise ValueError("another value than its constant")
    _check_bounds(value, schema)
    if isinstance(value, Mapping):
        return _of_object(value, schema, root, depth)
    items = schema.get("items")
    if isinstance(value, list | tuple) and isinstance(items, Mapping):
        return [_fitting(item, items, root, depth + 1) for item in value]
    return value


def _of_branches(value: Any, branches: Sequence[object], root: Schema, depth: int) -> Any:
    faults = []
    for exactly in (True, False):  # a branch that takes the value as it is comes first
        for branch in branches:
            try:
                found = _fitting(value, branch, root, depth + 1)
            except ValueError as fault:
                faults.append(str(fault))
                continue
            if not exactly or (type(found) is type(value) and found == value):
                return found
    raise ValueError(faults[0])


def _of_object(
    value: Mapping[str, Any], schema: Schema, root: Schema, depth: int
) -> Mapping[str, Any]:
    properties = _mapping(schema.get("properties"))
    for required in _names(schema.get("required")):
        if required not in value:
            raise ValueError(f"no {required!r}")
    if schema.get("additionalProperties") is False and not properties.keys() >= value.keys():
        raise ValueError("an unknown key")
    return {
        key: _fitting(plain(part), properties[key], root, depth + 1) if key in properties else part
        for key, part in value.items()
    }


def _of_kind(value: Any, kinds: Sequence[str]) -> Any:
    for kind in kinds:
        fits = isinstance(value, _KINDS.get(kind, (object,)))
        if isinstance(value, bool) != (kind == "boolean"):
            continue
        if fits and (kind != "integer" or _is_whole(value)):
            return value
    if isinstance(value, str):
        text = value.strip()
        if {"integer", "number"} & set(kinds) and re.fullmatch(
            r"[-+]?\d{1,30}(?:\.\d{1,30})?", text
        ):
            try:
                return _of_kind(Decimal(text), kinds)
            except InvalidOperation:
                pass
        if "boolean" in kinds and text.lower() in ("true", "false"):
            return text.lower() == "true"
    raise ValueError(f"wanted {' or '.join(kinds)}, got {type(value).__name__}")


def _is_whole(value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return not isinstance(value, float) or value.is_integer()


def _check_bounds(value: Any, schema: Schema) -> None:
    if isinstance(value, int | Decimal | float) and not isinstance(value, bool):
        low, high = schema.get("minimum"), schema.get("maximum")
        if (_is_number(low) and value < low) or (_is_number(high) and value > high):
            raise ValueError("out of its range")
    if isinstance(value, str | list | tuple):
        kind = "Length" if isinstance(value, str) else "Items"
        least, most = schema.get(f"min{kind}"), schema.get(f"max{kind}")
        if (_is_number(least) and len(value) < least) or (_is_number(most) and len(value) > most):
            raise ValueError("too short or too long")


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _resolved(given: object, root: Schema) -> Schema:
    """Follow references within the schema."""
    schema = _mapping(given)
    for _ in range(8):
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            break
        target: object = root
        for step in reference.removeprefix("#/").split("/"):
            target = _mapping(target).get(step.replace("~1", "/").replace("~0", "~"))
        schema = {**_mapping(target), **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema


def _names(value: object) -> Sequence[str]:
    if isinstance(value, str):
        return (value,)
    return [v for v in value if isinstance(v, str)] if isinstance(value, list | tuple) else ()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

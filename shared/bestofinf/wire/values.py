"""Write JSON, and get objects, lists and texts from it; values of another type are absent.

JSON is read, and numbers are taken from it, by `bestofinf.border`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bestofinf.border import loads as loads

Json: TypeAlias = dict[str, Any]

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dumps(value: Any) -> str:
    """Return a value as compact JSON."""
    return _COMPACT.encode(value)


def encoded(value: Any) -> bytes:
    """Return a value as compact JSON in bytes; lone surrogates, which UTF-8 lacks, are escaped."""
    try:
        return dumps(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object; an empty one for anything else."""
    # Nearly all values are dictionaries or None, and a check of an abstract class is slow.
    if type(value) is dict:
        return value
    return value if value is not None and isinstance(value, Mapping) else {}


def items(value: Any) -> Sequence[Any]:
    """Return a list; an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def text(value: Any) -> str | None:
    """Return a text; None if it is empty or not a text."""
    return value if isinstance(value, str) and value else None

"""Write JSON, and take objects, lists and texts out of it: what does not fit is absent.

It is read, and numbers are taken, by `bestofinf.border`.
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
    """Return a value as compact JSON in bytes; half a surrogate, which UTF-8 lacks, is escaped."""
    try:
        return dumps(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object, or an empty one in place of anything else."""
    # Nearly all are dictionaries or None, and an abstract class takes long to ask.
    if type(value) is dict:
        return value
    return value if value is not None and isinstance(value, Mapping) else {}


def items(value: Any) -> Sequence[Any]:
    """Return a list, or an empty one in place of anything else."""
    return value if isinstance(value, list | tuple) else ()


def text(value: Any) -> str | None:
    """Return a text; None if it is empty or none."""
    return value if isinstance(value, str) and value else None

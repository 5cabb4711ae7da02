"""The result of a query as a vote: equal rows are equal however the query is written."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

DIGITS = 10
"""Significant digits to which numbers that are not whole are compared."""

_MIDNIGHT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[ T]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?)?", re.ASCII
)
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]00:?00)?", re.ASCII)
_VOTE = re.compile(r"(\d+) rows? × (\d+) columns?(, ordered)? #([0-9a-f]{12})/([0-9a-f]{12})")


def vote_on(rows: Sequence[Sequence[Any]], columns: int, *, ordered: bool) -> str:
    """Return the vote of a result: its size and a digest of its rows.

    Names of columns do not matter, their places do. Rows are a list where they are ordered and a
    multiset elsewhere; of one row or none the order says nothing.

    Two digests stand in it, with numbers rounded to two grids half a step apart, so that numbers
    that differ by less than rounding errors share one of them at least; see `same_result`.

    Args:
        rows: The rows.
        columns: Number of columns.
        ordered: Whether the order of the rows is part of the result.

    >>> vote_on([(1, None)], 2, ordered=True) == vote_on([(1.0, None)], 2, ordered=False)
    True
    """
    ordered = ordered and len(rows) > 1
    digests = "/".join(_digest(rows, ordered=ordered, shift=shift) for shift in (False, True))
    size = f"{_counted(len(rows), 'row')} × {_counted(columns, 'column')}"
    return f"{size}{', ordered' if ordered else ''} #{digests}"


def is_result(text: str) -> bool:
    """Return whether a text is the vote of a result."""
    return _VOTE.fullmatch(text) is not None


def is_empty(text: str) -> bool:
    """Return whether a vote is that of a result without rows."""
    return text.startswith("0 rows ×")


def same_result(first: str, second: str) -> bool:
    """Return whether two votes are the same result: of one size, and with a digest in common."""
    one, other = _VOTE.fullmatch(first), _VOTE.fullmatch(second)
    if one is None or other is None:
        return first == second
    return one.group(1, 2, 3) == other.group(1, 2, 3) and (one[4] == other[4] or one[5] == other[5])


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _digest(rows: Iterable[Sequence[Any]], *, ordered: bool, shift: bool) -> str:
    lines = ["\x1f".join(_form(value, shift) for value in row) for row in rows]
    whole = "\x1e".join(lines if ordered else sorted(lines))
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _form(value: Any, shift: bool) -> str:
    """Return one value in one form; the first letter tells its kind, so no two kinds are equal."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return f"b{value:d}"
    if isinstance(value, int):
        return f"n{value}"
    if isinstance(value, float | Decimal):
        return "n" + _number(value, shift)
    if isinstance(value, str):
        return "t" + _moment(value)
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(dt.UTC).replace(tzinfo=None)
        return "t" + _moment(value.isoformat(sep=" "))
    if isinstance(value, dt.date | dt.time):
        return "t" + value.isoformat()
    if isinstance(value, dt.timedelta):
        return "n" + _number(value.total_seconds(), shift)
    if isinstance(value, bytes | bytearray | memoryview):
        return "x" + bytes(value).hex()
    if isinstance(value, list | tuple):
        return "[" + "\x1d".join(_form(item, shift) for item in value) + "]"
    if isinstance(value, dict):
        return "j" + json.dumps(value, sort_keys=True, default=str)
    return "t" + str(value)


def _number(value: float | Decimal, shift: bool) -> str:
    """Return a number to `DIGITS` significant digits; whole numbers are written in full.

    With `shift` it is rounded down to the grid instead of to the nearest place of it.
    """
    if not math.isfinite(value):
        return str(float(value)).lower()
    exact = Decimal(repr(value)) if isinstance(value, float) else value
    if exact == exact.to_integral_value() and (isinstance(value, Decimal) or abs(value) < 2**53):
        return str(int(exact))
    step = Decimal(1).scaleb(exact.adjusted() - DIGITS + 1)
    places = exact / step
    nearest = places.to_integral_value("ROUND_FLOOR" if shift else "ROUND_HALF_EVEN")
    rounded = nearest * step
    if rounded == rounded.to_integral_value():
        return str(int(rounded))
    return str(rounded.normalize())


def _moment(text: str) -> str:
    """Return a text that is a date or a moment in one form; any other as it is."""
    if not text[:4].isdigit() or len(text) > 40:
        return text
    if midnight := _MIDNIGHT.fullmatch(text):
        return midnight[1]
    if moment := _MOMENT.fullmatch(text):
        part = (moment[3] or "").rstrip("0")
        return f"{moment[1]} {moment[2]}{'.' + part if part else ''}"
    return text

"""Runs a query on SQLite so that it can only read, ends, and leaves nothing open."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bestofinf.answers.base import Abstain
from bestofinf.answers.sql.limits import Limits, Rows

if TYPE_CHECKING:
    from sqlalchemy import Engine

# Reading of tables, and functions that only compute.
_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_RECURSIVE,
}
_DENIED_FUNCTIONS = frozenset(
    [
        "load_extension",
        "readfile",
        "writefile",
        "edit",
        "fts3_tokenizer",
        "sqlite_log",
        "randomblob",
        "zeroblob",
    ]
)
_LONGEST_VALUE = 1_000_000
_STEPS = 5_000  # of SQLite's machine between two looks at the clock: below a millisecond
_MOST_WILDCARDS = 100
_INTERRUPTED = "interrupted"


class SqliteRunner:
    """Runs queries on one SQLite database.

    A file is opened anew for every query, read-only, and closed after it. A database in memory
    lives in its connection: it is copied once, and every query has a copy of the copy.

    Args:
        path: The file; None for a database in memory.
        image: What is in memory.
    """

    def __init__(self, path: str | None, image: bytes | None = None) -> None:
        self._path = path
        self._image = image

    def run(self, query: str, limits: Limits) -> Rows:
        """Return the rows of a query.

        Raises:
            Abstain: If it does not read only, fails, takes too long or returns too many rows.
        """
        end = time.monotonic() + limits.seconds
        try:
            with closing(self._connected()) as connection:
                # The names of columns do not matter, bytes that are no text do.
                connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
                _tame(connection, end)
                with closing(connection.execute(query)) as cursor:
                    return limits.collected(cursor, len(cursor.description or ()))
        except (sqlite3.Error, sqlite3.Warning, OverflowError, MemoryError) as error:
            if time.monotonic() >= end or _INTERRUPTED in str(error):
                raise Abstain(limits.late()) from None
            raise Abstain(_reason(error)) from None

    def _connected(self) -> sqlite3.Connection:
        if self._path is not None:
            address = f"file:{quote(self._path)}?mode=ro"
            return sqlite3.connect(address, uri=True, isolation_level=None, timeout=1.0)
        connection = sqlite3.connect(":memory:", isolation_level=None)
        if self._image:
            connection.deserialize(self._image)
        return connection


def _tame(connection: sqlite3.Connection, end: float) -> None:
    """Let a connection read tables and compute, until a moment, and nothing else."""
    connection.execute("PRAGMA query_only = 1")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.create_function("like", 2, _like, deterministic=True)
    connection.create_function("like", 3, _like, deterministic=True)
    connection.create_function("glob", 2, _glob, deterministic=True)
    connection.set_authorizer(_authorized)
    connection.set_progress_handler(lambda: time.monotonic() >= end, _STEPS)


def _authorized(action: int, _: Any, name: str | None, *__: Any) -> int:
    if action in _ALLOWED:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and str(name).lower() not in _DENIED_FUNCTIONS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _like(pattern: Any, value: Any, escape: Any = None) -> int | None:
    """Return what ``LIKE`` returns: a pattern of many wildcards must not take for ever."""
    if pattern is None or value is None:
        return None
    return _matches(_parts(_text(pattern), "%", "_", escape), _text(value), small=True)


def _glob(pattern: Any, value: Any) -> int | None:
    """Return what ``GLOB`` returns, for patterns without sets of characters."""
    if pattern is None or value is None:
        return None
    text = _text(pattern)
    if "[" in text:
        raise ValueError("GLOB with sets of characters is not run")
    return _matches(_parts(text, "*", "?", None), _text(value), small=False)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _parts(pattern: str, many: str, one: str, escape: Any) -> list[str]:
    """Return the regular expressions between the signs for any number of characters."""
    parts, current, signs = [], "", iter(pattern)
    for sign in signs:
        if escape is not None and sign == escape:
            current += re.escape(next(signs, ""))
        elif sign == many:
            parts.append(current)
            current = ""
        else:
            current += "." if sign == one else re.escape(sign)
    parts.append(current)
    if len(parts) > _MOST_WILDCARDS:
        raise ValueError(f"a pattern of more than {_MOST_WILDCARDS} wildcards is not run")
    return parts


def _matches(parts: list[str], text: str, *, small: bool) -> int:
    """Return whether the parts stand in a text one after another, the outer ones at its ends."""
    flags = re.DOTALL | (re.IGNORECASE | re.ASCII if small else 0)
    if len(parts) == 1:
        return int(re.fullmatch(parts[0], text, flags) is not None)
    place = 0
    for number, part in enumerate(parts[:-1]):
        expression = re.compile(part, flags)
        found = expression.search(text, place) if number else expression.match(text)
        if found is None:
            return 0
        place = found.end()
    # Each part has a fixed length, so the last one can only stand at one place.
    last = re.compile(f"(?:{parts[-1]})\\Z", flags)
    length = len(re.sub(r"\\(.)", r"\1", parts[-1], flags=re.DOTALL))
    return int(len(text) - length >= place and last.match(text, len(text) - length) is not None)


def _reason(error: BaseException) -> str:
    said = str(error)
    if "not authorized" in said or "prohibited" in said or "readonly" in said:
        return f"only queries that read are run ({said})"
    if "one statement" in said:
        return "more than one statement"
    return f"the query failed: {said}"[:300]


def image_of(engine: Engine) -> bytes:
    """Return a database in memory as bytes, through the connection that the engine has of it."""
    connection = engine.raw_connection()
    try:
        image: bytes = connection.driver_connection.serialize()  # type: ignore[union-attr]
        return image
    finally:
        connection.close()

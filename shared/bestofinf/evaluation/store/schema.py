"""The tables of an evaluation store, and how texts and numbers are stored in them.

There are four append-only tables: questions, the calls that asked them, the samples of each call,
and labels. A row never changes, except that the prompt of a question and the decision of a call may
be added later. The columns are described in the classes of the same names in
`bestofinf.evaluation.rows`.

A column with ``since`` is missing in stores of an earlier version. `migrations` adds it; in a store
that is opened read-only it is read as NULL.

Two more tables, tallies and summaries, are derived from these rows and kept up to date with them, so
that a list of many questions need not count their samples. See `tallies`.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

# Characters that a database cannot store: NUL (PostgreSQL) and lone surrogates (UTF-8).
_UNSAFE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


class AnyText(TypeDecorator[str]):
    """A text column that accepts every Python string and returns the same string.

    Characters that a database refuses are written as U+001A and four hexadecimal digits.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Escape what the database cannot hold."""
        if value is not None and _UNSAFE.search(value):
            return _UNSAFE.sub(lambda match: f"\x1a{ord(match[0]):04x}", value)
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Undo the escape; bytes, which SQLite takes in any column, are read as UTF-8."""
        if isinstance(value, bytes):
            value = value.decode(errors="backslashreplace")
        if value is not None and "\x1a" in value:
            return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)
        return value


# SQLite numbers rows by itself only in a column of type INTEGER.
_Number = BigInteger().with_variant(Integer(), "sqlite")


def missing(connection: Connection, column: Column[Any]) -> bool:
    """Return whether the store that is read is of an earlier version, without this column."""
    version = connection.get_execution_options().get("bestofinf_version")
    return version is not None and column.info.get("since", 1) > version


def _since_2(name: str, kind: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, info={"since": 2}, **options)


def _numbered() -> tuple[Column[Any], Column[Any]]:
    """Return the key of rows that come one after the other, and the id that others name them by."""
    return (
        Column("number", _Number, primary_key=True, autoincrement=True),
        Column("id", AnyText, nullable=False, unique=True),
    )


def _part_of(row: str, **options: Any) -> Column[Any]:
    """Return the column that names the question or the call which a row is part of, and goes with."""
    reference = ForeignKey(f"bestofinf_{row}s.id", ondelete="CASCADE")
    return Column(f"{row}_id", AnyText, reference, **options)


METADATA = MetaData()

meta = Table(
    "bestofinf_meta",
    METADATA,
    Column("key", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

questions = Table(
    "bestofinf_questions",
    METADATA,
    *_numbered(),
    Column("prompt_hash", String(64), index=True),
    Column("prompt", AnyText),
    Column("dataset", AnyText, nullable=False, default=""),
    Column("created_at", Double, nullable=False),
    _since_2("last_message", AnyText),
    sqlite_autoincrement=True,
)


calls = Table(
    "bestofinf_calls",
    METADATA,
    *_numbered(),
    _part_of("question", nullable=False, index=True),
    Column("kind", AnyText, nullable=False),
    Column("fixed", Boolean, nullable=False),
    Column("rule", AnyText, nullable=False, default=""),
    Column("answer", AnyText),
    Column("confidence", Double),
    Column("reason", AnyText),
    Column("winner_member", AnyText),
    Column("seconds", Double),
    Column("started_at", Double, nullable=False),
    Column("details", AnyText),
    _since_2("run", AnyText),
    _since_2("run_question", AnyText, index=True),
    _since_2("attempt", Integer),
    sqlite_autoincrement=True,
)

samples = Table(
    "bestofinf_samples",
    METADATA,
    _part_of("call", primary_key=True),
    Column("draw", Integer, primary_key=True, autoincrement=False),
    Column("member", AnyText, nullable=False),
    Column("answer", AnyText),
    Column("text", AnyText),
    Column("tokens", BigInteger),
    Column("input_tokens", BigInteger),
    Column("cost", Double),
    Column("seconds", Double),
    Column("score", Double),
    Column("weight", Double),
    Column("error", AnyText),
    Column("counted", Boolean, nullable=False),
    _since_2("logprob", Double),
    _since_2("logprob_tokens", BigInteger),
    _since_2("logprob_kind", AnyText),
    _since_2("said", AnyText),
)

labels = Table(
    "bestofinf_labels",
    METADATA,
    *_numbered(),
    _part_of("question", nullable=False, index=True),
    Column("call_id", AnyText),
    Column("answer", AnyText),
    Column("correct", Boolean, nullable=False),
    Column("source", AnyText, nullable=False, default=""),
    Column("at", Double, nullable=False),
    _since_2("provenance", AnyText),
    _since_2("score", Double),
    sqlite_autoincrement=True,
)

tallies = Table(
    "bestofinf_tallies",
    METADATA,
    _part_of("question", primary_key=True),
    # A hash, because member, fate and text may be longer than a database can index.
    Column("key", String(64), primary_key=True),
    Column("member", AnyText, nullable=False),
    Column("fate", String(10), nullable=False),
    Column("text", AnyText),
    Column("times", Integer, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("counted_tokens", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("timed", Integer, nullable=False),
    Column("cost", Double, nullable=False),
)

summaries = Table(
    "bestofinf_summaries",
    METADATA,
    _part_of("question", primary_key=True),
    Column("number", _Number, nullable=False, unique=True),
    Column("votes", Integer, nullable=False),
    Column("answers", Integer, nullable=False),
    Column("abstained", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("lead", Double, nullable=False, info={"since": 3}),
    Column("tokens", BigInteger, nullable=False),
    Column("cost", Double, nullable=False),
    Column("gold", AnyText),
    Column("wrong", Integer, nullable=False),
)
# The order in which questions are listed and labelled.
Index(
    "ix_bestofinf_summaries_contested",
    summaries.c.lead,
    summaries.c.votes.desc(),
    summaries.c.number,
)

"""The tables of an evaluation store, and how texts and numbers lie in them.

Four tables, all only added to: questions, the calls that asked them, the samples of each call,
and labels. A row is never changed, but for the prompt of a question and the decision of a call,
which may come later.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

# What a database cannot hold in a text: NUL (PostgreSQL) and lone surrogates (UTF-8).
_UNSAFE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


class AnyText(TypeDecorator[str]):
    """Text that takes every Python string and gives the same string back.

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
        """Undo the escape."""
        if value is not None and "\x1a" in value:
            return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)
        return value


# SQLite numbers rows by itself only in a column of type INTEGER.
_Number = BigInteger().with_variant(Integer(), "sqlite")

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
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", AnyText, nullable=False, unique=True),
    Column("prompt_hash", String(64), index=True),
    Column("prompt", AnyText),
    Column("dataset", AnyText, nullable=False, default=""),
    Column("created_at", Double, nullable=False),
    sqlite_autoincrement=True,
)


def _question_id() -> Column[Any]:
    reference = ForeignKey("bestofinf_questions.id", ondelete="CASCADE")
    return Column("question_id", AnyText, reference, nullable=False, index=True)


calls = Table(
    "bestofinf_calls",
    METADATA,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", AnyText, nullable=False, unique=True),
    _question_id(),
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
    sqlite_autoincrement=True,
)

samples = Table(
    "bestofinf_samples",
    METADATA,
    Column(
        "call_id",
        AnyText,
        ForeignKey("bestofinf_calls.id", ondelete="CASCADE"),
        primary_key=True,
    ),
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
)

labels = Table(
    "bestofinf_labels",
    METADATA,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", AnyText, nullable=False, unique=True),
    _question_id(),
    Column("call_id", AnyText),
    Column("answer", AnyText),
    Column("correct", Boolean, nullable=False),
    Column("source", AnyText, nullable=False, default=""),
    Column("at", Double, nullable=False),
    sqlite_autoincrement=True,
)

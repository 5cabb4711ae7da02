"""Samples of logs on disk, sorted by question: a log has any order and may be larger than memory.

They are in a temporary database of SQLite, which has no name, uses the disk if it is large, and is
deleted when it is closed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from bestofinf.evaluation.logs.protocol import LogSample, Request
from bestofinf.records import ToolCall

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -32000;
CREATE TABLE samples (
    number INTEGER PRIMARY KEY, question TEXT NOT NULL, dataset TEXT NOT NULL, raw TEXT NOT NULL,
    member TEXT NOT NULL, file INTEGER NOT NULL, place INTEGER NOT NULL, key TEXT NOT NULL,
    body TEXT NOT NULL, answer TEXT
);
CREATE UNIQUE INDEX once ON samples (question, member, key);
CREATE TABLE requests (raw TEXT PRIMARY KEY, prompt TEXT NOT NULL, same TEXT NOT NULL);
CREATE INDEX alike ON requests (same, raw);
CREATE TABLE gold (raw TEXT PRIMARY KEY, gold TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE questions (id TEXT PRIMARY KEY, gold TEXT, by_grade INTEGER NOT NULL);
"""
_OWN = ("question", "dataset", "member", "place", "key")


@dataclass(frozen=True, slots=True)
class Spooled:
    """A sample with its number among all files.

    Attributes:
        number: Number of its row, in the order of reading.
        file: Number of its file.
        sample: The sample, with the names that the user wants.
        answer: Its vote, once it has been taken.
    """

    number: int
    file: int
    sample: LogSample
    answer: str | None = None


class Spool:
    """Samples on disk, without duplicates."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")
        self._has_gold = False

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *exception: object) -> None:
        self._database.close()

    def add(self, sample: LogSample, *, question: str, file: int) -> bool:
        """Add a sample to a question; return whether it was new."""
        told = {
            f.name: value
            for f in fields(sample)
            if f.name not in _OWN and (value := getattr(sample, f.name)) is not None and value != ()
        }
        calls = told.pop("tool_calls", ())
        if calls:
            told["tool_calls"] = [[call.name, call.args] for call in calls]
        body = json.dumps(told, default=str)  # ASCII, so that lone surrogates are possible
        values = (question, sample.dataset, sample.question, sample.member, file, sample.place)
        done = self._database.execute(
            "INSERT OR IGNORE INTO samples (question, dataset, raw, member, file, place, key, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*map(_storable, values), _storable(sample.key), body),
        )
        return done.rowcount > 0

    def add_request(self, request: Request) -> None:
        """Store the prompt of a request."""
        values = (request.question, request.prompt, request.same)
        self._database.execute(
            "INSERT OR IGNORE INTO requests VALUES (?, ?, ?)", tuple(map(_storable, values))
        )

    def add_gold(self, raw: str, gold: str) -> str:
        """Store the right answer of a question; return the one that it has, which is the first."""
        self._has_gold = True
        row = (_storable(raw), _storable(gold))
        done = self._database.execute("INSERT OR IGNORE INTO gold (raw, gold) VALUES (?, ?)", row)
        if done.rowcount:
            return gold
        found = self._database.execute("SELECT gold FROM gold WHERE raw = ?", row[:1])
        (first,) = found.fetchone()
        return gold if first == row[1] else str(first)

    def join_repeats(self) -> int:
        """Join requests that repeat each other to one question; return how many ids were joined."""
        done = self._database.execute(
            "UPDATE OR IGNORE samples SET question = substr(question, 1, length(question) - "
            "length(raw)) || (SELECT min(b.raw) FROM requests a JOIN requests b ON a.same = b.same "
            "WHERE a.raw = samples.raw) "
            "WHERE raw IN (SELECT a.raw FROM requests a JOIN requests b "
            "ON a.same = b.same AND b.raw < a.raw)"
        )
        return done.rowcount

    def prompt_of(self, raw: str) -> str | None:
        """Return the prompt of an id, if another file has it."""
        found = self._database.execute("SELECT prompt FROM requests WHERE raw = ?", (raw,))
        row = found.fetchone()
        return row[0] or None if row else None

    def gold_of(self, names: Sequence[str]) -> str | None:
        """Return the right answer in the table for the first of a question's names that it has."""
        gold = None
        if not self._has_gold:
            return gold
        for name in dict.fromkeys(names):
            row = self._database.execute("SELECT gold FROM gold WHERE raw = ?", (name,)).fetchone()
            if row:
                self._database.execute("UPDATE gold SET used = 1 WHERE raw = ?", (name,))
                gold = gold if gold is not None else str(row[0])
        return gold

    def unused_gold(self) -> int:
        """Return how many rows of the table of right answers match no question of the logs."""
        (count,) = self._database.execute("SELECT count(*) FROM gold WHERE used = 0").fetchone()
        return int(count)

    def questions(self) -> Iterator[tuple[str, list[Spooled]]]:
        """Yield every question with its samples, sorted by member and then in the order drawn."""
        ids = self._database.execute(
            "SELECT question FROM samples GROUP BY question ORDER BY min(number)"
        )
        for (question,) in ids:
            rows = self._database.execute(
                "SELECT number, file, raw, dataset, member, place, key, body, answer FROM samples "
                "WHERE question = ? ORDER BY member, file, place, number",
                (question,),
            )
            yield question, [_spooled(row) for row in rows]

    def count(self) -> int:
        """Return the number of questions."""
        (count,) = self._database.execute("SELECT count(DISTINCT question) FROM samples").fetchone()
        return int(count)

    def drop(self, numbers: list[int]) -> None:
        """Remove samples, given by number."""
        self._database.executemany(
            "DELETE FROM samples WHERE number = ?", [(number,) for number in numbers]
        )

    def keep_answers(
        self, question: str, answers: dict[int, str | None], gold: str | None, by_grade: bool
    ) -> None:
        """Store the votes of a question's samples, by number, and its right answer."""
        self._database.executemany(
            "UPDATE samples SET answer = ? WHERE number = ?",
            [(_storable(answer), number) for number, answer in answers.items()],
        )
        self._database.execute(
            "INSERT OR REPLACE INTO questions VALUES (?, ?, ?)",
            (question, _storable(gold), by_grade),
        )

    def truth_of(self, question: str) -> tuple[str | None, bool]:
        """Return the stored right answer of a question, and whether it was derived from grades."""
        found = self._database.execute(
            "SELECT gold, by_grade FROM questions WHERE id = ?", (question,)
        )
        gold, by_grade = found.fetchone()
        return gold, bool(by_grade)


def _storable(value: Any) -> Any:
    """Return a value that SQLite can store: lone surrogates are escaped."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _spooled(row: tuple[Any, ...]) -> Spooled:
    number, file, raw, dataset, member, place, key, body, answer = row
    told = json.loads(body)
    calls = tuple(ToolCall(name, args) for name, args in told.pop("tool_calls", ()))
    logprobs = told.pop("logprobs", None)
    sample = LogSample(
        question=raw, dataset=dataset, member=member, place=place, key=key, tool_calls=calls, **told
    )
    if logprobs:
        sample = replace(sample, logprobs=tuple(logprobs))
    return Spooled(number, file, sample, answer)

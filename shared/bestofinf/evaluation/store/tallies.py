"""Counts by question, member and answer, kept up to date with the samples.

Samples are only added, so a tally grows by the new samples and is never counted again. Each question
also has one summary: how contested it is, what it cost, and the right answer that follows from its
labels. Both are written in the transaction that adds the samples or the labels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from bestofinf.border import LARGEST, as_amount
from bestofinf.evaluation.contested import lead_probability
from bestofinf.evaluation.rows import LabelRow, SampleRow, checked
from bestofinf.evaluation.store import queries, schema
from bestofinf.evaluation.truth import resolve

ANSWER, ABSTAINED, FAILED = "answer", "abstained", "failed"

NO_VOTE = 2.0
"""The lead in a summary without votes, which sorts such questions after all others."""

_MOST_TOKENS = 2**40  # maximum for one draw, so that the sum of many fits into a column

_FIXED = ("question_id", "number")
_SUMS = ("times", "tokens", "counted_tokens", "seconds", "timed", "cost")


@dataclass(slots=True)
class Tally:
    """The count of draws of a question that had the same outcome.

    Attributes:
        question_id: Id of the question.
        member: Name of the member.
        fate: "answer", "abstained" or "failed".
        text: The answer, or the kind of error.
        times: Number of draws.
        tokens: Sum of their generated tokens.
        counted_tokens: Number of draws whose tokens are known.
        seconds: Sum of their times in seconds.
        timed: Number of draws whose time is known.
        cost: Sum of their costs in money.
    """

    question_id: str
    member: str
    fate: str
    text: str | None
    times: int = 0
    tokens: int = 0
    counted_tokens: int = 0
    seconds: float = 0.0
    timed: int = 0
    cost: float = 0.0

    @property
    def key(self) -> str:
        """A hash that identifies the tally within its question and is short enough for an index."""
        said = "\0".join((self.member, self.fate, self.text or ""))
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()

    def add(self, sample: SampleRow) -> None:
        """Count one more draw; invalid numbers count as unknown."""
        sample = checked(sample)
        self.times += 1
        self.tokens += min(sample.tokens or 0, _MOST_TOKENS)
        self.counted_tokens += sample.tokens is not None
        self.seconds += sample.seconds or 0.0
        self.timed += sample.seconds is not None
        self.cost += sample.cost or 0.0


_COLUMNS = tuple(field.name for field in fields(Tally))


def known_draws(connection: Connection, calls: Collection[str]) -> set[tuple[str, int]]:
    """Return the draws of these calls that the store already has."""
    s, ids = schema.samples, sorted(calls)
    found: set[tuple[str, int]] = set()
    for start in range(0, len(ids), queries.CHUNK):
        some = s.c.call_id.in_(ids[start : start + queries.CHUNK])
        rows = connection.execute(select(s.c.call_id, s.c.draw).where(some))
        found.update((call, draw) for call, draw in rows)
    return found


def count(
    connection: Connection, samples: Iterable[SampleRow], before: Collection[tuple[str, int]]
) -> set[str]:
    """Count samples that were just added.

    Args:
        connection: Connection in the transaction that added them.
        samples: The samples that were to be added.
        before: The draws that the store had before, which are not counted again.

    Returns:
        The ids of the questions whose tallies have changed; see `summarise`.
    """
    fresh: dict[tuple[str, int], SampleRow] = {}
    for sample in samples:
        place = (sample.call_id, sample.draw)
        if place not in before:
            fresh.setdefault(place, sample)
    question_of = _questions_of(connection, {sample.call_id for sample in fresh.values()})
    tallies: dict[tuple[str, str, str, str | None], Tally] = {}
    for sample in fresh.values():
        question = question_of[sample.call_id]
        fate, text = fate_of(sample)
        kind = (question, sample.member, fate, text)
        tallies.setdefault(kind, Tally(*kind)).add(sample)
    _grow(connection, list(tallies.values()))
    return {tally.question_id for tally in tallies.values()}


def fate_of(sample: SampleRow) -> tuple[str, str | None]:
    """Return the outcome of a draw (`Tally.fate`), and the answer or the kind of error."""
    if sample.error is not None:
        return FAILED, kind_of(sample.error)
    return (ABSTAINED, None) if sample.answer is None else (ANSWER, sample.answer)


def kind_of(text: str | None) -> str:
    """Return the part of a reason or an error before the colon: the rule, or the kind of error."""
    return "not told" if text is None else text.partition(":")[0].partition(" (")[0].strip()


def summarise(connection: Connection, questions: Collection[str]) -> None:
    """Write the summaries of questions again, from their tallies and labels."""
    q, t, m, ids = schema.questions, schema.tallies, schema.labels, sorted(questions)
    for start in range(0, len(ids), queries.CHUNK):
        some = ids[start : start + queries.CHUNK]
        votes: dict[str, list[tuple[str, int]]] = {id_: [] for id_ in some}
        numbers = connection.execute(select(q.c.id, q.c.number).where(q.c.id.in_(some)))
        rows = {id_: _empty(id_, number) for id_, number in numbers}
        chosen = (
            select(
                t.c.question_id,
                t.c.fate,
                t.c.text,
                func.sum(t.c.times),
                func.sum(t.c.tokens),
                func.sum(t.c.cost),
            )
            .where(t.c.question_id.in_(some))
            .group_by(t.c.question_id, t.c.fate, t.c.text)
        )
        for id_, fate, text, times, tokens, cost in connection.execute(chosen):
            row = rows[id_]
            row["tokens"] += int(tokens)
            row["cost"] += float(cost)
            if fate == ANSWER:
                votes[id_].append((text, int(times)))
            else:
                row[fate] += int(times)
        said: dict[str, list[LabelRow]] = {id_: [] for id_ in some}
        # Only these columns: a store that is being upgraded may lack newer ones.
        labels = (
            select(m.c.id, m.c.question_id, m.c.answer, m.c.correct)
            .where(m.c.question_id.in_(some))
            .order_by(m.c.number)
        )
        for label in connection.execute(labels):
            said[label.question_id].append(LabelRow(*label))
        for id_, row in rows.items():
            counts = sorted((times for _, times in votes[id_]), reverse=True)
            truth = resolve(said[id_])
            row["votes"], row["answers"] = sum(counts), len(counts)
            row["lead"] = lead_probability(*[*counts, 0, 0][:2]) if counts else NO_VOTE
            row["gold"], row["wrong"] = truth.gold, len(truth.wrong)
        statement = insert_into(connection, schema.summaries)
        new = statement.excluded
        changed = {name: new[name] for name in _empty("", 0) if name not in _FIXED}
        statement = statement.on_conflict_do_update(index_elements=["question_id"], set_=changed)
        if rows:
            connection.execute(statement, list(rows.values()))


def rebuild(connection: Connection) -> None:
    """Count everything in a store that has no tallies yet."""
    q, c, s = schema.questions, schema.calls, schema.samples
    tokens, seconds = _possible(s.c.tokens), _possible(s.c.seconds)
    ids = connection.execute(select(q.c.id).order_by(q.c.number)).scalars().all()
    for start in range(0, len(ids), queries.CHUNK):
        some = ids[start : start + queries.CHUNK]
        counted = (
            select(
                c.c.question_id,
                s.c.member,
                s.c.answer,
                s.c.error,
                func.count(),
                func.sum(case((tokens > _MOST_TOKENS, _MOST_TOKENS), else_=tokens)),
                func.count(tokens),
                func.sum(seconds),
                func.count(seconds),
                func.sum(_possible(s.c.cost)),
            )
            .join_from(c, s, s.c.call_id == c.c.id)
            .where(c.c.question_id.in_(some))
            .group_by(c.c.question_id, s.c.member, s.c.answer, s.c.error)
        )
        tallies: dict[tuple[str, str, str, str | None], Tally] = {}
        for question, member, answer, error, *sums in connection.execute(counted):
            fate, text = fate_of(SampleRow("", 0, member, answer, error=error))
            place = (question, member, fate, text)
            tally = tallies.setdefault(place, Tally(*place))
            for name, value in zip(_SUMS, sums, strict=True):
                before = getattr(tally, name)
                setattr(tally, name, before + type(before)(as_amount(float(value or 0)) or 0))
        _grow(connection, list(tallies.values()))
        summarise(connection, some)


def insert_into(connection: Connection, table: Any) -> Any:
    """Return an INSERT statement in the dialect of the database."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


def _possible(column: Any) -> Any:
    """Return a column with invalid amounts as NULL, as `rows.checked` reads them."""
    return case((column.between(0, int(LARGEST)), column))


def _questions_of(connection: Connection, calls: Collection[str]) -> Mapping[str, str]:
    """Return the question of each call as stored: the first question named for a call counts."""
    c, ids = schema.calls, sorted(calls)
    found: dict[str, str] = {}
    for start in range(0, len(ids), queries.CHUNK):
        some = c.c.id.in_(ids[start : start + queries.CHUNK])
        rows = connection.execute(select(c.c.id, c.c.question_id).where(some))
        found.update((id_, question) for id_, question in rows)
    return found


def _grow(connection: Connection, tallies: Sequence[Tally]) -> None:
    table = schema.tallies
    statement = insert_into(connection, table)
    grown = {name: table.c[name] + statement.excluded[name] for name in _SUMS}
    statement = statement.on_conflict_do_update(index_elements=["question_id", "key"], set_=grown)
    for start in range(0, len(tallies), queries.CHUNK):
        rows = [
            {"key": tally.key} | {name: getattr(tally, name) for name in _COLUMNS}
            for tally in tallies[start : start + queries.CHUNK]
        ]
        connection.execute(statement, rows)


def _empty(question: str, number: int) -> dict[str, Any]:
    return {
        "question_id": question,
        "number": number,
        "votes": 0,
        "answers": 0,
        ABSTAINED: 0,
        FAILED: 0,
        "lead": NO_VOTE,
        "tokens": 0,
        "cost": 0.0,
        "gold": None,
        "wrong": 0,
    }

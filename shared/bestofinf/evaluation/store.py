"""The evaluation store: questions, calls, samples and labels in a database.

An SQLite file by default, PostgreSQL by URL. Everything is only added; what comes twice (a retry
after a lost connection, a file imported again) is stored once.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from bestofinf.answers.base import Answer
from bestofinf.errors import UsageError
from bestofinf.evaluation import queries, schema
from bestofinf.evaluation.contested import Contested, contested_first
from bestofinf.evaluation.database import Database
from bestofinf.evaluation.exchange import question_from_rows
from bestofinf.evaluation.identity import answer_text
from bestofinf.evaluation.leases import Lease
from bestofinf.evaluation.rows import (
    CallRecord,
    CallRow,
    LabelRow,
    QuestionRow,
    Row,
    SampleRow,
)
from bestofinf.evaluation.sets import EvaluationSet
from bestofinf.evaluation.status import StoreStatus, read_status
from bestofinf.evaluation.truth import resolve

LONGEST_ID = 500
"""Longest id of a question, a call or a label, in characters: a database must index it."""

_DECISION = ("answer", "confidence", "reason", "winner_member", "seconds")
_FORCED = ("budget:%", "stopped%")  # reasons that a decision was not waited for


@dataclass(frozen=True, slots=True)
class Label:
    """Something said of a question, to be given to a store.

    Attributes:
        key: Id of the question, of one of its calls, or the hash of its prompt.
        answer: The answer spoken of; None means the one that the call returned.
        correct: Whether it is right.
        retract: Take back all that was said of the question instead.
    """

    key: str
    answer: str | None = None
    correct: bool = True
    retract: bool = False


class EvaluationStore:
    """A database of evaluation questions and everything recorded about them.

    Objects may be used by many threads, and many processes may use one database. An object may
    be carried over a fork.

    Args:
        address: ``sqlite:///PATH``, ``postgresql://USER@HOST/DATABASE``, or the path of an
            SQLite file.
        create: Make the file and the tables where they are missing.
        readonly: Never write, not even to open it.
        timeout: Longest wait for a lock or a connection, in seconds.
        connect: Open it now and not at first use.

    Raises:
        UsageError: If the address is wrong.
        StoreError: If the database cannot be opened, is damaged, or is of a newer version.
    """

    def __init__(
        self,
        address: str | Path,
        *,
        create: bool = True,
        readonly: bool = False,
        timeout: float = 30.0,
        connect: bool = True,
    ) -> None:
        self._database = Database(address, create=create, readonly=readonly, timeout=timeout)
        if connect:
            with self._database.read():
                pass

    @property
    def name(self) -> str:
        """The address without its password."""
        return self._database.name

    def __enter__(self) -> EvaluationStore:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    # -- adding -------------------------------------------------------------------------------

    def add(self, records: Iterable[CallRecord]) -> None:
        """Add calls with their questions, samples and labels: all of them, or none on an error.

        Raises:
            StoreError: If the database fails; ``permanent`` is True where it refuses the rows.
        """
        records = list(records)
        for record in records:
            _check_ids(record)
        questions = {r.question.id: r.question for r in records if r.question is not None}
        with self._database.write() as connection:
            self._database.take_turn(connection)
            self._add_questions(connection, list(questions.values()))
            self._add_calls(connection, [r.call for r in records if r.call])
            self._insert(connection, schema.samples, [s for r in records for s in r.samples])
            self._insert(connection, schema.labels, [m for r in records for m in r.labels])

    def _add_questions(self, connection: Connection, rows: Sequence[QuestionRow]) -> None:
        table = schema.questions
        statement: Any = self._insert_into(table)
        new = statement.excluded
        # A later call may bring the prompt that an earlier one did not keep.
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.id],
            set_={
                "prompt": func.coalesce(table.c.prompt, new.prompt),
                "prompt_hash": func.coalesce(table.c.prompt_hash, new.prompt_hash),
            },
            where=or_(
                and_(table.c.prompt.is_(None), new.prompt.is_not(None)),
                and_(table.c.prompt_hash.is_(None), new.prompt_hash.is_not(None)),
            ),
        )
        queries.execute(connection, statement, rows)

    def _add_calls(self, connection: Connection, rows: Sequence[CallRow]) -> None:
        table = schema.calls
        statement: Any = self._insert_into(table)
        new = statement.excluded
        # A call whose samples came one by one has its decision last; one that the end of a
        # batch forced may be followed by a better one.
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.id],
            set_={name: new[name] for name in _DECISION},
            where=and_(
                new.reason.is_not(None),
                or_(table.c.reason.is_(None), *map(table.c.reason.like, _FORCED)),
            ),
        )
        queries.execute(connection, statement, rows)

    def _insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        statement: Any = self._insert_into(table).on_conflict_do_nothing()
        queries.execute(connection, statement, rows)

    def _insert_into(self, table: Table) -> Any:
        return (sqlite if self._database.is_sqlite else postgresql).insert(table)

    # -- labels -------------------------------------------------------------------------------

    def label(
        self, key: str, gold: str | int | float | None, *, source: str = "", at: float | None = None
    ) -> str:
        """Say what the right answer of a question is. The newest word counts; all are kept.

        Args:
            key: Id of the question, of one of its calls, or the hash of its prompt.
            gold: The right answer; None takes back all that was said of the question.
            source: Who says so.
            at: When, in seconds since 1970; now by default.

        Returns:
            The id of the question.

        Raises:
            UsageError: If the key is unknown.
            StoreError: If the database fails.
        """
        answer = answer_text(gold)
        if answer is None and gold is not None:
            raise UsageError("gold must not be empty; None takes the labels of a question back")
        label = Label(key, answer, retract=gold is None)
        return self._label(label, source=source, at=at)

    def verdict(
        self,
        key: str,
        correct: bool,
        *,
        answer: str | int | float | None = None,
        source: str = "",
        at: float | None = None,
    ) -> str:
        """Say that an answer is right or wrong (thumbs up or down) without knowing the gold.

        A right answer is the gold. A wrong one is remembered in `Question.wrong`.

        Args:
            key: Id of the call, or of the question.
            correct: Thumbs up, or down.
            answer: The answer judged; by default the one that the call returned.
            source: Who says so.
            at: When, in seconds since 1970; now by default.

        Raises:
            UsageError: If the key is unknown, or it is not said which answer was judged.
        """
        return self._label(Label(key, answer_text(answer), correct), source=source, at=at)

    def label_all(
        self, labels: Iterable[Label], *, source: str = "", at: float | None = None
    ) -> tuple[str, ...]:
        """Give many labels in one transaction.

        Args:
            labels: What to say of which question or call.
            source: Who says so.
            at: When, in seconds since 1970; now by default.

        Returns:
            The keys that are unknown; all other labels are given.

        Raises:
            UsageError: If it is not said which answer is judged. No label is given then.
        """
        unknown = []
        rows = []
        now = time.time() if at is None else at
        with self._database.write() as connection:
            for label in labels:
                found = self._find(connection, label.key)
                if found is None:
                    unknown.append(label.key)
                    continue
                question_id, call_id, returned = found
                answer = label.answer if label.answer is not None else returned
                if answer is None and not label.retract:
                    raise UsageError(
                        f"which answer of {label.key!r} is meant? Name it, or give the id of a "
                        "call that returned one"
                    )
                rows.append(
                    LabelRow(
                        id=uuid.uuid4().hex,
                        question_id=question_id,
                        answer=None if label.retract else answer,
                        correct=label.correct,
                        call_id=call_id,
                        source=source,
                        at=now,
                    )
                )
            self._insert(connection, schema.labels, rows)
        return tuple(unknown)

    def _label(self, label: Label, *, source: str, at: float | None) -> str:
        question_id = self.find(label.key)
        self.label_all([label], source=source, at=at)
        return question_id

    def find(self, key: str) -> str:
        """Return the id of the question that a question id, a call id or a prompt hash means.

        Raises:
            UsageError: If it means none.
        """
        with self._database.read() as connection:
            found = self._find(connection, key)
        if found is None:
            raise UsageError(f"{self.name}: no question, call or prompt hash {key!r}")
        return found[0]

    def _find(self, connection: Connection, key: str) -> tuple[str, str | None, str | None] | None:
        """Return the question, the call where the key is one, and what that call returned."""
        q, c = schema.questions, schema.calls
        found = connection.execute(select(q.c.id).where(q.c.id == key)).scalar()
        if found is not None:
            return found, None, None
        call = connection.execute(select(c.c.question_id, c.c.answer).where(c.c.id == key)).first()
        if call is not None:
            return call[0], key, call[1]
        hashed = select(q.c.id).where(q.c.prompt_hash == key).order_by(q.c.number)
        found = connection.execute(hashed).scalar()
        return None if found is None else (found, None, None)

    def labels(self, key: str) -> tuple[LabelRow, ...]:
        """Return everything that was ever said of a question, oldest first."""
        question = self.find(key)
        with self._database.read() as connection:
            m = schema.labels
            return tuple(queries.rows_of(connection, m, LabelRow, m.c.question_id == question))

    def unlabelled(
        self, limit: int | None = None, *, answer: Answer | None = None
    ) -> list[Contested]:
        """Return the questions without a right answer, the most contested vote first.

        There a label teaches most: where all samples agree, weights change nothing.

        Args:
            limit: Most questions to return.
            answer: The answer type, to take equivalent answers as one; by default answers are
                compared as text.
        """
        known = self._gold()
        c, s = schema.calls, schema.samples
        votes = (
            select(c.c.question_id, s.c.answer, func.count())
            .join_from(s, c, s.c.call_id == c.c.id)
            .where(s.c.error.is_(None), s.c.answer.is_not(None))
            .group_by(c.c.question_id, s.c.answer)
        )
        with self._database.read() as connection:
            counts: dict[str, dict[str, int]] = {}
            for question, vote, count in connection.execute(votes):
                if question not in known:
                    counts.setdefault(question, {})[vote] = count
            q = schema.questions
            rows = connection.execute(select(q.c.id, q.c.prompt).order_by(q.c.number))
            open_questions = [(id_, prompt) for id_, prompt in rows if id_ not in known]
        return contested_first(open_questions, counts, answer=answer)[:limit]

    def _gold(self) -> dict[str, str]:
        history: dict[str, list[LabelRow]] = {}
        with self._database.read() as connection:
            for row in queries.rows_of(connection, schema.labels, LabelRow):
                history.setdefault(row.question_id, []).append(row)
        found = {id_: resolve(rows).gold for id_, rows in history.items()}
        return {id_: gold for id_, gold in found.items() if gold is not None}

    # -- notes --------------------------------------------------------------------------------

    def remember(self, key: str, value: str) -> str:
        """Write a note under a key, unless there is one, and return the one that stands.

        Args:
            key: At most 40 characters.
            value: Any text.

        Raises:
            StoreError: If the database fails.
        """
        table = schema.meta
        with self._database.write() as connection:
            statement: Any = self._insert_into(table).on_conflict_do_nothing()
            connection.execute(statement, [{"key": key, "value": value}])
            found = connection.execute(select(table.c.value).where(table.c.key == key))
            return str(found.scalar_one())

    def lease(self, name: str, told: str) -> Lease:
        """Return what lets one process at a time work on a thing.

        Args:
            name: Of the thing, unlike those of others in the store.
            told: What messages call it.
        """
        return Lease(self._database, name, told)

    # -- deleting -----------------------------------------------------------------------------

    def delete(self, key: str) -> str:
        """Delete a question with all its calls, samples and labels, and wipe it from the file.

        Args:
            key: Id of the question, of one of its calls, or the hash of its prompt.

        Returns:
            The id of the question.

        Raises:
            UsageError: If the key is unknown.
        """
        question_id = self.find(key)
        with self._database.write() as connection:
            q = schema.questions
            connection.execute(delete(q).where(q.c.id == question_id))
        self._database.empty_log()
        return question_id

    # -- reading ------------------------------------------------------------------------------

    def records(
        self,
    ) -> Iterator[tuple[QuestionRow, list[CallRow], list[SampleRow], list[LabelRow]]]:
        """Yield each question with its calls, samples and labels, in the order they came."""
        with self._database.read() as connection:
            q = schema.questions
            numbers = connection.execute(select(q.c.id).order_by(q.c.number)).scalars().all()
            for start in range(0, len(numbers), queries.CHUNK):
                yield from queries.whole_questions(
                    connection, numbers[start : start + queries.CHUNK]
                )

    def read(self, *, kinds: Iterable[str] | None = None, uncounted: bool = False) -> EvaluationSet:
        """Return everything in the store as an evaluation set, in the order it came.

        Args:
            kinds: Which calls: "ensemble", "model" and "import"; all by default.
            uncounted: Take samples too that came too late for their decision.
        """
        wanted = None if kinds is None else set(kinds)
        questions = []
        for question, calls, samples, labels in self.records():
            if wanted is not None:
                calls = [call for call in calls if call.kind in wanted]
                known = {call.id for call in calls}
                samples = [sample for sample in samples if sample.call_id in known]
            questions.append(
                question_from_rows(question, calls, samples, labels, uncounted=uncounted)
            )
        name = self.name.rpartition("/")[2].partition("?")[0]
        return EvaluationSet(tuple(questions), name=name)

    def calls(self, ids: Sequence[str]) -> dict[str, tuple[CallRow, list[SampleRow]]]:
        """Return calls with their samples by id, in draw order; unknown ids are left out.

        Raises:
            StoreError: If the database fails.
        """
        c, s = schema.calls, schema.samples
        found: dict[str, tuple[CallRow, list[SampleRow]]] = {}
        with self._database.read() as connection:
            for start in range(0, len(ids), queries.CHUNK):
                some = ids[start : start + queries.CHUNK]
                for call in queries.rows_of(connection, c, CallRow, c.c.id.in_(some)):
                    found[call.id] = (call, [])
                for sample in queries.rows_of(connection, s, SampleRow, s.c.call_id.in_(some)):
                    found[sample.call_id][1].append(sample)
        return found

    def status(self) -> StoreStatus:
        """Return what the store holds."""
        labelled = len(self._gold())
        with self._database.read() as connection:
            return read_status(connection, labelled=labelled)

    def check(self) -> None:
        """Look for damage: the file's structure, and rows that belong to nothing.

        Raises:
            StoreError: If there is any.
        """
        self._database.check()


def _check_ids(record: CallRecord) -> None:
    ids = [record.question.id] if record.question else []
    ids += [record.call.id] if record.call else []
    for id_ in ids:
        if not id_ or len(id_) > LONGEST_ID:
            raise UsageError(
                f"an id must have 1 to {LONGEST_ID} characters, got {len(id_)}: {id_[:40]!r}"
            )

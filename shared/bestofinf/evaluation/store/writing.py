"""Adding rows: a row that comes twice is stored once; a later decision may replace a forced one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, func, or_

from bestofinf.errors import UsageError
from bestofinf.evaluation.identity import LONGEST_ID
from bestofinf.evaluation.rows import CallRecord, CallRow, LabelRow, QuestionRow, Row
from bestofinf.evaluation.store import queries, schema, tallies

_BATCH = 1 << 23  # approximate bytes of records that are written at a time

_DECISION = ("answer", "confidence", "reason", "winner_member", "seconds")
_FORCED = ("budget:%", "stopped%")  # first words of reasons of decisions that were forced


def check_ids(record: CallRecord) -> None:
    """Raise an error for ids that a database cannot index.

    Raises:
        UsageError: If an id is empty or too long.
    """
    ids = [record.question.id] if record.question else []
    ids += [record.call.id] if record.call else []
    ids += [record.call.run_question] if record.call and record.call.run_question else []
    for id_ in ids:
        if not id_ or len(id_) > LONGEST_ID:
            raise UsageError(
                f"an id must have 1 to {LONGEST_ID} characters, got {len(id_)}: {id_[:40]!r}"
            )


def add_all(connection: Connection, records: Iterable[CallRecord]) -> None:
    """Add any number of records, a few at a time.

    Raises:
        UsageError: If an id is one that a database cannot index.
    """
    batch: list[CallRecord] = []
    size = 0
    for record in records:
        check_ids(record)
        batch.append(record)
        size += record.size()
        if size >= _BATCH:
            add_records(connection, batch)
            batch, size = [], 0
    add_records(connection, batch)


def add_records(connection: Connection, records: Sequence[CallRecord]) -> None:
    """Add calls with their questions, samples and labels."""
    questions = {r.question.id: r.question for r in records if r.question is not None}
    _add_questions(connection, list(questions.values()))
    _add_calls(connection, [r.call for r in records if r.call])
    samples = [s for r in records for s in r.samples]
    before = tallies.known_draws(connection, {s.call_id for s in samples})
    add_new(connection, schema.samples, samples)
    grown = tallies.count(connection, samples, before)
    labels = [m for r in records for m in r.labels]
    add_new(connection, schema.labels, labels)
    tallies.summarise(connection, {*questions, *grown, *(m.question_id for m in labels)})


def add_labels(connection: Connection, rows: Sequence[LabelRow]) -> None:
    """Add labels and update the summaries that they change."""
    add_new(connection, schema.labels, rows)
    tallies.summarise(connection, {row.question_id for row in rows})


def add_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add the rows that the table does not have yet."""
    statement: Any = tallies.insert_into(connection, table).on_conflict_do_nothing()
    queries.execute(connection, statement, rows)


def _add_questions(connection: Connection, rows: Sequence[QuestionRow]) -> None:
    table = schema.questions
    statement: Any = tallies.insert_into(connection, table)
    new = statement.excluded
    # A later call may have the prompt that an earlier one did not store.
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={
            "prompt": func.coalesce(table.c.prompt, new.prompt),
            "prompt_hash": func.coalesce(table.c.prompt_hash, new.prompt_hash),
            "last_message": func.coalesce(table.c.last_message, new.last_message),
        },
        where=or_(
            and_(table.c.prompt.is_(None), new.prompt.is_not(None)),
            and_(table.c.prompt_hash.is_(None), new.prompt_hash.is_not(None)),
            and_(table.c.last_message.is_(None), new.last_message.is_not(None)),
        ),
    )
    queries.execute(connection, statement, rows)


def _add_calls(connection: Connection, rows: Sequence[CallRow]) -> None:
    table = schema.calls
    statement: Any = tallies.insert_into(connection, table)
    new = statement.excluded
    # If the samples of a call came one by one, its decision comes last; a decision that the end
    # of a batch forced may be followed by a better one.
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={name: new[name] for name in _DECISION},
        where=and_(
            new.reason.is_not(None),
            or_(table.c.reason.is_(None), *map(table.c.reason.like, _FORCED)),
        ),
    )
    queries.execute(connection, statement, rows)

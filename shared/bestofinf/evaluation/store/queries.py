"""Reading and writing rows of the store's tables as values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, null, select

from bestofinf.border import error_text
from bestofinf.errors import StoreError
from bestofinf.evaluation.rows import (
    CallRow,
    LabelRow,
    QuestionRow,
    Row,
    SampleRow,
    as_dict,
    checked,
    columns,
)
from bestofinf.evaluation.store import schema

CHUNK = 500
"""Maximum number of rows in one statement and of ids in one condition."""


def execute(connection: Connection, statement: Any, rows: Sequence[Row]) -> None:
    """Run a statement on rows, many at a time.

    Raises:
        StoreError: If no database can hold one of the values.
    """
    for start in range(0, len(rows), CHUNK):
        try:
            connection.execute(statement, [as_dict(row) for row in rows[start : start + CHUNK]])
        except (
            OverflowError,
            TypeError,
            ValueError,
        ) as error:  # SQLAlchemy does not wrap these errors
            raise StoreError(
                f"the rows were refused: {error_text(error)}", permanent=True
            ) from error


def rows_of(connection: Connection, table: Table, kind: type[Any], *where: Any) -> Iterator[Any]:
    """Yield the rows of a table as values, in the order they were added; samples by draw."""
    order = [table.c.number] if "number" in table.c else [table.c.call_id, table.c.draw]
    there = (
        null().label(name) if schema.missing(connection, table.c[name]) else table.c[name]
        for name in columns(kind)
    )
    chosen = select(*there).where(*where).order_by(*order)
    for row in connection.execute(chosen):
        yield checked(kind(*row))


def whole_questions(
    connection: Connection, ids: Sequence[str]
) -> Iterator[tuple[QuestionRow, list[CallRow], list[SampleRow], list[LabelRow]]]:
    """Yield questions with their calls, samples and labels; unknown ids are left out."""
    q, c, s, m = schema.questions, schema.calls, schema.samples, schema.labels
    calls: dict[str, list[CallRow]] = {id_: [] for id_ in ids}
    samples: dict[str, list[SampleRow]] = {}
    labels: dict[str, list[LabelRow]] = {id_: [] for id_ in ids}
    for call in rows_of(connection, c, CallRow, c.c.question_id.in_(ids)):
        calls[call.question_id].append(call)
    of_these = s.c.call_id.in_(select(c.c.id).where(c.c.question_id.in_(ids)))
    for sample in rows_of(connection, s, SampleRow, of_these):
        samples.setdefault(sample.call_id, []).append(sample)
    for label in rows_of(connection, m, LabelRow, m.c.question_id.in_(ids)):
        labels[label.question_id].append(label)
    for question in rows_of(connection, q, QuestionRow, q.c.id.in_(ids)):
        mine = calls[question.id]
        yield (
            question,
            mine,
            [x for call in mine for x in samples.get(call.id, [])],
            labels[question.id],
        )

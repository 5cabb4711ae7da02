"""Labels of questions: how they are added, and the right answers that follow from them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, get_args

from sqlalchemy import Connection, and_, or_, select

from bestofinf.border import as_fraction
from bestofinf.errors import UsageError, shown
from bestofinf.evaluation.identity import short_id
from bestofinf.evaluation.rows import LabelRow, Provenance
from bestofinf.evaluation.store import queries, schema
from bestofinf.evaluation.truth import resolve


@dataclass(frozen=True, slots=True)
class Label:
    """A statement about an answer of a question, to be added to a store.

    Attributes:
        key: Id of the question, id of one of its calls, or the hash of its prompt; or the id that
            the question has in the file of a run, as ``ID`` or ``RUN/ID``.
        answer: The answer that is judged; None for the one that the call returned.
        correct: Whether it is right.
        retract: Retract all labels of the question instead.
        provenance: How the question came to be labelled: "random", "asked", "feedback" or
            "import"; None if unknown.
        score: Probability, above 0 and at most 1, with which it was drawn to be labelled; None
            if it was not drawn, or if that is unknown.

    Raises:
        UsageError: If provenance or score has another value.
    """

    key: str
    answer: str | None = None
    correct: bool = True
    retract: bool = False
    provenance: Provenance | None = None
    score: float | None = None

    def __post_init__(self) -> None:
        if self.provenance is not None and self.provenance not in get_args(Provenance):
            raise UsageError(
                f"provenance must be {', '.join(map(repr, get_args(Provenance)))} or None, "
                f"got {shown(self.provenance)}"
            )
        if self.score is not None and not as_fraction(self.score):
            raise UsageError(
                "the score of a label is a probability above 0 and at most 1, "
                f"got {shown(self.score)}"
            )


class Found(NamedTuple):
    """The result of a key: a question, the call if the key is a call's, and the call's answer."""

    question: str
    call: str | None = None
    answer: str | None = None


def find(connection: Connection, key: str) -> Found | None:
    """Return the question that a question id, a call id, a prompt hash or a run's own id names.

    A call's id may follow ``run--``, as in the ids that LangChain gives to messages. A run's own id
    is that of a question in its file, ``ID`` or ``RUN/ID``; its last attempt counts.

    Returns:
        None if the key is unknown.

    Raises:
        UsageError: If several runs use the id for different questions.
    """
    q, c = schema.questions, schema.calls
    found = connection.execute(select(q.c.id).where(q.c.id == short_id(key))).scalar()
    if found is not None:
        return Found(found)
    ids = {key, key.rpartition("run--")[2]}
    calls = select(c.c.question_id, c.c.id, c.c.answer).where(c.c.id.in_(ids))
    call = connection.execute(calls).first()
    if call is not None:
        return Found(*call)
    hashed = select(q.c.id).where(q.c.prompt_hash == key).order_by(q.c.number)
    found = connection.execute(hashed).scalar()
    return _in_a_run(connection, key) if found is None else Found(found)


def _in_a_run(connection: Connection, key: str) -> Found | None:
    c = schema.calls.c
    if schema.missing(connection, c.run_question):
        return None
    names: list[tuple[str | None, str]] = [(None, key)]
    names += [(key[:end], key[end + 1 :]) for end, letter in enumerate(key) if letter == "/"]
    meant = [
        c.run_question == name if run is None else and_(c.run_question == name, c.run == run)
        for run, name in names
    ]
    chosen = select(c.question_id, c.id, c.answer).where(or_(*meant)).order_by(c.number)
    rows = connection.execute(chosen).all()
    if len({row[0] for row in rows}) > 1:
        raise UsageError(f"{key!r} names different questions in several runs: give it as RUN/ID")
    return Found(*rows[-1]) if rows else None


def beginning_with(connection: Connection, key: str) -> list[str]:
    """Return up to two ids of questions that begin with a text; of calls if no question's does."""
    for table in (schema.questions, schema.calls):
        chosen = select(table.c.id).where(table.c.id.startswith(key, autoescape=True)).limit(2)
        found = list(connection.execute(chosen).scalars())
        if found:
            return found
    return []


def rows_for(
    connection: Connection, labels: Iterable[Label], *, source: str, at: float
) -> tuple[list[LabelRow], list[str]]:
    """Return the rows for labels, and the keys that are unknown.

    Raises:
        UsageError: If a label has no answer and its key is not a call that returned one.
    """
    rows, unknown = [], []
    for label in labels:
        found = find(connection, label.key)
        if found is None:
            unknown.append(label.key)
            continue
        answer = label.answer if label.answer is not None else found.answer
        if answer is None and not label.retract:
            raise UsageError(
                f"which answer of {label.key!r} is meant? Name it, or give the id of a "
                "call that returned one"
            )
        rows.append(
            LabelRow(
                id=uuid.uuid4().hex,
                question_id=found.question,
                answer=None if label.retract else answer,
                correct=label.correct,
                call_id=found.call,
                source=source,
                at=at,
                provenance=label.provenance,
                score=label.score,
            )
        )
    return rows, unknown


def gold(connection: Connection) -> dict[str, str]:
    """Return the known right answers, by question."""
    history: dict[str, list[LabelRow]] = {}
    for row in queries.rows_of(connection, schema.labels, LabelRow):
        history.setdefault(row.question_id, []).append(row)
    found = {id_: resolve(rows).gold for id_, rows in history.items()}
    return {id_: answer for id_, answer in found.items() if answer is not None}

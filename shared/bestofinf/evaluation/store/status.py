"""What a store holds, in numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from bestofinf.evaluation.store import schema
from bestofinf.records.display import table


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """What a store holds.

    Attributes:
        questions: Number of questions.
        labelled: Questions whose right answer is known.
        calls: Number of calls.
        samples: Number of samples, including abstentions.
        failures: Number of draws that failed.
        abstentions: Number of samples without an answer.
        labels: Number of labels ever given.
        members: Number of samples by member.
        fixed: Number of samples of calls whose number of samples did not depend on the answers.
    """

    questions: int
    labelled: int
    calls: int
    samples: int
    failures: int
    abstentions: int
    labels: int
    members: dict[str, int]
    fixed: int


class Shown(ABC):
    """The display of a store in a notebook: its address and its sizes."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The address without its password."""

    @abstractmethod
    def status(self) -> StoreStatus:
        """Return what the store holds."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def _repr_html_(self) -> str:
        held = self.status()
        rows = [(name, f"{samples:,}") for name, samples in held.members.items()]
        note = (
            f"{held.questions:,} questions, {held.labelled:,} labelled, {held.calls:,} calls, "
            f"{held.samples:,} samples, {held.failures:,} failed requests"
        )
        return table(self.name, ("member", "samples"), rows, note=note)


def read_status(connection: Connection, *, labelled: int) -> StoreStatus:
    """Return the sizes of a store.

    Args:
        connection: Connection to its database.
        labelled: Number of questions whose right answer is known.
    """
    c, s = schema.calls, schema.samples
    came = s.c.error.is_(None)
    tallies = select(
        s.c.member,
        func.count(),
        _count(came),
        _count(and_(came, s.c.answer.is_(None))),
        _count(and_(came, c.c.fixed)),
    ).join_from(s, c, s.c.call_id == c.c.id)
    rows = connection.execute(tallies.group_by(s.c.member).order_by(s.c.member)).all()
    totals = [
        connection.execute(select(func.count()).select_from(one)).scalar_one()
        for one in (schema.questions, schema.calls, schema.labels)
    ]
    return StoreStatus(
        questions=totals[0],
        labelled=labelled,
        calls=totals[1],
        samples=sum(row[2] for row in rows),
        failures=sum(row[1] - row[2] for row in rows),
        abstentions=sum(row[3] for row in rows),
        labels=totals[2],
        members={row[0]: row[2] for row in rows},
        fixed=sum(row[4] for row in rows),
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

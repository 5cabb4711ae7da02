"""The contents of a store for display: lists of questions, single questions, and an overview."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from bestofinf.evaluation.rows import CallRow, LabelRow, QuestionRow, SampleRow
from bestofinf.evaluation.samples import Samples
from bestofinf.evaluation.sets import EvaluationSet, Question
from bestofinf.evaluation.store import labelling, listing, queries, schema
from bestofinf.evaluation.store.database import Database
from bestofinf.evaluation.store.listing import Listed, Page, Wanted
from bestofinf.evaluation.store.picture import Picture, read_mark, read_picture
from bestofinf.evaluation.store.tallies import ANSWER, FAILED, Tally
from bestofinf.evaluation.truth import Truth, resolve

CALLS = 50
"""Maximum number of calls returned with a question; the newest are."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One question with everything that is known of it.

    Attributes:
        listed: The question as shown in lists.
        question: Its row.
        all_calls: Number of its calls.
        calls: The newest calls, the newest first.
        samples: The samples of `calls` by call, in draw order.
        labels: All its labels, oldest first.
        tallies: Counts of the outcomes of all its draws, by member and answer.
    """

    listed: Listed
    question: QuestionRow
    all_calls: int
    calls: Sequence[CallRow]
    samples: Mapping[str, Sequence[SampleRow]]
    labels: Sequence[LabelRow]
    tallies: Sequence[Tally]


class Catalogue:
    """The contents of a store for display. See `EvaluationStore.catalogue`.

    Args:
        database: The database of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def counted(self) -> bool:
        """Whether the store has tallies; one of an earlier version opened read-only has none."""
        with self._database.read() as connection:
            return not schema.missing(connection, schema.summaries.c.lead)

    def page(
        self, wanted: Wanted | None = None, *, after: str | None = None, limit: int = 50
    ) -> Page:
        """Return a page of a list of questions, with their votes.

        Args:
            wanted: Which questions in which order; by default all, the most contested first.
            after: `Page.following` of the previous page; None for the first page.
            limit: Maximum number of questions on the page.

        Raises:
            UsageError: If `after` is not a position in such a list.
        """
        with self._read() as connection:
            return listing.read_page(connection, wanted or Wanted(), after=after, limit=limit)

    def count(self, wanted: Wanted | None = None) -> int:
        """Return the number of questions that match; all by default."""
        with self._read() as connection:
            return listing.count(connection, wanted or Wanted())

    def numbers(self, wanted: Wanted) -> list[int]:
        """Return the numbers of all questions that match, in no order."""
        with self._read() as connection:
            return listing.read_numbers(connection, wanted)

    def members(self) -> list[str]:
        """Return the names of all members that were asked a question."""
        member = schema.tallies.c.member
        with self._read() as connection:
            return list(connection.execute(select(member).distinct().order_by(member)).scalars())

    def labels(self, numbers: Sequence[int]) -> dict[int, tuple[str, list[LabelRow]]]:
        """Return the ids of questions and all their labels, by number."""
        q, m = schema.questions, schema.labels
        found: dict[int, tuple[str, list[LabelRow]]] = {}
        with self._read() as connection:
            for start in range(0, len(numbers), queries.CHUNK):
                some = q.c.number.in_(numbers[start : start + queries.CHUNK])
                ids = {
                    id_: n for n, id_ in connection.execute(select(q.c.number, q.c.id).where(some))
                }
                said: dict[str, list[LabelRow]] = {id_: [] for id_ in ids}
                for label in queries.rows_of(connection, m, LabelRow, m.c.question_id.in_(ids)):
                    said[label.question_id].append(label)
                found |= {ids[id_]: (id_, labels) for id_, labels in said.items()}
        return found

    def truths(self, numbers: Sequence[int]) -> dict[int, tuple[str, Truth]]:
        """Return the ids of questions and the truth that follows from their labels, by number."""
        return {n: (id_, resolve(said)) for n, (id_, said) in self.labels(numbers).items()}

    def votes(self, numbers: Sequence[int]) -> EvaluationSet:
        """Return the votes of questions as an evaluation set, in this order, from their tallies.

        It has the right answers that follow from labels. Samples have no order, tokens or scores.
        """
        t = schema.tallies
        known = self.truths(numbers)
        found: dict[str, dict[str, list[str | None]]] = {id_: {} for id_, _ in known.values()}
        ids = [known[number][0] for number in numbers if number in known]
        with self._read() as connection:
            for start in range(0, len(ids), queries.CHUNK):
                some = ids[start : start + queries.CHUNK]
                rows = connection.execute(
                    select(t.c.question_id, t.c.member, t.c.fate, t.c.text, t.c.times)
                    .where(t.c.question_id.in_(some), t.c.fate != FAILED)
                    .order_by(t.c.question_id, t.c.member, t.c.text)
                )
                for id_, member, fate, text, times in rows:
                    said = text if fate == ANSWER else None
                    found[id_].setdefault(member, []).extend([said] * times)
        truths = dict(known.values())
        return EvaluationSet(
            tuple(
                Question(
                    id_,
                    {member: Samples(tuple(said)) for member, said in found[id_].items()},
                    gold=truths[id_].gold,
                    wrong=truths[id_].wrong,
                    provenance=truths[id_].provenance,
                )
                for id_ in ids
            )
        )

    def entry(self, number: int, *, calls: int = CALLS) -> Entry | None:
        """Return the question with this number (`Listed.number`); None if there is none.

        Args:
            number: Number of the question in the store.
            calls: Maximum number of calls to return with it.
        """
        q = schema.questions
        with self._read() as connection:
            id_ = connection.execute(select(q.c.id).where(q.c.number == number)).scalar()
            return None if id_ is None else _entry(connection, id_, calls)

    def find(self, key: str) -> int | None:
        """Return the number of the question that a key names; None if it names none or several.

        Args:
            key: Id of the question, the beginning of one, the id of one of its calls, or the hash
                of its prompt.
        """
        q = schema.questions
        with self._read() as connection:
            found = labelling.find(connection, key)
            ids = [found.question] if found else listing.find_prefix(connection, key)
            if len(ids) != 1:
                return None
            return connection.execute(select(q.c.number).where(q.c.id == ids[0])).scalar()

    def mark(self) -> tuple[int, ...]:
        """Return a value that changes whenever something is added; it is cheap to read."""
        with self._read() as connection:
            return read_mark(connection)

    def picture(self) -> Picture:
        """Return the overview of the whole store that needs no labels."""
        with self._read() as connection:
            return read_picture(connection)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._database.read() as connection:
            listing.need_tallies(connection)
            yield connection


def _entry(connection: Connection, id_: str, most: int) -> Entry | None:
    q, c, s = schema.questions, schema.calls, schema.samples
    m, t = schema.labels, schema.tallies
    of_question = c.c.question_id == id_
    newest = select(c.c.number).where(of_question).order_by(c.c.number.desc()).limit(most)
    calls = list(queries.rows_of(connection, c, CallRow, c.c.number.in_(newest)))
    samples: dict[str, list[SampleRow]] = {call.id: [] for call in calls}
    for sample in queries.rows_of(connection, s, SampleRow, s.c.call_id.in_(samples)):
        samples[sample.call_id].append(sample)
    rows = connection.execute(
        select(
            t.c.question_id, t.c.member, t.c.fate, t.c.text, t.c.times, t.c.tokens,
            t.c.counted_tokens, t.c.seconds, t.c.timed, t.c.cost,
        )
        .where(t.c.question_id == id_)
        .order_by(t.c.member, t.c.fate, t.c.times.desc())
    )  # fmt: skip
    listed = listing.read_listed(connection, [id_])
    questions = list(queries.rows_of(connection, q, QuestionRow, q.c.id == id_))
    if not listed or not questions:
        return None
    return Entry(
        listed=listed[0],
        question=questions[0],
        all_calls=connection.execute(
            select(func.count()).select_from(c).where(of_question)
        ).scalar_one(),
        calls=calls[::-1],
        samples=samples,
        labels=tuple(queries.rows_of(connection, m, LabelRow, m.c.question_id == id_)),
        tallies=[Tally(**row._mapping) for row in rows],
    )

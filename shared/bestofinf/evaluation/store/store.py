"""The evaluation store: questions, calls, samples and labels in a database.

It is an SQLite file by default, and PostgreSQL by URL. Rows are only added; a row that comes twice (a
retry after a lost connection, a file imported again) is stored once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select

from bestofinf.answers.base import Answer
from bestofinf.errors import UsageError, shown
from bestofinf.evaluation.contested import EVEN, Contested, contested_first
from bestofinf.evaluation.exchange import question_from_rows
from bestofinf.evaluation.identity import answer_text
from bestofinf.evaluation.rows import (
    CallRecord,
    CallRow,
    LabelRow,
    Provenance,
    QuestionRow,
    SampleRow,
)
from bestofinf.evaluation.sets import EvaluationSet
from bestofinf.evaluation.store import labelling, listing, queries, schema, tallies, writing
from bestofinf.evaluation.store.activity import Activity, read_activity
from bestofinf.evaluation.store.catalogue import Catalogue
from bestofinf.evaluation.store.database import Database
from bestofinf.evaluation.store.labelling import Label
from bestofinf.evaluation.store.leases import Lease
from bestofinf.evaluation.store.listing import Wanted
from bestofinf.evaluation.store.status import Shown, StoreStatus, read_status

logger = logging.getLogger(__name__)

FEWEST = 4
"""Minimum number of characters of an abbreviated id."""


class EvaluationStore(Shown):
    """A database of evaluation questions and everything recorded about them.

    An object may be used by many threads and survives a fork; many processes may use one database.

    Args:
        address: ``sqlite:///PATH``, ``postgresql://USER@HOST/DATABASE``, or the path of an
            SQLite file.
        create: Create the file and the tables if they are missing.
        readonly: Never write, not even to open it.
        timeout: Maximum wait for a lock or a connection, in seconds.
        connect: Open it now, and not at first use.

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

    @property
    def catalogue(self) -> Catalogue:
        """The contents for display: lists of questions, single questions, and an overview."""
        return Catalogue(self._database)

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

        The records may be larger than memory, because the iterable is consumed while writing.

        Raises:
            StoreError: If the database fails; ``permanent`` is True if it refuses the rows.
        """
        with self._database.write() as connection:
            self._database.take_turn(connection)
            writing.add_all(connection, records)

    # -- labels -------------------------------------------------------------------------------

    def label(
        self,
        key: str,
        gold: str | int | float | None,
        *,
        source: str = "",
        at: float | None = None,
        provenance: Provenance | None = None,
        score: float | None = None,
    ) -> str:
        """Label the right answer of a question. All labels are kept; the newest counts.

        Args:
            key: Id of the question, id of one of its calls, or the hash of its prompt.
            gold: The right answer; None retracts all labels of the question.
            source: Name of the person or program that gives the label.
            at: When it was given, in seconds since 1970; now by default.
            provenance: How the question came to be labelled; see `Label`.
            score: Probability with which it was drawn to be labelled; see `Label`.

        Returns:
            The id of the question.

        Raises:
            UsageError: If the key is unknown.
            StoreError: If the database fails.
        """
        answer = answer_text(gold)
        if answer is None and gold is not None:
            raise UsageError("gold must not be empty; None takes the labels of a question back")
        label = Label(key, answer, retract=gold is None, provenance=provenance, score=score)
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
        """Label an answer as right or wrong (thumbs up or down).

        A right answer becomes the gold. A wrong one is added to `Question.wrong`. The provenance is
        "feedback".

        Args:
            key: Id of the call, or of the question.
            correct: True for thumbs up, False for thumbs down.
            answer: The answer judged; by default the one that the call returned.
            source: Name of the person or program that gives the label.
            at: When it was given, in seconds since 1970; now by default.

        Raises:
            UsageError: If the key is unknown, or no answer is given and the key is not a call's.
        """
        label = Label(key, answer_text(answer), correct, provenance="feedback")
        return self._label(label, source=source, at=at)

    def label_all(
        self, labels: Iterable[Label], *, source: str = "", at: float | None = None
    ) -> tuple[str, ...]:
        """Add many labels in one transaction.

        Args:
            labels: The labels.
            source: Name of the person or program that gives them.
            at: When they were given, in seconds since 1970; now by default.

        Returns:
            The keys that are unknown; all other labels are added.

        Raises:
            UsageError: If a label has no answer and its key is not a call that returned one. Then no
                label is added.
        """
        now = time.time() if at is None else at
        with self._database.write() as connection:
            rows, unknown = labelling.rows_for(connection, labels, source=source, at=now)
            writing.add_labels(connection, rows)
        return tuple(unknown)

    def _label(self, label: Label, *, source: str, at: float | None) -> str:
        question_id = self.find(label.key)
        self.label_all([label], source=source, at=at)
        return question_id

    def find(self, key: str) -> str:
        """Return the id of the question that a question id, a call id or a prompt hash names.

        Raises:
            UsageError: If the key is unknown.
        """
        with self._database.read() as connection:
            found = labelling.find(connection, key)
        if found is None:
            raise UsageError(f"{self.name}: no question, call or prompt hash {shown(key)}")
        return found.question

    def complete(self, key: str) -> str:
        """Return a known key unchanged, or the only id that begins with it.

        Args:
            key: As for `find`; or the first four characters or more of the id of a question, or of
                a call.

        Raises:
            UsageError: If no id or several ids begin with it.
        """
        with self._database.read() as connection:
            if labelling.find(connection, key) is not None:
                return key
            found = labelling.beginning_with(connection, key) if len(key) >= FEWEST else []
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"several ids begin with {key!r}, such as {found[0]!r} and {found[1]!r}"
            )
        raise UsageError(f"{self.name}: no question, call or prompt hash {shown(key)}")

    def labels(self, key: str) -> tuple[LabelRow, ...]:
        """Return all labels of a question, oldest first."""
        question = self.find(key)
        with self._database.read() as connection:
            m = schema.labels
            return tuple(queries.rows_of(connection, m, LabelRow, m.c.question_id == question))

    def unlabelled(
        self, limit: int | None = None, *, answer: Answer | None = None
    ) -> list[Contested]:
        """Return the questions without a right answer, the most contested vote first.

        Their labels help most: if all samples agree, no weights change the decision.

        Args:
            limit: Maximum number of questions to return; None for all.
            answer: The answer type that merges equivalent answers; by default answers are compared
                as text.
        """
        # With an answer type the order is only known after all answers have been read.
        few = limit if answer is None else None
        with self._database.read() as connection:
            found = listing.read_page(connection, Wanted("unlabelled"), limit=few).questions
        if answer is not None:
            votes = {question.id: question.votes for question in found}
            asked = [(question.id, question.prompt) for question in found]
            return contested_first(asked, votes, answer=answer)[:limit]
        return [Contested(q.id, q.prompt, q.votes, q.lead or EVEN) for q in found]

    # -- notes --------------------------------------------------------------------------------

    def remember(self, key: str, value: str) -> str:
        """Write a note under a key unless it has one, and return the note that the store has then.

        Args:
            key: At most 40 characters.
            value: Any text.

        Raises:
            StoreError: If the database fails.
        """
        table = schema.meta
        with self._database.write() as connection:
            statement: Any = tallies.insert_into(connection, table).on_conflict_do_nothing()
            connection.execute(statement, [{"key": key, "value": value}])
            found = connection.execute(select(table.c.value).where(table.c.key == key))
            return str(found.scalar_one())

    def lease(self, name: str, told: str) -> Lease:
        """Return a lease, with which only one process at a time works on a thing.

        Args:
            name: Name of the thing, unique in the store.
            told: Name of the thing in messages.
        """
        return Lease(self._database, name, told)

    # -- deleting -----------------------------------------------------------------------------

    def delete(self, key: str) -> str:
        """Delete a question with all its calls, samples and labels, and wipe it from the file.

        While another program reads an SQLite file, the file's log keeps the texts; a warning is
        logged then.

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
        if not self._database.empty_log():
            logger.warning(
                "%s is deleted from %s, but somebody is reading the store: the deleted texts stay in "
                "its log until that has ended and something else is deleted, or all have closed it",
                question_id,
                self.name,
            )
        return question_id

    # -- reading ------------------------------------------------------------------------------

    def records(
        self,
    ) -> Generator[tuple[QuestionRow, list[CallRow], list[SampleRow], list[LabelRow]]]:
        """Yield each question with its calls, samples and labels, in the order they were added."""
        with self._database.read() as connection:
            q = schema.questions
            numbers = connection.execute(select(q.c.id).order_by(q.c.number)).scalars().all()
            for start in range(0, len(numbers), queries.CHUNK):
                yield from queries.whole_questions(
                    connection, numbers[start : start + queries.CHUNK]
                )

    def read(
        self,
        *,
        kinds: Iterable[str] | None = None,
        uncounted: bool = False,
        texts: bool = False,
    ) -> EvaluationSet:
        """Return the contents of the store as an evaluation set, in the order they were added.

        Args:
            kinds: Kinds of calls to read, of "ensemble", "model" and "import"; all by default.
            uncounted: Include samples that came too late for their decision.
            texts: Include the replies whose texts are stored, beside the answers.
        """
        wanted = None if kinds is None else set(kinds)
        questions = []
        for question, calls, samples, labels in self.records():
            if wanted is not None:
                calls = [call for call in calls if call.kind in wanted]
                known = {call.id for call in calls}
                samples = [sample for sample in samples if sample.call_id in known]
            questions.append(
                question_from_rows(
                    question, calls, samples, labels, uncounted=uncounted, texts=texts
                )
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
                    if sample.call_id in found:
                        found[sample.call_id][1].append(sample)
        return found

    def status(self) -> StoreStatus:
        """Return the sizes of the store."""
        with self._database.read() as connection:
            return read_status(connection, labelled=len(labelling.gold(connection)))

    def activity(self) -> Activity:
        """Return statistics of the calls: why they ended, what they cost, which members failed."""
        with self._database.read() as connection:
            return read_activity(connection)

    def check(self) -> None:
        """Check the structure of the file, and that every row belongs to another.

        Raises:
            StoreError: If there is any damage.
        """
        self._database.check()

"""The journal of a job: every sample of every question, in an evaluation store.

Each question has one call, which holds the name of the run, the question's id in it and the number
of the attempt. A sample is stored before it is counted, so a killed run loses only the requests in
flight. If a question ended with an error, or its failures would end it so, a resumed run begins it
again as another call.

The id of a call is a hash of these three. In stores before version 2 the id was their text, which was
ambiguous, so a call is identified by its columns.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bestofinf.batches.files import JobQuestion
from bestofinf.batches.restart import replayed
from bestofinf.batches.spool import Claim
from bestofinf.border import error_text
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import SamplingError, StoreError, UsageError
from bestofinf.evaluation.identity import (
    answer_text,
    answer_value,
    id_of_hash,
    prompt_hash,
    prompt_text,
)
from bestofinf.evaluation.recording.privacy import Keep, Privacy
from bestofinf.evaluation.rows import CallRecord, CallRow, SampleRow
from bestofinf.evaluation.store.leases import Lease
from bestofinf.evaluation.store.store import EvaluationStore
from bestofinf.records import Decision, Draw, Failure, Outcome, Sample, Usage

LONGEST_RUN = 60
"""Maximum number of characters of a run's name."""

_ERROR = "error: "  # first word of the reason of a call without a decision
_FORCED = (
    "budget",
    "stopped",
)  # first words of reasons from outside
_FATAL = "fatal"  # part of the text of a failure that must not be retried
_BATCH = 2000  # records in one transaction


class RecordedFailure(SamplingError):
    """A failure reported by another process or an earlier run."""


@dataclass(slots=True)
class JournalEntry:
    """The recorded state of a question.

    Attributes:
        attempt: Number of the current attempt, from 1.
        outcomes: The outcomes of its draws.
        reason: Why it ended; None if it has not ended, or only the budget ended it.
    """

    attempt: int = 1
    outcomes: dict[Draw, Outcome] = field(default_factory=dict)
    reason: str | None = None


class Journal:
    """Keeps a run in a store.

    Use it from one event loop; the store is written in a thread.

    Args:
        store: The store to write to.
        run: Name of the run.
        plan: The settings of the votes.
        keep: What is stored besides answers and counts. Answers are stored unchanged, because they
            vote again when the run is resumed.

    Attributes:
        took_over: Whether the run may be taken from another process.
    """

    def __init__(
        self, store: EvaluationStore, run: str, plan: VotePlan[Any], *, keep: Keep = "questions"
    ) -> None:
        if not 0 < len(run) <= LONGEST_RUN:
            raise UsageError(f"the name of a run has 1 to {LONGEST_RUN} characters, got {run!r}")
        self._store = store
        self._run = run
        self._plan = plan
        self._privacy = Privacy(keep)
        self._places = {member.name: place for place, member in enumerate(plan.members)}
        self._waiting: list[CallRecord] = []
        self._written: asyncio.Future[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._failure: StoreError | None = None
        self._lease: Lease | None = None
        self.took_over = False

    # -- settings -----------------------------------------------------------------------------

    @contextmanager
    def claimed(self, settings: Mapping[str, Any], *, take_over: bool = False) -> Iterator[None]:
        """Reserve the run for this process while the context is open.

        The journals of this process's workers need not do so.

        Args:
            settings: JSON values by name, which must be the same when the run is resumed.
            take_over: Take the run even from a process that seems to be working on it, which then
                ends.

        Raises:
            UsageError: If another process works on the run, or it was begun with other settings; the
                message names the process or the differences.
            StoreError: If the store fails.
        """
        self._compare(settings)
        lease = self._store.lease(f"run/{self._run}", f"the run {self._run!r}")
        lease.take(take_over=take_over)
        self.took_over = take_over
        self._lease = lease
        try:
            yield
        finally:
            self._lease = None
            lease.give_back()

    @property
    def claim(self) -> Claim:
        """The run and its store, as written to the files of the run."""
        return Claim(self._run, self._store.name)

    async def sure(self) -> None:
        """Raise an error if another process has taken the run over; call it before paying.

        Raises:
            StoreError: If so, or if the store fails.
        """
        if self._lease is not None:
            if self._lease.doubtful:
                try:
                    await asyncio.to_thread(self._lease.renew)
                except StoreError:
                    raise
                except Exception as error:
                    told = f"it cannot be told whether the run is still ours: {error_text(error)}"
                    raise StoreError(told) from error
            self._lease.check()

    def _compare(self, settings: Mapping[str, Any]) -> None:
        key = f"run:{hashlib.sha256(self._run.encode()).hexdigest()[:32]}"
        mine = json.loads(json.dumps(dict(settings)))
        theirs = json.loads(self._store.remember(key, json.dumps(mine, sort_keys=True)))
        differing = [
            f"{name} was {theirs.get(name)!r}, is {mine.get(name)!r}"
            for name in sorted({*mine, *theirs})
            if mine.get(name) != theirs.get(name)
        ]
        if differing:
            raise UsageError(
                f"the run {self._run!r} in {self._store.name} was begun with other settings: "
                f"{'; '.join(differing)}. Give the same, or begin another with --run NAME"
            )

    # -- reading ------------------------------------------------------------------------------

    def load(self, questions: Sequence[JobQuestion]) -> dict[str, JournalEntry]:
        """Return the recorded state of questions, by id.

        Raises:
            UsageError: If a question has another prompt than in the earlier run.
            StoreError: If the database fails.
        """
        found = {question.id: JournalEntry() for question in questions}
        left = {question.id: question for question in questions}
        while left:
            ids = [id_ for name in left for id_ in self._call_ids(name, found[name].attempt)]
            again: dict[str, JobQuestion] = {}
            for call, rows in self._store.calls(ids).values():
                name = call.run_question or ""
                if call.run != self._run or name not in left or call.attempt != found[name].attempt:
                    continue  # a call of another question with the same old id
                question = left[name]
                if call.question_id != _store_id(question.prompt):
                    raise UsageError(
                        f"question {question.id!r} has another prompt than in the earlier run "
                        f"{self._run!r}: begin another with --run NAME"
                    )
                if (call.reason or "").startswith(_ERROR):
                    again[name] = question
                    continue
                known = found[name]
                known.outcomes |= dict(self._outcome(row) for row in rows)
                if call.reason is not None and not call.reason.startswith(_FORCED):
                    known.reason = call.reason
            again |= {
                name: question
                for name, question in left.items()
                if self._is_hopeless(question, found[name])
            }
            for name in again:
                found[name] = JournalEntry(attempt=found[name].attempt + 1)
            left = again
        return found

    def _is_hopeless(self, question: JobQuestion, known: JournalEntry) -> bool:
        """Return whether the recorded failures leave no member to ask, although no error is recorded.

        So they do for questions that were asked when the run gave up.
        """
        failed = any(isinstance(outcome, Failure) for outcome in known.outcomes.values())
        if known.reason is not None or not failed:
            return False
        engine = replayed(self._plan, question.prompt, known.outcomes)
        if not engine.done:
            return False
        try:
            engine.decision()
        except SamplingError:
            return True
        return False

    def _outcome(self, row: SampleRow) -> tuple[Draw, Outcome]:
        if row.member not in self._places:
            raise UsageError(f"the run {self._run!r} has asked {row.member!r}, now no member")
        draw = Draw(row.draw, self._places[row.member])
        unknown = row.tokens is None or row.input_tokens is None
        usage = Usage(row.input_tokens or 0, row.tokens or 0, row.cost or 0.0, 1, int(unknown))
        if row.error is not None:
            fatal = row.text == _FATAL
            error = RecordedFailure(row.error)
            return draw, Failure(error, usage=usage, seconds=row.seconds, fatal=fatal)
        return draw, Sample(
            answer_value(row.answer, self._plan.answer),
            usage=usage,
            tokens=row.tokens or None,
            seconds=row.seconds,
            score=row.score,
            note="" if row.answer is not None else "no answer found",
            likelihood=row.likelihood,
        )

    # -- writing ------------------------------------------------------------------------------

    async def put(self, question: JobQuestion, draw: Draw, outcome: Outcome) -> None:
        """Store the outcome of a draw; return once it is on disk.

        Raises:
            StoreError: If the store fails. No more outcomes are accepted then.
        """
        call = self._call_ids(question.id, question.attempt)[0]
        row = self._row(call, draw, outcome)
        await asyncio.shield(self._add(self._record(question, CallRow(call, ""), (row,))))
        self.check()

    def conclude(self, question: JobQuestion, result: Decision | SamplingError) -> None:
        """Queue the decision on a question, or the reason for none, to be stored.

        If it is lost, it can be derived from the samples again.
        """
        call = self._call_ids(question.id, question.attempt)[0]
        if isinstance(result, Decision):
            row = CallRow(
                call,
                "",
                answer=answer_text(result.answer),
                confidence=result.confidence,
                reason=result.reason,
                winner_member=result.winner_member,
            )
        else:
            row = CallRow(call, "", reason=f"{_ERROR}{result}")
        self._add(self._record(question, row))

    async def close(self) -> None:
        """Wait until all is written."""
        if self._writer is not None:
            await self._writer
        self.check()

    def check(self) -> None:
        """Raise the error of the store, if it has failed.

        Raises:
            StoreError: If it has failed.
        """
        if self._failure is not None:
            raise self._failure

    def _record(
        self, question: JobQuestion, call: CallRow, rows: tuple[SampleRow, ...] = ()
    ) -> CallRecord:
        now = time.time()
        # For evaluation the prompt identifies a question, not its id in this run.
        asked = self._privacy.question(question.prompt, dataset=self._run, now=now)
        made = CallRow(
            call.id,
            asked.id,
            rule=str(self._plan.rule),
            answer=call.answer,
            confidence=call.confidence,
            reason=call.reason,
            winner_member=call.winner_member,
            started_at=now,
            run=self._run,
            run_question=question.id,
            attempt=question.attempt,
        )
        return CallRecord(self._privacy.cleaned(asked), made, rows)

    def _row(self, call: str, draw: Draw, outcome: Outcome) -> SampleRow:
        member = self._plan.members[draw.member]
        facts: dict[str, Any] = {
            **_metered(outcome.usage),
            "seconds": outcome.seconds,
            "weight": member.weight,
        }
        if isinstance(outcome, Failure):
            facts |= {
                "error": self._told(outcome.error),
                "text": _FATAL if outcome.fatal else None,
            }
        else:
            reply = outcome.reply
            text = reply.text if reply and self._privacy.replies else None
            facts |= {
                "answer": answer_text(outcome.answer),
                "text": self._privacy.clean(text),
                "score": outcome.score,
                "logprob": reply.logprob if reply else None,
                "logprob_tokens": len(reply.logprobs) if reply and reply.logprobs else None,
                "logprob_kind": reply.logprob_kind if reply else None,
                "said": outcome.likelihood.said if outcome.likelihood else None,
            }
        return SampleRow(call, draw.index, member.name, **facts)

    def _told(self, error: BaseException) -> str | None:
        kind = type(error).__name__
        return self._privacy.clean(error_text(error) if self._privacy.replies else kind)

    def _add(self, record: CallRecord) -> asyncio.Future[None]:
        self.check()
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        self._waiting.append(record)
        written = self._written
        if self._writer is None or self._writer.done():
            self._writer = asyncio.ensure_future(self._write())
        return written

    async def _write(self) -> None:
        """Write everything that waits in one transaction, which grows under load."""
        while self._waiting and self._failure is None:
            written, self._written = self._written, None
            records, self._waiting = self._waiting, []
            try:
                for start in range(0, len(records), _BATCH):
                    await asyncio.to_thread(self._store.add, records[start : start + _BATCH])
            except StoreError as error:
                self._failure = error
            except Exception as error:  # whatever the error, the waiting callers get it
                self._failure = StoreError(f"the journal cannot be written: {error_text(error)}")
                self._failure.__cause__ = error
            except BaseException:
                self._failure = StoreError("the journal was broken off")
                raise
            finally:
                if written is not None and not written.done():
                    written.set_result(None)
        if self._failure is not None and self._written is not None:
            self._written.set_result(None)

    def _call_ids(self, question: str, attempt: int) -> tuple[str, str]:
        """Return the id of a call, and the id that it had in stores before version 2."""
        said = json.dumps([self._run, question, attempt])
        again = f"#{attempt}" if attempt > 1 else ""
        return (
            f"run-{hashlib.sha256(said.encode()).hexdigest()[:32]}",
            f"{self._run}/{question}{again}",
        )


def _metered(usage: Usage) -> dict[str, Any]:
    """Return the columns for the cost of a reply; unknown values are None, not 0."""
    told = (usage.output_tokens, usage.input_tokens, usage.cost)
    known = (number or None for number in told) if usage.unmetered else told
    return dict(zip(("tokens", "input_tokens", "cost"), known, strict=True))


def _store_id(prompt: str) -> str:
    return id_of_hash(prompt_hash(prompt_text(prompt)))

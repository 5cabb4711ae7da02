"""A batch job from the file of questions to the file of answers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from bestofinf._concurrency.endings import finished
from bestofinf.batches.batch import Arrival, BatchResult, avote_batch
from bestofinf.batches.breaker import CircuitBreaker, LeftOutError
from bestofinf.batches.executors import Executor
from bestofinf.batches.files import (
    JobQuestion,
    QuestionFile,
    format_of,
    without_formulas,
    write_rows,
)
from bestofinf.batches.journal import Journal, JournalEntry
from bestofinf.batches.pool import Budget, indexed
from bestofinf.batches.report import COLUMNS, JobProgress, JobReport, answer_row
from bestofinf.batches.restart import replayed
from bestofinf.batches.spool import Spool
from bestofinf.batches.standstill import Standstill
from bestofinf.drivers.health import Health
from bestofinf.drivers.wanted import failing
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import SamplingError, UsageError, is_number, shown, whole
from bestofinf.records import Draw, Failure, Outcome, Sample
from bestofinf.rules.controller import BudgetController
from bestofinf.rules.optimal import OptimalStopping

PATIENCE = 300.0
"""Seconds without any reply after which a job gives up, while requests fail."""

_CHUNK = 500  # number of questions whose journal is read at a time


@dataclass(frozen=True)
class Job:
    """A batch job: the questions, the file for the answers, and the settings of the votes.

    Attributes:
        questions: The file of questions.
        out: File for the answers: ``.csv``, ``.jsonl`` or ``.parquet``. It appears when the job is
            done. Until then settled questions are in ``OUT.partial`` as JSON lines, the first of
            which names the job; no other job can write to OUT in the meantime.
        plan: The settings of each vote.
        budget: Total over all questions, including the spending of earlier runs.
        mean_samples: Mean number of samples per question to hold instead of a total.
        concurrency: Maximum number of requests in flight.
        in_order: See `bestofinf.batches.batch.avote_batch`.
        cooldown: Seconds for which a member that keeps failing is not asked.
        patience: Seconds without any reply after which the job gives up, if requests fail. Before
            the first reply it is a tenth of that, unless members say that they are busy.
        n_questions: Number of questions if they were checked before; None checks them first.
        formulas: Leave cells of a ``.csv`` file that a spreadsheet would execute unchanged;
            otherwise an apostrophe is put before them.
    """

    questions: QuestionFile
    out: Path
    plan: VotePlan[Any]
    budget: Budget | None = None
    mean_samples: float | None = None
    concurrency: int = 64
    in_order: bool = False
    cooldown: float = 30.0
    patience: float = PATIENCE
    n_questions: int | None = None
    formulas: bool = False

    def __post_init__(self) -> None:
        check_out(self.out, self.questions.path)
        whole("concurrency", self.concurrency)
        if not (is_number(self.patience) and 0 < self.patience < math.inf):
            raise UsageError(f"patience must be above 0 and finite, got {shown(self.patience)}")
        if self.budget is not None and self.mean_samples is not None:
            raise UsageError("give a budget or a mean number of samples, not both")
        if self.budget is not None:
            indexed(self.plan.rule)
        if self.mean_samples is not None:
            priced_rule(self.plan)

    @property
    def partial(self) -> Path:
        """The file that holds the answers while the job is running."""
        return self.out.with_name(f"{self.out.name}.partial")


def check_out(out: Path, questions: Path) -> None:
    """Raise an error for a file of answers that could not be written at the end.

    Raises:
        UsageError: If its folder does not exist, or it is the file of questions.
    """
    format_of(out)
    if not out.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {out.parent}")
    if out.absolute() == questions.absolute():
        raise UsageError(f"the answers would replace the questions in {out}")


async def arun_job(
    job: Job,
    journal: Journal,
    crew: Executor,
    *,
    progress: Callable[[JobProgress], None] = lambda progress: None,
    stop: asyncio.Event | None = None,
) -> JobReport:
    """Run a job, or resume it where an earlier run stopped.

    Args:
        job: The job.
        journal: The journal of earlier runs, in which decisions are stored.
        crew: Carries out the draws. It is closed at the end.
        progress: Called after every sample and decision.
        stop: Once set, no more requests are sent, and the answers so far are written.

    Raises:
        UsageError: If the questions cannot be read, are not those of the earlier run, or another
            job is writing to the same file.
        StoreError: If the journal fails. Everything stored before is used when the job is run
            again.
        SamplingError: If no member can be asked, or there was no reply for too long. Likewise.
    """
    try:
        return await _Work(job, journal, crew, progress, stop).done()
    finally:
        await finished(_closed(crew, journal))


async def _closed(crew: Executor, journal: Journal) -> None:
    try:
        await crew.close()
    finally:
        await journal.close()


class _Work:
    """A running job."""

    def __init__(
        self,
        job: Job,
        journal: Journal,
        crew: Executor,
        progress: Callable[[JobProgress], None],
        stop: asyncio.Event | None,
    ) -> None:
        self._job = job
        self._journal = journal
        self._crew = crew
        self._tell = progress
        self._stop = stop
        self._known: dict[str, JournalEntry] = {}
        self._settled = 0
        self._failure: BaseException | None = None
        self._asking: set[asyncio.Task[Any]] = set()
        self._standstill = Standstill(job.patience)
        self.report = JobReport()
        members, breaker = job.plan.members, job.plan.settings.breaker
        health = Health(len(members), breaker=breaker, cooldown=job.cooldown)
        self._circuit = CircuitBreaker(health, members, patient=True)
        self._controller: BudgetController | None = None
        if job.mean_samples is not None:
            self._controller = BudgetController(job.mean_samples, priced_rule(job.plan))

    async def done(self) -> JobReport:
        """Settle all questions and write the answers."""
        job, report = self._job, self.report
        if job.n_questions is None:
            job = self._job = replace(job, n_questions=await asyncio.to_thread(job.questions.check))
        report.questions = job.n_questions or 0
        spool = Spool(job.partial, self._journal.claim, take_over=self._journal.took_over)
        watch = asyncio.ensure_future(self._watch())
        try:
            batch = avote_batch(
                self._questions(spool),
                self._sample,
                # The crew retries and takes the answers; here they are only compared.
                job.plan.change(**_ONCE),
                budget=job.budget,
                concurrency=job.concurrency,
                recorded=lambda question: self._known.pop(question.id).outcomes,
                keep=self._check,
                controller=self._controller,
                in_order=job.in_order,
                text=lambda question: question.prompt,
                stop=self._stop,
                patience=job.patience,
            )
            async with aclosing(batch) as results:  # type: ignore[type-var]
                async for result in results:
                    self._settle(spool, result)
            report.stopped |= self._settled < report.questions
            self._raise()
            await self._journal.sure()
            rows = spool.rows()
            if format_of(job.out) == ".csv" and not job.formulas:
                rows = map(without_formulas, rows)
            await asyncio.to_thread(write_rows, job.out, rows, COLUMNS)
        except BaseException:
            spool.close(remove=False)
            raise
        finally:
            watch.cancel()
        spool.close(remove=True)
        return report

    async def _watch(self) -> None:
        self._give_up(await self._standstill.reached())

    def _give_up(self, error: BaseException) -> None:
        """End the job without waiting for requests in flight."""
        self._failure = self._failure or error
        for task in self._asking:
            task.cancel()

    async def _questions(self, spool: Spool) -> AsyncIterator[JobQuestion]:
        """Yield the questions to vote on, and settle those that ended in an earlier run."""
        everything = iter(self._job.questions)
        while chunk := await asyncio.to_thread(lambda: list(islice(everything, _CHUNK))):
            known = await asyncio.to_thread(self._journal.load, chunk)
            for question in chunk:
                found = known[question.id]
                if found.attempt > 1:
                    question = replace(question, attempt=found.attempt)
                for outcome in found.outcomes.values():
                    self.report.book(outcome)
                    self.report.restored += isinstance(outcome, Sample)
                if found.reason is not None and self._job.budget is None:
                    ended = self._ended(question, found)
                    if ended is not None:
                        self._settle(spool, ended)
                        continue
                self._known[question.id] = found
                yield question

    def _ended(self, question: JobQuestion, known: JournalEntry) -> BatchResult[JobQuestion] | None:
        """Return the result of a question that ended in an earlier run.

        None if too few of its votes are still in the store, so that it is asked on.
        """
        engine = replayed(self._job.plan, question.prompt, known.outcomes)
        engine.stop(known.reason or "")
        try:
            decision = engine.decision()
        except SamplingError:
            return None
        if self._controller is not None:
            self._controller.book(engine.tally.n_samples)
        return BatchResult(question, decision)

    async def _sample(self, question: JobQuestion, draw: Draw) -> Outcome:
        task = asyncio.current_task()
        assert task is not None, "draws of a batch are tasks"
        self._asking.add(task)
        failing.set(self._standstill.failed)
        try:
            self._raise()
            await self._journal.sure()
            ask = partial(self._crew.outcome, question)
            outcome = await self._circuit.outcome(draw, ask, question)
            if isinstance(outcome, Failure) and isinstance(outcome.error, LeftOutError):
                # Stored like any other, so that a resumed vote takes the same course.
                await self._journal.put(question, draw, outcome)
        except Exception as error:  # a problem of the job, not of a member, ends the job
            self._failure = self._failure or error
            raise
        finally:
            self._asking.discard(task)
        self.report.book(outcome)
        self._advance()
        if isinstance(outcome, Failure):
            self._standstill.failed(outcome.error)
            self._look_ahead()
        else:
            self._standstill.came()
        return outcome

    def _look_ahead(self) -> None:
        """Give up at once if waiting would be useless."""
        if self._circuit.is_hopeless:
            self._give_up(self._standstill.error("no member can be asked"))
        elif (seconds := self._circuit.back_in) > self._job.patience:
            self._give_up(self._standstill.error(f"no member may be asked for {seconds:.3g} s"))

    async def _check(self, arrivals: Sequence[Arrival[JobQuestion]]) -> None:
        self._raise()

    def _raise(self) -> None:
        self._journal.check()
        if self._failure is not None:
            raise self._failure

    def _settle(self, spool: Spool, result: BatchResult[JobQuestion]) -> None:
        question, decision = result.question, result.decision
        if self._failure is None:  # otherwise its draws failed for no fault of the members
            error = result.error or SamplingError("no decision")
            # If nothing failed, it was never asked, and there is nothing to store.
            if decision is not None or error.causes:
                self._journal.conclude(question, decision or error)
            spool.add(question.number, answer_row(result))
        self.report.decided += decision is not None
        self.report.errors += decision is None
        if self._stop is not None and self._stop.is_set():
            self.report.stopped |= decision is None or decision.reason.startswith("stopped")
        self._settled += 1
        self._advance()

    def _advance(self) -> None:
        job, report = self._job, self.report
        spent = report.spent(job.budget)
        self._tell(JobProgress(self._settled, report.questions, spent, job.budget, report.failures))


_ONCE: dict[str, Any] = {"retries": 0, "timeout": None, "deadline": None}


def priced_rule(plan: VotePlan[Any]) -> OptimalStopping:
    """Return the rule whose price a controller adjusts."""
    parts = list(plan.rule.parts())
    if len(parts) == 1 and isinstance(parts[0], OptimalStopping):
        return parts[0]
    raise UsageError(
        "mean_samples works with the rule 'optimal' alone (fast ... exhaustive, any "
        f"OptimalStopping), not joined with others; got {plan.rule}"
    )

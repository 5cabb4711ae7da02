"""A batch job from the file of questions to the file of answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from bestofinf.batch import Arrival, BatchResult, avote_batch, by_place, indexed, restore
from bestofinf.circuit import Circuit, LeftOutError
from bestofinf.drivers.common import check_concurrency
from bestofinf.errors import SamplingError, UsageError
from bestofinf.evaluation.identity import answer_text
from bestofinf.health import Health
from bestofinf.job.crew import Crew
from bestofinf.job.journal import Journal, Known
from bestofinf.job.tables import JobQuestion, QuestionFile, Row, Spool, kind_of, write_rows
from bestofinf.plan import VotePlan
from bestofinf.pool import Budget
from bestofinf.records import Draw, Failure, Outcome, Sample, Usage
from bestofinf.rules.base import AllOf, AnyOf
from bestofinf.rules.controller import BudgetController
from bestofinf.rules.optimal import OptimalStopping

COLUMNS: dict[str, type] = {
    "id": str,
    "answer": str,
    "confidence": float,
    "reason": str,
    "votes": dict,
    "n_samples": int,
    "n_abstained": int,
    "n_failed": int,
    "winner_member": str,
    "input_tokens": int,
    "output_tokens": int,
    "cost": float,
    "error": str,
}
"""Columns of a file of answers and the types of their values."""

HOPELESS = 50
"""After so many failures in a row, or as many as may be in flight, a job ends."""

_CHUNK = 500  # questions whose journal is read at a time


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes:
        questions: The file of questions.
        out: Where the answers go: a ``.csv``, ``.jsonl`` or ``.parquet`` file. It appears when the
            job is done; until then what is settled stands in ``OUT.partial``, as JSON lines.
        plan: How each question is voted on.
        budget: Total over all questions, of which what earlier runs spent is a part.
        mean_samples: Mean number of samples held instead, without a total.
        concurrency: Most requests in flight.
        in_order: See `bestofinf.batch.avote_batch`.
        cooldown: Seconds for which a member that keeps failing is asked on no question.
        n_questions: Number of questions where they were checked before; None checks them first.
    """

    questions: QuestionFile
    out: Path
    plan: VotePlan[Any]
    budget: Budget | None = None
    mean_samples: float | None = None
    concurrency: int = 64
    in_order: bool = False
    cooldown: float = 30.0
    n_questions: int | None = None

    def __post_init__(self) -> None:
        check_out(self.out, self.questions.path)
        check_concurrency(self.concurrency)
        if self.budget is not None and self.mean_samples is not None:
            raise UsageError("give a budget or a mean number of samples, not both")
        if self.budget is not None:
            indexed(self.plan.rule)
        if self.mean_samples is not None:
            priced(self.plan)

    @property
    def partial(self) -> Path:
        """Where answers stand while the job is under way."""
        return self.out.with_name(f"{self.out.name}.partial")


def check_out(out: Path, questions: Path) -> None:
    """Refuse a file of answers that could not be written in the end.

    Raises:
        UsageError: Then.
    """
    kind_of(out)
    if not out.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {out.parent}")
    if out.absolute() == questions.absolute():
        raise UsageError(f"the answers would replace the questions in {out}")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Attributes:
        settled: Questions with a decision, or an error.
        questions: All questions.
        spent: What all samples have cost so far, those of earlier runs too, in the unit of the
            budget.
        budget: The total; None without one.
        failures: Draws that brought no sample.
    """

    settled: int
    questions: int
    spent: float
    budget: Budget | None
    failures: int = 0


@dataclass(slots=True)
class JobReport:
    """What became of a job.

    Attributes:
        questions: Number of questions.
        decided: Questions with a decision.
        errors: Questions that ended without one.
        stopped: Whether it was ended before all questions were settled.
        restored: Samples of earlier runs.
        samples: All samples, the restored among them.
        failures: Draws that brought none.
        usage: What all of it has cost.
    """

    questions: int = 0
    decided: int = 0
    errors: int = 0
    stopped: bool = False
    restored: int = 0
    samples: int = 0
    failures: int = 0
    usage: Usage = field(default_factory=Usage)

    def book(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self.usage += outcome.usage
        if isinstance(outcome, Failure):
            self.failures += 1
        else:
            self.samples += 1

    def spent(self, budget: Budget | None) -> float:
        """Return what was spent in the unit of a budget; samples without one."""
        if budget is None or budget.unit == "samples":
            return self.samples
        return self.usage.output_tokens if budget.unit == "tokens" else self.usage.cost


async def arun_job(
    job: Job,
    journal: Journal,
    crew: Crew,
    *,
    progress: Callable[[Progress], None] = lambda progress: None,
    stop: asyncio.Event | None = None,
) -> JobReport:
    """Do a job, or go on with it where an earlier run has ended, however that ended.

    Args:
        job: What is to be done.
        journal: What earlier runs know, and where decisions are stored.
        crew: Gets the samples. It is closed in the end.
        progress: Told after every sample and decision.
        stop: Once set, nothing more is asked, and the answers so far are written.

    Raises:
        UsageError: If the questions cannot be read, or are not those of the earlier run.
        StoreError: If the journal fails. All that was stored before counts when the job is run
            again.
    """
    try:
        return await _Work(job, journal, crew, progress, stop).done()
    finally:
        await crew.close()
        await journal.close()


class _Work:
    """A job under way."""

    def __init__(
        self,
        job: Job,
        journal: Journal,
        crew: Crew,
        progress: Callable[[Progress], None],
        stop: asyncio.Event | None,
    ) -> None:
        self._job = job
        self._journal = journal
        self._crew = crew
        self._tell = progress
        self._stop = stop
        self._known: dict[str, Known] = {}
        self._settled = 0
        self._failure: BaseException | None = None
        self._in_a_row = 0  # failures
        self.report = JobReport()
        members, breaker = job.plan.members, job.plan.settings.breaker
        health = Health(len(members), breaker=breaker, cooldown=job.cooldown)
        self._circuit = Circuit(health, members)
        self._controller: BudgetController | None = None
        if job.mean_samples is not None:
            self._controller = BudgetController(job.mean_samples, priced(job.plan))

    async def done(self) -> JobReport:
        """Settle all questions and write the answers."""
        job, report = self._job, self.report
        if job.n_questions is None:
            job = self._job = replace(job, n_questions=await asyncio.to_thread(job.questions.check))
        report.questions = job.n_questions or 0
        spool = Spool(job.partial)
        try:
            batch = avote_batch(
                self._questions(spool),
                self._sample,
                # The crew tries again and takes the answers; here they are only compared.
                job.plan.change(**_ONCE),
                budget=job.budget,
                concurrency=job.concurrency,
                recorded=lambda question: self._known.pop(question.id).outcomes,
                keep=self._check,
                controller=self._controller,
                in_order=job.in_order,
                stop=self._stop,
            )
            async with aclosing(batch) as results:  # type: ignore[type-var]
                async for result in results:
                    self._settle(spool, result)
            report.stopped |= self._settled < report.questions
            self._raise()
            await self._journal.sure()
            await asyncio.to_thread(write_rows, job.out, spool.rows(), COLUMNS)
        except BaseException:
            spool.close(remove=False)
            raise
        spool.close(remove=True)
        return report

    async def _questions(self, spool: Spool) -> AsyncIterator[JobQuestion]:
        """Yield the questions that are to be voted on; those that ended before are settled."""
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
                    self._settle(spool, self._ended(question, found))
                    continue
                self._known[question.id] = found
                yield question

    def _ended(self, question: JobQuestion, known: Known) -> BatchResult[JobQuestion]:
        """Return the result of a question that ended in an earlier run."""
        engine = self._job.plan.engine()
        restore(engine, by_place(known.outcomes))
        engine.stop(known.reason or "")
        if self._controller is not None:
            self._controller.book(engine.tally.n_samples)
        return BatchResult(question, engine.decision())

    async def _sample(self, question: JobQuestion, draw: Draw) -> Outcome:
        try:
            await self._journal.sure()
            outcome = await self._circuit.outcome(draw, partial(self._crew.outcome, question))
            spared = isinstance(outcome, Failure) and isinstance(outcome.error, LeftOutError)
            if spared:  # stored like all others, so that the votes go on as they went
                await self._journal.put(question, draw, outcome)
        except Exception as error:  # the job's own trouble, not a member's: it ends the job
            self._failure = self._failure or error
            raise
        self.report.book(outcome)
        self._advance()
        if not spared:
            self._in_a_row = self._in_a_row + 1 if isinstance(outcome, Failure) else 0
        if isinstance(outcome, Failure) and self._in_a_row >= max(HOPELESS, self._job.concurrency):
            self._failure = self._failure or SamplingError(
                f"the last {self._in_a_row} requests have all failed, the latest with "
                f"{type(outcome.error).__name__}: {str(outcome.error).rstrip('.')}. Nothing is "
                "lost: run it again when the cause is gone",
                (outcome.error,),
            )
        return outcome

    async def _check(self, arrivals: Sequence[Arrival[JobQuestion]]) -> None:
        self._raise()

    def _raise(self) -> None:
        self._journal.check()
        if self._failure is not None:
            raise self._failure

    def _settle(self, spool: Spool, result: BatchResult[JobQuestion]) -> None:
        question, decision = result.question, result.decision
        if self._failure is None:  # otherwise its draws have failed for no fault of the members
            error = result.error or SamplingError("no decision")
            # Where nothing has failed it was never asked: there is nothing to store.
            if decision is not None or error.causes:
                self._journal.conclude(question, decision or error)
            spool.add(question.number, _row(result))
        self.report.decided += decision is not None
        self.report.errors += decision is None
        if self._stop is not None and self._stop.is_set():
            self.report.stopped |= decision is None or decision.reason.startswith("stopped")
        self._settled += 1
        self._advance()

    def _advance(self) -> None:
        job, report = self._job, self.report
        spent = report.spent(job.budget)
        self._tell(Progress(self._settled, report.questions, spent, job.budget, report.failures))


_ONCE: dict[str, Any] = {"retries": 0, "timeout": None, "deadline": None}


def priced(plan: VotePlan[Any]) -> OptimalStopping:
    """Return the rule whose price a controller moves."""
    parts = plan.rule.rules if isinstance(plan.rule, AnyOf | AllOf) else (plan.rule,)
    if len(parts) == 1 and isinstance(parts[0], OptimalStopping):
        return parts[0]
    raise UsageError(f"a mean number of samples is held by the rule 'optimal' alone: {plan.rule}")


def _row(result: BatchResult[JobQuestion]) -> Row:
    """Return the row of answers for a question."""
    row: Row = {"id": result.question.id}
    decision = result.decision
    if decision is None:
        return row | {"error": str(result.error)}
    return row | {
        "answer": answer_text(decision.answer),
        "confidence": decision.confidence,
        "reason": decision.reason,
        "votes": {answer_text(answer) or "": count for answer, count in decision.votes.items()},
        "n_samples": decision.n_samples,
        "n_abstained": decision.n_abstained,
        "n_failed": decision.n_failed,
        "winner_member": decision.winner_member,
        "input_tokens": decision.usage.input_tokens,
        "output_tokens": decision.usage.output_tokens,
        "cost": decision.usage.cost,
    }

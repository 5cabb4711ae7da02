"""Votes on many questions at once, under one budget; results come as questions settle."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from bestofinf._concurrency.endings import ended, finished, looked_at
from bestofinf.answers.base import Answer
from bestofinf.batches.breaker import CircuitBreaker
from bestofinf.batches.pool import Budget, Pool, UnboundBudgetWarning, indexed
from bestofinf.batches.restart import Known, by_place, restore, take
from bestofinf.drivers.common import abandoned, needs_preparation
from bestofinf.drivers.nesting import Level, check_control
from bestofinf.drivers.samplers import AsyncSampler
from bestofinf.drivers.wanted import Idle, Waits, idlers
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import SamplingError, UsageError, whole
from bestofinf.records import Decision, Draw, Outcome, Sample
from bestofinf.rules.controller import BudgetController
from bestofinf.rules.tally import Tally
from bestofinf.voting.engine import VotingEngine

Q = TypeVar("Q", bound=Hashable)

Arrival: TypeAlias = tuple[Q, Draw, Outcome]
"""A question, a draw of it, and its outcome."""


BatchObserver: TypeAlias = Callable[[Q, VotingEngine, Draw, Outcome], None]
"""Called after each outcome of a batch has been told, in order of arrival; for progress."""


@dataclass(frozen=True, slots=True)
class BatchResult(Generic[Q]):
    """The result of one question of a batch.

    Attributes:
        question: As given.
        decision: The decision; None if there is none.
        error: Why there is none.
    """

    question: Q
    decision: Decision | None
    error: SamplingError | None = None


def _binding(budget: Budget | None, observer: BatchObserver[Q] | None) -> BatchObserver[Q] | None:
    """Return the observer, with a warning at the first reply that the budget cannot hold."""
    if budget is None or budget.unit == "samples":
        return observer
    warned = False

    def observe(question: Q, engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
        nonlocal warned
        if not warned and budget.unknown(outcome):
            warned = True
            what = "tokens" if outcome.usage.unmetered else "price"
            warnings.warn(
                f"the budget of {budget.total:g} {budget.unit} cannot bind: replies of member "
                f"{engine.names[draw.member]!r} tell no {what}; a budget of samples holds every "
                "reply, and max_samples each question",
                UnboundBudgetWarning,
                stacklevel=2,
            )
        if observer is not None:
            observer(question, engine, draw, outcome)

    return observe


class _InOrder:
    """Serves questions in their order: the rule of a pool without a budget."""

    def index(self, tally: Tally) -> float:
        return 0.0


async def avote_batch(
    questions: Iterable[Q] | AsyncIterable[Q],
    sample: Callable[[Q, Draw], Awaitable[Outcome]],
    plan: VotePlan[Any],
    *,
    budget: Budget | float | None = None,
    concurrency: int = 64,
    recorded: Callable[[Q], Mapping[Draw, Outcome]] | None = None,
    keep: Callable[[Sequence[Arrival[Q]]], Awaitable[None]] | None = None,
    controller: BudgetController | None = None,
    in_order: bool = False,
    stop: asyncio.Event | None = None,
    circuit: CircuitBreaker | None = None,
    observer: BatchObserver[Q] | None = None,
    patience: float = 0.0,
    text: Callable[[Q], str] | None = None,
) -> AsyncIterator[BatchResult[Q]]:
    """Vote on many questions, and yield each result as soon as it is settled.

    Args:
        questions: Distinct values; they may stream in.
        sample: Asks a draw's member on a question once. An exception, or a failure given, makes
            the draw fail.
        plan: How each question is voted on. Its rule says when a question is settled; with a
            budget it also says which question needs the next sample most, so take a thorough one
            (``rule="exhaustive"``) and let the budget decide.
        budget: Total over all questions; a number is a number of samples. Every question gets at
            least one sample before any gets a second, as far as it reaches. None: no limit, and
            only about `concurrency` questions are held in memory at a time.
        concurrency: Most draws in flight over all questions.
        recorded: Gives what is known of a question from an earlier run of the same plan. It
            counts, towards the budget too, and is not asked again.
        keep: Awaited with every new outcome before it is counted, several at a time under load:
            the place to store them. If it raises, the batch ends.
        controller: Holds a mean number of samples over questions that stream in, instead of a
            total: each question takes the controller's rule of the moment.
        in_order: Count samples in the order in which they were asked for, over all questions.
            With a budget, which question gets the next sample is then the same however long
            replies take, for one `concurrency`; a slow reply holds up those behind it.
        stop: Once set, nothing more is asked, and nothing again: the best answers so far come when
            what is in flight is in. Questions not read by then are left out.
        circuit: Spares members that keep failing, whatever the question.
        observer: Told every outcome as it arrives.
        patience: Seconds to wait for members that want to be left alone, where nobody else could
            be asked and the plan would give up earlier. Draws refused as too many are then sent
            again however often; the caller ends the batch if nothing comes.
        text: Gives a question as text, for answer types to be bound to; without it questions
            that are texts are their own.

    Raises:
        UsageError: If there are both a budget and a controller, or the rule cannot be ranked.

    Yields:
        One result for every question, in the order of settling. Closing the generator cancels
        and awaits what is in flight.
    """
    whole("concurrency", concurrency)
    total = Budget(budget) if isinstance(budget, int | float) else budget
    if total is not None and controller is not None:
        raise UsageError("give a budget or a controller of the mean, not both")
    pool: Pool[Q] = Pool(_InOrder() if total is None else indexed(plan.rule), total)
    observer = _binding(total, observer)
    level = Level()
    concurrency = level.slots(concurrency)
    run = _Run(
        pool, sample, plan, recorded, keep, controller, circuit, observer, level, patience, text
    )
    source = _source(questions)
    coming: asyncio.Task[Q] | None = None
    exhausted = False
    stop = stop or asyncio.Event()
    stopped = asyncio.ensure_future(stop.wait())
    stopped.add_done_callback(run.stop)
    try:
        while run.tasks or not (stop.is_set() or (exhausted and pool.done)):
            wanted = total is not None or pool.open < concurrency
            if coming is None and wanted and not exhausted and not stop.is_set():
                coming = asyncio.ensure_future(anext(source))
                coming.add_done_callback(run.arrived.put_nowait)
            if (exhausted or total is None) and not stop.is_set():
                run.start(concurrency)
            arrived = await run.next_arrived() if run.tasks or coming else []
            if coming in arrived:
                arrived.remove(coming)
                try:
                    question = coming.result()
                except StopAsyncIteration:
                    exhausted = True
                else:
                    await run.add(question)
                coming = None
            await run.keep(arrived)
            for task in run.in_turn(arrived) if in_order else arrived:
                run.tell(task)
                if in_order and not stop.is_set():
                    run.start(concurrency)
            for result in run.results():
                yield result
        pool.close("stopped" if stop.is_set() else "budget")
        for result in run.results():
            yield result
    finally:
        # In a task of its own, so that no cancellation falls into it, however often it comes.
        await finished(run.end([stopped, coming] if coming else [stopped], source))


class _Run(Generic[Q]):
    """A batch under way: the pool's draws as tasks."""

    def __init__(
        self,
        pool: Pool[Q],
        sample: Callable[[Q, Draw], Awaitable[Outcome]],
        plan: VotePlan[Any],
        recorded: Callable[[Q], Mapping[Draw, Outcome]] | None,
        keep: Callable[[Sequence[Arrival[Q]]], Awaitable[None]] | None,
        controller: BudgetController | None,
        circuit: CircuitBreaker | None,
        observer: BatchObserver[Q] | None,
        level: Level,
        patience: float,
        text: Callable[[Q], str] | None,
    ) -> None:
        self._pool = pool
        self._sample = sample
        self._plan = plan
        self._recorded = recorded
        self._keep = keep
        self._controller = controller
        self._circuit = circuit
        self._observer = observer
        self._level = level
        self._patience = patience
        self._idle = Idle()
        self._text = text
        self._answers: dict[Q, Answer] = {}  # bound to their questions
        self._samplers: dict[Q, AsyncSampler] = {}  # of answers that are compared beforehand
        self._known: dict[Q, Known] = {}
        self._early: set[asyncio.Task[Any]] = set()  # arrived, but it is not their turn
        self._kept: set[asyncio.Task[Any]] = set()  # stored, and not told yet
        self.tasks: dict[asyncio.Task[Any], tuple[Q, Draw]] = {}  # in the order of their start
        # A queue and not `asyncio.wait`, whose cost grows with the number of tasks.
        self.arrived: asyncio.Queue[asyncio.Task[Any]] = asyncio.Queue()
        self._stopped: asyncio.Task[Any] | None = None

    async def add(self, question: Q) -> None:
        """Take a question into the pool, with what is known of it."""
        plan = self._plan
        if self._controller is not None:
            plan = plan.change(rule=self._controller.rule)
        if plan.settings.launch is None:
            plan = plan.change(launch="thrifty")  # other questions use the slots meanwhile
        answer = self._answers[question] = self._bound(question)
        engine = plan.engine(answer=answer)
        known = by_place(self._recorded(question)) if self._recorded is not None else {}
        for _, outcome in known.values():
            self._pool.book(outcome)
            if isinstance(outcome, Sample):
                await self._sampler(question).prepared(outcome)
        restore(engine, known)
        self._pool.add(question, engine)
        if known:
            self._known[question] = known

    def _bound(self, question: Q) -> Answer:
        """Return the answer type, bound to the question where that has a text."""
        answer = self._plan.answer
        if self._text is not None:
            return answer.for_question(self._text(question))
        return answer.for_question(question) if isinstance(question, str) else answer

    def _sampler(self, question: Q) -> AsyncSampler:
        """Return what carries out draws of a question; kept only where it remembers something."""
        sampler = self._samplers.get(question)
        if sampler is None:
            sampler = AsyncSampler(
                partial(self._sample, question),
                answer=self._answers[question],
                policy=self._plan.policy,
                level=self._level,
                waiting=Waits(
                    self._plan.policy,
                    lambda member: self._pool.engine(question).others(member),
                    self._patience,
                ),
            )
            if needs_preparation(self._plan.answer):
                self._samplers[question] = sampler
        return sampler

    def start(self, concurrency: int) -> None:
        """Start what the pool wants."""
        while draws := self._pool.ask(concurrency - len(self.tasks)):
            for question, draw in draws:
                outcome = take(self._known.get(question, {}), draw)
                if outcome is not None:
                    self._pool.tell(question, draw, outcome, booked=True)
                    continue
                task = asyncio.ensure_future(self._asked(question, draw))
                task.add_done_callback(self.arrived.put_nowait)
                self.tasks[task] = (question, draw)

    async def _asked(self, question: Q, draw: Draw) -> Outcome:
        idlers.set(self._idle)
        ask = self._sampler(question).outcome
        if self._circuit is None:
            return await ask(draw)
        return await self._circuit.outcome(draw, ask, question)

    async def next_arrived(self) -> list[asyncio.Task[Any]]:
        """Wait for something to arrive and return all that has, in order of arrival."""
        arrived = [await self.arrived.get()]
        while not self.arrived.empty():
            arrived.append(self.arrived.get_nowait())
        return [task for task in arrived if task is not self._stopped]

    async def keep(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """Store the outcomes of tasks, once, even if cancelled meanwhile."""
        new = [task for task in tasks if task not in self._kept]
        if new and self._keep is not None:
            self._kept.update(new)
            await finished(self._keep([(*self.tasks[task], _outcome(task)) for task in new]))

    def in_turn(self, arrived: Iterable[asyncio.Task[Any]]) -> Iterator[asyncio.Task[Any]]:
        """Yield, in the order of their start, the tasks that no earlier one holds up any more."""
        self._early.update(arrived)
        while (first := next(iter(self.tasks), None)) and first in self._early:
            self._early.discard(first)
            yield first

    def tell(self, task: asyncio.Task[Any]) -> None:
        """Tell the pool the outcome of a task."""
        question, draw = self.tasks.pop(task)
        self._kept.discard(task)
        outcome = _outcome(task)
        self._pool.tell(question, draw, outcome)
        check_control(outcome)
        if self._observer is not None:
            self._observer(question, self._pool.engine(question), draw, outcome)

    def results(self) -> Iterator[BatchResult[Q]]:
        """Yield the results of the questions that have settled."""
        for question, engine in self._pool.settled():
            self._samplers.pop(question, None)
            self._answers.pop(question, None)
            self._known.pop(question, None)
            if self._controller is not None:
                self._controller.book(engine.tally.n_samples)
            try:
                yield BatchResult(question, engine.decision())
            except SamplingError as error:
                yield BatchResult(question, None, error)

    def stop(self, stopped: asyncio.Task[Any]) -> None:
        """End draws that have nothing in flight: they need not be waited for."""
        self._stopped = stopped
        self.arrived.put_nowait(stopped)
        self._idle.end()

    async def end(
        self, others: Sequence[asyncio.Task[Any]], source: AsyncGenerator[Q, None]
    ) -> None:
        """Cancel what is in flight, wait until it has gone, and hand over what came in."""
        for task in [*others, *self.tasks]:
            task.cancel()
        await ended([*others, *self.tasks])
        for task in others:
            looked_at(task)
        await source.aclose()
        await self.keep(list(self.tasks))
        with ExitStack() as rest:  # an observer that breaks keeps nothing else from being told
            for task in reversed(self.tasks):
                rest.callback(self.tell, task)


def _outcome(task: asyncio.Task[Any]) -> Outcome:
    return abandoned() if task.cancelled() else task.result()


async def _source(questions: Iterable[Q] | AsyncIterable[Q]) -> AsyncGenerator[Q, None]:
    if isinstance(questions, AsyncIterable):
        async for question in questions:
            yield question
    else:
        for question in questions:
            yield question

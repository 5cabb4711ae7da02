"""Vote on many questions at once, under one budget; results come as questions settle."""

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
from bestofinf.batches.breaker import CircuitBreaker
from bestofinf.batches.pool import Budget, Pool, UnboundBudgetWarning, indexed
from bestofinf.batches.restart import Known, by_place, restore, take
from bestofinf.drivers.common import abandoned
from bestofinf.drivers.nesting import Level, check_control
from bestofinf.drivers.patience import Waits
from bestofinf.drivers.samplers import AsyncSampler
from bestofinf.drivers.wanted import Idle, idlers
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
"""Called after each outcome of a batch was told to its engine, in order of arrival."""


@dataclass(frozen=True, slots=True)
class BatchResult(Generic[Q]):
    """The result of one question of a batch.

    Attributes:
        question: The question as given.
        decision: The decision; None if there is none.
        error: Why there is no decision; None if there is one.
    """

    question: Q
    decision: Decision | None
    error: SamplingError | None = None


def _binding(budget: Budget | None, observer: BatchObserver[Q] | None) -> BatchObserver[Q] | None:
    """Return the observer, extended by a warning at the first reply with an unknown cost."""
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
                f"{engine.names[draw.member]!r} report no {what}; a budget of samples limits every "
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
        questions: Distinct values; the iterable may be a stream.
        sample: Asks a draw's member a question once. An exception, or a failure returned, makes the
            draw fail.
        plan: The settings of each vote. Its rule says when a question is settled. With a budget it
            also says which question needs the next sample most, so use a thorough rule
            (``rule="exhaustive"``) and let the budget limit the votes.
        budget: Total over all questions; a number is a number of samples. Every question gets at
            least one sample before any gets a second, as far as the budget reaches. None: no
            limit, and only about `concurrency` questions are held in memory at a time.
        concurrency: Maximum number of draws in flight over all questions.
        recorded: Returns the outcomes of a question that an earlier run of the same plan recorded.
            They count, also towards the budget, and are not asked again.
        keep: Awaited with every new outcome before it is counted, with several at a time under
            load; store them here. If it raises, the batch ends.
        controller: Holds a mean number of samples over a stream of questions, instead of a total:
            each question uses the controller's current rule.
        in_order: Count samples in the order in which they were requested, over all questions. With
            a budget and a fixed `concurrency`, the question that gets the next sample is then
            independent of the time that replies take; a slow reply delays those behind it.
        stop: Once set, no more requests are sent, not even retries; the best answers so far are
            yielded when the requests in flight have ended. Questions not read by then are left out.
        circuit: Stops asking members that keep failing, over all questions.
        observer: Called with every outcome as it arrives.
        patience: Seconds to wait for members that must not be asked for a time, if no other member
            could be asked and the plan would give up earlier. Draws refused for too many requests
            are then retried without limit; the caller must end the batch if no reply comes.
        text: Returns a question as text, to which answer types are bound; without it, questions
            that are texts are used themselves.

    Raises:
        UsageError: If both a budget and a controller are given, or the rule has no `index`.

    Yields:
        One result for every question, in the order of settling. Closing the generator cancels and
        awaits the requests in flight.
    """
    whole("concurrency", concurrency)
    total = Budget(budget) if isinstance(budget, int | float) else budget
    if total is not None and controller is not None:
        raise UsageError("give either a budget (a total) or a controller (a mean), not both")
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
        # In a task of its own, so that no cancellation can interrupt it.
        await finished(run.end([stopped, coming] if coming else [stopped], source))


@dataclass(eq=False)
class _Run(Generic[Q]):
    """A running batch, which carries out the pool's draws as tasks."""

    _pool: Pool[Q]
    _sample: Callable[[Q, Draw], Awaitable[Outcome]]
    _plan: VotePlan[Any]
    _recorded: Callable[[Q], Mapping[Draw, Outcome]] | None
    _keep: Callable[[Sequence[Arrival[Q]]], Awaitable[None]] | None
    _controller: BudgetController | None
    _circuit: CircuitBreaker | None
    _observer: BatchObserver[Q] | None
    _level: Level
    _patience: float
    _text: Callable[[Q], str] | None

    def __post_init__(self) -> None:
        self._idle = Idle()
        self._samplers: dict[Q, AsyncSampler] = {}
        self._known: dict[Q, Known] = {}
        self._early: set[asyncio.Task[Any]] = set()  # arrived, but it is not their turn
        self._kept: set[asyncio.Task[Any]] = set()  # stored, and not told yet
        self.tasks: dict[asyncio.Task[Any], tuple[Q, Draw]] = {}  # in the order of their start
        # A queue instead of `asyncio.wait`, whose cost grows with the number of tasks.
        self.arrived: asyncio.Queue[asyncio.Task[Any]] = asyncio.Queue()
        self._stopped: asyncio.Task[Any] | None = None

    async def add(self, question: Q) -> None:
        """Add a question to the pool, with its recorded outcomes."""
        plan = self._plan
        if self._controller is not None:
            plan = plan.change(rule=self._controller.rule)
        if plan.settings.launch is None:
            plan = plan.change(launch="thrifty")  # others use the slots
        answer = plan.answer
        if self._text is not None:
            answer = answer.for_question(self._text(question))
        elif isinstance(question, str):
            answer = answer.for_question(question)
        engine = plan.engine(answer=answer)
        sampler = self._samplers[question] = AsyncSampler(
            partial(self._sample, question),
            answer=answer,
            policy=plan.policy,
            level=self._level,
            waiting=Waits(
                plan.policy,
                engine.others,
                self._patience,
                asyncio.get_running_loop().time,
            ),
        )
        known = by_place(self._recorded(question)) if self._recorded is not None else {}
        for _, outcome in known.values():
            self._pool.book(outcome)
            if isinstance(outcome, Sample):
                await sampler.prepared(outcome)
        restore(engine, known)
        self._pool.add(question, engine)
        if known:
            self._known[question] = known

    def start(self, concurrency: int) -> None:
        """Start the draws that the pool asks for."""
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
        sampler = self._samplers[question]
        if self._circuit is None:
            return await sampler.outcome(draw)
        assert sampler.waiting is not None, "every question has its own"
        leave = sampler.waiting.leave
        return await self._circuit.outcome(draw, sampler.outcome, question, leave)

    async def next_arrived(self) -> list[asyncio.Task[Any]]:
        """Wait for an outcome and return all tasks that have ended, in order of arrival."""
        arrived = [await self.arrived.get()]
        while not self.arrived.empty():
            arrived.append(self.arrived.get_nowait())
        return [task for task in arrived if task is not self._stopped]

    async def keep(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """Store the outcomes of tasks once, even if this task is cancelled meanwhile."""
        new = [task for task in tasks if task not in self._kept]
        if new and self._keep is not None:
            self._kept.update(new)
            await finished(self._keep([(*self.tasks[task], _outcome(task)) for task in new]))

    def in_turn(self, arrived: Iterable[asyncio.Task[Any]]) -> Iterator[asyncio.Task[Any]]:
        """Yield the tasks whose earlier ones have all ended, in the order of their start."""
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
            self._known.pop(question, None)
            if self._controller is not None:
                self._controller.book(engine.tally.n_samples)
            try:
                yield BatchResult(question, engine.decision())
            except SamplingError as error:
                yield BatchResult(question, None, error)

    def stop(self, stopped: asyncio.Task[Any]) -> None:
        """Cancel the draws without a request in flight, so that they are not waited for."""
        self._stopped = stopped
        self.arrived.put_nowait(stopped)
        self._idle.end()

    async def end(
        self, others: Sequence[asyncio.Task[Any]], source: AsyncGenerator[Q, None]
    ) -> None:
        """Cancel the running draws, wait until they have ended, and store what had arrived."""
        for task in [*others, *self.tasks]:
            task.cancel()
        await ended([*others, *self.tasks])
        for task in others:
            looked_at(task)
        await source.aclose()
        await self.keep(list(self.tasks))
        with ExitStack() as rest:  # the observer must not stop it
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

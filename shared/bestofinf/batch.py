"""Votes on many questions at once, under one budget; results come as questions settle."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import (
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
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from bestofinf.circuit import Circuit
from bestofinf.drivers.asynchronous import AsyncSampler, ended
from bestofinf.drivers.common import check_concurrency, given_up, needs_preparation
from bestofinf.engine import VotingEngine
from bestofinf.errors import SamplingError, UsageError
from bestofinf.plan import VotePlan
from bestofinf.pool import Budget, Indexed, Pool
from bestofinf.records import Decision, Draw, Outcome, Sample
from bestofinf.rules.base import AllOf, AnyOf, StopRule
from bestofinf.rules.controller import BudgetController
from bestofinf.tally import Tally

Q = TypeVar("Q", bound=Hashable)

Arrival: TypeAlias = tuple[Q, Draw, Outcome]
"""A question, a draw of it, and what came of that."""


BatchObserver: TypeAlias = Callable[[Q, VotingEngine, Draw, Outcome], None]
"""Called after each outcome of a batch has been told, in order of arrival; for progress."""

Known: TypeAlias = dict[int, tuple[Draw, Outcome]]
"""What an earlier run knows of a question, by the place of the draw."""


@dataclass(frozen=True, slots=True)
class BatchResult(Generic[Q]):
    """What became of one question of a batch.

    Attributes:
        question: As given.
        decision: The decision; None if there is none.
        error: Why there is none.
    """

    question: Q
    decision: Decision | None
    error: SamplingError | None = None


class _InOrder:
    """Stands for a rule when nothing has to be ranked: questions are served in their order."""

    def index(self, tally: Tally) -> float:
        return 0.0


def indexed(rule: StopRule) -> Indexed:
    """Return the part of a rule that values the next sample.

    Raises:
        UsageError: If there is none.
    """
    parts = rule.rules if isinstance(rule, AnyOf | AllOf) else (rule,)
    for part in parts:
        if isinstance(part, Indexed):
            return part
    raise UsageError(
        f"a budget over many questions needs a rule that values the next sample, such as "
        f"'exhaustive' or 'balanced'; got {rule}"
    )


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
    circuit: Circuit | None = None,
    observer: BatchObserver[Q] | None = None,
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
        stop: Once set, nothing more is asked: the best answers so far come when what is in
            flight is in. Questions not read by then are left out.
        circuit: Spares members that keep failing, whatever the question.
        observer: Told every outcome as it arrives.

    Raises:
        UsageError: If there are both a budget and a controller, or the rule cannot be ranked.

    Yields:
        One result for every question, in the order of settling. Closing the generator cancels
        and awaits what is in flight.
    """
    check_concurrency(concurrency)
    total = Budget(budget) if isinstance(budget, int | float) else budget
    if total is not None and controller is not None:
        raise UsageError("give a budget or a controller of the mean, not both")
    pool: Pool[Q] = Pool(_InOrder() if total is None else indexed(plan.rule), total)
    run = _Run(pool, sample, plan, recorded, keep, controller, circuit, observer)
    source = _source(questions)
    coming: asyncio.Task[Q] | None = None
    exhausted = False
    stop = stop or asyncio.Event()
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
        if coming is not None:
            coming.cancel()
            await asyncio.wait([coming])
        await run.give_up()


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
        circuit: Circuit | None,
        observer: BatchObserver[Q] | None,
    ) -> None:
        self._pool = pool
        self._sample = sample
        self._plan = plan
        self._recorded = recorded
        self._keep = keep
        self._controller = controller
        self._circuit = circuit
        self._observer = observer
        self._samplers: dict[Q, AsyncSampler] = {}  # of answers that are compared beforehand
        self._known: dict[Q, Known] = {}
        self._early: set[asyncio.Task[Any]] = set()  # arrived, but it is not their turn
        self.tasks: dict[asyncio.Task[Any], tuple[Q, Draw]] = {}  # in the order of their start
        # A queue and not `asyncio.wait`, whose cost grows with the number of tasks.
        self.arrived: asyncio.Queue[asyncio.Task[Any]] = asyncio.Queue()

    async def add(self, question: Q) -> None:
        """Take a question into the pool, with what is known of it."""
        plan = self._plan
        if self._controller is not None:
            plan = plan.change(rule=self._controller.rule)
        engine = plan.engine()
        known = by_place(self._recorded(question)) if self._recorded is not None else {}
        for _, outcome in known.values():
            self._pool.book(outcome)
            if isinstance(outcome, Sample):
                await self._sampler(question).prepared(outcome)
        restore(engine, known)
        self._pool.add(question, engine)
        if known:
            self._known[question] = known

    def _sampler(self, question: Q) -> AsyncSampler:
        """Return what carries out draws of a question; kept only where it remembers something."""
        sampler = self._samplers.get(question)
        if sampler is None:
            sampler = AsyncSampler(
                partial(self._sample, question), answer=self._plan.answer, policy=self._plan.policy
            )
            if needs_preparation(self._plan.answer):
                self._samplers[question] = sampler
        return sampler

    def start(self, concurrency: int) -> None:
        """Start what the pool wants."""
        while draws := self._pool.ask(concurrency - len(self.tasks)):
            for question, draw in draws:
                outcome = _taken(self._known.get(question, {}), draw)
                if outcome is not None:
                    self._pool.tell(question, draw, outcome, booked=True)
                    continue
                task = asyncio.ensure_future(self._asked(question, draw))
                task.add_done_callback(self.arrived.put_nowait)
                self.tasks[task] = (question, draw)

    async def _asked(self, question: Q, draw: Draw) -> Outcome:
        ask = self._sampler(question).outcome
        return await (ask(draw) if self._circuit is None else self._circuit.outcome(draw, ask))

    async def next_arrived(self) -> list[asyncio.Task[Any]]:
        """Wait for something to arrive and return all that has, in order of arrival."""
        arrived = [await self.arrived.get()]
        while not self.arrived.empty():
            arrived.append(self.arrived.get_nowait())
        return arrived

    async def keep(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """Have stored what tasks brought."""
        if tasks and self._keep is not None:
            await self._keep([(*self.tasks[task], _outcome(task)) for task in tasks])

    def in_turn(self, arrived: Iterable[asyncio.Task[Any]]) -> Iterator[asyncio.Task[Any]]:
        """Yield, in the order of their start, the tasks that no earlier one holds up any more."""
        self._early.update(arrived)
        while (first := next(iter(self.tasks), None)) and first in self._early:
            self._early.discard(first)
            yield first

    def tell(self, task: asyncio.Task[Any]) -> None:
        """Hand over what a task brought."""
        question, draw = self.tasks.pop(task)
        outcome = _outcome(task)
        self._pool.tell(question, draw, outcome)
        if self._observer is not None:
            self._observer(question, self._pool.engine(question), draw, outcome)

    def results(self) -> Iterator[BatchResult[Q]]:
        """Yield what has settled."""
        for question, engine in self._pool.settled():
            self._samplers.pop(question, None)
            self._known.pop(question, None)
            if self._controller is not None:
                self._controller.book(engine.tally.n_samples)
            try:
                yield BatchResult(question, engine.decision())
            except SamplingError as error:
                yield BatchResult(question, None, error)

    async def give_up(self) -> None:
        """Cancel what is in flight, wait until it has gone, and hand over what came in."""
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            again = await ended(self.tasks)
            await self.keep([task for task in self.tasks if task not in self._early])
            for task in list(self.tasks):
                self.tell(task)
            if again is not None:
                raise again


def _outcome(task: asyncio.Task[Any]) -> Outcome:
    return given_up() if task.cancelled() else task.result()


def by_place(recorded: Mapping[Draw, Outcome]) -> Known:
    """Return what is known of a question by the places of its draws."""
    return {draw.index: (draw, outcome) for draw, outcome in sorted(recorded.items(), key=_first)}


def _first(pair: tuple[Draw, Outcome]) -> Draw:
    return pair[0]


def restore(engine: VotingEngine, known: Known) -> None:
    """Bring a fresh engine as far as what is known allows.

    Args:
        engine: Made by the same plan as the one that these draws are from.
        known: Outcomes by place; those told are taken out. Draws asked on the way that are not
            known were in flight when the earlier run ended: they are in flight again, and the
            rest of what is known waits for them.

    Raises:
        UsageError: If a draw would go to another member now.
    """
    while known and not engine.done:
        asked = engine.ask(1)
        if not asked:
            return
        outcome = _taken(known, asked[0])
        if outcome is not None:
            engine.tell(asked[0], outcome)


def _taken(known: Known, draw: Draw) -> Outcome | None:
    """Take out what is known of a draw."""
    if draw.index not in known:
        return None
    earlier, outcome = known.pop(draw.index)
    if earlier.member != draw.member:
        raise UsageError(
            f"draw {draw.index} was asked of another member in the earlier run: "
            "its members, weights or schedule were different"
        )
    return outcome


async def _source(questions: Iterable[Q] | AsyncIterable[Q]) -> AsyncIterator[Q]:
    if isinstance(questions, AsyncIterable):
        async for question in questions:
            yield question
    else:
        for question in questions:
            yield question


def vote_batch(
    questions: Iterable[Q],
    sample: Callable[[Q, Draw], Sample],
    plan: VotePlan[Any],
    *,
    concurrency: int = 64,
    **options: Any,
) -> Iterator[BatchResult[Q]]:
    """Do the same from blocking code, with members' blocking calls in threads.

    Takes the options of `avote_batch`. Works inside a running event loop too.
    """
    check_concurrency(concurrency)
    results: queue.SimpleQueue[BatchResult[Q] | BaseException | None] = queue.SimpleQueue()
    over = threading.Event()

    async def produce() -> None:
        with ThreadPoolExecutor(concurrency, thread_name_prefix="bestofinf-batch") as threads:
            loop = asyncio.get_running_loop()

            async def in_thread(question: Q, draw: Draw) -> Sample:
                context = copy_context()
                return await loop.run_in_executor(threads, context.run, sample, question, draw)

            batch = avote_batch(questions, in_thread, plan, concurrency=concurrency, **options)
            async for result in batch:
                results.put(result)
                if over.is_set():
                    break
            await batch.aclose()  # type: ignore[attr-defined]

    def work() -> None:
        try:
            asyncio.run(produce())
        except BaseException as error:
            results.put(error)
        else:
            results.put(None)

    thread = threading.Thread(target=copy_context().run, args=(work,), daemon=True)
    thread.start()
    try:
        while (result := results.get()) is not None:
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        over.set()
        thread.join()

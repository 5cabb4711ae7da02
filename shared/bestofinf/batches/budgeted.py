"""Many questions of one ensemble under one budget, each as a call of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from typing import Any, Generic, Protocol, TypeVar

from bestofinf._concurrency.endings import finished
from bestofinf.batches.batch import BatchResult, avote_batch
from bestofinf.batches.blocking import vote_batch
from bestofinf.batches.breaker import CircuitBreaker
from bestofinf.batches.pool import Budget
from bestofinf.ensemble.call import Call, Result
from bestofinf.ensemble.client import Flow, Step, arun, run
from bestofinf.ensemble.plan import VotePlan
from bestofinf.ensemble.progress import progress_event
from bestofinf.ensemble.sampler import Sampler
from bestofinf.ensemble.state import EnsembleState
from bestofinf.ensemble.streams import Item, Source, Stream, astream, stream
from bestofinf.errors import SamplingError
from bestofinf.records import Draw, Outcome, Sample
from bestofinf.voting.engine import VotingEngine

R = TypeVar("R")
A = TypeVar("A")
Run = TypeVar("Run", contravariant=True)


class Conversation(Protocol[Run, A]):
    """A framework's side of a batch: how the run of a question begins and ends.

    A run is whatever the framework keeps of a question that is being answered. Of each step only
    the form that the batch uses, blocking or asynchronous, is carried out.
    """

    def begin(self, place: int) -> Step:
        """Return the step that begins a question and returns its run."""

    def text(self, place: int) -> str:
        """Return a question as text, to which the answer type is bound."""

    def call(self, run: Run) -> Call:
        """Return the call of a question that has begun."""

    def listens(self, run: Run) -> bool:
        """Return whether progress of a question's vote is wanted."""

    def tell(self, run: Run, event: dict[str, Any]) -> None:
        """Report an outcome as it arrives; see `bestofinf.ensemble.progress.progress_event`."""

    def answer(self, run: Run, result: Result) -> A:
        """Return the framework's answer for a result."""

    def end(self, run: Run, answer: A) -> Step:
        """Return the step that ends a question."""

    def fail(self, run: Run, error: BaseException) -> Step:
        """Return the step that ends a question by an error."""


class BudgetedBatch(Generic[R, A]):
    """Many questions under one budget.

    Args:
        size: Number of questions.
        conversation: The framework's side of the questions.
        plan: The settings of each vote.
        state: State that the ensemble keeps between calls.
        budget: The total over all questions.
        concurrency: Maximum number of requests in flight over all questions.
    """

    def __init__(
        self,
        size: int,
        conversation: Conversation[R, A],
        plan: VotePlan[Any],
        state: EnsembleState,
        *,
        budget: Budget,
        concurrency: int,
    ) -> None:
        self._conversation = conversation
        self._plan = plan
        self._budget = budget
        self._questions = [_Question(place, conversation) for place in range(size)]
        self._spent = 0.0
        self._options: dict[str, Any] = {
            "budget": budget,
            "concurrency": concurrency,
            "circuit": CircuitBreaker(state.health, plan.members),
            "observer": self._observe,
            "text": conversation.text,
        }

    def run(
        self, *, return_exceptions: bool = False
    ) -> Generator[tuple[int, A | Exception], None, None]:
        """Yield the index of each question and its answer, as it settles.

        Args:
            return_exceptions: Yield the error of a question as its answer instead of raising it.
        """
        return stream(self._answers(return_exceptions))

    def arun(
        self, *, return_exceptions: bool = False
    ) -> AsyncGenerator[tuple[int, A | Exception], None]:
        """Do the same in the running event loop."""
        return astream(self._answers(return_exceptions))

    def _answers(self, return_exceptions: bool) -> Stream[tuple[int, A | Exception]]:
        asked = self._questions
        places, plan, options = range(len(asked)), self._plan, self._options
        results = Source[BatchResult[int]](
            lambda: vote_batch(places, lambda p, draw: run(asked[p].sample(draw)), plan, **options),
            lambda: avote_batch(
                places, lambda p, draw: arun(asked[p].sample(draw)), plan, **options
            ),
        )
        try:
            try:
                while (result := (yield results.next())) is not None:
                    place = result.question
                    yield Item((place, (yield from asked[place].settle(result, return_exceptions))))
            finally:
                yield results.close()
        finally:
            yield Step(self._abandon, lambda: finished(self._aabandon()))

    def _abandon(self) -> None:
        """End the runs of questions that were not settled when the batch ended."""
        for question in self._questions:
            run(question.abandon())

    async def _aabandon(self) -> None:
        ends = [arun(question.abandon()) for question in self._questions]
        for error in await asyncio.gather(*ends, return_exceptions=True):
            if error is not None:
                raise error

    def _observe(self, place: int, engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
        """Report the progress of a question and of the budget."""
        self._spent += self._budget.of(outcome)
        opened = self._questions[place].opened
        if opened is not None and self._conversation.listens(opened.run):
            event = progress_event(engine, opened.call.names, draw, outcome)
            more = {"question": place, "spent": self._spent, "budget": self._budget.total}
            self._conversation.tell(opened.run, event | more)


class _Opened(Generic[R]):
    """A question whose run has begun."""

    def __init__(self, run: R, call: Call) -> None:
        self.run = run
        self.call = call
        self.sampler: Sampler = call.sampler()


class _Question(Generic[R, A]):
    """One question, whose run begins with its first sample."""

    def __init__(self, place: int, conversation: Conversation[R, A]) -> None:
        self._place = place
        self._conversation = conversation
        self.opened: _Opened[R] | None = None
        self._lock = threading.Lock()
        self._alock = asyncio.Lock()

    def sample(self, draw: Draw) -> Flow[Sample]:
        """Ask the draw's member once."""
        opened = yield from self._open()
        return (yield from opened.sampler.draw(draw))

    def _open(self) -> Flow[_Opened[R]]:
        if self.opened is not None:
            return self.opened
        lock = yield Step(self._acquired, self._aacquired)
        try:
            if self.opened is None:
                begun: R = yield self._conversation.begin(self._place)
                self.opened = _Opened(begun, self._conversation.call(begun))
            return self.opened
        finally:
            lock.release()

    def _acquired(self) -> threading.Lock:
        self._lock.acquire()
        return self._lock

    async def _aacquired(self) -> asyncio.Lock:
        await self._alock.acquire()
        return self._alock

    def settle(self, result: BatchResult[int], return_exceptions: bool) -> Flow[A | Exception]:
        """End the run, and return the answer, or the error if errors are to be returned."""
        try:
            return (yield from self._conclude(result))
        except Exception as error:
            if not return_exceptions:
                raise
            return error

    def _conclude(self, result: BatchResult[int]) -> Flow[A]:
        """End the run with its answer, or with the error that is raised."""
        opened = yield from self._open()
        self.opened = None
        try:
            yield Step(_nothing, opened.sampler.aclose)
            found = yield from opened.call.conclude(opened.sampler, result.decision, result.error)
            answer = self._conversation.answer(opened.run, found)
        except BaseException as error:
            yield self._conversation.fail(opened.run, error)
            raise
        yield self._conversation.end(opened.run, answer)
        return answer

    def abandon(self) -> Flow[None]:
        """End the run of a question that is not settled."""
        if self.opened is not None:
            opened, self.opened = self.opened, None
            yield Step(_nothing, opened.sampler.aclose)
            error = SamplingError("the batch ended before this question was settled")
            yield self._conversation.fail(opened.run, error)


def _nothing() -> None:
    """Threads that are no longer needed run to their end."""

"""The asyncio driver: draws are tasks; losers are cancelled and awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from bestofinf.answers.base import Answer
from bestofinf.drivers.common import (
    NO_USAGE,
    Observer,
    check_concurrency,
    conclude,
    extracted,
    failed,
    given_up,
    needs_preparation,
    with_tries,
)
from bestofinf.engine import VotingEngine
from bestofinf.policy import FailurePolicy
from bestofinf.records import AnswerValue, Decision, Draw, Failure, Outcome, Sample, Usage

GRACE = 0.05  # seconds that cancelled draws have to end once a deadline has passed


async def avote(
    engine: VotingEngine,
    sample: Callable[[Draw], Awaitable[Sample]],
    *,
    concurrency: int = 8,
    answer: Answer | None = None,
    policy: FailurePolicy | None = None,
    observer: Observer | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Decision:
    """Carry out one vote in the running event loop.

    Args:
        engine: A fresh engine.
        sample: Asks the draw's member once. An exception makes the draw fail.
        concurrency: Most draws in flight at a time, at least 1.
        answer: Takes the answer from replies that come without one.
        policy: Retries, time-outs and deadline.
        observer: Told every outcome as it arrives.
        clock: Seconds, from any start.

    Returns:
        The decision. No task of this vote is left when it returns or raises, also when it is
        cancelled from outside.

    Raises:
        SamplingError: If too few members answered, or the deadline passed; see `FailurePolicy`.
    """
    check_concurrency(concurrency)
    policy = policy or FailurePolicy()
    sampler = AsyncSampler(sample, answer=answer, policy=policy, clock=clock)
    start = clock()
    tasks: dict[asyncio.Task[Outcome], Draw] = {}
    overdue = False

    def time_left() -> float | None:
        if policy.deadline is None:
            return None
        return max(0.0, start + policy.deadline - clock())

    def tell(task: asyncio.Task[Outcome], draw: Draw) -> None:
        if task.done() and not task.cancelled():
            outcome = task.result()
        else:  # a try that was cancelled has failed; one that goes on has not
            tries = len(sampler.trying.get(draw, ()))
            outcome = given_up(tries if task.done() else tries + 1)
        engine.tell(draw, outcome)
        if observer is not None:
            observer(engine, draw, outcome)

    try:
        while not engine.done:
            for draw in engine.ask(concurrency - len(tasks)):
                tasks[asyncio.ensure_future(sampler.outcome(draw))] = draw
            arrived, _ = await asyncio.wait(
                tasks, timeout=time_left(), return_when=asyncio.FIRST_COMPLETED
            )
            engine.advance(clock() - start)
            # Several may be done at once: telling them in draw order keeps reports stable.
            for task in sorted(arrived, key=tasks.__getitem__):
                tell(task, tasks.pop(task))
            # Replies that keep coming must not carry a vote past its deadline either.
            if not engine.done and (not arrived or time_left() == 0):
                overdue = True
                engine.stop(f"deadline of {policy.deadline:g} s")
    finally:
        for task in tasks:
            task.cancel()
        # A deadline holds even for a member that will not be cancelled.
        left = time_left()
        again = await ended(tasks, seconds=None if left is None else max(left, GRACE))
        with ExitStack() as rest:  # an observer that breaks keeps nothing else from being booked
            for task, draw in reversed(tasks.items()):
                rest.callback(tell, task, draw)
        if again is not None:
            raise again
    return conclude(engine, policy, overdue=overdue, trying=sampler.trying.values())


async def ended(
    tasks: Iterable[asyncio.Task[Any]], *, seconds: float | None = None
) -> asyncio.CancelledError | None:
    """Wait for tasks to end, also if cancelled meanwhile, as `asyncio.TaskGroup` does.

    Args:
        tasks: Tasks that have been cancelled.
        seconds: Most seconds to wait; None for no limit.

    Returns:
        The cancellation that came meanwhile, for the caller to raise; None for none.
    """
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    pending = set(tasks)
    cancelled: asyncio.CancelledError | None = None
    while pending:
        left = None if end is None else max(0.0, end - loop.time())
        try:
            _, pending = await asyncio.wait(pending, timeout=left)
            break
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


class AsyncSampler:
    """Turns draws of one question into outcomes: tries, extracts the answer, compares it.

    Args:
        sample: Asks the draw's member once. It may give a failure instead of raising.
        answer: Takes the answer from replies that come without one.
        policy: Retries and time-outs.
        clock: Seconds, from any start.

    Attributes:
        trying: What went wrong so far in draws under way or given up.
    """

    def __init__(
        self,
        sample: Callable[[Draw], Awaitable[Outcome]],
        *,
        answer: Answer | None,
        policy: FailurePolicy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sample = sample
        self._answer = answer
        self._policy = policy
        self._clock = clock
        self._prepare = needs_preparation(answer)
        self._preparing = asyncio.Lock()
        self._known: list[AnswerValue] = []
        self.trying: dict[Draw, list[BaseException]] = {}

    async def outcome(self, draw: Draw) -> Outcome:
        """Return what came of a draw. An exception of the member is a failure, not raised."""
        start = self._clock()
        failures = self.trying[draw] = []
        paid = NO_USAGE
        try:
            found = await self._tried(draw, failures)
            if isinstance(found, Failure):
                del self.trying[draw]
                return found
            paid = found.usage
            sample = await self.prepared(extracted(found, self._answer))
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling()):
                raise  # else something within the member was cancelled: its failure, not ours
            del self.trying[draw]
            return failed(error, self._clock() - start, paid + Usage(calls=len(failures)))
        del self.trying[draw]
        return with_tries(sample, len(failures))

    async def _tried(self, draw: Draw, failures: list[BaseException]) -> Outcome:
        async def once(draw: Draw) -> Outcome:
            try:
                return await self._once(draw)
            except BaseException as error:
                failures.append(error)
                raise

        try:
            return await once(draw)
        except Exception as error:
            if not self._policy.retries or not self._policy.retry_on(error):
                raise
            first = [error]

        # Most draws need no retry, and tenacity's loop takes longer than the rest of a draw.
        async def again(draw: Draw) -> Outcome:
            if first:
                raise first.pop()
            return await once(draw)

        return await self._policy.async_retrying()(again, draw)

    async def _once(self, draw: Draw) -> Outcome:
        if self._policy.timeout is None:
            return await self._sample(draw)
        async with asyncio.timeout(self._policy.timeout):
            return await self._sample(draw)

    async def prepared(self, sample: Sample) -> Sample:
        """Have the answer compared with those that came before, and book what that cost."""
        value = sample.answer
        if value is None or not self._prepare or self._answer is None:
            return sample
        async with self._preparing:
            if value in self._known:
                return sample
            usage = await self._answer.prepare(value, tuple(self._known))
            self._known.append(value)
        return replace(sample, usage=sample.usage + usage)

"""The asyncio driver: draws are tasks; losers are cancelled and awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bestofinf.answers.base import Answer
from bestofinf.drivers.common import (
    Observer,
    check_concurrency,
    conclude,
    extracted,
    failed,
    given_up,
    needs_preparation,
)
from bestofinf.engine import VotingEngine
from bestofinf.policy import FailurePolicy
from bestofinf.records import AnswerValue, Decision, Draw, Outcome, Sample


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
    return await _Vote(engine, sample, answer, policy or FailurePolicy(), observer, clock).run(
        concurrency
    )


class _Vote:
    """One vote under way."""

    def __init__(
        self,
        engine: VotingEngine,
        sample: Callable[[Draw], Awaitable[Sample]],
        answer: Answer | None,
        policy: FailurePolicy,
        observer: Observer | None,
        clock: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._sample = sample
        self._answer = answer
        self._policy = policy
        self._observer = observer
        self._clock = clock
        self._prepare = needs_preparation(answer)
        self._preparing = asyncio.Lock()
        self._known: list[AnswerValue] = []

    async def run(self, concurrency: int) -> Decision:
        engine, policy = self._engine, self._policy
        start = self._clock()
        tasks: dict[asyncio.Task[Outcome], Draw] = {}
        overdue = False
        try:
            while not engine.done:
                for draw in engine.ask(concurrency - len(tasks)):
                    tasks[asyncio.ensure_future(self._outcome(draw))] = draw
                left = None
                if policy.deadline is not None:
                    left = max(0.0, start + policy.deadline - self._clock())
                arrived, _ = await asyncio.wait(
                    tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED
                )
                engine.advance(self._clock() - start)
                # Several may be done at once: telling them in draw order keeps reports stable.
                for task in sorted(arrived, key=tasks.__getitem__):
                    self._tell(tasks.pop(task), _result(task))
                if not arrived:
                    overdue = True
                    engine.stop(f"deadline of {policy.deadline:g} s")
        finally:
            await self._give_up(tasks)
        return conclude(engine, policy, overdue=overdue)

    def _tell(self, draw: Draw, outcome: Outcome) -> None:
        self._engine.tell(draw, outcome)
        if self._observer is not None:
            self._observer(self._engine, draw, outcome)

    async def _give_up(self, tasks: dict[asyncio.Task[Outcome], Draw]) -> None:
        """Cancel what is in flight, wait until it has gone, and book what came in meanwhile."""
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task, draw in tasks.items():
            self._tell(draw, _result(task))
        tasks.clear()

    async def _outcome(self, draw: Draw) -> Outcome:
        start = self._clock()
        try:
            sample = extracted(await self._tried(draw), self._answer)
            if self._prepare and sample.answer is not None:
                sample = await self._prepared(sample, sample.answer)
        except Exception as error:
            return failed(error, self._clock() - start)
        return sample

    async def _tried(self, draw: Draw) -> Sample:
        if not self._policy.retries:
            return await self._once(draw)
        return await self._policy.async_retrying()(self._once, draw)

    async def _once(self, draw: Draw) -> Sample:
        if self._policy.timeout is None:
            return await self._sample(draw)
        async with asyncio.timeout(self._policy.timeout):
            return await self._sample(draw)

    async def _prepared(self, sample: Sample, value: AnswerValue) -> Sample:
        """Have the answer compared with those that came before, and book what that cost."""
        async with self._preparing:
            if value in self._known or self._answer is None:
                return sample
            usage = await self._answer.prepare(value, tuple(self._known))
            self._known.append(value)
        return replace(sample, usage=sample.usage + usage)


def _result(task: asyncio.Task[Outcome]) -> Outcome:
    return given_up() if task.cancelled() else task.result()

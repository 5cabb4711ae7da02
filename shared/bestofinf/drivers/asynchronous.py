"""The asyncio driver: draws are tasks; losers are cancelled and awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

from bestofinf._concurrency.arrivals import Arrivals
from bestofinf._concurrency.endings import ended
from bestofinf.answers.base import Answer
from bestofinf.drivers.common import Observer, abandoned, conclude
from bestofinf.drivers.nesting import Level, check_control
from bestofinf.drivers.patience import Waits
from bestofinf.drivers.samplers import AsyncSampler
from bestofinf.errors import whole
from bestofinf.policy import FailurePolicy
from bestofinf.records import Decision, Draw, Outcome, Sample
from bestofinf.voting.engine import VotingEngine

GRACE = 0.05  # seconds that cancelled draws have for ending once a deadline has passed


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
    """Run one vote in the running event loop.

    Args:
        engine: A fresh engine.
        sample: Asks the draw's member once. An exception makes the draw fail.
        concurrency: Maximum number of draws in flight, at least 1.
        answer: Takes the answer from replies whose sample has none yet.
        policy: Retries, time-outs and deadline.
        observer: Called with every outcome as it arrives.
        clock: Returns seconds since any fixed moment.

    Returns:
        The decision. No task of this vote is left when it returns or raises, even if it is
        cancelled from outside once or many times.

    Raises:
        SamplingError: If too few members answered, or the deadline passed; see `FailurePolicy`.
        NestingError: If an ensemble asks itself without end.
    """
    whole("concurrency", concurrency)
    policy, level = policy or FailurePolicy(), Level()
    concurrency = level.slots(concurrency)
    sampler = AsyncSampler(
        sample,
        answer=answer,
        policy=policy,
        clock=clock,
        level=level,
        waiting=Waits(policy, engine.others, clock=clock),
    )
    start = clock()
    tasks: dict[asyncio.Task[Outcome], Draw] = {}
    arrivals: Arrivals[Outcome] = Arrivals()
    overdue = False

    def time_left() -> float | None:
        if policy.deadline is None:
            return None
        return max(0.0, start + policy.deadline - clock())

    def tell(task: asyncio.Task[Outcome], draw: Draw) -> None:
        if task.done() and not task.cancelled():
            outcome = task.result()
        else:  # a cancelled try has failed; one still running has not
            tries = len(sampler.trying.get(draw, ()))
            outcome = abandoned(tries if task.done() else tries + 1)
        engine.tell(draw, outcome)
        check_control(outcome)
        if observer is not None:
            observer(engine, draw, outcome)

    try:
        while not engine.done:
            for draw in engine.ask(concurrency - len(tasks)):
                tasks[arrivals.expect(asyncio.create_task(sampler.outcome(draw)))] = draw
            arrived = await arrivals.next(seconds=time_left())
            engine.advance(clock() - start)
            # Several may end at once; they are told in draw order to keep reports stable.
            for task in sorted(arrived, key=tasks.__getitem__):
                tell(task, tasks.pop(task))
            # A steady flow of replies must not carry a vote past its deadline.
            if not engine.done and (not arrived or time_left() == 0):
                overdue = True
                engine.stop(f"deadline of {policy.deadline:g} s")
    finally:
        if tasks:
            for task in tasks:
                task.cancel()
            # The deadline holds even if a member ignores its cancellation.
            left = time_left()
            again = await ended(tasks, seconds=None if left is None else max(left, GRACE))
            with ExitStack() as rest:  # the observer must not stop it
                for task, draw in reversed(tasks.items()):
                    rest.callback(tell, task, draw)
            if again is not None:
                raise again
    return conclude(engine, policy, overdue=overdue, trying=sampler.trying.values())

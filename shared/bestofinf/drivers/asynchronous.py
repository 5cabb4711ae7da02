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
from bestofinf.drivers.samplers import AsyncSampler
from bestofinf.drivers.wanted import Waits
from bestofinf.errors import FailurePolicy, whole
from bestofinf.records import Decision, Draw, Outcome, Sample
from bestofinf.voting.engine import VotingEngine

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
    """Run one vote in the running event loop.

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
        cancelled from outside, once or in every turn of the loop.

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
        waiting=Waits(policy, engine.others),
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
        else:  # a try that was cancelled has failed; one that goes on has not
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
            # Several may be done at once: telling them in draw order keeps reports stable.
            for task in sorted(arrived, key=tasks.__getitem__):
                tell(task, tasks.pop(task))
            # Replies that keep coming must not carry a vote past its deadline either.
            if not engine.done and (not arrived or time_left() == 0):
                overdue = True
                engine.stop(f"deadline of {policy.deadline:g} s")
    finally:
        if tasks:
            for task in tasks:
                task.cancel()
            # A deadline holds even for a member that will not be cancelled.
            left = time_left()
            again = await ended(tasks, seconds=None if left is None else max(left, GRACE))
            with (
                ExitStack() as rest
            ):  # an observer that breaks keeps nothing else from being booked
                for task, draw in reversed(tasks.items()):
                    rest.callback(tell, task, draw)
            if again is not None:
                raise again
    return conclude(engine, policy, overdue=overdue, trying=sampler.trying.values())

"""Run batches from blocking code: each draw has a thread, which is never waited for."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import aclosing, suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, TypeVar

from bestofinf._concurrency.blocking import Aside
from bestofinf.batches.batch import BatchResult, avote_batch
from bestofinf.batches.side_by_side import next_of
from bestofinf.drivers.common import failed
from bestofinf.drivers.samplers import BlockingSampler
from bestofinf.drivers.wanted import wanted
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import whole
from bestofinf.records import Draw, Outcome, Sample

Q = TypeVar("Q", bound=Hashable)


def vote_batch(
    questions: Iterable[Q],
    sample: Callable[[Q, Draw], Sample],
    plan: VotePlan[Any],
    *,
    concurrency: int = 64,
    **options: Any,
) -> Iterator[BatchResult[Q]]:
    """Vote on many questions from blocking code, with members' blocking calls in threads.

    It takes the options of `avote_batch`, and also works inside a running event loop. An interrupt,
    or closing the generator early, ends the batch like `bestofinf.vote`: no more requests are sent,
    those in flight run on in the background, and their replies are dropped.
    """
    whole("concurrency", concurrency)
    policy = plan.policy
    draws = _InThreads(sample, plan)
    results: queue.SimpleQueue[BatchResult[Q] | None] = queue.SimpleQueue()
    # All tries of a draw run in its thread and share one time limit.
    total = None if policy.timeout is None else policy.timeout * (policy.retries + 1)

    async def produce() -> None:
        try:
            batch = avote_batch(
                questions,
                draws.outcome,
                plan.change(retries=0, timeout=total),
                concurrency=concurrency,
                **options,
            )
            async with aclosing(batch):  # type: ignore[type-var]
                async for result in batch:
                    results.put(result)
        finally:
            results.put(None)

    aside = Aside(produce(), "bestofinf-batch")
    try:
        while (result := next_of(results)) is not None:
            yield result
        aside.result()
    finally:
        draws.end()
        aside.leave()


class _InThreads(Generic[Q]):
    """Carries out draws in threads, for an event loop that waits for them.

    As in `bestofinf.vote`, a running thread cannot be stopped. Once its draw is given up, by a
    time-out or by the end of the batch, it sends no more requests, and its reply is dropped.

    Args:
        sample: Asks a draw's member a question once.
        plan: Says how often a draw is tried.
    """

    def __init__(self, sample: Callable[[Q, Draw], Sample], plan: VotePlan[Any]) -> None:
        self._sample = sample
        self._policy = plan.policy
        self._over = threading.Event()
        self._around = wanted.get()

    def end(self) -> None:
        """Give up all draws, even if the event loop has ended."""
        self._over.set()

    async def outcome(self, question: Q, draw: Draw) -> Outcome:
        """Return the outcome of a draw; whatever its member raises is a failure."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[Outcome] = loop.create_future()
        over = self._over

        def is_wanted() -> bool:
            return not (arrived.done() or over.is_set()) and self._around()

        def hand_over(outcome: Outcome) -> None:
            if not arrived.done():
                arrived.set_result(outcome)

        def work() -> None:
            wanted.set(is_wanted)
            sampler = BlockingSampler(
                partial(self._sample, question), answer=None, policy=self._policy, over=over
            )
            outcome = sampler.outcome(draw, aside=True)
            with suppress(RuntimeError):  # the batch is over and its event loop closed
                loop.call_soon_threadsafe(hand_over, outcome)

        # Not a thread pool: a member that hangs would keep the interpreter from ending.
        thread = threading.Thread(
            target=copy_context().run,
            args=(work,),
            name=f"bestofinf-draw-{draw.index}",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread left
            return failed(error, 0.0)
        return await arrived

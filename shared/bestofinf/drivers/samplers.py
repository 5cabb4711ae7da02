"""Turn a draw into its outcome: ask the member, retry if that may help, and take the answer.

There are two samplers with the same steps: one for tasks and one for blocking calls.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bestofinf._concurrency.blocking import run_blocking
from bestofinf.answers.base import Answer
from bestofinf.drivers.common import (
    NO_USAGE,
    Tries,
    extracted,
    needs_preparation,
    read,
    uncompared,
    with_cost,
    with_tries,
)
from bestofinf.drivers.nesting import Level
from bestofinf.drivers.patience import Waits, waits
from bestofinf.drivers.wanted import arrived, is_wanted, pause
from bestofinf.errors import ends_the_task, is_interrupt
from bestofinf.policy import FailurePolicy
from bestofinf.records import AnswerValue, Draw, Outcome, Sample


@dataclass(eq=False, kw_only=True)
class _Sampler:
    """What both ways have in common.

    Attributes:
        answer: Takes the answer from replies whose sample has none yet.
        policy: Retries and time-outs.
        clock: Returns seconds since any fixed moment.
        level: Depth of the vote; None if the caller's context already has it.
        waiting: How long to wait for members that pause; None if the context already has it.
        trying: Errors so far of the draws in flight or given up.
    """

    answer: Answer | None
    policy: FailurePolicy
    clock: Callable[[], float] = time.monotonic
    level: Level | None = None
    waiting: Waits | None = None
    trying: dict[Draw, list[BaseException]] = field(default_factory=dict, init=False)
    _known: list[AnswerValue] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._prepare = needs_preparation(self.answer)

    def _begin(self, draw: Draw) -> Tries:
        """Enter what a draw is part of, and return its tries."""
        if self.level is not None:
            self.level.enter()
        if self.waiting is not None:
            waits.set(self.waiting)
        arrived.set(_nothing)  # that of a vote around this one is not meant
        tries = Tries(self.policy, draw.member)
        self.trying[draw] = tries.failures
        return tries


def _nothing() -> None:
    """Do nothing."""


@dataclass(eq=False)
class AsyncSampler(_Sampler):
    """Turns draws of one question into outcomes: tries, extracts the answer, compares it.

    Attributes:
        sample: Asks the draw's member once. It may return a failure instead of raising.
    """

    sample: Callable[[Draw], Awaitable[Outcome]]
    _preparing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def outcome(self, draw: Draw) -> Outcome:
        """Return the outcome of a draw, in a task of its own.

        An error of the member becomes a failure. A cancellation of the task and an interrupt of
        the program are raised.
        """
        start, tries = self.clock(), self._begin(draw)
        paid = NO_USAGE
        try:
            found = await self._tried(draw, tries)
            if isinstance(found, Sample):
                paid = found.usage
                found = await self.prepared(await read(found, self.answer))
                found = with_tries(found, len(tries.failures))
        except BaseException as error:
            if ends_the_task(error):
                raise
            found = tries.failed(error, self.clock() - start, paid)
        del self.trying[draw]
        return found

    async def _tried(self, draw: Draw, tries: Tries) -> Outcome:
        while True:
            try:
                return await self._once(draw)
            except BaseException as error:
                tries.note(error)
                seconds = tries.pause(error)
                if seconds is None:
                    if last := tries.last_pause(error):
                        await pause(last)
                    raise
            await pause(seconds)

    async def _once(self, draw: Draw) -> Outcome:
        seconds = self.policy.timeout
        if seconds is None:
            return await self.sample(draw)
        try:
            async with asyncio.timeout(seconds) as limit:
                arrived.set(lambda: _lift(limit))
                return await self.sample(draw)
        except TimeoutError as error:
            if limit.expired():
                raise TimeoutError(f"no reply within {seconds:g} s") from error.__cause__
            raise

    async def prepared(self, sample: Sample) -> Sample:
        """Let the answer type compare the answer with earlier ones, and add the cost of that."""
        value = sample.answer
        if value is None or not self._prepare or self.answer is None:
            return sample
        if not self._known:  # the first answer has no other to be compared with
            self._known.append(value)
            return sample
        async with self._preparing:
            if value in self._known:
                return sample
            try:
                sample = with_cost(sample, await self.answer.prepare(value, tuple(self._known)))
            except BaseException as error:
                if ends_the_task(error):
                    raise
                sample = uncompared(sample, error)
            self._known.append(value)
        return sample


def _lift(limit: asyncio.Timeout) -> None:
    """Lift a time limit, unless it is over already."""
    with suppress(RuntimeError):
        limit.reschedule(None)


@dataclass(eq=False)
class BlockingSampler(_Sampler):
    """Turns draws of one question into outcomes, with a member's blocking calls.

    Attributes:
        sample: Asks the draw's member once.
        over: Set when the vote has ended; pauses between tries then end at once.
        replied: The draws whose replies have arrived; their time limits are over.
    """

    sample: Callable[[Draw], Sample]
    over: threading.Event = field(kw_only=True)
    replied: set[Draw] = field(default_factory=set, init=False)
    _preparing: threading.Lock = field(default_factory=threading.Lock, init=False)

    def outcome(self, draw: Draw, *, aside: bool = False) -> Outcome:
        """Return the outcome of a draw, in a context of its own.

        An error of the member becomes a failure.

        Args:
            draw: The draw to carry out.
            aside: Whether the draw has a thread of its own. If not, an interrupt of the program is
                raised. If so, even an interrupt becomes a failure, because the vote would
                otherwise wait for the draw for ever.
        """
        start, tries = self.clock(), self._begin(draw)
        arrived.set(lambda: self.replied.add(draw))
        paid = NO_USAGE
        try:
            sample = self._tried(draw, tries)
            self.replied.add(draw)
            paid = sample.usage
            sample = (
                run_blocking(read(sample, self.answer))
                if self.answer is not None and self.answer.executes
                else extracted(sample, self.answer)
            )
            if self._prepare and sample.answer is not None:
                sample = self._prepared(sample, sample.answer)
            found: Outcome = with_tries(sample, len(tries.failures))
        except BaseException as error:
            if is_interrupt(error) and not aside:
                raise
            found = tries.failed(error, self.clock() - start, paid)
        del self.trying[draw]
        return found

    def _tried(self, draw: Draw, tries: Tries) -> Sample:
        while True:
            try:
                return self.sample(draw)
            except BaseException as error:
                tries.note(error)
                seconds = tries.pause(error)
                if waits_for := tries.last_pause(error) if seconds is None else seconds:
                    self.over.wait(waits_for)
                if seconds is None or self.over.is_set() or not is_wanted():
                    raise  # the vote no longer waits for it

    def _prepared(self, sample: Sample, value: AnswerValue) -> Sample:
        with self._preparing:
            if value in self._known or self.answer is None:
                return sample
            if self._known:  # the first answer needs no comparison and no event loop
                try:
                    sample = with_cost(
                        sample, run_blocking(self.answer.prepare(value, tuple(self._known)))
                    )
                except BaseException as error:
                    sample = uncompared(sample, error)
            self._known.append(value)
        return sample

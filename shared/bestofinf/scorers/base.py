"""What a scorer is, and what every scorer has in common.

A scorer looks at a prompt and a reply and says how good the reply is, from 0 to 1, and what it
cost to find out. It never breaks a vote: a scorer that raises, hangs or returns what is not a
score gives no score (None), with the reason in a note, and never 0, which would be an opinion.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

from bestofinf._concurrency.endings import is_cancelled
from bestofinf.border import as_finite, as_fraction, error_text
from bestofinf.errors import FailurePolicy, UsageError, is_interrupt, is_transient, shown
from bestofinf.records import Reply, Sample, Usage

T = TypeVar("T")

NO_COST = Usage()
_ROUNDING = 1e-6  # a probability of 1.0000001 is a probability


@dataclass(frozen=True, slots=True)
class Score:
    """The result of scoring a reply.

    Attributes:
        value: In [0, 1], more is better; None when there is no score.
        usage: What scoring has cost, failed tries included as far as known.
        note: Why there is no score, or a judge's remark.
    """

    value: float | None
    usage: Usage = NO_COST
    note: str = ""


@runtime_checkable
class Scorer(Protocol):
    """Says how good a reply is. Neither method raises; both may be called from many threads."""

    def score(self, prompt: str, reply: Reply) -> Score:
        """Return the score of a reply to a prompt."""
        ...

    async def ascore(self, prompt: str, reply: Reply) -> Score:
        """Return the score of a reply to a prompt."""
        ...


class ScoringError(Exception):
    """An attempt to score has failed; the error has its cost."""

    def __init__(self, message: str, usage: Usage = NO_COST) -> None:
        self.usage = usage
        super().__init__(message)


@contextmanager
def costed(usage: Callable[[], Usage]) -> Generator[None]:
    """Make errors raised in the context carry the cost of the calls in it.

    Errors after which the same is tried again stay as they are: such calls brought nothing that a
    provider would charge for.

    Args:
        usage: Tells what the calls have cost so far.

    Raises:
        ScoringError: In place of any other error.
    """
    try:
        yield
    except Exception as error:
        if is_transient(error):
            raise
        told = str(error) if isinstance(error, ScoringError) else error
        raise ScoringError(error_text(told), usage()) from error


@dataclass(frozen=True)
class Scale:
    """The range of scores that a verifier gives, mapped linearly onto [0, 1].

    Attributes:
        low: The score of the worst reply.
        high: The score of the best, not equal to `low`; below it when less is better.
        clip: Take what lies outside as 0 or 1; False takes it as a failed score.
    """

    low: float = 0.0
    high: float = 1.0
    clip: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)) or self.low == self.high:
            raise UsageError(
                f"a scale needs two different finite ends, got {self.low!r}, {self.high!r}"
            )

    def __call__(self, value: float) -> float:
        """Return the score on [0, 1].

        Raises:
            ScoringError: If it is no finite number, or lies outside and is not to be clipped.
        """
        number = None if isinstance(value, str) else as_finite(float(value))
        if number is None:
            raise ScoringError(f"the scorer returned {shown(value)}, no finite number")
        place = (number - self.low) / (self.high - self.low)
        if not self.clip and not -_ROUNDING <= place <= 1 + _ROUNDING:
            raise ScoringError(
                f"the scorer returned {number:g}, outside [{self.low:g}, {self.high:g}]"
            )
        return min(max(place, 0.0), 1.0)


def sigmoid(value: float) -> float:
    """Return 1 / (1 + exp(-value)): a scale for rewards without bounds.

    >>> sigmoid(0.0)
    0.5
    """
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    return math.exp(value) / (1 + math.exp(value))


DEFAULT_POLICY = FailurePolicy(retries=1, timeout=60.0)


@dataclass(frozen=True, kw_only=True)
class BaseScorer(ABC):
    """Time-outs, retries and checks around one way of scoring.

    Subclasses give `_try`, and `_atry` where they can wait without a thread. Both return a
    `Score`, or raise.

    Attributes:
        policy: Retries, and the seconds that one try may take. A try that runs past them is left
            to itself: a thread cannot be ended.
        scale: Maps the scorer's range onto [0, 1].
    """

    policy: FailurePolicy = DEFAULT_POLICY
    scale: Callable[[float], float] = field(default_factory=Scale)
    cost_of_a_try: ClassVar[Usage] = NO_COST
    """Booked for a try that failed without saying what it cost."""

    @abstractmethod
    def _try(self, prompt: str, reply: Reply) -> Score:
        """Score once; raise when there is no score. The value is not yet on the scale."""

    async def _atry(self, prompt: str, reply: Reply) -> Score:
        return await asyncio.wrap_future(in_thread(lambda: self._try(prompt, reply)))

    def score(self, prompt: str, reply: Reply) -> Score:
        """Return the score of a reply; raises nothing but an interrupt of the program."""
        spent, failures = NO_COST, 0
        while True:
            try:
                return self._finished(self._timed(prompt, reply), spent)
            except BaseException as error:
                if is_interrupt(error):
                    raise
                spent, failures = spent + self._cost(error), failures + 1
                pause = self.policy.pause_after(error, failures)
                if pause is None:
                    return _none(error, spent)
            time.sleep(pause)

    async def ascore(self, prompt: str, reply: Reply) -> Score:
        """Return the score of a reply; raises nothing but a cancellation, or an interrupt."""
        spent, failures = NO_COST, 0
        while True:
            try:
                return self._finished(await self._atimed(prompt, reply), spent)
            except BaseException as error:
                if is_cancelled(error) or is_interrupt(error):
                    raise
                spent, failures = spent + self._cost(error), failures + 1
                pause = self.policy.pause_after(error, failures)
                if pause is None:
                    return _none(error, spent)
            await asyncio.sleep(pause)

    def _timed(self, prompt: str, reply: Reply) -> Score:
        timeout = self.policy.timeout
        if timeout is None:
            return self._try(prompt, reply)
        try:
            return in_thread(lambda: self._try(prompt, reply)).result(timeout)
        except TimeoutError:
            raise TimeoutError(f"no score within {timeout:g} s") from None

    async def _atimed(self, prompt: str, reply: Reply) -> Score:
        timeout = self.policy.timeout
        try:
            async with asyncio.timeout(timeout) as limit:
                return await self._atry(prompt, reply)
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimeoutError(f"no score within {timeout:g} s") from None

    def _cost(self, error: BaseException) -> Usage:
        return error.usage if isinstance(error, ScoringError) else self.cost_of_a_try

    def _finished(self, found: Score, spent: Usage) -> Score:
        if found.value is None:
            return Score(None, spent + found.usage, found.note or "the scorer gave no score")
        try:
            value = self.scale(found.value)
        except (ScoringError, TypeError, ValueError, OverflowError) as error:
            raise ScoringError(str(error), found.usage) from error
        if not 0 <= value <= 1:
            raise ScoringError(f"the scale gave {value!r}, outside [0, 1]", found.usage)
        return Score(value, spent + found.usage, found.note)


def _none(error: BaseException, spent: Usage) -> Score:
    told = str(error) if isinstance(error, ScoringError) else error
    return Score(None, spent, f"not scored: {error_text(told)}")


def in_thread(work: Callable[[], T]) -> Future[T]:
    """Start `work` in a daemon thread of its own, with the context of the caller.

    Pools join their threads when the interpreter or the event loop ends: one scorer that hangs
    would hang them too.
    """
    future: Future[T] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = context.run(work)
        except StopIteration as error:  # which no future can hold for an event loop
            stopped = RuntimeError("StopIteration was raised where a score was expected")
            stopped.__cause__ = error
            future.set_exception(stopped)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name="bestofinf-scorer", daemon=True).start()
    return future


def scored(sample: Sample, scorer: Scorer | None, prompt: str) -> Sample:
    """Return the sample with its score, what scoring has cost, and why there is no score.

    For the drivers of votes: called after the reply has arrived, before the sample is told. A
    sample without a reply, or without a scorer, stays as it is.
    """
    if scorer is None or sample.reply is None:
        return sample
    return with_score(sample, scorer.score(prompt, sample.reply))


async def ascored(sample: Sample, scorer: Scorer | None, prompt: str) -> Sample:
    """Do the same without blocking the event loop."""
    if scorer is None or sample.reply is None:
        return sample
    return with_score(sample, await scorer.ascore(prompt, sample.reply))


def with_score(sample: Sample, found: Score) -> Sample:
    """Return the sample with a score, what scoring has cost, and why there is no score."""
    value, note = as_fraction(found.value), found.note
    if value is None and found.value is not None:
        note = f"not scored: the scorer returned {shown(found.value)}, no number from 0 to 1"
    notes = [sample.note, note if value is None else ""]
    return replace(
        sample,
        score=value,
        usage=sample.usage + found.usage,
        note="; ".join(filter(None, notes)),
    )


Plain = Callable[[str, Reply], "float | Score | Awaitable[float | Score | None] | None"]
"""A scoring function: of the prompt and the reply, plain or a coroutine function."""

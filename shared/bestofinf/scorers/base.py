"""The interface of a scorer, and the common base class.

A scorer gets a prompt and a reply and returns how good the reply is, from 0 to 1, and the cost of
scoring. It never breaks a vote: if a scorer raises, hangs or returns an invalid score, the score is
None, with the reason in a note. It is never 0, which would mean a bad reply.
"""

from __future__ import annotations

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, runtime_checkable

from bestofinf._concurrency.in_thread import in_thread
from bestofinf.border import as_finite, error_text
from bestofinf.errors import UsageError, ends_the_task, is_interrupt, is_transient, shown
from bestofinf.policy import FailurePolicy
from bestofinf.records import Reply, Usage

NO_COST = Usage()
_ROUNDING = 1e-6  # accepted rounding error, such as a probability of 1.0000001


@dataclass(frozen=True, slots=True)
class Score:
    """The result of scoring a reply.

    Attributes:
        value: Score in [0, 1], higher is better; None if there is no score.
        usage: Cost of scoring, including that of failed tries if known.
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
    """An attempt to score has failed; the error holds its cost."""

    def __init__(self, message: str, usage: Usage = NO_COST) -> None:
        self.usage = usage
        super().__init__(message)


@contextmanager
def costed(usage: Callable[[], Usage]) -> Generator[None]:
    """Make errors raised in the context carry the cost of the calls in it.

    Transient errors, after which the call is retried, are not changed, because providers do not
    charge for such calls.

    Args:
        usage: Returns the cost of the calls so far.

    Raises:
        ScoringError: Instead of any other error.
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
        high: The score of the best reply, different from `low`; below it if less is better.
        clip: Clip scores outside the range to 0 or 1; False makes them failed scores.
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
            ScoringError: If it is not a finite number, or is outside the range and `clip` is False.
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
        policy: Retries, and the time limit of one try. A try that exceeds the limit is abandoned
            but runs on, because a thread cannot be stopped.
        scale: Maps the scorer's range onto [0, 1].
    """

    policy: FailurePolicy = DEFAULT_POLICY
    scale: Callable[[float], float] = field(default_factory=Scale)
    cost_of_a_try: ClassVar[Usage] = NO_COST
    """Cost that is booked for a failed try of unknown cost."""

    @abstractmethod
    def _try(self, prompt: str, reply: Reply) -> Score:
        """Score once; raise if there is no score. The value is not yet mapped to [0, 1]."""

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
                if ends_the_task(error):
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


Plain = Callable[[str, Reply], "float | Score | Awaitable[float | Score | None] | None"]
"""A scoring function of the prompt and the reply, plain or a coroutine function."""

"""The threaded driver: draws run in threads, through members' blocking calls.

A running thread cannot be stopped. When a vote ends early its draws run on to their end; what
they bring is told to the engine then, so that nothing paid for goes unbooked.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import replace

from bestofinf.answers.base import Answer
from bestofinf.drivers import common
from bestofinf.drivers.common import (
    NO_USAGE,
    Observer,
    check_concurrency,
    conclude,
    extracted,
    failed,
    needs_preparation,
    with_tries,
)
from bestofinf.engine import VotingEngine
from bestofinf.policy import FailurePolicy
from bestofinf.records import AnswerValue, Decision, Draw, Failure, Outcome, Sample, Usage
from bestofinf.slots import GivenUpError, given_up
from bestofinf.waiting import finished


def vote(
    engine: VotingEngine,
    sample: Callable[[Draw], Sample],
    *,
    concurrency: int = 8,
    answer: Answer | None = None,
    policy: FailurePolicy | None = None,
    observer: Observer | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Decision:
    """Carry out one vote from blocking code.

    The same as `avote`, with these differences: `sample` blocks, runs in threads with the
    caller's context variables, and is not interrupted by a time-out or by the end of the vote.
    What such an abandoned draw brings later is told to the engine and the observer from its
    thread.
    """
    check_concurrency(concurrency)
    return _Vote(engine, sample, answer, policy or FailurePolicy(), observer, clock).run(
        concurrency
    )


class _Vote:
    """One vote under way. The engine is only touched with the lock held."""

    def __init__(
        self,
        engine: VotingEngine,
        sample: Callable[[Draw], Sample],
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
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._dropped: dict[Draw, int] = {}  # draws past their time-out, and calls told of
        self._arrived: queue.SimpleQueue[tuple[Draw, Outcome]] = queue.SimpleQueue()
        self._prepare = needs_preparation(answer)
        self._preparing = threading.Lock()
        self._known: list[AnswerValue] = []
        self._trying: dict[Draw, list[BaseException]] = {}

    def run(self, concurrency: int) -> Decision:
        engine, policy = self._engine, self._policy
        start = self._clock()
        started: dict[Draw, float] = {}
        arrived: deque[tuple[Draw, Outcome]] = deque()
        overdue = False
        try:
            while not engine.done:
                draws = engine.ask(concurrency - len(started))
                if len(draws) == 1 and not started and self._patient:
                    # Nothing runs beside it and nothing may interrupt it: no thread needed.
                    try:
                        outcome = copy_context().run(self._outcome, draws[0])
                    except BaseException:  # an interrupt; no thread will tell of this draw
                        self._tell(draws[0], common.given_up(len(self._trying.get(draws[0], ()))))
                        raise
                    engine.advance(self._clock() - start)
                    self._tell(draws[0], outcome)
                    continue
                for draw in draws:
                    started[draw] = self._clock()
                    self._start(draw)
                self._wait(arrived, started, start)
                arrived = deque(sorted(arrived, key=lambda pair: pair[0]))
                engine.advance(self._clock() - start)
                while arrived:
                    draw, outcome = arrived.popleft()
                    if started.pop(draw, None) is not None:
                        self._tell(draw, outcome)
                    else:
                        self._late(draw, outcome)
                if not engine.done:
                    overdue = self._expire(started, start)
        finally:
            with self._lock:
                self._over.set()
            # What had come in when an interrupt, or an error of the observer, ended the vote.
            while not self._arrived.empty():
                arrived.append(self._arrived.get())
            with ExitStack() as rest:  # one more such error keeps none of it from being booked
                for draw, outcome in reversed(arrived):
                    rest.callback(self._late, draw, outcome)
        with self._lock:  # what was abandoned may be told at this very moment
            return conclude(engine, policy, overdue=overdue, trying=[*self._trying.values()])

    @property
    def _patient(self) -> bool:
        return self._policy.timeout is None and self._policy.deadline is None

    def _wait(
        self, arrived: deque[tuple[Draw, Outcome]], started: dict[Draw, float], start: float
    ) -> None:
        """Add what arrives, at once, so that an interrupt loses none; nothing if a time runs out."""
        limits = []
        if self._policy.deadline is not None:
            limits.append(start + self._policy.deadline)
        if self._policy.timeout is not None and started:
            longest = self._policy.timeout * (self._policy.retries + 1)
            limits.append(min(started.values()) + longest)
        left = max(0.0, min(limits) - self._clock()) if limits else None
        try:
            arrived.append(self._arrived.get(timeout=left))
        except queue.Empty:
            return
        while not self._arrived.empty():
            arrived.append(self._arrived.get())

    def _expire(self, started: dict[Draw, float], start: float) -> bool:
        """Fail what took too long; return whether the whole vote did."""
        policy, now = self._policy, self._clock()
        if policy.deadline is not None and now - start >= policy.deadline:
            self._engine.stop(f"deadline of {policy.deadline:g} s")
            return True
        for draw, since in list(started.items()):
            if policy.timeout is not None and now - since >= policy.timeout * (policy.retries + 1):
                del started[draw]
                error = TimeoutError(f"no reply within {policy.timeout:g} s")
                calls = self._dropped[draw] = len(self._trying.get(draw, ())) + 1
                self._tell(draw, failed(error, now - since, Usage(calls=calls)))
        return False

    def _tell(self, draw: Draw, outcome: Outcome) -> None:
        with self._lock:
            self._engine.tell(draw, outcome)
        if self._observer is not None:
            self._observer(self._engine, draw, outcome)

    def _start(self, draw: Draw) -> None:
        # Not a pool: its threads would be joined at exit, so a hanging member could hang the
        # interpreter, and a draw past its time-out would keep a worker from the next.
        thread = threading.Thread(
            target=copy_context().run,
            args=(self._work, draw),
            name=f"bestofinf-draw-{draw.index}",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread left
            self._arrived.put((draw, failed(error, 0.0)))

    def _work(self, draw: Draw) -> None:
        """Run in a thread: sample, and hand over; or book it, if the vote is over."""
        given_up.set(lambda: self._is_given_up(draw))
        outcome = self._outcome(draw, aside=True)
        with self._lock:
            if not self._over.is_set():
                self._arrived.put((draw, outcome))
                return
        self._late(draw, outcome)

    def _late(self, draw: Draw, outcome: Outcome) -> None:
        """Book what came after the vote was over, or after its draw was given up."""
        with self._lock:
            dropped = draw not in self._engine.in_flight
            if dropped:
                calls = outcome.usage.calls - self._dropped[draw]
                self._engine.book(draw, replace(outcome.usage, calls=calls))
            else:
                self._engine.tell(draw, outcome)
        if self._observer is not None and not dropped:
            self._observer(self._engine, draw, outcome)

    def _is_given_up(self, draw: Draw) -> bool:
        return self._over.is_set() or draw in self._dropped

    def _outcome(self, draw: Draw, *, aside: bool = False) -> Outcome:
        start = self._clock()
        failures = self._trying[draw] = []
        paid = NO_USAGE
        try:
            sample = self._tried(draw, failures)
            paid = sample.usage
            sample = extracted(sample, self._answer)
            if self._prepare and sample.answer is not None:
                sample = self._prepared(sample, sample.answer)
        except BaseException as error:
            # Some libraries raise errors that are no `Exception` (a cancelled event loop, a panic
            # of native code). In a thread of its own even these must end the draw, or the vote
            # would wait for it for ever.
            if isinstance(error, KeyboardInterrupt | SystemExit) and not aside:
                raise
            del self._trying[draw]
            seconds, paid = self._clock() - start, paid + Usage(calls=len(failures))
            if isinstance(error, GivenUpError):
                return Failure(error, paid, seconds, cancelled=True)
            return failed(error, seconds, paid)
        del self._trying[draw]
        return with_tries(sample, len(failures))

    def _tried(self, draw: Draw, failures: list[BaseException]) -> Sample:
        def once(draw: Draw) -> Sample:
            try:
                return self._sample(draw)
            except GivenUpError:
                raise
            except BaseException as error:
                failures.append(error)
                raise

        try:
            return once(draw)
        except Exception as error:
            if not self._policy.retries or not self._policy.retry_on(error):
                raise
            first = [error]

        # Most draws need no retry, and tenacity's loop takes longer than the rest of a draw.
        def again(draw: Draw) -> Sample:
            if first:
                raise first.pop()
            if self._is_given_up(draw):
                raise failures[-1]  # nobody waits for it any more
            return once(draw)

        return self._policy.retrying().copy(sleep=self._over.wait)(again, draw)

    def _prepared(self, sample: Sample, value: AnswerValue) -> Sample:
        with self._preparing:
            if value in self._known or self._answer is None:
                return sample
            usage = finished(self._answer.prepare(value, tuple(self._known)))
            self._known.append(value)
        return replace(sample, usage=sample.usage + usage)

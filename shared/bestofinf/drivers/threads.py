"""The threaded driver: draws run in threads, through members' blocking calls.

Theory of operation
-------------------
A running thread cannot be stopped. When a vote ends early, its draws run on to their end; their
outcomes are told to the engine then, so that every cost is booked.

The caller's thread runs the loop of `_Vote.run`. Every draw runs in a thread of its own, except a
single draw without a time-out, which runs in the caller's. The state is shared as follows:

* `_engine` is touched with `_lock` held, since late draws tell it from their own threads.
* `started` has the draws that the loop waits for, with the time of their start.
* `_arrived` is the only way from a draw's thread to the loop; `arrived` has the outcomes that the
  loop has taken from it and not told yet.
* `_dropped` has the draws that were told as failed because of a time-out and whose threads still
  run, with the number of requests already booked. The rest is booked when the thread ends.
* `_trying` has the failed tries of every running draw, for time-outs and for errors; the
  `BlockingSampler`, which carries out single draws, writes it.
* `_over` is set once, with `_lock` held, when the loop ends for whatever reason. A draw's thread
  looks at it under the same lock before it hands over.

Invariant: an outcome is in exactly one place: with its thread, in `_arrived`, in `arrived`, or
told. Before `_over` it reaches the loop by the queue. After `_over` nothing more enters the queue:
the loop books what is left in it, and each thread books its own outcome.

An interrupt or an error of the observer may end the loop anywhere. Afterwards the engine has a
decision if the vote was done, all outcomes that had arrived are booked, and the draws still running
are in ``engine.in_flight`` until their threads tell them.
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

from bestofinf._concurrency.waiting import LOOK
from bestofinf.answers.base import Answer
from bestofinf.drivers.common import Observer, abandoned, conclude, failed
from bestofinf.drivers.nesting import Level, check_control
from bestofinf.drivers.patience import Waits
from bestofinf.drivers.samplers import BlockingSampler
from bestofinf.drivers.wanted import GivenUpError, is_bound, wanted
from bestofinf.errors import whole
from bestofinf.policy import FailurePolicy
from bestofinf.records import Decision, Draw, Outcome, Sample, Usage
from bestofinf.voting.engine import VotingEngine


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
    """Run one vote from blocking code.

    The same as `avote`, with these differences: `sample` blocks, runs in threads with the
    caller's context variables, and is not interrupted by a time-out or by the end of the vote.
    The outcome of such an abandoned draw is told to the engine and the observer later, from its
    thread. An interrupt ends the vote at once, and no more draws are started.
    """
    whole("concurrency", concurrency)
    level = Level()
    work = _Vote(engine, sample, answer, policy or FailurePolicy(), observer, clock, level)
    return work.run(level.slots(concurrency))


class _Vote:
    """One running vote. The engine is only used with the lock held."""

    def __init__(
        self,
        engine: VotingEngine,
        sample: Callable[[Draw], Sample],
        answer: Answer | None,
        policy: FailurePolicy,
        observer: Observer | None,
        clock: Callable[[], float],
        level: Level,
    ) -> None:
        self._engine = engine
        self._policy = policy
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._dropped: dict[
            Draw, int
        ] = {}  # draws past their time-out, with the number of calls booked
        self._arrived: queue.SimpleQueue[tuple[Draw, Outcome]] = queue.SimpleQueue()
        self._sampler = BlockingSampler(
            sample,
            answer=answer,
            policy=policy,
            over=self._over,
            clock=clock,
            level=level,
            waiting=Waits(policy, engine.others, clock=clock),
        )
        self._trying = self._sampler.trying
        self._bound = is_bound()  # a vote within a draw ends when that draw is given up
        self._is_wanted = wanted.get()

    def run(self, concurrency: int) -> Decision:
        engine, policy = self._engine, self._policy
        start = self._clock()
        started: dict[Draw, float] = {}
        arrived: deque[tuple[Draw, Outcome]] = deque()
        overdue = False
        try:
            while not engine.done:
                if self._bound and not self._is_wanted():
                    raise GivenUpError("given up: the vote around this one has ended")
                draws = engine.ask(concurrency - len(started))
                if len(draws) == 1 and not started and self._patient:
                    # A single draw without a time-out runs in the caller's thread.
                    try:
                        outcome = copy_context().run(self._sampler.outcome, draws[0])
                    except BaseException:  # an interrupt: no thread will tell this draw
                        self._tell(draws[0], abandoned(len(self._trying.get(draws[0], ()))))
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
            # Outcomes that had arrived when an interrupt or an error of the observer ended the vote.
            while not self._arrived.empty():
                arrived.append(self._arrived.get_nowait())
            with ExitStack() as rest:  # the observer must not stop it
                for draw, outcome in reversed(arrived):
                    rest.callback(self._late, draw, outcome)
        with self._lock:  # an abandoned draw may be told by its thread at the same moment
            return conclude(engine, policy, overdue=overdue, trying=[*self._trying.values()])

    @property
    def _patient(self) -> bool:
        return self._policy.timeout is None and self._policy.deadline is None

    def _wait(
        self, arrived: deque[tuple[Draw, Outcome]], started: dict[Draw, float], start: float
    ) -> None:
        """Wait for outcomes and add them to `arrived` at once, so that an interrupt loses none.

        Adds nothing if a time-out or the deadline comes first.
        """
        limits = []
        if self._policy.deadline is not None:
            limits.append(start + self._policy.deadline)
        waiting = [since for draw, since in started.items() if draw not in self._sampler.replied]
        if self._policy.timeout is not None and waiting:
            longest = self._policy.timeout * (self._policy.retries + 1)
            limits.append(min(waiting) + longest)
        left = max(0.0, min(limits) - self._clock()) if limits else LOOK
        left = min(left, LOOK)  # see `bestofinf._concurrency.waiting`
        try:
            arrived.append(self._arrived.get(timeout=left))
        except queue.Empty:
            return
        while not self._arrived.empty():
            arrived.append(self._arrived.get_nowait())

    def _expire(self, started: dict[Draw, float], start: float) -> bool:
        """Fail the draws that took too long; return whether the whole vote took too long."""
        policy, now = self._policy, self._clock()
        if policy.deadline is not None and now >= start + policy.deadline:
            self._engine.stop(f"deadline of {policy.deadline:g} s")
            return True
        for draw, since in list(started.items()):
            if draw in self._sampler.replied:  # it is paid for; what follows has its own limits
                continue
            # The same expression as for the wait, so that rounding cannot make the two disagree.
            if policy.timeout is not None and now >= since + policy.timeout * (policy.retries + 1):
                del started[draw]
                error = TimeoutError(f"no reply within {policy.timeout:g} s")
                # Whether its request was sent or waits for a slot is known only when the thread ends.
                calls = self._dropped[draw] = len(self._trying.get(draw, ()))
                self._tell(draw, failed(error, now - since, Usage(calls=calls)))
        return False

    def _tell(self, draw: Draw, outcome: Outcome) -> None:
        with self._lock:
            self._engine.tell(draw, outcome)
        check_control(outcome)
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
        """Run in a thread: get the outcome and hand it over, or book it if the vote is over."""
        wanted.set(lambda: self._wants(draw))
        outcome = self._sampler.outcome(draw, aside=True)
        with self._lock:
            if not self._over.is_set():
                self._arrived.put((draw, outcome))
                return
        self._late(draw, outcome)

    def _late(self, draw: Draw, outcome: Outcome) -> None:
        """Book an outcome that came after the vote was over or its draw was given up."""
        with self._lock:
            dropped = draw not in self._engine.in_flight
            if dropped:
                beyond = outcome.usage.calls - self._dropped[draw]
                usage = replace(outcome.usage, calls=max(0, beyond))
                self._engine.book(draw, usage, unsent=max(0, -beyond))
            else:
                self._engine.tell(draw, outcome)
        if self._observer is not None and not dropped:
            self._observer(self._engine, draw, outcome)

    def _wants(self, draw: Draw) -> bool:
        return not self._over.is_set() and draw not in self._dropped and self._is_wanted()

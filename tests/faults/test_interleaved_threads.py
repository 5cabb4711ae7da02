"""Engine and threaded driver under random interleavings: never a lost or false vote, no thread left.

The threads are real but run one at a time, from one lock, queue or event to the next, in an order
that hypothesis chooses; so whatever is found can be found again.
"""

import asyncio
import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bestofinf.drivers import limits, threads, vote
from bestofinf.errors import SamplingError
from bestofinf.policy import FailurePolicy
from bestofinf.records import Failure, Member, Sample, Usage
from bestofinf.rules.budgets import MaxCost, MaxSamples, MaxTokens
from bestofinf.rules.lead import AheadBy
from bestofinf.voting.engine import VotingEngine
from support.slots import held
from support.stage import Stage

MAX_SAMPLES, MAX_TOKENS, MAX_COST, BREAKER = 12, 150, 6.0, 3
ONE = Usage(input_tokens=3, output_tokens=10, cost=0.5, calls=1)
INTERRUPTS = (KeyboardInterrupt, SystemExit)
PLACES = st.integers(0, 20)
SETTLES = st.sampled_from([True, True, False])


class PanicError(BaseException):
    """What native code raises through Python: no `Exception`."""


class ObserverError(Exception):
    """What a progress bar raises."""


class Broken(Exception):
    def __init__(self, status):
        self.status_code = status


class ThreadedVote(RuleBasedStateMachine):
    """One vote of the threaded driver. The machine plays members, clock, caller and scheduler."""

    @initialize(
        lead=st.integers(1, 4),
        members=st.lists(st.sampled_from([0.2, 1.0, 3.0]), min_size=1, max_size=4),
        launch=st.sampled_from(["thrifty", "eager"]),
        order=st.sampled_from(["draw", "arrival"]),
        quorum=st.integers(1, 3),
        concurrency=st.integers(1, 6),
        limit=st.sampled_from([None, None, 1, 2]),
        retries=st.integers(0, 2),
        timeout=st.sampled_from([None, 3.0]),
        deadline=st.sampled_from([None, 10.0]),
        on_deadline=st.sampled_from(["raise", "partial"]),
        seed=st.integers(0, 99),
    )
    def begin(
        self,
        lead,
        members,
        launch,
        order,
        quorum,
        concurrency,
        limit,
        retries,
        timeout,
        deadline,
        on_deadline,
        seed,
    ):
        self.stage = Stage()
        self.patch = pytest.MonkeyPatch()
        for name in ("threading", "queue"):
            self.patch.setattr(threads, name, self.stage)
        for name in ("threading", "time"):
            self.patch.setattr(limits, name, self.stage)
        self.random = random.Random(seed)
        self.engine = VotingEngine(
            AheadBy(lead) | MaxSamples(MAX_SAMPLES) | MaxTokens(MAX_TOKENS) | MaxCost(MAX_COST),
            members,
            launch=launch,
            order=order,
            quorum=quorum,
            breaker=BREAKER,
        )
        self.concurrency, self.limit = concurrency, limit
        self.slots = limits.MemberLimits(
            [Member(None, concurrency=limit) for _ in members], clock=lambda: self.stage.now
        )
        self.policy = FailurePolicy(
            retries=retries,
            timeout=timeout,
            deadline=deadline,
            on_deadline=on_deadline,
            longest_wait=1.0,
        )
        self.open = {}  # requests that wait for the machine: what comes of them, once it is known
        self.given = {}  # answers given, by the index of the draw
        self.sent = 0
        self.paid = Counter()  # answers that reached a thread, by the index of the draw
        self.reported = []
        self.observer_breaks = False
        self.interrupted = False
        self.decision = None
        self.caller = self.stage.act("caller", self.call)
        self.settle()

    def call(self):
        self.decision = vote(
            self.engine,
            self.sample,
            concurrency=self.concurrency,
            policy=self.policy,
            observer=self.observe,
            clock=lambda: self.stage.now,
        )

    def sample(self, draw):
        with held(self.slots, draw.member):
            self.sent += 1
            self.open[draw] = None
            try:
                self.stage.pause(
                    "a member", lambda: self.open[draw] is not None, interruptible=True
                )
                outcome = self.open[draw]
            finally:
                del self.open[draw]
        if isinstance(outcome, BaseException):
            raise outcome
        self.paid[draw.index] += 1
        return outcome

    def observe(self, engine, draw, outcome):
        self.reported.append(draw.index)
        if self.observer_breaks:
            self.observer_breaks = False
            raise ObserverError

    # -- what the machine does ----------------------------------------------------------------

    def settle(self, wanted=True):
        if wanted:
            self.stage.settle(self.random.choice)

    @property
    def waiting(self):
        return sorted(draw for draw, outcome in self.open.items() if outcome is None)

    def end(self, place, outcome):
        draw = self.waiting[place % len(self.waiting)]
        if isinstance(outcome, Sample):
            self.given[draw.index] = outcome.answer
        self.open[draw] = outcome

    @precondition(lambda self: self.waiting)
    @rule(place=PLACES, answer=st.sampled_from(["a", "a", "b", "c", None]), settles=SETTLES)
    def a_member_answers(self, place, answer, settles):
        self.end(place, Sample(answer, usage=ONE, tokens=10))
        self.settle(settles)

    @precondition(lambda self: self.waiting)
    @rule(place=PLACES, status=st.sampled_from([400, 429, 500, 503]), settles=SETTLES)
    def a_member_fails(self, place, status, settles):
        self.end(place, Broken(status))
        self.settle(settles)

    @precondition(lambda self: len(self.waiting) > 1)
    @rule(place=PLACES, status=st.sampled_from([401, 402]), settles=SETTLES)
    def a_member_refuses_for_good(self, place, status, settles):
        self.end(place, Broken(status))
        self.settle(settles)

    @precondition(lambda self: self.waiting)
    @rule(
        place=PLACES,
        kind=st.sampled_from(
            [PanicError, asyncio.CancelledError, GeneratorExit, SystemExit, KeyboardInterrupt]
        ),
        settles=SETTLES,
    )
    def something_within_a_member_breaks_in_an_odd_way(self, place, kind, settles):
        self.end(place, kind("odd"))
        self.settle(settles)

    @precondition(lambda self: len(self.waiting) > 1)
    @rule(answers=st.lists(st.sampled_from(["a", "b", None]), min_size=2, max_size=4))
    def several_members_answer_at_once(self, answers):
        for answer in answers:
            if self.waiting:
                self.end(-1, Sample(answer, usage=ONE, tokens=10))
        self.settle()

    @rule(seconds=st.sampled_from([0.1, 1.0, 2.9, 3.5, 7.0]), settles=SETTLES)
    def time_passes(self, seconds, settles):
        self.stage.now += seconds
        self.settle(settles)

    @precondition(lambda self: self.stage.runnable)
    @rule(places=st.lists(PLACES, min_size=1, max_size=6))
    def some_threads_go_on(self, places):
        for place in places:
            if runnable := self.stage.runnable:
                runnable[place % len(runnable)].go_on()

    @precondition(lambda self: not self.caller.ended and not self.interrupted)
    @rule(really=st.integers(0, 5), kind=st.sampled_from(INTERRUPTS), settles=SETTLES)
    def the_caller_is_interrupted(self, really, kind, settles):
        if really == 0:
            self.interrupted = self.caller.interrupt(kind("by a signal"))
            self.settle(settles)

    @precondition(lambda self: not self.caller.ended)
    @rule(really=st.integers(0, 9))
    def the_observer_is_about_to_break(self, really):
        self.observer_breaks = self.observer_breaks or really == 0

    @rule(really=st.integers(0, 9), threads=st.integers(1, 3))
    def no_thread_can_be_started_for_a_while(self, really, threads):
        if really == 0:
            self.stage.refusals = threads

    # -- what must hold -----------------------------------------------------------------------

    @invariant()
    def nothing_is_in_flight_beyond_the_limits(self):
        if not hasattr(self, "caller"):
            return
        in_flight = set(self.engine.in_flight)
        assert len(in_flight) <= self.concurrency
        if self.limit is not None:
            asked = Counter(draw.member for draw in self.open)
            assert max(asked.values(), default=0) <= self.limit
        assert len(self.reported) == len(set(self.reported)), "told twice of one draw"

    @invariant()
    def nobody_waits_for_nothing(self):
        if not hasattr(self, "caller") or self.stage.runnable:
            return
        deadline = self.policy.deadline
        if deadline is not None and self.stage.now > deadline:
            assert self.caller.ended, "past its deadline"
        if self.caller.ended:
            self.check_result()
            for actor in self.stage.actors:
                if not actor.ended:
                    # A look whether a thread's draw is still wanted comes with the next time.
                    assert actor.waits_for in ("a member", "a slot", "a while")

    def check_result(self):
        engine, tally = self.engine, self.engine.tally
        # Counted in order of draws, a vote is at most what is in flight over its budgets.
        assert tally.n_samples <= MAX_SAMPLES
        assert tally.tokens < MAX_TOKENS + 10
        assert tally.cost < MAX_COST + 0.5
        error = self.caller.raised
        if isinstance(error, ObserverError | KeyboardInterrupt | SystemExit):
            return
        if error is not None:
            assert isinstance(error, SamplingError), repr(error)
            late = "within the deadline" in str(error)
            assert late or tally.n_votes < engine.settings.quorum
            assert "ahead-by" not in str(error), "only a budget stops short of the quorum"
            # A budget may have stopped short of the quorum though nothing failed.
            assert error.causes or not (late or tally.n_failed)
            return
        decision = self.decision
        trail = decision.trail
        assert len(trail) == len(engine._draws)
        assert decision.n_samples + decision.n_failed + decision.n_cancelled == len(trail)
        counted = [t for t in trail if t.counted and isinstance(t.outcome, Sample)]
        failed = [t for t in trail if t.counted and isinstance(t.outcome, Failure)]
        assert (len(counted), len(failed)) == (decision.n_samples, decision.n_failed)
        votes = Counter(self.given[t.draw.index] for t in counted)
        assert votes.pop(None, 0) == decision.n_abstained
        assert votes == Counter(decision.votes)
        if decision.answer is not None:
            assert tally.counts[decision.answer] >= max(tally.counts.values()) - 1e-9

    def teardown(self):
        if not hasattr(self, "caller"):
            return
        try:
            self.finish()
        finally:
            self.patch.undo()

    def finish(self):
        # Whatever was left open, all comes to an end once the members answer.
        for _ in range(100):
            self.settle()
            self.nothing_is_in_flight_beyond_the_limits()
            self.nobody_waits_for_nothing()
            if all(actor.ended for actor in self.stage.actors):
                break
            while self.waiting:
                self.end(0, Sample("a", usage=ONE, tokens=10))
            self.stage.now += 1.0
        assert self.caller.ended, "the vote does not end"
        assert all(actor.ended for actor in self.stage.actors), "a thread is left behind"
        for actor in self.stage.actors[1:]:
            assert actor.raised is None or isinstance(actor.raised, ObserverError)
        # Nothing is in flight any more, and what was paid for is booked, however late it came.
        engine = self.engine
        assert not engine.in_flight
        assert sorted(self.reported) == list(range(len(engine._draws)))
        spent = sum(engine._ledger.usage().values(), Usage())
        assert spent.output_tokens == 10 * self.paid.total()
        assert spent.calls == self.sent


CHECKS = {"deadline": None, "suppress_health_check": list(HealthCheck)}
TestThreadedVote = ThreadedVote.TestCase
TestThreadedVote.settings = settings(max_examples=200, stateful_step_count=25, **CHECKS)


@pytest.mark.soak
class TestThreadedVoteAtLength(ThreadedVote.TestCase):
    settings = settings(max_examples=3000, stateful_step_count=50, **CHECKS)

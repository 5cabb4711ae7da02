"""Engine and asyncio driver under random interleavings, in virtual time: never a lost or false vote."""

import asyncio
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bestofinf.drivers import avote
from bestofinf.drivers.asynchronous import GRACE
from bestofinf.errors import SamplingError
from bestofinf.policy import FailurePolicy
from bestofinf.records import Failure, Sample, Usage
from bestofinf.rules.budgets import MaxCost, MaxSamples, MaxTokens
from bestofinf.rules.lead import AheadBy
from bestofinf.voting.engine import VotingEngine
from support.virtual import VirtualLoop

MAX_SAMPLES, MAX_TOKENS, MAX_COST, BREAKER = 12, 150, 6.0, 3
ONE = Usage(input_tokens=3, output_tokens=10, cost=0.5, calls=1)
SOON = 20  # rounds of the loop in which everything that can happen now has happened


class PanicError(BaseException):
    """What native code raises through Python: no `Exception`."""


class Broken(Exception):
    def __init__(self, status):
        self.status_code = status


class DrivenVote(RuleBasedStateMachine):
    """One vote of the asyncio driver. The machine plays the members and the clock."""

    @initialize(
        lead=st.integers(1, 4),
        members=st.lists(st.sampled_from([0.2, 1.0, 3.0]), min_size=1, max_size=4),
        launch=st.sampled_from(["thrifty", "eager"]),
        order=st.sampled_from(["draw", "arrival"]),
        quorum=st.integers(1, 3),
        concurrency=st.integers(1, 6),
        retries=st.integers(0, 2),
        timeout=st.sampled_from([None, 3.0]),
        deadline=st.sampled_from([None, 10.0]),
        on_deadline=st.sampled_from(["raise", "partial"]),
    )
    def begin(
        self,
        lead,
        members,
        launch,
        order,
        quorum,
        concurrency,
        retries,
        timeout,
        deadline,
        on_deadline,
    ):
        self.engine = VotingEngine(
            AheadBy(lead) | MaxSamples(MAX_SAMPLES) | MaxTokens(MAX_TOKENS) | MaxCost(MAX_COST),
            members,
            launch=launch,
            order=order,
            quorum=quorum,
            breaker=BREAKER,
        )
        self.concurrency = concurrency
        self.policy = FailurePolicy(
            retries=retries,
            timeout=timeout,
            deadline=deadline,
            on_deadline=on_deadline,
            longest_wait=1.0,
        )
        self.open = {}  # requests that wait for the machine
        self.given = {}  # answers given, by the index of the draw
        self.sent = 0
        self.most_open = 0
        self.cancelled = False
        self.reported = []
        self.loop = VirtualLoop()
        self.loop.set_exception_handler(lambda loop, context: self.complaints.append(context))
        self.complaints = []
        self.task = self.loop.create_task(
            avote(
                self.engine,
                self.sample,
                concurrency=concurrency,
                policy=self.policy,
                observer=lambda engine, draw, outcome: self.reported.append(draw.index),
                clock=self.loop.time,
            )
        )
        self.settle()

    async def sample(self, draw):
        self.sent += 1
        future = self.loop.create_future()
        self.open[draw] = future
        self.most_open = max(self.most_open, len(self.open))
        try:
            return await future
        finally:
            del self.open[draw]

    def settle(self):
        async def let_run():
            for _ in range(SOON):
                await asyncio.sleep(0)

        self.loop.run_until_complete(let_run())

    def pick(self, place):
        draws = sorted(self.open)
        return draws[place % len(draws)]

    @precondition(lambda self: self.open)
    @rule(place=st.integers(0, 20), answer=st.sampled_from(["a", "a", "b", "c", None]))
    def a_member_answers(self, place, answer):
        draw = self.pick(place)
        self.given[draw.index] = answer
        self.open[draw].set_result(Sample(answer, usage=ONE, tokens=10))
        self.settle()

    @precondition(lambda self: self.open)
    @rule(place=st.integers(0, 20), status=st.sampled_from([400, 429, 500, 503]))
    def a_member_fails(self, place, status):
        self.open[self.pick(place)].set_exception(Broken(status))
        self.settle()

    @precondition(lambda self: len(self.open) > 1)
    @rule(place=st.integers(0, 20), status=st.sampled_from([401, 402]))
    def a_member_refuses_for_good(self, place, status):
        self.open[self.pick(place)].set_exception(Broken(status))
        self.settle()

    @precondition(lambda self: self.open)
    @rule(place=st.integers(0, 20), panic=st.booleans())
    def something_within_a_member_breaks_in_an_odd_way(self, place, panic):
        future = self.open[self.pick(place)]
        if panic:
            future.set_exception(PanicError("native code"))
        else:
            future.cancel()  # a task that the member awaits; nobody cancelled the draw
        self.settle()

    @precondition(lambda self: len(self.open) > 1)
    @rule(answers=st.lists(st.sampled_from(["a", "b", None]), min_size=2, max_size=4))
    def several_members_answer_at_once(self, answers):
        for draw, answer in zip(sorted(self.open, reverse=True), answers, strict=False):
            self.given[draw.index] = answer
            self.open[draw].set_result(Sample(answer, usage=ONE, tokens=10))
        self.settle()

    @rule(seconds=st.sampled_from([0.1, 1.0, 2.9, 3.5, 7.0]))
    def time_passes(self, seconds):
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.settle()

    @precondition(lambda self: not self.task.done())
    @rule(really=st.integers(0, 5))
    def the_caller_gives_up(self, really):
        if really == 0:
            self.cancelled = self.task.cancel()
            self.settle()

    @invariant()
    def nothing_is_in_flight_beyond_the_limit_or_after_the_end(self):
        if not hasattr(self, "task"):
            return
        assert self.most_open <= self.concurrency
        assert len(self.engine.in_flight) >= len(self.open)
        if self.policy.deadline is not None and self.loop.time() > self.policy.deadline + GRACE:
            assert self.task.done(), "past its deadline"
        if self.task.done():
            assert not self.open
            assert not asyncio.all_tasks(self.loop)
            self.check_result()

    def check_result(self):
        engine, tally = self.engine, self.engine.tally
        draws = len(engine._draws)
        assert sorted(self.reported) == list(range(draws)), "each draw is reported once"
        # Counted in order of draws, a vote is at most what is in flight over its budgets.
        assert tally.n_samples <= MAX_SAMPLES
        assert tally.tokens < MAX_TOKENS + 10
        assert tally.cost < MAX_COST + 0.5
        if self.task.cancelled():
            assert self.cancelled
            return
        error = self.task.exception()
        if error is not None:
            assert isinstance(error, SamplingError), repr(error)
            late = "within the deadline" in str(error)
            assert late or tally.n_votes < engine.settings.quorum
            assert "ahead-by" not in str(error), "only a budget stops short of the quorum"
            # A budget may have stopped short of the quorum though nothing failed.
            assert error.causes or not (late or tally.n_failed)
            return
        decision = self.task.result()
        trail = decision.trail
        assert len(trail) == draws
        assert decision.n_samples + decision.n_failed + decision.n_cancelled == draws
        counted = [t for t in trail if t.counted and isinstance(t.outcome, Sample)]
        failed = [t for t in trail if t.counted and isinstance(t.outcome, Failure)]
        assert (len(counted), len(failed)) == (decision.n_samples, decision.n_failed)
        votes = Counter(self.given[t.draw.index] for t in counted)
        assert votes.pop(None, 0) == decision.n_abstained
        assert votes == Counter(decision.votes)
        if decision.answer is not None:
            assert tally.counts[decision.answer] >= max(tally.counts.values()) - 1e-9
        spent = [t for t in trail if isinstance(t.outcome, Sample)]
        assert decision.usage.output_tokens == 10 * len(spent)
        assert decision.usage.calls == self.sent

    def teardown(self):
        if not hasattr(self, "task"):
            return
        try:
            self.finish()
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.settle()
            self.loop.close()

    def finish(self):
        # Whatever was left open, the vote comes to an end once the members answer.
        for _ in range(100):
            if self.task.done():
                break
            for draw in sorted(self.open):
                if not self.open[draw].done():
                    self.given[draw.index] = "a"
                    self.open[draw].set_result(Sample("a", usage=ONE, tokens=10))
            self.loop.run_until_complete(asyncio.sleep(1.0))
        assert self.task.done(), "the vote does not end"
        self.nothing_is_in_flight_beyond_the_limit_or_after_the_end()
        assert not self.complaints


CHECKS = {"deadline": None, "suppress_health_check": list(HealthCheck)}
TestDrivenVote = DrivenVote.TestCase
TestDrivenVote.settings = settings(max_examples=200, stateful_step_count=25, **CHECKS)


@pytest.mark.soak
class TestDrivenVoteAtLength(DrivenVote.TestCase):
    settings = settings(max_examples=3000, stateful_step_count=50, **CHECKS)

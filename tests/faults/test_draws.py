"""Single draws that go wrong in odd ways: the vote goes on, and what was paid is booked."""

import asyncio
import threading
import time

import pytest

from bestofinf.answers.base import Answer
from bestofinf.drivers import avote, vote
from bestofinf.engine import VotingEngine
from bestofinf.errors import SamplingError
from bestofinf.health import Health
from bestofinf.policy import FailurePolicy
from bestofinf.records import Failure, Member, Reply, Sample, Usage
from bestofinf.rules.budgets import FixedSamples
from bestofinf.rules.lead import AheadBy
from bestofinf.slots import Slots
from support.virtual import run_virtually

PAID = Usage(input_tokens=5, output_tokens=7, cost=1.0, calls=1)


class Busy(Exception):
    status_code = 429


class PanicError(BaseException):
    pass


class Picky(Answer):
    """Raises at some replies, as an answer type of a user may."""

    def extract(self, reply):
        if reply.text == "bad":
            raise ValueError("unreadable")
        return reply.text


def both(rule, sample, *, answer=None, policy=None, **settings):
    """Return the decisions of both drivers."""

    async def asample(draw):
        await asyncio.sleep(0)
        return sample(draw)

    def engine():
        return VotingEngine(rule, answer=answer, **settings)

    given = {"answer": answer, "policy": policy or FailurePolicy(longest_wait=0.0)}
    blocking = vote(engine(), sample, **given)
    tasks, _ = run_virtually(avote(engine(), asample, **given))
    return blocking, tasks


def test_what_cannot_be_read_is_a_failure_and_its_tokens_are_booked():
    def sample(draw):
        return Sample(None, Reply("bad" if draw.index == 1 else "good"), usage=PAID)

    for decision in both(FixedSamples(3), sample, answer=Picky()):
        assert decision.votes == {"good": 3}
        assert decision.n_failed == 1
        assert decision.usage == PAID + PAID + PAID + PAID


def test_every_request_counts_as_a_call_also_those_that_were_tried_again():
    tries = []

    def sample(draw):
        tries.append(draw)
        if len(tries) % 5 in (1, 2, 4):
            raise Busy
        return Sample("a", usage=PAID)

    for decision in both(FixedSamples(2), sample):
        assert decision.usage.calls == 5
        assert decision.usage.output_tokens == 14
    assert len(tries) == 10


@pytest.mark.parametrize("error", [PanicError("native code"), asyncio.CancelledError()])
def test_errors_that_are_no_exceptions_fail_their_draw_alone(error):
    def sample(draw):
        if draw.index == 1:
            raise error
        return Sample("a", usage=PAID)

    for decision in both(FixedSamples(3), sample):
        assert decision.votes == {"a": 3}
        assert decision.trail[1].outcome.error is error


def test_a_thread_that_is_told_to_exit_fails_its_draw_and_does_not_hang_the_vote():
    def sample(draw):
        if draw.index == 1:
            raise SystemExit(1)
        return Sample("a")

    decision = vote(VotingEngine(FixedSamples(4)), sample, concurrency=4)
    assert decision.votes == {"a": 4}
    assert decision.n_failed == 1


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_the_callers_own_thread_is_not_swallowed(interrupt):
    def sample(draw):
        raise interrupt

    with pytest.raises(interrupt):
        vote(VotingEngine(AheadBy(1)), sample, concurrency=1)


class Clock:
    """Moves on a second with every look at it."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


@pytest.mark.parametrize("kind", ["tasks", "threads"])
def test_replies_that_keep_coming_do_not_carry_a_vote_past_its_deadline(kind):
    policy = FailurePolicy(deadline=50.0, on_deadline="partial")
    engine = VotingEngine(FixedSamples(10_000))
    if kind == "threads":
        decision = vote(
            engine, lambda draw: Sample("a"), concurrency=1, policy=policy, clock=Clock()
        )
    else:

        async def sample(draw):
            return Sample("a")

        decision = asyncio.run(avote(engine, sample, concurrency=1, policy=policy, clock=Clock()))
    assert decision.reason.startswith("deadline")
    assert decision.n_samples < 50


def test_a_deadline_tells_what_the_draws_under_way_had_met():
    async def sample(draw):
        raise Busy(f"busy {draw.index}")

    for on_deadline in ("raise", "partial"):
        engine = VotingEngine(FixedSamples(2))
        with pytest.raises(SamplingError) as caught:
            run_virtually(
                avote(
                    engine,
                    sample,
                    policy=FailurePolicy(
                        retries=50, longest_wait=1000.0, deadline=5.0, on_deadline=on_deadline
                    ),
                )
            )
        timeout, *others = caught.value.causes
        assert isinstance(timeout, TimeoutError)
        assert [str(error) for error in others] == ["busy 0", "busy 1"]


def test_an_abandoned_thread_tries_no_more():
    tries = []
    at_second = threading.Event()

    def sample(draw):
        tries.append(draw.index)
        if draw.index == 0:
            at_second.wait(10)
            return Sample("a")
        at_second.set()
        raise Busy

    policy = FailurePolicy(retries=5, longest_wait=30.0)
    before = threading.active_count()
    decision = vote(VotingEngine(AheadBy(1), launch="eager"), sample, concurrency=2, policy=policy)
    assert decision.votes == {"a": 1}
    end = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == before, "it sleeps until its next try"
    assert tries.count(1) <= 2


def test_a_draw_given_up_while_it_waits_for_a_slot_sends_nothing():
    slots = Slots([Member(None, concurrency=1)])
    release = threading.Event()
    sent = []

    def sample(draw):
        with slots.taken(draw.member):
            sent.append(draw.index)
            release.wait(10)
            return Sample("a")

    before = threading.active_count()
    policy = FailurePolicy(deadline=0.2)
    for _ in range(3):
        with pytest.raises(SamplingError, match="deadline"):
            vote(VotingEngine(FixedSamples(4)), sample, concurrency=4, policy=policy)
    end = time.monotonic() + 5
    while threading.active_count() > before + 1 and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == before + 1, "threads pile up behind a member that hangs"
    release.set()
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert len(sent) == 1


def test_a_draw_given_up_while_it_waits_for_a_slot_says_nothing_about_its_member():
    """It sent nothing: no call is booked, and the member is not taken for one that fails."""
    slots = Slots([Member(None), Member(None, concurrency=1)])
    health = Health(2, breaker=1)
    told = []

    def sample(draw):
        if draw.member == 0:
            return Sample("a", usage=PAID)
        with slots.taken(draw.member):
            return Sample("b", usage=PAID)

    def observe(engine, draw, outcome):
        told.append(outcome)
        health.record(draw, outcome)

    engine = VotingEngine(AheadBy(1), [1.0, 1.0], launch="eager", order="arrival")
    before = threading.active_count()
    with slots.taken(1):
        vote(engine, sample, concurrency=8, observer=observe)
        end = time.monotonic() + 5
        while threading.active_count() > before and time.monotonic() < end:
            time.sleep(0.01)
    assert health.left_out() == frozenset()
    assert not engine.in_flight
    assert any(isinstance(outcome, Failure) and outcome.cancelled for outcome in told)
    assert engine.decision().usage.calls == engine.decision().usage.output_tokens // 7


def test_a_system_without_a_thread_left_fails_the_draw_and_not_the_vote(monkeypatch):
    begun = threading.Thread.start
    left = iter([True, False, False])

    def start(thread):
        if thread.name.startswith("bestofinf-draw") and not next(left, True):
            raise RuntimeError("can't start new thread")
        begun(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    decision = vote(VotingEngine(FixedSamples(4)), lambda draw: Sample("a"), concurrency=3)
    assert decision.votes == {"a": 4}
    assert decision.n_failed == 2


def test_late_threads_do_not_disturb_the_decision():
    """Told while the decision is made up: both go through the vote's lock."""
    for _ in range(50):
        barrier = threading.Barrier(4)

        def sample(draw, barrier=barrier):
            barrier.wait(5)
            return Sample("a")

        decision = vote(VotingEngine(AheadBy(1), launch="eager"), sample, concurrency=4)
        assert decision.votes == {"a": 1}


class ObserverError(Exception):
    pass


def broken_observer(engine, draw, outcome):
    """Break at every outcome, when all replies have come in."""
    for thread in threading.enumerate():
        if thread.name.startswith("bestofinf-draw"):
            thread.join()
    raise ObserverError


def test_an_observer_that_breaks_again_and_again_loses_no_paid_reply():
    engine = VotingEngine(FixedSamples(4), abstain_limit=None)
    with pytest.raises(ObserverError):
        vote(engine, lambda draw: Sample("a", usage=PAID), concurrency=4, observer=broken_observer)
    assert not engine.in_flight
    assert sum(engine._usage().values(), Usage()).calls == 4


async def test_the_same_with_tasks():
    async def sample(draw):
        return Sample("a", usage=PAID)

    engine = VotingEngine(FixedSamples(4), abstain_limit=None)
    with pytest.raises(ObserverError):
        await avote(engine, sample, concurrency=4, observer=broken_observer)
    assert not engine.in_flight
    assert sum(engine._usage().values(), Usage()).calls == 4

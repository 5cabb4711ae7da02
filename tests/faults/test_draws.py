"""Single draws that go wrong in odd ways: the vote goes on, and what was paid is booked."""

import asyncio
import signal
import sys
import threading
import time
from contextvars import copy_context

import pytest

from bestofinf.answers.base import Answer
from bestofinf.batches.batch import avote_batch
from bestofinf.batches.blocking import vote_batch
from bestofinf.drivers import avote, vote
from bestofinf.drivers.health import Health
from bestofinf.drivers.limits import MemberLimits
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import SamplingError, clients, is_interrupt
from bestofinf.policy import FailurePolicy
from bestofinf.records import Failure, Member, Reply, Sample, Usage
from bestofinf.rules.budgets import FixedSamples
from bestofinf.rules.lead import AheadBy
from bestofinf.voting.engine import VotingEngine
from support.slots import held
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


WAYS = ("tasks", "threads", "batch", "blocking batch")


def decided(way, rule, sample, **settings):
    """Return the decision of one of the drivers."""

    async def asample(*given):
        await asyncio.sleep(0)
        return sample(given[-1])

    given = {"concurrency": settings.pop("concurrency", 8)}
    plan = VotePlan.make([Member(None)], rule=rule, longest_wait=0.0, **settings)
    if way == "threads":
        return vote(plan.engine(), sample, policy=plan.policy, **given)
    if way == "tasks":
        return asyncio.run(avote(plan.engine(), asample, policy=plan.policy, **given))
    if way == "blocking batch":
        (result,) = vote_batch(["question"], lambda _, draw: sample(draw), plan, **given)
    else:

        async def only():
            return [result async for result in avote_batch(["question"], asample, plan, **given)]

        (result,) = asyncio.run(only())
    if result.error is not None:
        raise result.error
    return result.decision


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


ODD = {
    "a panic": PanicError("native code"),
    "cancelled": asyncio.CancelledError(),
    "an exhausted iterator": StopIteration("no more replies"),
    "an exhausted asynchronous iterator": StopAsyncIteration(),
    "the end of the program": SystemExit(1),
    "the end of a generator": GeneratorExit(),
    "a group": BaseExceptionGroup("several", [PanicError(), SystemExit(2), ValueError()]),
    "a group of ends": BaseExceptionGroup("several", [GeneratorExit(), KeyboardInterrupt()]),
    "no memory": MemoryError(),
    "too deep": RecursionError(),
}


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ODD)
def test_whatever_a_member_raises_costs_its_draw_and_no_more(way, name, concurrency):
    def sample(draw):
        if draw.index == 1:
            raise ODD[name]
        return Sample("a", usage=PAID)

    decision = decided(way, FixedSamples(3), sample, concurrency=concurrency)
    assert decision.votes == {"a": 3}
    assert decision.n_failed == 1
    error = decision.trail[1].outcome.error
    assert error is ODD[name] or error.__cause__ is ODD[name]


@pytest.mark.parametrize("way", ["threads", "blocking batch"])
def test_even_an_interrupt_raised_in_a_thread_of_its_own_costs_its_draw_alone(way):
    def sample(draw):
        if threading.current_thread() is threading.main_thread():
            return Sample("a")
        raise KeyboardInterrupt

    with pytest.raises(SamplingError, match="KeyboardInterrupt"):
        decided(way, FixedSamples(4), sample, concurrency=4, answer="text")


class TimeIsUp(Exception):
    pass


@pytest.mark.parametrize("way", ["threads", "tasks", "batch"])
@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, TimeIsUp])
@pytest.mark.parametrize("form", ["function", "method", "of any arguments"])
def test_what_the_handler_of_a_signal_raises_within_a_member_is_not_swallowed(way, raised, form):
    """Servers end their workers so, and queues stop jobs whose time is up."""

    class Worker:
        def handle(self, number, frame):
            raise raised

    def handle(number, frame):
        raise raised

    def handle_any(*given):
        raise raised

    handlers = {"function": handle, "method": Worker().handle, "of any arguments": handle_any}

    def sample(draw):
        signal.raise_signal(signal.SIGUSR1)
        raise AssertionError("the signal did not come")

    before = signal.signal(signal.SIGUSR1, handlers[form])
    try:
        with pytest.raises(raised):
            decided(way, FixedSamples(2), sample, concurrency=1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_an_error_object_that_is_raised_again_and_again_is_looked_at_no_further_than_a_stack():
    """Some clients keep one error and raise it for every request; its traceback grows each time."""
    kept, arguments, looked = TimeIsUp(), clients._arguments, []

    def fail(number, why):
        raise kept

    def taken_for_an_interrupt(*given):
        with pytest.raises(TimeIsUp):
            fail(*given)
        looked.clear()
        return is_interrupt(kept)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clients, "_arguments", lambda f: looked.append(f) or arguments(f))
        assert not any(taken_for_an_interrupt(0, "no") for _ in range(1_000))
        assert len(looked) <= sys.getrecursionlimit()
        with pytest.raises(TimeIsUp):
            fail(15, sys._getframe())  # as Python calls the handler of a signal
        looked.clear()
        assert is_interrupt(kept)
        assert len(looked) < 10


@pytest.mark.parametrize("way", WAYS)
def test_an_error_of_a_member_that_is_given_frames_is_a_failure_all_the_same(way):
    def traced(frame):
        raise ValueError("down")

    def sample(draw):
        if draw.index == 0:
            traced(sys._getframe())
        return Sample("a")

    assert decided(way, FixedSamples(2), sample).n_failed == 1


def test_an_interrupt_in_the_callers_own_thread_is_not_swallowed():
    def sample(draw):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
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
    end = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == before, "it sleeps until its next try"
    assert tries.count(1) <= 2


def test_a_draw_given_up_while_it_waits_for_a_slot_sends_nothing():
    slots = MemberLimits([Member(None, concurrency=1)])
    release = threading.Event()
    sent = []

    def sample(draw):
        with held(slots, draw.member):
            sent.append(draw.index)
            release.wait(10)
            return Sample("a")

    before = threading.active_count()
    policy = FailurePolicy(deadline=0.2)
    for _ in range(3):
        with pytest.raises(SamplingError, match="deadline"):
            vote(VotingEngine(FixedSamples(4)), sample, concurrency=4, policy=policy)
    end = time.monotonic() + 30
    while threading.active_count() > before + 1 and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == before + 1, "threads pile up behind a member that hangs"
    release.set()
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert len(sent) == 1


def test_a_draw_given_up_while_it_waits_for_a_slot_says_nothing_about_its_member():
    """It sent nothing: no call is booked, and the member is not taken for one that fails."""
    slots = MemberLimits([Member(None), Member(None, concurrency=1)])
    health = Health(2, breaker=1)
    told = []

    def sample(draw):
        if draw.member == 0:
            return Sample("a", usage=PAID)
        with held(slots, draw.member):
            return Sample("b", usage=PAID)

    def observe(engine, draw, outcome):
        told.append(outcome)
        health.record(draw, outcome)

    engine = VotingEngine(AheadBy(1), [1.0, 1.0], launch="eager", order="arrival")
    before = threading.active_count()
    release = copy_context().run(slots.acquire, 1)  # another vote has the slot
    vote(engine, sample, concurrency=8, observer=observe)
    end = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    release()
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
            barrier.wait(60)
            return Sample("a")

        decision = vote(VotingEngine(AheadBy(1), launch="eager"), sample, concurrency=4)
        assert decision.votes == {"a": 1}


def test_a_draw_past_its_time_out_that_was_never_sent_is_no_request():
    """It waited for a slot of its member."""
    member = Member(None, name="m", concurrency=1)
    limits = MemberLimits([member])
    plan = VotePlan.make([member], rule="fixed:n=9", launch="eager", breaker=2, abstain_limit=None)
    ended = threading.Event()

    def sample(draw):
        give_back = limits.acquire(draw.member)
        try:
            ended.wait(60)
            return Sample("a", usage=Usage(calls=1))
        finally:
            give_back()

    engine = plan.engine()
    policy = FailurePolicy(retries=0, timeout=0.05)
    with pytest.raises(SamplingError, match="no member left"):
        vote(engine, sample, concurrency=2, policy=policy)
    ended.set()  # the request that was sent is counted when its thread ends
    end = time.monotonic() + 30
    while not sum(engine._ledger.usage().values(), Usage()).calls and time.monotonic() < end:
        time.sleep(0.01)
    assert sum(engine._ledger.usage().values(), Usage()).calls == 1


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
    assert sum(engine._ledger.usage().values(), Usage()).calls == 4


async def test_the_same_with_tasks():
    async def sample(draw):
        return Sample("a", usage=PAID)

    engine = VotingEngine(FixedSamples(4), abstain_limit=None)
    with pytest.raises(ObserverError):
        await avote(engine, sample, concurrency=4, observer=broken_observer)
    assert not engine.in_flight
    assert sum(engine._ledger.usage().values(), Usage()).calls == 4

"""Limits of members: fixed ones, those learned from refusals, and slots that are never lost."""

import asyncio
import math
import threading
from contextlib import closing
from contextvars import copy_context
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf.drivers import avote
from bestofinf.drivers.health import Health
from bestofinf.drivers.limits import MemberLimits, RestingError
from bestofinf.drivers.pace import LONGEST_REST, LONGEST_STATED, Pace
from bestofinf.policy import BRIEF, FailurePolicy
from bestofinf.records import Draw, Failure, Member, Sample
from bestofinf.rules.budgets import FixedSamples
from bestofinf.rules.lead import AheadBy
from bestofinf.voting.engine import VotingEngine
from support.refusals import Clock, Refused
from support.slots import aheld
from support.virtual import VirtualLoop

# -- the pace of one member -------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from("ax"), st.integers(1, 40), st.floats(0, 5)), max_size=60))
def test_a_pace_stays_within_its_bounds(events):
    clock = Clock()
    pace = Pace(clock)
    for kind, in_flight, seconds in events:
        clock.now += seconds
        before = pace.width
        if kind == "a":
            pace.accepted()
            assert pace.width >= before
        else:
            pace.refused(clock.now, in_flight, None)
            assert 1 <= pace.width <= max(1, min(before, in_flight))
        assert 0 <= pace.rest.seconds <= LONGEST_REST
        if pace.width > 1.5:
            assert pace.rest.seconds == 0 or kind == "a", "it rests though several may be asked"


def test_a_round_in_which_all_are_refused_halves_the_width_and_replies_raise_it_by_one_a_round():
    pace = Pace(Clock())
    for _ in range(16):
        pace.refused(0.0, 16, None)
    assert pace.width == 8
    for _ in range(8):
        pace.accepted()
    assert 8 < pace.width < 8.2, "slowly at first"
    for _ in range(10 * 12):
        pace.accepted()
    before = pace.width
    for _ in range(round(before)):
        pace.accepted()
    assert 0.8 < pace.width - before <= 1
    for _ in range(100_000):
        pace.accepted()
    assert pace.width == math.inf


def test_a_rest_doubles_with_each_refusal_and_is_halved_by_replies():
    clock = Clock()
    pace = Pace(clock)
    rests = []
    for _ in range(8):
        pace.refused(clock.now, 1, None)
        rests.append(pace.rest.seconds)
        clock.now += LONGEST_REST + 1
    for earlier, later in pairwise(rests):
        assert earlier / 2 <= later <= 4 * earlier
    assert 0.25 <= rests[0] <= 0.5
    assert LONGEST_REST / 2 <= rests[-1] <= LONGEST_REST
    pace.refused(clock.now - 100, 1, None)
    assert pace.rest.seconds == 0, "a request that was sent before the last rest tells nothing new"
    for _ in range(10):
        pace.accepted()
    pace.refused(clock.now, 1, None)
    assert pace.rest.seconds <= 0.5


def test_what_a_server_says_is_kept_to_the_letter_but_a_day_at_most():
    clock = Clock()
    pace = Pace(clock)
    pace.refused(0.0, 5, 90.0)
    assert (pace.rest.seconds, pace.rest.stated, pace.width) == (90.0, True, math.inf)
    pace.refused(0.0, 5, 10.0)
    assert pace.rest.seconds == 90.0
    clock.now = 91.0
    assert pace.rest.seconds == 0
    pace.refused(0.0, 5, 1e300)
    assert pace.rest.seconds == LONGEST_STATED


# -- slots ------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 5), st.sampled_from(["ends", "busy", "cut"])),
        max_size=20,
    ),
)
def test_no_slot_is_lost_however_requests_end(limit, requests):
    """Cancelled while it waits, while it holds a slot, or when its turn has just come."""
    loop = VirtualLoop()
    limits = MemberLimits([Member(None, concurrency=limit)], clock=loop.time)
    now = {"in": 0, "most": 0}

    async def request(begins, lasts, end):
        await asyncio.sleep(begins)
        async with aheld(limits, 0):
            now["in"] += 1
            now["most"] = max(now["most"], now["in"])
            try:
                await asyncio.sleep(lasts)
                if end == "busy":
                    raise Refused
            finally:
                now["in"] -= 1

    async def main():
        tasks = [asyncio.ensure_future(request(*given)) for given in requests]
        for number, (task, (begins, lasts, end)) in enumerate(zip(tasks, requests, strict=True)):
            if end == "cut":
                loop.call_later(begins + lasts * (number % 3) / 2, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(10 * LONGEST_REST):  # all slots are free
            for _ in range(int(limits._width(0))):
                await asyncio.create_task(limits.aacquire(0))

    loop.run_until_complete(main())
    loop.close()
    assert now["in"] == 0
    assert now["most"] <= limit


async def test_slots_are_given_in_the_order_in_which_they_were_asked_for():
    limits = MemberLimits([Member(None, concurrency=1)])
    order = []

    async def request(number):
        async with aheld(limits, 0):
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(request(number) for number in range(20)))
    assert order == list(range(20))


def test_a_member_that_asks_itself_does_not_wait_for_its_own_slot():
    limits = MemberLimits([Member(None, concurrency=1)])
    outer = limits.acquire(0)
    inner = limits.acquire(0)
    inner()
    outer()
    assert limits._threads[0].in_flight == 0


def test_a_server_with_a_limit_of_its_own_is_found_out():
    """It takes four requests at a time; twenty are wanted. Few are refused once that is known."""
    loop = VirtualLoop()
    limits = MemberLimits([Member(None)], clock=loop.time)
    server = {"in": 0, "served": 0, "refused": 0}

    async def request():
        while True:
            try:
                async with aheld(limits, 0):
                    if server["in"] >= 4:
                        server["refused"] += 1
                        raise Refused
                    server["in"] += 1
                    try:
                        await asyncio.sleep(1.0)
                        server["served"] += 1
                    finally:
                        server["in"] -= 1
            except Refused:
                await asyncio.sleep(0.25)

    async def main():
        async with asyncio.timeout(100):
            async with asyncio.TaskGroup() as group:
                for _ in range(20):
                    group.create_task(request())

    with pytest.raises(TimeoutError):
        loop.run_until_complete(main())
    assert server["served"] > 0.75 * 4 * 100
    assert server["refused"] < 0.25 * server["served"]
    loop.close()


# -- votes and members that want to be left alone ---------------------------------------------


def members_vote(refusing, *, members=3, rule=None, retries=2, limits=None, **policy):
    """Vote in virtual time with members of which one refuses; return all that is to be known."""
    loop = VirtualLoop()
    limits = limits or MemberLimits([Member(None)] * members, clock=loop.time)
    sent = []

    async def sample(draw):
        async with aheld(limits, draw.member):
            sent.append((loop.time(), draw.member))
            number = sum(member == 0 for _, member in sent)
            await asyncio.sleep(1.0)
            if draw.member == 0:
                error = refusing(number)
                if error is not None:
                    raise error
            return Sample("a")

    engine = VotingEngine(rule or AheadBy(3), [1.0] * members)
    outcomes = []
    vote = avote(
        engine,
        sample,
        policy=FailurePolicy(retries=retries, **policy),
        observer=lambda engine, draw, outcome: outcomes.append((draw, outcome)),
        clock=loop.time,
    )
    with closing(loop):
        return loop.run_until_complete(vote), loop.time(), sent, outcomes


@pytest.mark.parametrize("after", [2, 20, 31, 3600, 1e9])
def test_a_vote_does_not_wait_for_a_member_that_others_can_stand_in_for(after):
    decision, took, sent, outcomes = members_vote(lambda n: Refused(after=after))
    _, alone, *_ = members_vote(lambda n: None, members=2)
    assert set(decision.votes) == {"a"}
    assert took <= alone + 1.0, "the refusal itself takes a second"
    assert sum(member == 0 for _, member in sent) == 1
    (failure,) = [outcome for _, outcome in outcomes if isinstance(outcome, Failure)]
    assert (failure.fatal, failure.wait) == (True, after)
    health = Health(3)
    health.record(Draw(0, 0), failure)
    assert 0.9 * min(after, LONGEST_STATED) < health.back_in(0) <= min(after, LONGEST_STATED)


def test_a_member_that_refuses_without_a_word_holds_no_vote_up_for_long():
    """A try, a second one after a short pause, perhaps a third; then the others go on alone."""
    decision, took, sent, _ = members_vote(lambda n: Refused())
    assert set(decision.votes) == {"a"}
    assert sum(member == 0 for _, member in sent) <= 3
    assert took <= 3 * 1.0 + 2 * BRIEF + 1.0


def test_a_short_time_that_a_server_names_is_waited_for():
    decision, _, sent, _ = members_vote(lambda n: Refused(after=0.5) if n == 1 else None)
    assert decision.n_failed == 0
    (first, again, *_) = [moment for moment, member in sent if member == 0]
    assert again - first >= 1.5


def test_the_only_member_is_waited_for_as_long_as_it_says_up_to_the_longest_wait():
    decision, took, *_ = members_vote(lambda n: Refused(after=25) if n == 1 else None, members=1)
    assert decision.n_failed == 0
    assert took > 25
    with pytest.raises(Exception, match="Refused"):
        members_vote(lambda n: Refused(after=31), members=1)


def test_no_pause_is_longer_than_the_longest_wait():
    decision, took, *_ = members_vote(
        lambda n: Refused() if n <= 4 else None,
        members=1,
        rule=FixedSamples(1),
        longest_wait=0.01,
    )
    assert decision.votes == {"a": 1}
    assert took <= 5 * 1.0 + 8 * 0.01


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_refused_draw_is_never_redrawn_without_a_pause(retries):
    decision, _, sent, _ = members_vote(
        lambda n: Refused() if n <= 2 else None, members=1, rule=FixedSamples(1), retries=retries
    )
    assert decision.votes == {"a": 1}
    moments = [moment for moment, _ in sent]
    assert all(later - earlier >= 1.0 + 0.25 for earlier, later in pairwise(moments))


def test_the_same_without_any_limits_in_threads(monkeypatch):
    from bestofinf.drivers import vote

    waits = []
    monkeypatch.setattr(
        threading.Event, "wait", lambda event, timeout=None: waits.append(timeout) or False
    )

    def sample(draw):
        if len(waits) < 2:
            raise Refused
        return Sample("a")

    policy = FailurePolicy(retries=0)
    decision = vote(VotingEngine(FixedSamples(1)), sample, concurrency=1, policy=policy)
    assert decision.n_failed == 2
    assert all(0.25 <= wait <= 0.5 for wait in waits)


def test_a_member_known_to_rest_is_not_even_asked():
    loop = VirtualLoop()
    limits = MemberLimits([Member(None)] * 2, clock=loop.time)
    loop.close()
    limits._paces[0].refused(0.0, 1, 3600.0)
    decision, _, sent, outcomes = members_vote(lambda n: None, members=2, limits=limits)
    assert {member for _, member in sent} == {1}
    failures = [outcome for _, outcome in outcomes if isinstance(outcome, Failure)]
    assert failures
    assert all(isinstance(failure.error, RestingError) for failure in failures)
    assert all(not failure.usage.calls for failure in failures), "nothing was sent"
    assert "left out: 0" in decision.reason


def test_a_time_out_is_kept_while_a_member_rests():
    limits = MemberLimits([Member(None)])
    limits._paces[0].refused(0.0, 1, 5.0)

    async def sample(draw):
        async with aheld(limits, 0):
            return Sample("a")

    async def main():
        policy = FailurePolicy(timeout=0.05, retries=0)
        with pytest.raises(Exception, match="no reply within"):
            await avote(VotingEngine(FixedSamples(1)), sample, policy=policy)

    asyncio.run(main())


def test_limits_are_free_of_what_another_context_holds():
    limits = MemberLimits([Member(None, concurrency=2)])
    held = [copy_context().run(limits.acquire, 0) for _ in range(2)]
    assert limits._threads[0].in_flight == 2
    for release in held:
        release()
    assert limits._threads[0].in_flight == 0


def test_a_slot_given_back_in_another_context_leaves_those_held_there():
    """As by the collector of garbage, which ends a coroutine that nobody awaits where it runs."""
    limits = MemberLimits([Member(None, concurrency=2)])
    elsewhere = copy_context().run(limits.acquire, 0)
    outer = limits.acquire(0)
    before = copy_context()
    elsewhere()
    # Nothing is set: before Python 3.12 that could end the process while another value is being set.
    assert copy_context() == before
    inner = limits.acquire(0)
    assert limits._threads[0].in_flight == 1
    inner()
    outer()
    assert limits._threads[0].in_flight == 0

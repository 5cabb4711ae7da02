"""How long a vote waits for members that say "soon" again and again, and for those that mean it."""

import asyncio
import math
import threading
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf.drivers import avote, vote
from bestofinf.drivers.health import Health
from bestofinf.drivers.limits import MemberLimits, RestingError
from bestofinf.drivers.pace import LONGEST_REST, Pace
from bestofinf.drivers.patience import Waits, waits
from bestofinf.errors import SamplingError
from bestofinf.policy import BRIEF, FailurePolicy
from bestofinf.records import Failure, Member, Sample
from bestofinf.rules.budgets import FixedSamples
from bestofinf.voting.engine import VotingEngine
from support.refusals import Clock, Refused
from support.slots import aheld
from support.virtual import VirtualLoop

SECONDS = 0.25  # that a request takes, refused or not


class Members:
    """Members in virtual time, some of which refuse.

    Args:
        refuse: Function from a member and the number of its request to an error, or None.
        members: Number of members.
        limited: Whether their limits are learned, as in an ensemble; else there are none.
    """

    def __init__(self, refuse, members=2, *, limited=True):
        self.loop = VirtualLoop()
        self.refuse = refuse
        self.sent = [[] for _ in range(members)]
        self.health = Health(members, clock=self.loop.time)
        made = [Member(None)] * members
        self.limits = MemberLimits(made, clock=self.loop.time) if limited else None

    async def _request(self, draw):
        moments = self.sent[draw.member]
        moments.append(self.loop.time())
        number = len(moments)
        await asyncio.sleep(SECONDS)
        error = self.refuse(draw.member, number)
        if error is not None:
            raise error
        return Sample("a")

    async def sample(self, draw):
        if self.limits is None:
            return await self._request(draw)
        async with aheld(self.limits, draw.member):
            return await self._request(draw)

    async def vote(self, *, rule=None, concurrency=1, **policy):
        def observe(engine, draw, outcome):
            self.health.record(draw, outcome)

        engine = VotingEngine(
            rule or FixedSamples(6), [1.0] * len(self.sent), left_out=self.health.left_out()
        )
        return await avote(
            engine,
            self.sample,
            concurrency=concurrency,
            policy=FailurePolicy(**policy),
            observer=observe,
            clock=self.loop.time,
        )

    def run(self, work):
        with closing(self.loop):
            return self.loop.run_until_complete(work)

    def waited(self, member):
        """Return the seconds between the end of each request of a member and its next."""
        return [later - earlier - SECONDS for earlier, later in pairwise(self.sent[member])]


def always(after, *members, status=429):
    return lambda member, number: Refused(status, after) if member in members else None


# -- votes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("limited", [False, True], ids=["bare", "limits"])
@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("retries", [0, 1, 4])
@pytest.mark.parametrize("after", [0.05, 0.2, 0.7, 1.0, None])
def test_all_pauses_for_a_member_are_together_at_most_a_second(
    after, retries, concurrency, limited
):
    members = Members(always(after, 0), limited=limited)
    work = members.vote(rule=FixedSamples(12), concurrency=concurrency, retries=retries)
    decision = members.run(work)
    assert set(decision.votes) == {"a"}
    assert "left out: 0" in decision.reason
    requests = len(members.sent[0]) + len(members.sent[1])
    assert members.loop.time() <= requests * SECONDS + BRIEF + 1e-6


@pytest.mark.parametrize("status", [429, 503, 500])
def test_each_of_several_members_is_waited_for_at_most_a_second(status):
    members = Members(always(1.0, 0, 1, status=status), members=3)
    decision = members.run(members.vote())
    assert "left out: 0, 1" in decision.reason
    assert all(sum(members.waited(member)) <= BRIEF + 1e-6 for member in (0, 1))


@pytest.mark.parametrize("limited", [False, True], ids=["bare", "limits"])
@pytest.mark.parametrize("after", [0.3, 1.0])
def test_a_member_that_refuses_once_and_means_what_it_says_loses_no_draw(after, limited):
    members = Members(
        lambda member, number: Refused(429, after) if (member, number) == (0, 1) else None,
        limited=limited,
    )
    decision = members.run(members.vote())
    assert decision.votes == {"a": 6}
    assert decision.n_failed == 0
    assert members.waited(0)[0] == pytest.approx(after)


@pytest.mark.parametrize("after", [0.3, 1.0])
def test_requests_in_flight_that_are_refused_together_lose_no_draw_either(after):
    """A member that takes nothing for a while, of which it says how long."""
    members = Members(
        lambda member, number: (
            Refused(429, after) if member == 0 and members.loop.time() < SECONDS + after else None
        )
    )
    decision = members.run(members.vote(rule=FixedSamples(8), concurrency=8))
    assert decision.votes == {"a": 8}
    assert decision.n_failed == 0
    assert len(members.sent[0]) > 4


@pytest.mark.parametrize("limited", [False, True], ids=["bare", "limits"])
@pytest.mark.parametrize("after", [0.6, 1.0, 5.0, None])
@pytest.mark.parametrize("concurrency", [1, 2, 6])
def test_members_that_all_refuse_for_a_while_do_not_all_leave_the_vote(after, concurrency, limited):
    """Each could be replaced by the other; the one that is left is waited for."""
    members = Members(lambda member, number: Refused(429, after) if number <= 2 else None)
    decision = members.run(members.vote(concurrency=concurrency, retries=4))
    assert decision.votes == {"a": 6}


def test_the_only_member_is_waited_for_again_and_again():
    members = Members(lambda member, number: Refused(429, 1.0) if number % 3 else None, members=1)
    decision = members.run(members.vote())
    assert decision.votes == {"a": 6}
    assert decision.n_failed == 0
    assert sum(members.waited(0)) == pytest.approx(12 * 1.0), "to the letter, and not longer"


@pytest.mark.parametrize("after", [0.0, 0.1, 0.5, 1.0, None])
def test_later_votes_do_not_wait_for_a_member_that_names_short_times_for_ever(after):
    members = Members(always(after, 0))
    gaps = [0.0, 0.5, 2.0, 20.0, 60.0, 3600.0]

    async def votes():
        took = []
        for gap in gaps * 2:
            before = members.loop.time()
            decision = await members.vote()
            took.append(members.loop.time() - before)
            assert set(decision.votes) == {"a"}
            await asyncio.sleep(gap)
        return took

    first, *later = members.run(votes())
    assert first <= 8 * SECONDS + 6 * SECONDS + BRIEF
    rare = [seconds for seconds, gap in zip(later, (gaps * 2), strict=False) if gap > LONGEST_REST]
    assert all(seconds <= 7 * SECONDS + 1e-6 for seconds in rare), "one request, and no pause"
    assert all(seconds <= 8 * SECONDS + BRIEF for seconds in later)
    assert len(members.sent[0]) <= 6 + len(later)


def test_a_member_that_keeps_its_word_again_is_waited_for_again():
    members = Members(
        lambda member, number: (
            Refused(429, 0.5) if member == 0 and (number <= 8 or number == 40) else None
        )
    )

    async def votes():
        for _ in range(30):
            decision = await members.vote()
            await asyncio.sleep(2 * LONGEST_REST)
        return decision

    members.run(votes())
    assert len(members.sent[0]) > 41
    assert members.waited(0)[39] == pytest.approx(0.5), "the pause after the fortieth request"


@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize("after", [0.2, 1.0, None])
def test_the_same_in_threads(monkeypatch, after, retries):
    clock, pauses, asked = Clock(), [], []

    def wait(event, timeout=None):
        clock.now += timeout
        pauses.append(timeout)
        return False

    monkeypatch.setattr(threading.Event, "wait", wait)

    def sample(draw):
        clock.now += SECONDS
        asked.append(draw.member)
        if draw.member == 0:
            raise Refused(429, after)
        return Sample("a")

    decision = vote(
        VotingEngine(FixedSamples(12), [1.0, 1.0]),
        sample,
        concurrency=1,
        policy=FailurePolicy(retries=retries),
        clock=clock,
    )
    assert decision.votes == {"a": 12}
    assert "left out: 0" in decision.reason
    assert sum(pauses) <= BRIEF + 1e-6
    assert asked.count(1) == 12


# -- the account of one vote ----------------------------------------------------------------------


def account(members=2, clock=None):
    clock = clock or Clock()
    asked = set(range(members))

    def others(member, leaving):
        return bool(asked - {member} - set(leaving))

    return Waits(FailurePolicy(), others, clock=clock), clock


def test_pauses_one_after_another_are_added_and_pauses_at_once_count_once():
    own, clock = account()
    assert own.grant(0, 0.5, stated=True)
    clock.now = 0.1
    assert own.grant(0, 0.4, stated=True), "it ends with the first"
    assert own.grant(0, 0.6, stated=True), "and this one a fifth of a second later"
    clock.now = 5.0
    assert not own.grant(0, 0.5, stated=True)
    assert own.grant(1, 1000.0, stated=True) is False, "longer than the longest wait"
    assert own.grant(1, 20.0, stated=True), "but others no longer count on the first"


def test_requests_refused_together_are_one_pause_though_their_refusals_arrive_one_by_one():
    own, clock = account()
    for moment in (1.0, 1.2, 1.9):
        clock.now = moment
        assert own.grant(0, 1.0, stated=True, sent=0.5)
    clock.now = 2.0
    assert not own.grant(0, 1.0, stated=True, sent=0.5), "the pause is over"


def test_a_request_sent_after_the_pause_began_tells_something_new():
    own, clock = account()
    assert own.grant(0, 1.0, stated=True, sent=0.0)
    clock.now = 0.9
    assert not own.grant(0, 1.0, stated=True, sent=0.5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 1.5)), max_size=30))
def test_what_is_granted_is_never_more_than_a_second_in_all(requests):
    own, clock = account()
    until = spent = 0.0
    for gap, seconds in requests:
        clock.now += gap
        if own.grant(0, seconds, stated=True, sent=clock.now):
            end = clock.now + seconds
            spent += max(0.0, end - max(clock.now, until))
            until = max(until, end)
    assert spent <= BRIEF + 1e-5


def test_the_last_member_does_not_leave():
    own, _ = account(members=3)
    assert own.leave(0)
    assert own.leave(2)
    assert own.leave(2), "it has left already"
    assert not own.leave(1)
    assert not own.others(1)


def test_the_last_member_gets_all_the_time_for_a_slot():
    """Its slot is taken for longer than a vote waits if it can ask another member."""
    for members in (1, 2):
        loop = VirtualLoop()
        limits = MemberLimits([Member(None)] * members, clock=loop.time)
        limits._paces[0].refused(-1.0, 1, None)  # one request at a time
        own = account(members, clock=loop.time)[0]

        async def request(seconds, limits=limits):
            async with aheld(limits, 0):
                await asyncio.sleep(seconds)

        async def main(own=own, loop=loop, request=request):
            waits.set(own)
            await asyncio.gather(request(5.0), request(0.0))
            return loop.time()

        with closing(loop):
            if members == 2:
                with pytest.raises(RestingError):
                    loop.run_until_complete(main())
            else:
                assert loop.run_until_complete(main()) > 5.0


# -- the pace --------------------------------------------------------------------------------------


def test_whoever_could_ask_another_lets_a_member_rest_longer_that_names_times_in_vain():
    clock = Clock()
    pace = Pace(clock)
    rests = []
    for _ in range(9):
        pace.refused(clock.now, 3, 1.0)
        assert (pace.rest.seconds, pace.rest.stated, pace.width) == (1.0, True, math.inf)
        rests.append(pace.rest.longer)
        clock.now += LONGEST_REST + 2
        assert pace.rest.longer == 0
    assert rests[:2] == [1.0, 1.0]
    assert rests[2] > BRIEF
    assert 1 + LONGEST_REST / 2 <= rests[-1] <= 1 + LONGEST_REST
    for _ in range(4):
        pace.accepted()
    pace.refused(clock.now, 3, 1.0)
    assert pace.rest.longer == 1.0


def test_requests_that_are_refused_together_count_as_one_refusal_in_a_row():
    clock = Clock()
    pace = Pace(clock)
    for moment in (1.0, 1.1, 1.2, 1.3, 1.4):
        clock.now = moment
        pace.refused(0.9, 5, 0.5)
    assert pace.rest == (0.5, True, 0.5)


def test_a_member_that_is_left_out_for_a_time_has_that_time_in_its_failure():
    members = Members(always(0.8, 0))
    failures = []

    async def votes():
        engine = VotingEngine(FixedSamples(2), [1.0, 1.0])
        await avote(
            engine,
            members.sample,
            concurrency=1,
            observer=lambda engine, draw, outcome: failures.append(outcome),
            clock=members.loop.time,
        )

    members.run(votes())
    (failure,) = [outcome for outcome in failures if isinstance(outcome, Failure)]
    assert (failure.fatal, failure.wait) == (True, 0.8)
    assert failure.usage.calls == 2


def test_without_any_member_that_answers_the_error_names_the_refusals():
    members = Members(always(1.0, 0, 1))
    with pytest.raises(SamplingError) as caught:
        members.run(members.vote())
    assert all(isinstance(cause, Refused) for cause in caught.value.causes)

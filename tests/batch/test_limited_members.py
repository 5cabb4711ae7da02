"""Batches whose members are all limited: pauses leave members out, but lose no question."""

import asyncio
from contextlib import closing

import pytest

from bestofinf.batches.batch import avote_batch
from bestofinf.batches.breaker import CircuitBreaker, LeftOutError
from bestofinf.drivers.health import Health
from bestofinf.drivers.limits import MemberLimits
from bestofinf.ensemble.plan import VotePlan
from bestofinf.records import Draw, Failure, Member, Sample
from support.refusals import Refused
from support.slots import aheld
from support.virtual import VirtualLoop

QUESTIONS = 40


def batch(members, limited, after, *, a_second=20, patience=300.0):
    """Vote in virtual time; the limited members share one limit of so many requests a second."""
    loop = VirtualLoop()
    made = [Member(str(i), name=str(i)) for i in range(members)]
    limits = MemberLimits(made, clock=loop.time)
    circuit = CircuitBreaker(Health(members, clock=loop.time), made, patient=patience > 0)
    taken = {}

    async def sample(question, draw):
        async with aheld(limits, draw.member):
            await asyncio.sleep(0.05)
            if draw.member in limited:
                second = int(loop.time())
                taken[second] = taken.get(second, 0) + 1
                if taken[second] > a_second:
                    raise Refused(after=after)
            await asyncio.sleep(0.2)
            return Sample("a")

    async def main():
        plan = VotePlan.make(made, rule="fixed:n=3")
        results = avote_batch(
            range(QUESTIONS), sample, plan, circuit=circuit, patience=patience, concurrency=64
        )
        return [result async for result in results]

    with closing(loop):
        return loop.run_until_complete(main()), loop.time()


@pytest.mark.parametrize("after", [0.5, 1.0, None])
@pytest.mark.parametrize("members", [1, 2, 3])
def test_no_question_is_lost_though_every_member_refuses_most_of_the_time(members, after):
    results, _ = batch(members, range(members), after)
    assert [result.error for result in results if result.error is not None] == []
    assert all(result.decision.votes == {"a": 3} for result in results)


@pytest.mark.parametrize("after", [0.5, 1.0, None])
def test_a_member_that_takes_nothing_holds_a_batch_up_no_more_than_a_second(after):
    results, took = batch(2, {0}, after, a_second=0)
    _, alone = batch(1, (), after)
    assert all(result.decision.votes == {"a": 3} for result in results)
    assert took <= alone + 4.0


async def failing(error):
    return Failure(error, fatal=True, wait=60.0 if isinstance(error, Refused) else 0.0)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("error", [Refused(after=60.0), ConnectionError("nobody there")], ids=repr)
async def test_the_last_member_of_a_question_is_asked_if_all_it_does_is_to_refuse(error, last):
    members = [Member(name, name=name) for name in "ab"]
    guard = CircuitBreaker(Health(2, breaker=1), members)
    await guard.outcome(Draw(0, 0), lambda draw: failing(error))
    asked = []

    async def ask(draw):
        asked.append(draw)
        return Sample("a")

    outcome = await guard.outcome(Draw(1, 0), ask, "q", lambda member: not last)
    if last and isinstance(error, Refused):
        assert outcome == Sample("a")
    else:
        assert isinstance(outcome.error, LeftOutError)
        assert not asked

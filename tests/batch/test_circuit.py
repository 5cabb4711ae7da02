"""Members that keep failing, over many questions: they are spared, tried again, and come back."""

import asyncio
import random

import pytest

from bestofinf.batches.batch import avote_batch
from bestofinf.batches.blocking import vote_batch
from bestofinf.batches.breaker import CircuitBreaker, LeftOutError
from bestofinf.batches.pool import Budget
from bestofinf.drivers.health import Health
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import SamplingError
from bestofinf.records import Draw, Failure, Member, Sample, Usage
from support.refusals import Clock

MEMBERS = (Member("a", name="a"), Member("b", name="b"))
PLAN = VotePlan.make(MEMBERS, rule="exhaustive", retries=0)


class Asked:
    """Two members, of which the second may be dead."""

    def __init__(self, dead=True):
        self.dead = dead
        self.draws = []

    async def __call__(self, question, draw):
        await asyncio.sleep(0)
        self.draws.append((question, draw))
        if draw.member == 1 and self.dead:
            raise ConnectionError("nobody there")
        answer = random.Random(f"{question}/{draw.index}").choice("xxy")
        return Sample(answer, tokens=3, usage=Usage(1, 3, 0, 1))

    def count(self, member):
        return sum(draw.member == member for _, draw in self.draws)


def circuit(clock, members=MEMBERS, **settings):
    return CircuitBreaker(Health(len(members), clock=clock, **settings), members)


async def run(questions, asked, guard, budget, **options):
    plan = PLAN if budget is not None else PLAN.change(rule="fast")
    batch = avote_batch(
        range(questions), asked, plan, budget=budget, circuit=guard, concurrency=8, **options
    )
    return [result async for result in batch]


@pytest.mark.parametrize("budget", [Budget(450), None])
async def test_a_dead_member_is_not_asked_for_every_question(budget):
    asked = Asked()
    found = await run(150, asked, circuit(Clock()), budget)
    assert all(result.decision is not None for result in found)
    # Five failures in a row, and what was in flight by then.
    assert asked.count(1) <= 5 + 8
    if budget is not None:
        assert asked.count(0) == 450 == sum(result.decision.n_samples for result in found)
    told = [result.decision for result in found if result.decision.n_failed]
    spared = [decision for decision in told if not decision.usage_by_member["b"].calls]
    assert len(spared) >= len(told) - asked.count(1)
    assert all(decision.reason.endswith("(left out: b)") for decision in spared)
    assert sum(decision.usage_by_member["b"].calls for decision in told) == asked.count(1)


async def test_without_a_circuit_it_is():
    asked = Asked()
    await run(60, asked, None, Budget(300))
    assert asked.count(1) > 60


async def test_after_the_cooldown_one_draw_tries_the_member():
    clock, asked = Clock(), Asked()
    guard = circuit(clock, breaker=2, cooldown=30)
    for _ in range(2):
        await guard.outcome(Draw(0, 1), lambda draw: failing())
    clock.now = 31
    gate = asyncio.Event()

    async def slow(draw):
        await gate.wait()
        return await asked(0, draw)

    asked.dead = False
    trying = asyncio.ensure_future(guard.outcome(Draw(1, 1), slow))
    await asyncio.sleep(0)
    refused = await guard.outcome(Draw(2, 1), slow)
    assert isinstance(refused.error, LeftOutError)
    assert (refused.fatal, refused.usage) == (True, Usage())
    assert "b was not asked" in str(refused.error)
    assert "nobody there" in str(refused.error)
    gate.set()
    assert isinstance(await trying, Sample)
    assert isinstance(await guard.outcome(Draw(3, 1), slow), Sample)


async def failing():
    return Failure(ConnectionError("nobody there"))


async def test_a_failed_try_leaves_it_out_for_as_long_again():
    clock = Clock()
    guard = circuit(clock, breaker=1, cooldown=30)
    sent = 0

    async def ask(draw):
        nonlocal sent
        sent += 1
        return await failing()

    for now in range(100):
        clock.now = now
        for index in range(3):
            await guard.outcome(Draw(index, 1), ask)
    assert sent == 4  # at 0, 30, 60 and 90


async def test_a_try_given_up_leaves_the_member_to_the_next():
    clock = Clock()
    guard = circuit(clock, breaker=1, cooldown=30)
    await guard.outcome(Draw(0, 1), lambda draw: failing())
    clock.now = 31
    trying = asyncio.ensure_future(guard.outcome(Draw(1, 1), lambda draw: asyncio.sleep(60)))
    await asyncio.sleep(0)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    outcome = await guard.outcome(Draw(2, 1), lambda draw: Asked(dead=False)(0, draw))
    assert isinstance(outcome, Sample)


@pytest.mark.parametrize("weights", [(1.0,), (0.0, 1.0), (1.0, 1.0)])
async def test_where_nobody_else_could_be_asked_all_are(weights):
    members = [Member("m", name=str(i), weight=weight) for i, weight in enumerate(weights)]
    guard = circuit(Clock(), members, breaker=1)
    sent = 0

    async def ask(draw):
        nonlocal sent
        sent += 1
        return await failing()

    for place, weight in enumerate(weights):
        if weight:
            await guard.outcome(Draw(0, place), ask)
    before = sent
    for place, weight in enumerate(weights):
        if weight:
            await guard.outcome(Draw(1, place), ask)
    assert sent == before + sum(weight > 0 for weight in weights)


def test_it_holds_for_blocking_code_too():
    clock, sent = Clock(), []

    def ask(question, draw):
        sent.append(draw.member)
        if draw.member:
            raise ConnectionError("nobody there")
        return Sample("x")

    batch = vote_batch(
        range(100), ask, PLAN, budget=Budget(400), circuit=circuit(clock), concurrency=4
    )
    assert all(result.decision.answer == "x" for result in batch)
    assert sent.count(1) <= 5 + 4


async def test_a_question_that_only_dead_members_are_left_for_names_the_cause():
    class Choosy(Asked):
        async def __call__(self, question, draw):
            if question == 7 and draw.member == 0:
                raise PermissionError("not this question")
            return await super().__call__(question, draw)

    found = await run(30, Choosy(), circuit(Clock()), Budget(200))
    (failed,) = [result for result in found if result.decision is None]
    assert failed.question == 7
    assert isinstance(failed.error, SamplingError)
    assert "not this question" in str(failed.error)


async def test_an_observer_is_told_every_outcome_with_its_question_and_vote():
    told = []

    def observe(question, engine, draw, outcome):
        told.append((question, draw, engine.tally.n_samples, isinstance(outcome, Failure)))

    asked = Asked()
    found = await run(20, asked, None, Budget(80), observer=observe)
    assert sorted((q, d) for q, d, _, _ in told) == sorted(asked.draws)
    for result in found:
        counts = [n for question, _, n, _ in told if question == result.question]
        assert counts == sorted(counts)
        assert counts[-1] == result.decision.n_samples
    assert sum(failed for *_, failed in told) == asked.count(1)

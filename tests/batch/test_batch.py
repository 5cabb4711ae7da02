"""Batches: results as they settle, nothing paid twice, nothing left behind."""

import asyncio
import random
import threading

import pytest

from bestofinf.batches.batch import avote_batch
from bestofinf.batches.blocking import vote_batch
from bestofinf.batches.pool import Budget
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import UsageError
from bestofinf.records import Member, Sample, Usage

PLAN = VotePlan.make([Member("m", name="m")], rule="exhaustive", answer="text", retries=0)


def oracle(seed=0, tokens=7):
    """A member that answers question q with q%10 most of the time; the k-th reply is fixed."""

    def sample(question, draw):
        rng = random.Random(f"{seed}/{question}/{draw.index}")
        answer = question % 10 if rng.random() < 0.7 else rng.randrange(10)
        return Sample(str(answer), tokens=tokens, usage=Usage(3, tokens, 0.0, 1))

    return sample


def asynchronous(sample):
    async def asample(question, draw):
        await asyncio.sleep(0)
        return sample(question, draw)

    return asample


async def collect(*args, **options):
    return [result async for result in avote_batch(*args, **options)]


async def test_a_budget_is_spent_exactly_and_every_question_is_answered():
    results = await collect(range(100), asynchronous(oracle()), PLAN, budget=700, concurrency=20)
    assert sorted(r.question for r in results) == list(range(100))
    assert sum(r.decision.n_samples for r in results) == 700
    right = sum(r.decision.answer == str(r.question % 10) for r in results)
    assert right >= 97


async def test_without_a_budget_only_some_questions_are_held_at_a_time():
    held, most = 0, 0

    def questions():
        nonlocal held, most
        for number in range(300):
            held += 1
            most = max(most, held)
            yield number

    async for result in avote_batch(questions(), asynchronous(oracle()), PLAN, concurrency=10):
        held -= 1
        assert result.decision.reason
    assert most <= 25


async def test_questions_may_stream_in():
    async def questions():
        for number in range(20):
            await asyncio.sleep(0.001)
            yield number

    results = await collect(questions(), asynchronous(oracle()), PLAN, concurrency=4)
    assert len(results) == 20


async def test_a_question_without_a_decision_has_its_error():
    def broken(question, draw):
        if question == 3:
            raise PermissionError("no access to 3")
        return Sample("a", usage=Usage(calls=1))

    results = await collect(range(5), asynchronous(broken), PLAN, concurrency=3)
    failed = [r for r in results if r.decision is None]
    assert [r.question for r in failed] == [3]
    assert "no access to 3" in str(failed[0].error)


async def test_closing_early_cancels_and_awaits_what_is_in_flight():
    async def slow(question, draw):
        if question:
            await asyncio.sleep(60)
        return Sample("a", usage=Usage(calls=1))

    plan = VotePlan.make([Member("m")], rule="ahead-by:votes=1", answer="text")
    batch = avote_batch(range(5), slow, plan, concurrency=5)
    first = await anext(batch)
    await batch.aclose()
    assert first.question == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_resumed_batch_pays_for_nothing_twice():
    plan, total, stored = PLAN, 400, {}

    async def run(stop_after):
        paid = 0

        async def keep(arrivals):
            await asyncio.sleep(0)
            for question, draw, outcome in arrivals:
                stored.setdefault(question, []).append((draw, outcome))

        async def sample(question, draw):
            nonlocal paid
            paid += 1
            return await asynchronous(oracle())(question, draw)

        results = {}
        batch = avote_batch(
            range(50),
            sample,
            plan,
            budget=total,
            concurrency=8,
            recorded=lambda q: {d: o for d, o in stored.get(q, ()) if isinstance(o, Sample)},
            keep=keep,
        )
        async for result in batch:
            results[result.question] = result.decision
            if len(results) >= stop_after:
                break
        await batch.aclose()
        return paid, results

    paid = 0
    for stop_after in (1, 2, 3, 99):
        more, results = await run(stop_after)
        paid += more
    kept = [draw for rows in stored.values() for draw, o in rows if isinstance(o, Sample)]
    cancelled = sum(len(rows) for rows in stored.values()) - len(kept)
    assert paid == len(kept) + cancelled
    assert len(kept) == total
    assert len(results) == 50
    assert sum(d.n_samples for d in results.values()) == total
    assert paid < 1.2 * total


def test_blocking_code_gets_the_same_results():
    serial = list(vote_batch(range(30), oracle(), PLAN, concurrency=1))
    parallel = list(vote_batch(range(30), oracle(), PLAN, concurrency=8))
    assert {r.question: r.decision.answer for r in serial} == {
        r.question: r.decision.answer for r in parallel
    }
    assert not [t for t in threading.enumerate() if t.name.startswith("bestofinf-batch")]


async def test_blocking_code_may_run_inside_an_event_loop():
    results = list(vote_batch(range(5), oracle(), PLAN, budget=Budget(30), concurrency=4))
    assert sum(r.decision.n_samples for r in results) <= 30


def test_a_budget_needs_a_rule_that_values_the_next_sample():
    plan = VotePlan.make([Member("m")], rule="ahead-by", answer="text")
    with pytest.raises(UsageError, match="values the next sample"):
        list(vote_batch(range(3), oracle(), plan, budget=10))

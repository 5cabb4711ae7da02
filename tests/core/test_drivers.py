"""The drivers: the same decision in tasks and in threads, and nothing left behind."""

import asyncio
import dataclasses
import threading
import time
from contextlib import nullcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf._concurrency import endings
from bestofinf._concurrency.arrivals import Arrivals
from bestofinf.answers import TextAnswer
from bestofinf.drivers import avote, vote
from bestofinf.errors import ProtocolMisuseError, SamplingError, UsageError
from bestofinf.policy import FailurePolicy
from bestofinf.records import Reply, Sample, Usage
from bestofinf.rules.budgets import FixedSamples, MaxSamples
from bestofinf.rules.lead import AheadBy
from bestofinf.voting.engine import VotingEngine

NO_RETRY = FailurePolicy(retries=0)


def scripted(stream):
    def sample(draw):
        letter = stream[draw.index % len(stream)]
        if letter == "x":
            raise ValueError("down")
        return Sample(None if letter == "-" else letter)

    return sample


def asynchronous(sample):
    async def asample(draw):
        await asyncio.sleep(0)
        return sample(draw)

    return asample


@settings(max_examples=40, deadline=None)
@given(
    st.text(alphabet="aaabb-x", min_size=3, max_size=30).filter(lambda s: set(s) - {"x"}),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from(["thrifty", "eager"]),
)
def test_threads_and_tasks_decide_alike(stream, slots, other_slots, launch):
    rule = AheadBy(3) | MaxSamples(15)
    sample = scripted(stream)

    def engine():
        return VotingEngine(rule, [0.6, 0.4], launch=launch, breaker=100)

    threaded = vote(engine(), sample, concurrency=slots, policy=NO_RETRY)
    tasks = asyncio.run(
        avote(engine(), asynchronous(sample), concurrency=other_slots, policy=NO_RETRY)
    )
    assert (threaded.answer, threaded.reason, dict(threaded.votes)) == (
        tasks.answer,
        tasks.reason,
        dict(tasks.votes),
    )
    assert (threaded.n_samples, threaded.n_failed) == (tasks.n_samples, tasks.n_failed)


async def test_losers_are_cancelled_and_awaited():
    cancelled = []

    async def sample(draw):
        if draw.index < 1:
            return Sample("a")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            cancelled.append(draw.index)
            raise

    engine = VotingEngine(AheadBy(1), launch="eager")
    decision = await avote(engine, sample, concurrency=4)
    assert sorted(cancelled) == [1, 2, 3]
    assert decision.n_cancelled == 3
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancellation_from_outside_leaves_no_task():
    started = asyncio.Event()

    async def sample(draw):
        started.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(avote(VotingEngine(AheadBy(3)), sample))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_time_out_fails_the_draw_and_the_next_replaces_it():
    async def sample(draw):
        if draw.index == 0:
            await asyncio.sleep(60)
        return Sample("a")

    policy = FailurePolicy(retries=0, timeout=0.05)
    decision = await avote(VotingEngine(AheadBy(2)), sample, policy=policy)
    assert (decision.n_failed, decision.n_samples) == (1, 2)
    assert isinstance(decision.trail[0].outcome.error, TimeoutError)


def test_a_time_out_in_a_thread_fails_the_draw_without_waiting_for_it():
    release, told = threading.Event(), []

    def sample(draw):
        if draw.index == 0:
            release.wait(30)
        return Sample("a")

    decision = vote(
        VotingEngine(AheadBy(2)),
        sample,
        policy=FailurePolicy(retries=0, timeout=0.1),
        observer=lambda engine, draw, outcome: told.append(draw),
        clock=lambda: 1.0 if told else 0.0,  # moves on when the other draw is in
    )
    assert not release.is_set()
    assert (decision.n_failed, decision.n_samples) == (1, 2)
    release.set()


@pytest.mark.parametrize("kind", ["tasks", "threads"])
def test_a_deadline_ends_the_vote_with_an_error_or_a_partial_decision(kind):
    release = threading.Event()

    def decide(policy):
        engine = VotingEngine(AheadBy(5), launch="eager")

        def clock():  # moves on when two are counted
            return 1.0 if engine.tally.n_votes == 2 else 0.0

        if kind == "threads":

            def sample(draw):
                if draw.index > 1:
                    release.wait(30)
                return Sample("a")

            return vote(engine, sample, policy=policy, clock=clock)

        async def asample(draw):
            if draw.index > 1:
                await asyncio.sleep(60)
            return Sample("a")

        return asyncio.run(avote(engine, asample, policy=policy, clock=clock))

    with pytest.raises(SamplingError, match=r"deadline of 0\.2 s \(2 votes counted\)"):
        decide(FailurePolicy(deadline=0.2))
    partial = decide(FailurePolicy(deadline=0.2, on_deadline="partial"))
    assert partial.votes == {"a": 2}
    assert partial.reason.startswith("deadline")
    release.set()


def test_transient_errors_are_retried_and_others_are_not():
    class RateLimitError(Exception):
        status_code = 429

    class GarbledError(Exception):
        pass

    tries = {"transient": 0, "permanent": 0}

    def flaky(draw):
        tries["transient"] += 1
        if tries["transient"] % 2:
            raise RateLimitError
        return Sample("a")

    def broken(draw):
        tries["permanent"] += 1
        raise GarbledError("no JSON")

    policy = FailurePolicy(retries=2, longest_wait=0.0)
    assert vote(VotingEngine(FixedSamples(2)), flaky, policy=policy).n_failed == 0
    assert tries["transient"] == 4
    with pytest.raises(SamplingError, match="no JSON") as caught:
        vote(VotingEngine(FixedSamples(2), breaker=3), broken, concurrency=1, policy=policy)
    assert tries["permanent"] == 3
    assert len(caught.value.causes) == 3


def test_threads_end_with_the_vote():
    before = threading.active_count()
    vote(VotingEngine(AheadBy(3)), scripted("ab" * 4 + "aaa"), concurrency=4)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before  # one of an earlier test may have ended too


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, True])
def test_a_concurrency_that_cannot_work_is_refused(concurrency):
    with pytest.raises(UsageError, match="concurrency"):
        vote(VotingEngine(AheadBy(3)), scripted("a"), concurrency=concurrency)


async def test_blocking_votes_compare_answers_where_a_loop_is_running():
    class Compared(TextAnswer):
        async def prepare(self, answer, others):
            assert others, "the first answer has none to be compared with"
            await asyncio.sleep(0)
            return Usage(cost=1.0)

    answer = Compared()
    engine = VotingEngine(FixedSamples(4), answer=answer)
    decision = vote(engine, lambda draw: Sample(None, Reply("aabc"[draw.index])), answer=answer)
    assert decision.n_failed == 0
    assert decision.usage.cost == 2.0


async def test_cancelled_tasks_have_their_time_to_end_however_long_a_shield_takes_to_load(
    monkeypatch,
):
    def slow():
        time.sleep(0.3)
        return nullcontext()

    monkeypatch.setattr(endings, "_shielded", slow)
    task = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    task.cancel()
    assert await endings.ended([task], seconds=0.25) is None
    assert task.done()


async def test_nobody_waits_for_tasks_of_which_none_is_expected():
    arrivals = Arrivals()
    for _ in range(2):
        for seconds in (None, 60):
            with pytest.raises(ProtocolMisuseError, match="no task is expected"):
                await arrivals.next(seconds=seconds)
        task = arrivals.expect(asyncio.create_task(asyncio.sleep(0)))
        assert await arrivals.next() == [task]
    done = arrivals.expect(asyncio.create_task(asyncio.sleep(0)))
    waiting = arrivals.expect(asyncio.create_task(asyncio.sleep(60)))
    await done
    assert await arrivals.next() == [done]
    assert await arrivals.next(seconds=0) == []
    waiting.cancel()
    assert await arrivals.next() == [waiting]


def test_a_vote_changes_nothing_else_of_a_sample():
    given = {f.name: getattr(Sample(None), f.name) for f in dataclasses.fields(Sample)}
    given |= {"reply": Reply(text="7"), "usage": Usage(1, 2, 0.5, 3), "tokens": 2, "seconds": 0.5}
    given |= {"score": 0.25, "likelihood": Reply(text="7", logprobs=(-0.5,)).likelihood}
    assert Sample(**given).voting("7", "a note") == Sample(
        **given | {"answer": "7", "note": "a note"}
    )

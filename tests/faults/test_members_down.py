"""Members that are dead or hang: the vote goes on, or ends with every cause in time."""

import asyncio
import threading
import time
from contextlib import AsyncExitStack

import pytest

from bestofinf.drivers import avote, vote
from bestofinf.engine import VotingEngine
from bestofinf.errors import SamplingError
from bestofinf.policy import FailurePolicy
from bestofinf.records import Sample
from bestofinf.rules.lead import AheadBy
from langchain_bestofinf import AdaptiveEnsembleChat
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.backends import ScriptedBackend
from support.clients import chat_openai, nothing_left_async, openai_like
from support.faults import Fault, Faults
from support.reply import Served
from support.virtual import run_virtually

NAMES = ("a", "b", "c")
DEADLINE, SLACK = 5.0, 0.1


async def call(kind, stack, server, **settings):
    """Ask an ensemble of three clients; return the trace."""
    settings = {"rule": "ahead-by:votes=3", "longest_wait": 0.01, **settings}
    if kind == "chat":
        members = [await stack.enter_async_context(chat_openai(server, n)) for n in NAMES]
        message = await AdaptiveEnsembleChat(members, **settings).ainvoke("2+2?")
        return message.response_metadata["bestofinf"]
    members = [await stack.enter_async_context(openai_like(server, n)) for n in NAMES]
    response = await AdaptiveEnsembleLLM(members, **settings).acomplete("2+2?")
    return response.additional_kwargs["bestofinf"]


def backend():
    return ScriptedBackend([Served("The answer is 4.")], models=NAMES, cycle=True)


@pytest.mark.parametrize("kind", ["chat", "llm"])
@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.QUOTA, Fault.RESET, Fault.UNAVAILABLE])
async def test_with_two_dead_members_of_three_the_vote_goes_on(serve, kind, fault):
    server = serve(backend(), faults=Faults.always(fault, models=("b", "c")))
    async with nothing_left_async(), AsyncExitStack() as stack:
        told = await call(kind, stack, server, breaker=2, retries=1)
    assert told["answer"] == "4"
    assert told["votes"] == {"4": 3}
    assert told["winner_member"] == "a"
    assert "left out: b" in told["reason"]
    assert told["n_failed"] >= 1
    assert all(s["error"] for s in told["samples"] if s["member"] != "a" and s["counted"])


@pytest.mark.parametrize("kind", ["chat", "llm"])
async def test_with_all_dead_there_is_one_error_with_three_causes(serve, kind):
    server = serve(backend(), faults=Faults.always(Fault.UNAUTHORIZED))
    began = time.monotonic()
    async with nothing_left_async(), AsyncExitStack() as stack:
        with pytest.raises(SamplingError, match="no member left") as caught:
            await call(kind, stack, server, deadline=30.0, concurrency=1)
    assert time.monotonic() - began < 30
    assert len(caught.value.causes) == 3
    assert all("401" in str(cause) for cause in caught.value.causes)
    assert caught.value.__cause__ is caught.value.causes[0]
    assert server.counts.started == 3


@pytest.mark.parametrize("kind", ["chat", "llm"])
async def test_a_server_that_is_gone_is_an_error_with_causes_too(serve, kind):
    server = serve(backend())
    server.stop()
    async with nothing_left_async(), AsyncExitStack() as stack:
        with pytest.raises(SamplingError, match="no member left") as caught:
            await call(kind, stack, server, breaker=1, retries=0, concurrency=1)
    assert len(caught.value.causes) == 3


@pytest.mark.parametrize("on_deadline", ["raise", "partial"])
@pytest.mark.parametrize("stubborn", [False, True])
@pytest.mark.parametrize("launch", ["thrifty", "eager"])
def test_a_hanging_member_delays_no_call_by_more_than_100_ms(on_deadline, stubborn, launch):
    """In virtual time, so that the figure is that of the driver and not of the machine."""
    policy = FailurePolicy(deadline=DEADLINE, on_deadline=on_deadline)

    async def main():
        released = asyncio.get_running_loop().create_future()

        async def sample(draw):
            if draw.member != 2:
                await asyncio.sleep(1.0)
                return Sample("a")
            while not released.done():
                try:
                    await asyncio.shield(released)
                except asyncio.CancelledError:
                    if not stubborn:
                        raise
            return Sample("a")

        clock = asyncio.get_running_loop().time
        began = clock()
        engine = VotingEngine(AheadBy(9), [1.0] * 3, launch=launch)
        try:
            decision = await avote(engine, sample, policy=policy, clock=clock)
        except SamplingError as error:
            decision = error
        took = clock() - began
        released.set_result(None)
        await asyncio.sleep(0.1)
        return decision, took

    (decision, took), _ = run_virtually(main())
    assert took <= DEADLINE + SLACK
    if on_deadline == "raise":
        assert isinstance(decision.causes[0], TimeoutError)
    elif not isinstance(decision, SamplingError):
        assert decision.reason.startswith("deadline")


def test_losers_that_will_not_be_cancelled_delay_a_decision_until_the_deadline_at_most():
    async def main():
        released = asyncio.get_running_loop().create_future()

        async def sample(draw):
            while draw.index and not released.done():
                try:
                    await asyncio.shield(released)
                except asyncio.CancelledError:
                    continue
            return Sample("a")

        clock = asyncio.get_running_loop().time
        engine = VotingEngine(AheadBy(1), launch="eager")
        policy = FailurePolicy(deadline=DEADLINE)
        decision = await avote(engine, sample, policy=policy, clock=clock)
        took = clock()
        released.set_result(None)
        await asyncio.sleep(0.1)
        return decision, took

    (decision, took), _ = run_virtually(main())
    assert decision.votes == {"a": 1}
    assert took <= DEADLINE + SLACK


def test_a_hanging_member_delays_no_blocking_call_past_its_deadline():
    release = threading.Event()

    def sample(draw):
        if draw.member == 2:
            release.wait(30)
        return Sample("a")

    began = time.monotonic()
    with pytest.raises(SamplingError, match="deadline") as caught:
        vote(VotingEngine(AheadBy(9), [1.0] * 3), sample, policy=FailurePolicy(deadline=0.3))
    assert time.monotonic() - began < 0.3 + SLACK + 1.0  # a second for a busy machine
    assert isinstance(caught.value.causes[0], TimeoutError)
    release.set()


def test_a_time_out_lets_the_vote_go_on_without_the_member_that_hangs():
    async def sample(draw):
        if draw.member == 2:
            await asyncio.sleep(3600)
        return Sample("a")

    policy = FailurePolicy(retries=0, timeout=2.0)
    engine = VotingEngine(AheadBy(9), [1.0] * 3, breaker=2)
    decision, seconds = run_virtually(avote(engine, sample, policy=policy))
    assert set(decision.votes) == {"a"}
    assert decision.reason.startswith("ahead-by")
    assert "left out: 2" in decision.reason
    assert seconds <= 2 * 2.0 + SLACK

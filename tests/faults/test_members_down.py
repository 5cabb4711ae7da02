"""Members that are dead or hang: the vote goes on, or ends with every cause in time."""

import asyncio
import threading
import time
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import PrivateAttr

from bestofinf.drivers import avote, vote
from bestofinf.errors import SamplingError, retry_after
from bestofinf.policy import FailurePolicy
from bestofinf.records import Sample
from bestofinf.rules import parse_rule
from bestofinf.rules.budgets import FixedSamples, MaxSamples
from bestofinf.rules.lead import AheadBy
from bestofinf.voting.engine import VotingEngine
from langchain_bestofinf import AdaptiveEnsembleChat
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.backends import ScriptedBackend
from support.chat_members import Scripted
from support.clients import chat_openai, nothing_left_async, openai_like
from support.faults import Fault, Faults
from support.llm_members import ScriptedLLM
from support.reply import Served
from support.virtual import run_virtually

NAMES = ("a", "b", "c")
DEADLINE, SLACK = 5.0, 0.1


def both(test):
    """Run a test with both adapters, from tasks and from blocking code."""
    test = pytest.mark.parametrize("blocking", [False, True], ids=["task", "blocking"])(test)
    return pytest.mark.parametrize("kind", ["chat", "llm"])(test)


async def asker(kind, stack, server, *, blocking=False, names=NAMES, **settings):
    """Return what asks one ensemble of clients, and returns the trace."""
    settings = {"rule": "ahead-by:votes=3", "longest_wait": 0.01, **settings}
    client = chat_openai if kind == "chat" else openai_like
    members = [await stack.enter_async_context(client(server, name)) for name in names]

    ensemble = AdaptiveEnsembleChat if kind == "chat" else AdaptiveEnsembleLLM
    return partial(asked, ensemble(members, **settings), blocking)


async def asked(model, blocking):
    """Ask a model of either adapter once; return the trace."""
    if isinstance(model, AdaptiveEnsembleChat):
        ask = asyncio.to_thread(model.invoke, "2+2?") if blocking else model.ainvoke("2+2?")
        return (await ask).response_metadata["bestofinf"]
    ask = asyncio.to_thread(model.complete, "2+2?") if blocking else model.acomplete("2+2?")
    return (await ask).additional_kwargs["bestofinf"]


async def call(kind, stack, server, **settings):
    """Ask an ensemble of three clients once."""
    return await (await asker(kind, stack, server, **settings))()


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


@both
async def test_with_all_dead_there_is_one_error_with_three_causes(serve, kind, blocking):
    server = serve(backend(), faults=Faults.always(Fault.UNAUTHORIZED))
    began = time.monotonic()
    async with nothing_left_async(), AsyncExitStack() as stack:
        with pytest.raises(SamplingError, match="no member left") as caught:
            await call(kind, stack, server, blocking=blocking, deadline=30.0, concurrency=1)
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
    assert time.monotonic() - began < 10.0  # the member would take thirty seconds
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


# -- members that are left out ----------------------------------------------------------------


@both
@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.QUOTA])
async def test_a_bad_key_or_an_empty_account_ends_a_member_at_its_first_request(
    serve, kind, blocking, fault
):
    """With the settings as they come, but for one draw at a time: more could be on their way."""
    server = serve(backend(), faults=Faults.always(fault, models=("b",)))
    async with nothing_left_async(), AsyncExitStack() as stack:
        ask = await asker(kind, stack, server, blocking=blocking, concurrency=1)
        first, second = await ask(), await ask()
    assert server.counts.started_by_model["b"] == 1, "one request in two questions, no retry"
    assert first["n_failed"] == 1
    assert second["n_failed"] == 0
    for told in (first, second):
        assert told["votes"] == {"4": told["n_samples"]}
        assert "left out: b" in told["reason"]


@both
async def test_a_member_that_was_left_out_is_asked_again_after_a_while(serve, kind, blocking):
    server = serve(backend(), faults=Faults.always(Fault.UNAUTHORIZED, models=("b",)))
    async with nothing_left_async(), AsyncExitStack() as stack:
        ask = await asker(kind, stack, server, blocking=blocking, concurrency=1, cooldown=0.05)
        assert "left out: b" in (await ask())["reason"]
        server.faults = None
        await asyncio.sleep(0.06)
        told = await ask()
    assert "left out" not in told["reason"]
    assert server.counts.finished_by_model["b"] >= 1


def voted(weights, answers, dead=(), after=0):
    """Vote with members that always say the same; the dead ones do so some times, then fail."""
    given = Counter()

    class Unauthorized(Exception):
        status_code = 401

    def sample(draw):
        if draw.member in dead and given[draw.member] == after:
            raise Unauthorized
        given[draw.member] += 1
        return Sample(answers[draw.member])

    engine = VotingEngine(FixedSamples(6), weights)
    return vote(engine, sample, concurrency=1), given


def test_the_weights_of_the_others_are_renormalised():
    decision, _ = voted([0.5, 0.3, 0.2], ["x", "y", "z"], dead=[0])
    assert "left out: 0" in decision.reason
    assert decision.shares == pytest.approx({"y": 0.6, "z": 0.4})
    again, _ = voted([0.3, 0.2], ["y", "z"])
    assert again.votes == decision.votes
    assert again.shares == pytest.approx(decision.shares)


def test_what_a_member_said_before_it_was_left_out_weighs_as_what_the_others_say():
    decision, given = voted([0.5, 0.3, 0.2], ["x", "y", "z"], dead=[0], after=1)
    weight = 0.5 / (given[1] + given[2])  # the others' weight for each of their votes
    shares = {"x": weight, "y": 0.3, "z": 0.2}
    assert decision.votes == {"x": given[0], "y": given[1], "z": given[2]}
    assert decision.shares == pytest.approx(
        {a: s / sum(shares.values()) for a, s in shares.items()}
    )


@given(
    weights=st.lists(st.floats(0.01, 10.0), min_size=2, max_size=5),
    after=st.integers(0, 3),
    rule=st.sampled_from(["balanced", "ahead-by:votes=3", "best-of-infinity"]),
)
@settings(max_examples=50, deadline=None)
def test_a_member_that_is_left_out_does_not_hold_the_vote_up(weights, after, rule):
    """All say the same. However heavy it was, few samples more are asked than without it."""
    dead = weights.index(max(weights))

    def n_samples(weights, dead):
        asked = 0

        def sample(draw):
            nonlocal asked
            if draw.member == dead:
                asked += 1
                if asked > after:
                    raise PermissionError
            return Sample("a")

        engine = VotingEngine(parse_rule(rule) | MaxSamples(200), weights, breaker=1)
        return vote(engine, sample, concurrency=1, policy=FailurePolicy(retries=0)).n_samples

    others = weights[:dead] + weights[dead + 1 :]
    assert n_samples(weights, dead) <= n_samples(others, None) + after + len(weights)


# -- when to come back ------------------------------------------------------------------------


@both
async def test_a_server_that_says_when_to_come_back_is_heeded(serve, kind, blocking):
    """Left to itself the first pause would be half a second at most."""
    wait = 0.6
    faults = Faults(at={0: Fault.RATE_LIMIT_RETRY_AFTER}, retry_after=wait)
    server = serve(backend(), faults=faults)
    async with nothing_left_async(), AsyncExitStack() as stack:
        ask = await asker(
            kind, stack, server, blocking=blocking, rule="fixed:n=1", longest_wait=30.0
        )
        began = time.monotonic()
        told = await ask()
        took = time.monotonic() - began
    assert took >= wait
    assert told["n_failed"] == 0
    assert server.counts.started == 2


async def test_a_server_that_wants_to_be_left_alone_for_long_is_asked_again_sooner(serve):
    faults = Faults(at={0: Fault.RATE_LIMIT_RETRY_AFTER}, retry_after=3600.0)
    server = serve(backend(), faults=faults)
    async with nothing_left_async(), AsyncExitStack() as stack:
        told = await call("chat", stack, server, rule="fixed:n=1", longest_wait=0.01)
    assert told["votes"] == {"4": 1}


class Told(Exception):
    def __init__(self, **headers):
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.response = self


def test_retry_after_is_read_in_all_its_forms():
    assert retry_after(Told(retry_after="2.5")) == 2.5
    assert retry_after(Told(retry_after_ms="250", retry_after="1")) == 0.25
    soon = datetime.now(UTC) + timedelta(seconds=100)
    assert 90 < retry_after(Told(retry_after=format_datetime(soon, usegmt=True))) <= 100
    assert retry_after(Told(retry_after="Wed, 21 Oct 2015 07:28:00 GMT")) == 0.0
    for nonsense in ("soon", "-1", "nan", "inf", ""):
        assert retry_after(Told(retry_after=nonsense)) is None
    assert retry_after(Told()) is None
    assert retry_after(ValueError()) is None


# -- deadlines --------------------------------------------------------------------------------

LIMIT = 0.3


def hanging(kind, release):
    """Return a quick member and one that hangs until it is released."""
    if kind == "chat":
        return [Scripted(replies=["4"], model_name="a"), Hanging(release=release, model_name="b")]
    return [ScriptedLLM("4", model="a"), HangingLLM(release, model="b")]


class Hanging(Scripted):
    """Does not answer before it is released."""

    replies: Any = ("4",)
    release: Any

    def _generate(self, *given, **kwargs):
        self.release.wait(60)
        return super()._generate(*given, **kwargs)

    async def _agenerate(self, *given, **kwargs):
        await asyncio.sleep(60)
        return await super()._agenerate(*given, **kwargs)


class HangingLLM(ScriptedLLM):
    _release: Any = PrivateAttr()

    def __init__(self, release, **settings):
        super().__init__("4", **settings)
        self._release = release

    def _chat(self, *given):
        self._release.wait(60)
        return super()._chat(*given)

    async def _achat(self, *given):
        await asyncio.sleep(60)
        return await super()._achat(*given)


@both
@pytest.mark.parametrize("on_deadline", ["raise", "partial"])
async def test_a_call_ends_within_100_ms_of_its_deadline_though_a_member_hangs(
    kind, blocking, on_deadline
):
    """In real time. A busy machine may be late; five times in a row it is not."""
    release = threading.Event()
    ensemble = AdaptiveEnsembleChat if kind == "chat" else AdaptiveEnsembleLLM
    model = ensemble(
        hanging(kind, release),
        rule="ahead-by:votes=9",
        deadline=LIMIT,
        on_deadline=on_deadline,
        launch="eager",
        order="arrival",
        cooldown=0.0,
    )
    late = []
    async with nothing_left_async():
        while not late or (late[-1] > SLACK and len(late) < 5):
            began = time.monotonic()
            if on_deadline == "raise":
                with pytest.raises(SamplingError, match="deadline") as caught:
                    await asked(model, blocking)
                assert isinstance(caught.value.causes[0], TimeoutError)
            else:
                told = await asked(model, blocking)
                assert told["reason"].startswith("deadline")
                assert told["votes"] == {"4": told["n_samples"]}
                assert told["n_cancelled"] >= 1
            late.append(time.monotonic() - began - LIMIT)
        release.set()
    assert 0 <= min(late) <= SLACK

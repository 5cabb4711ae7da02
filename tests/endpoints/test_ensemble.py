"""An ensemble of endpoints: what users give, what is asked, and what is left open."""

from __future__ import annotations

import asyncio

import pytest

from bestofinf import Endpoint, Ensemble, Member, NoConsensusError, SamplingError, UsageError
from bestofinf.records import ToolCall
from bestofinf.tiny import TinyMember
from support.backends import EchoBackend, FunctionBackend, ScriptedBackend
from support.clients import nothing_left, nothing_left_async
from support.faults import Fault, Faults
from support.reply import Served

URL = "http://127.0.0.1:8080/v1"
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def at(server, **settings):
    return Ensemble(Endpoint("alpha", url=server.url), **{"rule": "fixed:n=3", **settings})


def test_members_are_endpoints_names_mappings_or_members():
    ensemble = Ensemble(
        [
            f"alpha@{URL}",
            (f"beta@{URL}", 2.0),
            {"model": "gamma", "url": URL, "temperature": 0.5, "weight": 3.0, "name": "mine"},
            Member(Endpoint("delta", url=URL)),
            TinyMember("sum"),
        ]
    )
    assert ensemble.weight_by_member == {
        f"alpha@{URL}": 1.0,
        f"beta@{URL}": 2.0,
        "mine": 3.0,
        "delta": 1.0,
        "sum": 1.0,
    }
    assert Ensemble(f"alpha@{URL}").member_names == [f"alpha@{URL}"]
    with pytest.raises(UsageError, match="needs a key"):
        Ensemble("gpt-5-mini")
    with pytest.raises(UsageError, match="connect_timeout"):
        Ensemble([{"model": "a", "uri": URL}])


def test_what_was_asked_is_voted_on_by_its_kind(serve):
    call = Served(None, tool_calls=(ToolCall("add", {"a": 4}),))
    server = serve(FunctionBackend(lambda r: call if r.tools else '{"a": 1, "b": [2]}'))
    asked = {"messages": [{"role": "user", "content": "a as json?"}]}
    told = at(server).ask(asked | {"tools": [ADD]}).told
    assert told["votes"] == {'[{"args":{"a":4},"name":"add"}]': 3}
    result = at(server).ask(asked | {"response_format": {"type": "json_object"}})
    assert result.told["votes"] == {'{"a":1,"b":[2]}': 3}
    assert result.reply.parsed == {"a": 1, "b": [2]}


def test_prose_does_not_vote_where_an_object_is_wanted(serve):
    server = serve(ScriptedBackend(["There is none."], cycle=True))
    wanted = {
        "messages": [{"role": "user", "content": "a as json?"}],
        "response_format": {"type": "json_object"},
    }
    with pytest.raises(NoConsensusError):
        at(server, on_unvotable="error").ask(wanted)


def test_seeds_differ_from_draw_to_draw_and_the_first_is_the_users(serve):
    server = serve(EchoBackend())
    at(server).ask({"messages": [{"role": "user", "content": "Hi."}], "seed": 7})
    assert sorted(body["seed"] for body in server.bodies) == [7, 8, 9]


def test_progress_is_told_with_every_outcome(serve):
    seen = []
    at(serve(EchoBackend())).ask("Hi.", progress=seen.append)
    assert [event["n_samples"] for event in seen] == [1, 2, 3]
    assert seen[-1]["done"]


@pytest.mark.parametrize("question", [None, 7, [], {"messages": []}])
def test_what_is_no_question_is_refused_before_anybody_is_asked(serve, question):
    server = serve(EchoBackend())
    with pytest.raises(UsageError):
        at(server).ask(question)
    assert server.counts.started == 0


def test_blocking_questions_leave_nothing_open(serve):
    server = serve(EchoBackend())
    with nothing_left():
        ensemble = at(server, escalate_to=f"beta@{server.url}")
        for _ in range(2):
            assert ensemble.ask("Hi.").told["n_samples"] == 3
    assert server.counts.finished == 6


async def test_connections_are_closed_at_the_end_of_the_context(serve):
    server = serve(EchoBackend())
    async with nothing_left_async():
        async with at(server) as ensemble:
            results = await asyncio.gather(*(ensemble.aask("Hi.") for _ in range(5)))
        assert len({result.told["call_id"] for result in results}) == 5
    assert server.counts.finished == 15


async def test_losers_are_cancelled_at_the_server(serve):
    async def slow(request):
        await asyncio.sleep(0.0 if request.model == "quick" else 30.0)
        return "The answer is 4."

    server = serve(FunctionBackend(slow))
    members = [Endpoint(name, url=server.url) for name in ("quick", "slow")]
    async with Ensemble(members, rule="ahead-by:votes=2", launch="eager", order="arrival") as many:
        told = (await many.aask("2 + 2?")).told
        counts = await server.idle()
    assert counts.disconnected > 0
    assert counts.disconnected + counts.finished == counts.started
    assert told["n_cancelled"] >= counts.disconnected


@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT_RETRY_AFTER, Fault.RESET, Fault.TRUNCATED])
def test_what_passes_costs_no_vote(serve, fault):
    server = serve(EchoBackend(), faults=Faults(at={0: fault, 2: fault}, retry_after=0.01))
    told = at(server, concurrency=1, longest_wait=0.01).ask("Hi.").told
    assert (told["n_samples"], told["n_failed"]) == (3, 0)
    assert server.counts.started == 5


def test_a_bad_key_is_told_after_one_request(serve):
    server = serve(EchoBackend(), api_key="right")
    with pytest.raises(SamplingError, match="Incorrect API key provided"):
        at(server, concurrency=1).ask("Hi.")
    assert server.counts.started == 1


def test_usage_is_what_the_server_counts(serve):
    server = serve(ScriptedBackend([f"The answer is {n}." for n in (1, 2, 2)]))
    usage = at(server).ask("Which?").told["usage_by_member"]["alpha"]
    assert usage["input_tokens"] == server.counts.prompt_tokens
    assert usage["output_tokens"] == server.counts.completion_tokens

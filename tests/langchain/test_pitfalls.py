"""What goes wrong with a naive voting chat model, one test a pitfall."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import warnings
from collections import Counter
from contextvars import ContextVar
from typing import Any

import pydantic.v1
import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableBinding, RunnableLambda
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import Field

from bestofinf.rules import AheadBy, FixedSamples
from langchain_bestofinf import (
    AdaptiveEnsemble,
    AdaptiveEnsembleChat,
    IdenticalSamplesWarning,
    ProgressToLangGraph,
)
from langchain_bestofinf.tiny import TinyChat
from support.backends import ScriptedBackend
from support.chat_members import Plain, Scripted, Tree, calling
from support.clients import chat_openai
from support.reply import Served

LONG = "The same long text, " * 10


@pytest.fixture
def global_cache():
    cache = InMemoryCache()
    set_llm_cache(cache)
    yield cache
    set_llm_cache(None)


def ensemble(*replies: Any, **settings: Any) -> AdaptiveEnsembleChat:
    member = Scripted(replies=list(replies) or ["4"])
    return AdaptiveEnsembleChat([member], **{"rule": AheadBy(2), **settings})


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def graph_of(model):
    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    return StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile()


async def test_p1_events_of_a_stream_come_while_its_run_is_open():
    events = [e async for e in ensemble("one two").astream_events("x", version="v2")]
    names = [e["event"] for e in events if e["event"].startswith("on_chat_model")]
    assert names[0] == "on_chat_model_start"
    assert names[-1] == "on_chat_model_end"
    assert names[1:-1] == ["on_chat_model_stream"] * 3
    pieces = [e["data"]["chunk"].text for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(pieces) == "one two"


async def test_p1_a_stream_leaves_nothing_in_its_callers_context():
    from langchain_core.runnables.config import var_child_runnable_config

    async for _ in ensemble("one two").astream("x"):
        assert var_child_runnable_config.get() is None
    for _ in ensemble("one two").stream("x"):
        assert var_child_runnable_config.get() is None


def test_p2_samples_have_the_ensembles_run_as_parent_and_not_its_description():
    tree = Tree()
    ensemble().invoke("x", {"callbacks": [tree], "metadata": {"mine": 1}})
    for child in tree.roots[0].child_runs:
        assert child.parent_run_id == tree.roots[0].id
        assert child.extra["metadata"]["mine"] == 1
        assert child.extra["metadata"]["ls_provider"] == "scripted"


async def test_p3_in_an_agent_samples_are_no_siblings_and_no_events():
    call = calling("add", a=2, b=2)
    agent = create_agent(ensemble(call, call, "4", "4", concurrency=1), [add])
    question = {"messages": [("user", "2+2?")]}
    events = [e async for e in agent.astream_events(question, version="v2")]
    assert Counter(e["event"] for e in events)["on_chat_model_start"] == 2
    assert Counter(e["event"] for e in events)["on_chat_model_end"] == 2


def test_p4_a_plain_handler_and_a_usage_counter_count_once():
    plain, counter = Plain(), UsageMetadataCallbackHandler()
    message = ensemble().invoke("x", {"callbacks": [plain, counter]})
    assert message.usage_metadata["total_tokens"] == 8
    assert plain.ended[0].generations[0][0].message.usage_metadata["total_tokens"] == 16
    assert plain.events == ["start", "end"]
    assert counter.usage_metadata["scripted"]["total_tokens"] == 16


async def test_p5_a_tracer_sees_no_usage_at_the_ensemble_itself():
    for asynchronous in (False, True):
        tree = Tree()
        model, config = ensemble(), {"callbacks": [tree]}
        _ = await model.ainvoke("x", config) if asynchronous else model.invoke("x", config)
        (root,) = tree.roots
        message = root.outputs["generations"][0][0]["message"]["kwargs"]
        assert not message.get("usage_metadata")
        assert message["response_metadata"]["bestofinf"]["usage_by_member"]


async def test_p6_no_run_is_left_open_when_a_call_is_cancelled():
    tree = Tree()
    model = AdaptiveEnsembleChat(
        [Scripted(replies=["4"], seconds=(30.0,))], rule=AheadBy(2), answer="number"
    )
    task = asyncio.create_task(model.ainvoke("x", {"callbacks": [tree]}))
    async with asyncio.timeout(10):
        while tree.open < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert tree.open == 0
    assert all("CancelledError" in child.error for child in tree.roots[0].child_runs)


class ByDraw(Scripted):
    """Gives each draw its own place in the script: threads reach a model in any order."""

    place: Any = Field(default_factory=lambda: ContextVar("place"))

    def _begin(self, messages: Any, kwargs: Any) -> Any:
        super()._begin(messages, kwargs)
        place = self.place.get()
        return self.replies[place], self.seconds[place % len(self.seconds)]

    def _generate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Any:
        self.place.set(run_manager.metadata["bestofinf_sample"])
        return super()._generate(messages, stop, run_manager, **kwargs)

    async def _agenerate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Any:
        self.place.set(run_manager.metadata["bestofinf_sample"])
        return await super()._agenerate(messages, stop, run_manager, **kwargs)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_p7_votes_count_in_order_of_launch_so_that_quick_answers_have_no_advantage(
    asynchronous,
):
    """60 % right and slow, 40 % wrong and quick: what is asked first must decide."""
    for seed in range(5):
        draws = random.Random(seed)
        script = ["right" if draws.random() < 0.6 else "wrong" for _ in range(40)]
        seconds = [0.01 if reply == "right" else 0.0 for reply in script]
        settings = {"rule": AheadBy(3), "launch": "eager", "max_samples": 15}
        alone = AdaptiveEnsembleChat(
            [ByDraw(replies=script)], **{**settings, "concurrency": 1}
        ).invoke("x")
        model = AdaptiveEnsembleChat([ByDraw(replies=script, seconds=seconds)], **settings)
        message = await model.ainvoke("x") if asynchronous else model.invoke("x")
        first, second = (m.response_metadata["bestofinf"] for m in (alone, message))
        assert message.text == alone.text
        assert first["votes"] == second["votes"]


async def test_p9_the_global_cache_keeps_the_samples_of_a_vote_apart(global_cache):
    member = Scripted(replies=["1", "2", "2", "3", "2"])
    model = AdaptiveEnsembleChat([member], rule=FixedSamples(5), concurrency=1)
    votes = [model.invoke("x"), await model.ainvoke("x"), *model.batch(["x"])]
    assert member.calls == 5, "only the first vote asks the model"
    spent = [m.response_metadata["bestofinf"]["usage_by_member"]["scripted"] for m in votes]
    assert [(usage["calls"], usage["output_tokens"]) for usage in spent] == [
        (5, 15),
        (0, 0),
        (0, 0),
    ]
    for message in votes:
        assert message.response_metadata["bestofinf"]["votes"] == {"2": 3, "1": 1, "3": 1}
    stricter = model.invoke("x", rule=FixedSamples(3))
    assert stricter.response_metadata["bestofinf"]["votes"] == {"2": 2, "1": 1}
    assert member.calls == 5, "another rule takes the samples that are there"
    model.invoke("y")
    assert member.calls == 10


def test_p9_a_members_first_sample_is_what_it_alone_has_in_the_cache(global_cache):
    member = Scripted(replies=["1", "2"])
    assert member.invoke("x").text == "1"
    message = AdaptiveEnsembleChat([member], rule=FixedSamples(2)).invoke("x")
    assert [s["answer"] for s in message.response_metadata["bestofinf"]["samples"]] == ["1", "2"]
    assert member.calls == 2


def test_p9_the_cache_keeps_samples_of_a_wrapped_chain_apart(global_cache):
    member = Scripted(replies=["1", "2", "2"])
    prompt = ChatPromptTemplate.from_template("{q}")
    chain = {"text": prompt | member | StrOutputParser()} | RunnableLambda(lambda d: d["text"])
    model = AdaptiveEnsemble(chain, rule=FixedSamples(3), concurrency=1, include_trace=True)
    for _ in range(2):
        assert model.invoke({"q": "x"})["bestofinf"]["votes"] == {"2": 2, "1": 1}
    assert member.calls == 3


def test_p9_an_ensemble_within_an_ensemble_keeps_samples_apart(global_cache):
    member = Scripted(replies=["1", "2"])
    inner = AdaptiveEnsembleChat([member], rule=FixedSamples(1), concurrency=1)
    outer = AdaptiveEnsembleChat([inner], rule=FixedSamples(2), concurrency=1)
    votes = outer.invoke("x").response_metadata["bestofinf"]["votes"]
    assert votes == {"1": 1, "2": 1}


def test_p9_a_cached_model_within_a_function_is_warned_of(global_cache):
    member = Scripted(replies=["1"])
    model = AdaptiveEnsemble(RunnableLambda(lambda x: member.invoke(x).text), max_samples=1)
    with pytest.warns(IdenticalSamplesWarning, match="replies are cached"):
        model.invoke("x")


def cached_chain(model):
    return RunnableLambda(str) | model


def cached_fallback(model):
    return Scripted(replies=[TimeoutError()], cache=False).with_fallbacks([model])


@pytest.mark.parametrize(
    ("kind", "around"),
    [(AdaptiveEnsemble, cached_chain), (AdaptiveEnsembleChat, cached_fallback)],
)
def test_p9_a_cache_of_a_models_own_keeps_samples_apart_wherever_the_model_stands(kind, around):
    member = Scripted(replies=["1", "2", "3"], cache=InMemoryCache())
    vote = kind([around(member)], rule=FixedSamples(3))
    for _ in range(2):
        vote.invoke("x")
    assert member.calls == 3


def test_p9_a_function_that_calls_a_model_with_a_cache_of_its_own_is_warned_of():
    member = Scripted(replies=["1"], cache=InMemoryCache())
    vote = AdaptiveEnsemble(RunnableLambda(lambda x: member.invoke(x)), rule=FixedSamples(2))
    with pytest.warns(IdenticalSamplesWarning, match="replies are cached"):
        vote.invoke("x")


def test_p9_members_may_be_asked_without_the_cache(global_cache):
    member = Scripted(replies=["1"])
    model = AdaptiveEnsembleChat([member], rule=FixedSamples(2), sample_cache="off")
    for _ in range(2):
        model.invoke("x")
    assert member.calls == 4


def test_p9_two_settings_do_not_share_an_entry_of_a_cache_of_decisions():
    cache = InMemoryCache()
    member = Scripted(replies=["1"])
    for rule in ("fixed:n=2", "fixed:n=3"):
        model = AdaptiveEnsembleChat([member], rule=rule, cache=cache)
        for _ in range(2):
            n = model.invoke("x").response_metadata["bestofinf"]["n_samples"]
            assert n == int(rule[-1])
    assert member.calls == 5
    assert model.invoke("x", max_samples=1).response_metadata["bestofinf"]["n_samples"] == 1


def test_p10_nothing_is_warned_of_without_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AdaptiveEnsembleChat([Scripted(replies=["4"], temperature=0)], max_samples=1).invoke("x")
        AdaptiveEnsembleChat([TinyChat(model="sum", seed=1)])
        ensemble("4", rule=FixedSamples(5)).invoke("x")


async def test_p11_samples_do_not_leak_into_langgraphs_message_stream():
    model = ensemble("one two")
    seen = [
        (chunk, metadata)
        async for chunk, metadata in graph_of(model).astream(
            {"messages": [("user", "x")]}, stream_mode="messages"
        )
    ]
    assert len({chunk.id for chunk, _ in seen}) == 1
    assert "".join(chunk.text for chunk, _ in seen) == "one two"
    assert all("bestofinf:sample" not in (m.get("tags") or []) for _, m in seen)


async def test_p12_blocking_calls_work_again_and_again_and_beside_a_running_loop():
    served = [Served("The answer is 4.")]
    from support.server import LoopbackServer

    with LoopbackServer(ScriptedBackend(served, cycle=True)) as server:
        async with chat_openai(server, "m") as member:
            model = AdaptiveEnsembleChat([member], rule=AheadBy(2))
            for _ in range(2):
                assert model.invoke("x").text == "The answer is 4."  # a loop is running here
                assert (await model.ainvoke("x")).text == "The answer is 4."
                assert (await asyncio.to_thread(model.invoke, "x")).text == "The answer is 4."
        assert server.counts.finished == 12


def test_p12_no_thread_is_left_after_a_blocking_call():
    before = threading.active_count()
    ensemble("4", "5", "4", "4", concurrency=4).batch(["x"] * 10)
    assert threading.active_count() == before


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_p13_several_samples_of_a_request_are_paid_once(asynchronous):
    from support.server import LoopbackServer

    replies = [Served(f"The answer is {n}.", tokens=7) for n in (1, 2, 2, 2)]
    with LoopbackServer(ScriptedBackend(replies, cycle=True)) as server:
        async with chat_openai(server, "m") as member:
            model = AdaptiveEnsembleChat(
                [member], rule=FixedSamples(4), samples_per_request=4, max_samples=4, usage="all"
            )
            message = await model.ainvoke("x") if asynchronous else model.invoke("x")
        assert server.counts.finished == 1
        trace = message.response_metadata["bestofinf"]
        assert trace["votes"] == {"2": 3, "1": 1}
        assert message.usage_metadata["output_tokens"] == server.counts.completion_tokens
        (usage,) = trace["usage_by_member"].values()
        assert usage["output_tokens"] == server.counts.completion_tokens
        assert usage["calls"] == 1


def test_p14_every_member_gets_tools_in_its_own_format():
    class Other(Scripted):
        def bind_tools(self, tools, *, tool_choice=None, **kwargs):
            return self.bind(functions=[tool.__name__ for tool in tools])

    first, second = Scripted(replies=["4"]), Other(replies=["4"])
    bound = AdaptiveEnsembleChat([first, second], rule=AheadBy(2)).bind_tools([add])
    assert isinstance(bound, RunnableBinding)
    assert bound.kwargs["tools"][0]["function"]["name"] == "add"
    plain = Plain()
    bound.invoke("x", {"callbacks": [plain]})
    assert [set(kwargs) for kwargs in first.kwargs_seen] == [{"tools"}] * first.calls
    assert second.kwargs_seen == [{"functions": ["add"]}] * second.calls
    assert plain.started[0]["invocation_params"]["tools"] == bound.kwargs["tools"]


def test_p15_settings_reach_the_engine_behind_bound_tools_and_not_the_members():
    member = Scripted(replies=["4"])
    model = AdaptiveEnsembleChat([member], rule=FixedSamples(6))
    bound = model.bind_tools([add], max_samples=5)
    settings = {"configurable": {"bestofinf": {"max_samples": 2}}}

    def n(message):
        return message.response_metadata["bestofinf"]["n_samples"]

    assert n(bound.invoke("x")) == 5
    assert n(bound.invoke("x", max_samples=4)) == 4
    assert n(bound.bind(max_samples=3).invoke("x")) == 3
    assert n(model.bind_tools([add]).invoke("x", settings)) == 2
    assert n(model.with_config(settings).invoke("x")) == 2
    assert n(model.with_config(configurable={"bestofinf_max_samples": 3}).invoke("x")) == 3
    fields = model.configurable_fields(max_samples=ConfigurableField(id="n"))
    assert n(fields.invoke("x", {"configurable": {"n": 1}})) == 1
    assert all(set(kwargs) <= {"tools"} for kwargs in member.kwargs_seen)


def test_p15_an_agent_may_be_given_settings():
    from langchain.agents.middleware import AgentMiddleware

    class FewSamples(AgentMiddleware):
        def wrap_model_call(self, request, handler):
            return handler(request.override(model_settings={"max_samples": 1}))

    member = Scripted(replies=["4"])
    model = AdaptiveEnsembleChat([member], rule=FixedSamples(4))
    agent = create_agent(model, [add], middleware=[FewSamples()])
    agent.invoke({"messages": [("user", "x")]})
    assert member.calls == 1


def test_p16_members_may_be_bindings():
    inner = Scripted(replies=["4"], model_name="inner")
    member = inner.bind(top_k=1).with_config(tags=["mine"]).with_retry(stop_after_attempt=1)
    model = AdaptiveEnsembleChat([member], rule=AheadBy(2))
    assert model.member_names == ["inner"]
    model.invoke("x")
    model.bind_tools([add]).invoke("x")
    assert [kwargs["top_k"] for kwargs in inner.kwargs_seen] == [1] * 4
    assert ["tools" in kwargs for kwargs in inner.kwargs_seen] == [False, False, True, True]


async def test_p17_progress_reaches_events_and_langgraphs_custom_stream():
    events = [e async for e in ensemble().astream_events("x", version="v2")]
    told = [e["data"] for e in events if e["event"] == "on_custom_event"]
    assert [t["n_samples"] for t in told] == [1, 2]
    assert told[-1]["done"] is True
    assert told[-1]["votes"] == {"4": 2}
    graph = graph_of(ensemble())
    seen = [
        data["bestofinf.sample"]
        async for data in graph.astream(
            {"messages": [("user", "x")]},
            {"callbacks": [ProgressToLangGraph()]},
            stream_mode="custom",
        )
    ]
    assert [t["n_samples"] for t in seen] == [1, 2]
    ensemble().invoke("x", {"callbacks": [ProgressToLangGraph()]})  # no graph: nothing happens


def test_p18_objects_of_pydantic_1_are_voted_on():
    class Sum(pydantic.v1.BaseModel):
        """A sum."""

        total: int

    model = ensemble(
        calling("Sum", total=5),
        calling("Sum", "2", total=4),
        calling("Sum", "3", total=4),
        rule=FixedSamples(3),
        concurrency=1,
    )
    found = model.with_structured_output(Sum).invoke("x")
    assert found == Sum(total=4)


@pytest.mark.parametrize("mark", ["", "lc_run--1"])
def test_ids_of_samples_are_not_the_ensembles(mark):
    message = ensemble(AIMessage("4", id=mark or None)).invoke("x")
    assert message.id.startswith("lc_run--")
    assert message.id != mark
    gc.collect()

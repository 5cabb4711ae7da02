"""The tree of runs that a tracer sees: samples beneath their ensemble, and nothing left open."""

from __future__ import annotations

import asyncio
import time
import warnings
from unittest.mock import MagicMock

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import (
    BaseCallbackHandler,
    UsageMetadataCallbackHandler,
    get_usage_metadata_callback,
)
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers import LangChainTracer
from langchain_core.tracers.context import collect_runs

from bestofinf.errors import SamplingError
from bestofinf.rules import AheadBy
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from support.chat_members import Plain, Scripted, Tree, calling

NAME = "AdaptiveEnsembleChat"
SAMPLES = [("llm", "Scripted", [])] * 2
VOTE = ("llm", NAME, SAMPLES)


def ensemble(*replies, **settings):
    replies = replies or ("4",)
    seconds = settings.pop("seconds", (0.0,))
    member = Scripted(replies=list(replies), seconds=seconds)
    return AdaptiveEnsembleChat([member], **{"rule": AheadBy(2), "retries": 0, **settings})


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def models_in(run):
    """Return every model run beneath a run, as name and names of children."""
    found = []
    for child in run.child_runs:
        if child.run_type == "llm":
            found.append((child.name, [c.name for c in child.child_runs]))
        else:
            found += models_in(child)
    return found


def test_samples_are_children_of_a_direct_call():
    tree = Tree()
    ensemble().invoke("2+2", {"callbacks": [tree]})
    assert tree.shape() == [VOTE]
    assert tree.open == 0


async def test_samples_are_children_of_a_direct_call_in_a_task():
    tree = Tree()
    await ensemble().ainvoke("2+2", {"callbacks": [tree]})
    assert tree.shape() == [VOTE]
    assert tree.open == 0


@pytest.mark.parametrize("concurrency", [1, 8])
def test_samples_say_which_they_are(concurrency):
    tree = Tree()
    ensemble(concurrency=concurrency).invoke(
        "2+2", {"callbacks": [tree], "tags": ["mine"], "metadata": {"question_id": "q1"}}
    )
    (root,) = tree.roots
    metadata = [child.extra["metadata"] for child in root.child_runs]
    assert sorted(m["bestofinf_sample"] for m in metadata) == [0, 1]
    assert {m["bestofinf_member"] for m in metadata} == {"scripted"}
    assert {m["bestofinf_weight"] for m in metadata} == {1.0}
    assert {m["question_id"] for m in metadata} == {"q1"}
    assert {m["ls_provider"] for m in metadata} == {"scripted"}
    assert root.extra["metadata"]["ls_provider"] == "bestofinf"
    assert all({"mine", "bestofinf:sample"} <= set(child.tags) for child in root.child_runs)
    assert "bestofinf:sample" not in root.tags


@pytest.mark.parametrize("way", ["invoke", "stream", "batch"])
def test_samples_are_children_within_a_chain(way):
    tree = Tree()
    chain = ChatPromptTemplate.from_template("{q}") | ensemble() | StrOutputParser()
    config = {"callbacks": [tree]}
    if way == "invoke":
        assert chain.invoke({"q": "2+2"}, config) == "4"
    elif way == "stream":
        assert "".join(chain.stream({"q": "2+2"}, config)) == "4"
    else:
        assert chain.batch([{"q": "2+2"}], config) == ["4"]
    (root,) = tree.roots
    assert models_in(root) == [(NAME, ["Scripted", "Scripted"])]
    assert tree.open == 0


@pytest.mark.parametrize("way", ["ainvoke", "astream", "abatch", "astream_events"])
async def test_samples_are_children_within_a_chain_in_a_task(way):
    tree = Tree()
    chain = ChatPromptTemplate.from_template("{q}") | ensemble() | StrOutputParser()
    config = {"callbacks": [tree]}
    if way == "ainvoke":
        assert await chain.ainvoke({"q": "2+2"}, config) == "4"
    elif way == "astream":
        assert "".join([c async for c in chain.astream({"q": "2+2"}, config)]) == "4"
    elif way == "abatch":
        assert await chain.abatch([{"q": "2+2"}], config) == ["4"]
    else:
        _ = [e async for e in chain.astream_events({"q": "2+2"}, config, version="v2")]
    (root,) = tree.roots
    assert models_in(root) == [(NAME, ["Scripted", "Scripted"])]
    assert tree.open == 0


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_samples_are_children_within_an_agent(way):
    tree = Tree()
    call = calling("add", a=2, b=2)
    # The agent asks twice; both votes need two samples.
    agent = create_agent(ensemble(call, call, "4", "4", concurrency=1), [add])
    question, config = {"messages": [("user", "2+2?")]}, {"callbacks": [tree]}
    if way == "invoke":
        agent.invoke(question, config)
    elif way == "ainvoke":
        await agent.ainvoke(question, config)
    elif way == "stream":
        _ = list(agent.stream(question, config, stream_mode="messages"))
    else:
        _ = [e async for e in agent.astream(question, config, stream_mode="messages")]
    (root,) = tree.roots
    assert models_in(root) == [(NAME, ["Scripted", "Scripted"])] * 2
    assert tree.open == 0


async def test_samples_of_a_structured_output_are_children():
    tree = Tree()
    call = calling("Sum", total=4)
    model = ensemble(call).with_structured_output(
        {
            "title": "Sum",
            "type": "object",
            "properties": {"total": {"type": "integer"}},
            "description": "A sum.",
        }
    )
    assert await model.ainvoke("2+2", {"callbacks": [tree]}) == {"total": 4}
    (root,) = tree.roots
    assert models_in(root) == [(NAME, ["Scripted", "Scripted"])]
    assert tree.open == 0


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_failed_samples_are_closed_with_their_error(asynchronous):
    tree = Tree()
    model = ensemble(ValueError("no"), "4", "4", concurrency=1)
    config = {"callbacks": [tree]}
    message = await model.ainvoke("x", config) if asynchronous else model.invoke("x", config)
    assert message.response_metadata["bestofinf"]["n_failed"] == 1
    (root,) = tree.roots
    assert [bool(child.error) for child in root.child_runs] == [True, False, False]
    assert not root.error
    assert tree.open == 0


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_a_vote_that_fails_closes_its_run_with_the_error(way):
    tree, plain = Tree(), Plain()
    model = ensemble(ValueError("no"), breaker=2, concurrency=1)
    config = {"callbacks": [tree, plain]}

    async def call():
        if way == "invoke":
            model.invoke("x", config)
        elif way == "ainvoke":
            await model.ainvoke("x", config)
        elif way == "stream":
            list(model.stream("x", config))
        else:
            _ = [c async for c in model.astream("x", config)]

    with pytest.raises(SamplingError, match="ValueError: no"):
        await call()
    (root,) = tree.roots
    assert "no decision" in root.error
    assert plain.events == ["start", "error"]
    assert tree.open == 0


async def test_samples_cancelled_at_the_end_of_a_vote_are_closed():
    tree = Tree()
    slow, quick = (
        Scripted(replies=["4"], seconds=(s,), model_name=n)
        for s, n in ((30.0, "slow"), (0.0, "quick"))
    )
    model = AdaptiveEnsembleChat([slow, quick], rule=AheadBy(2), order="arrival", launch="eager")
    message = await model.ainvoke("2+2", {"callbacks": [tree]})
    assert message.response_metadata["bestofinf"]["n_cancelled"] > 0
    (root,) = tree.roots
    cancelled = [child for child in root.child_runs if child.error]
    assert cancelled
    assert all("CancelledError" in child.error for child in cancelled)
    assert tree.open == 0
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("way", ["ainvoke", "astream", "chain"])
async def test_a_call_cancelled_from_outside_closes_all_runs(way):
    tree, asked = Tree(), asyncio.Event()
    member = Scripted(replies=lambda number: asked.set() or "4", seconds=(30.0,))
    model = AdaptiveEnsembleChat([member], rule=AheadBy(2))
    config = {"callbacks": [tree]}

    async def call():
        if way == "ainvoke":
            await model.ainvoke("x", config)
        elif way == "chain":
            await (RunnableLambda(str) | model).ainvoke("x", config)
        else:
            _ = [c async for c in model.astream("x", config)]

    task = asyncio.create_task(call())
    await asked.wait()  # before that, a step of LangChain's may be left open
    start = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - start < 10  # the member would take thirty seconds
    assert tree.open == 0
    assert len(asyncio.all_tasks()) == 1


async def test_a_sample_past_its_time_is_closed():
    tree = Tree()
    model = ensemble("4", "4", "4", seconds=(60.0, 0.0, 0.0), timeout=3.0, concurrency=1)
    await model.ainvoke("x", {"callbacks": [tree]})
    (root,) = tree.roots
    assert [bool(child.error) for child in root.child_runs] == [True, False, False]
    assert tree.open == 0


def test_a_stream_left_early_closes_its_run():
    tree = Tree()
    stream = ensemble("one two three").stream("x", {"callbacks": [tree]})
    next(stream)
    stream.close()
    assert "GeneratorExit" in tree.roots[0].error
    assert tree.open == 0


def usage_at(run):
    return (run.outputs["generations"][0][0]["message"]["kwargs"]).get("usage_metadata")


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_a_tracer_counts_each_token_once(way):
    tree, plain = Tree(), Plain()
    model = ensemble()
    config = {"callbacks": [tree, plain]}
    if way == "invoke":
        told = model.invoke("x", config).usage_metadata
    elif way == "ainvoke":
        told = (await model.ainvoke("x", config)).usage_metadata
    elif way == "stream":
        told = list(model.stream("x", config))[-1].usage_metadata
    else:
        told = [c async for c in model.astream("x", config)][-1].usage_metadata
    assert told["total_tokens"] == 8  # the winner's own: whoever watches a context reads it
    (root,) = tree.roots
    assert not usage_at(root)
    assert [usage_at(child)["total_tokens"] for child in root.child_runs] == [8, 8]
    # A handler that sees no samples sees the whole usage, as of a single model.
    assert plain.events == ["start", "end"]
    assert plain.ended[0].generations[0][0].message.usage_metadata["total_tokens"] == 16


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "agent"])
async def test_usage_counters_count_each_token_once_by_model(way):
    a = Scripted(replies=["4"], model_name="a")
    b = Scripted(replies=["4"], model_name="b")
    model = AdaptiveEnsembleChat([a, b], rule=AheadBy(2))
    counter = UsageMetadataCallbackHandler()
    with get_usage_metadata_callback() as found:
        config = {"callbacks": [counter]}
        if way == "invoke":
            model.invoke("x", config)
        elif way == "ainvoke":
            await model.ainvoke("x", config)
        elif way == "stream":
            list(model.stream("x", config))
        else:
            await create_agent(model, [add]).ainvoke({"messages": [("user", "x")]}, config)
    expected = {"a": 8 * a.calls, "b": 8 * b.calls}
    assert a.calls + b.calls >= 2
    for usage in (counter.usage_metadata, found.usage_metadata):
        assert {name: u["total_tokens"] for name, u in usage.items()} == expected


@pytest.mark.parametrize(("mode", "starts"), [("tracers", 1), ("all", 3), ("none", 1)])
def test_it_can_be_chosen_who_sees_samples(mode, starts):
    tree, plain = Tree(), Plain()
    message = ensemble(sample_callbacks=mode).invoke("x", {"callbacks": [tree, plain]})
    assert plain.events.count("start") == plain.events.count("end") == starts
    assert len(tree.roots[0].child_runs) == (0 if mode == "none" else 2)
    usages = [e.generations[0][0].message.usage_metadata for e in plain.ended]
    assert sum(u["total_tokens"] for u in usages if u) == 16
    assert message.usage_metadata["total_tokens"] == 8


def test_a_handler_may_ask_to_see_samples():
    class Curious(Plain):
        sees_samples = True

    curious = Curious()
    ensemble().invoke("x", {"callbacks": [curious]})
    assert curious.events.count("start") == 3


@pytest.mark.skipif(
    not hasattr(BaseCallbackHandler, "on_stream_event"), reason="events of streams came later"
)
@pytest.mark.parametrize("mode", ["tracers", "all", "none"])
def test_a_handler_hears_every_event_of_a_stream_and_one_end(mode):
    class Hears(BaseCallbackHandler):
        def __init__(self):
            self.events, self.ends = [], []

        def on_stream_event(self, event, **kwargs):
            self.events.append(event)

        def on_llm_end(self, response, *, run_id, parent_run_id=None, **kwargs):
            if parent_run_id is None:
                self.ends.append(run_id)

    hears, model = Hears(), ensemble("4 5", "4 5", rule="fixed:n=2", sample_callbacks=mode)
    events = list(model.stream_events("2 + 2?", config={"callbacks": [hears]}, version="v3"))
    assert hears.events == events
    assert len(hears.ends) == 1


def test_runs_collected_by_context_hold_their_samples():
    with collect_runs() as found:
        ensemble().invoke("x")
    assert [len(run.child_runs) for run in found.traced_runs] == [2]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_wrapped_chain_has_its_samples_as_children(asynchronous):
    tree = Tree()
    chain = AdaptiveEnsemble(
        ChatPromptTemplate.from_template("{q}") | Scripted(replies=["4"]) | StrOutputParser(),
        rule=AheadBy(2),
    )
    config = {"callbacks": [tree]}
    given = {"q": "2+2"}
    assert (
        await chain.ainvoke(given, config) if asynchronous else chain.invoke(given, config)
    ) == "4"
    (root,) = tree.roots
    assert root.name == "AdaptiveEnsemble"
    assert [child.name for child in root.child_runs] == ["RunnableSequence"] * 2
    assert tree.open == 0


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_samples_are_children_in_a_stream_of_protocol_events(asynchronous):
    tree = Tree()
    model, config = ensemble(), {"callbacks": [tree]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LangChain marks this stream as beta
        if asynchronous:
            stream = await model.astream_events("x", config, version="v3")
            text = await stream.text
        else:
            text = str(model.stream_events("x", config, version="v3").text)
    assert text == "4"
    (root,) = tree.roots
    assert [child.name for child in root.child_runs] == ["Scripted", "Scripted"]
    assert not usage_at(root)
    assert tree.open == 0


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_langsmith_is_told_of_every_sample_once(way, monkeypatch):
    client = MagicMock()
    tracer = LangChainTracer(client=client)
    chain = ChatPromptTemplate.from_template("{q}") | ensemble(concurrency=1)
    config, given = {"callbacks": [tracer]}, {"q": "2+2"}
    if way == "invoke":
        chain.invoke(given, config)
    elif way == "ainvoke":
        await chain.ainvoke(given, config)
    elif way == "stream":
        list(chain.stream(given, config))
    else:
        _ = [c async for c in chain.astream(given, config)]
    created = {c.kwargs["id"]: c.kwargs for c in client.create_run.call_args_list}
    updated = {c.kwargs["run_id"]: c.kwargs for c in client.update_run.call_args_list}
    assert created.keys() == updated.keys()
    (vote,) = [run for run in created.values() if run["name"] == NAME]
    samples = [run for run in created.values() if run["name"] == "Scripted"]
    assert [run["parent_run_id"] for run in samples] == [vote["id"]] * 2
    usages = {
        created[run_id]["name"]: (run["extra"].get("metadata") or {}).get("usage_metadata")
        for run_id, run in updated.items()
    }
    assert usages[NAME] is None
    assert usages["Scripted"]["total_tokens"] == 8


def test_no_call_adds_a_field_to_an_ensemble_or_a_member():
    """LangChain goes through the fields to describe a model: one that comes meanwhile is an error."""
    member = Scripted(replies=["5"])
    chat = AdaptiveEnsembleChat(members=[member.bind(stop=["."])], rule="fixed:n=3")
    fields = set(vars(chat)), set(vars(member))
    chat.invoke("?")
    list(chat.stream("?"))
    chat.batch(["?", "!"])
    assert (set(vars(chat)), set(vars(member))) == fields

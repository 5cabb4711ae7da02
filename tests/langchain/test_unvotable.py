"""Replies that cannot be voted on: which of them is given, and who says so."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.load import dumpd, load
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool

from bestofinf import Member, UsageError
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from langchain_bestofinf.tiny import TinyChat
from support.chat_members import Plain, Scripted, Tree
from support.clients import chat_openai, nothing_left_async
from support.stories import LONG, storyteller


def ensemble(*replies, **settings):
    settings.setdefault("concurrency", 1)
    return AdaptiveEnsembleChat([Scripted(replies=list(replies or LONG))], **settings)


def judge(*said):
    return Scripted(replies=list(said), model_name="judge")


def trace_of(message):
    return message.response_metadata["bestofinf"]


# -- over HTTP, with the client that people use -----------------------------------------------


async def through(model, how, question):
    match how:
        case "invoke":
            return await asyncio.to_thread(model.invoke, question)
        case "ainvoke":
            return await model.ainvoke(question)
        case "stream":
            chunks = await asyncio.to_thread(lambda: list(model.stream(question)))
        case "astream":
            chunks = [chunk async for chunk in model.astream(question)]
        case "abatch":
            config = {"max_concurrency": 1}
            (message,) = await model.abatch([question], config, budget=8)
            return message
        case "batch":
            config = {"max_concurrency": 1}
            (message,) = await asyncio.to_thread(model.batch, [question], config, budget=8)
            return message
    return sum(chunks[1:], chunks[0])


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream", "batch", "abatch"])
async def test_a_member_chooses_among_the_replies_and_all_of_it_is_counted(serve, how):
    server = serve(storyteller())
    async with nothing_left_async(), AsyncExitStack() as stack:
        client = await stack.enter_async_context(chat_openai(server, "m"))
        model = AdaptiveEnsembleChat([client], on_unvotable="choose", concurrency=1, usage="all")
        message = await through(model, how, "Tell me a story.")
        counts = server.counts
        await server.idle()
    told = trace_of(message)
    assert message.text.startswith("Story 1 ")
    assert told["answer"] is None
    assert told["n_samples"] == told["n_abstained"] == 8
    assert told["reason"].endswith("; chosen by the selector among 8")
    assert counts.started == counts.finished == 9
    assert message.usage_metadata["output_tokens"] == counts.completion_tokens
    assert told["usage_by_member"]["m"]["input_tokens"] == counts.prompt_tokens


async def test_the_chooser_gets_no_tools_and_none_of_the_settings(serve):
    @tool
    def look(place: str) -> str:
        """Look somewhere."""
        return place

    server = serve(storyteller())
    async with nothing_left_async(), AsyncExitStack() as stack:
        client = await stack.enter_async_context(chat_openai(server, "m"))
        model = AdaptiveEnsembleChat([client], on_unvotable="choose", temperature=0.7)
        await model.bind_tools([look]).ainvoke("Tell me a story.")
    asked, chosen = server.bodies[0], server.bodies[-1]
    assert [body["function"]["name"] for body in asked["tools"]] == ["look"]
    assert asked["temperature"] == 0.7
    assert chosen.keys() <= {"model", "messages", "stream"}
    (message,) = chosen["messages"]
    assert "Human: Tell me a story." in message["content"]


def test_it_may_be_given_in_a_binding_or_in_a_configuration():
    for message in (
        ensemble().bind(on_unvotable="medoid").invoke("x"),
        ensemble().invoke("x", {"configurable": {"bestofinf_on_unvotable": "medoid"}}),
    ):
        assert trace_of(message)["n_samples"] == 8
        assert "medoid of 8" in trace_of(message)["reason"]


def test_a_tiny_member_chooses_as_well_as_it_can():
    member = TinyChat(model="sum", seed=1)
    model = AdaptiveEnsembleChat([member], answer=lambda text: None, on_unvotable="choose")
    told = trace_of(model.invoke("What is 12 + 30 + 41?"))
    assert told["n_abstained"] == 8
    assert told["winner_member"] == "sum"
    assert told["usage_by_member"]["sum"]["calls"] in (8, 9)  # it may not read such a question


# -- chains -----------------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_model_chooses_among_the_outputs_of_a_chain(asynchronous):
    member = Scripted(replies=LONG)
    chain = ChatPromptTemplate.from_template("{q}") | member | StrOutputParser()
    chooser = judge("2")
    model = AdaptiveEnsemble(chain, on_unvotable=chooser, include_trace=True, concurrency=1)
    found = await model.ainvoke({"q": "x"}) if asynchronous else model.invoke({"q": "x"})
    assert found["output"] == LONG[1]
    assert found["bestofinf"]["usage_by_member"]["judge"] == {
        "input_tokens": 5,
        "output_tokens": 3,
        "cost": 0.0,
        "calls": 1,
    }


def test_a_chain_does_not_choose_by_itself():
    chain = ChatPromptTemplate.from_template("{q}") | Scripted(replies=LONG) | StrOutputParser()
    with pytest.raises(UsageError, match="give a model for it, on_unvotable"):
        AdaptiveEnsemble(chain, on_unvotable="choose")
    with pytest.raises(UsageError, match="give a model for it, on_unvotable"):
        AdaptiveEnsemble(chain).invoke({"q": "x"}, on_unvotable="choose")
    assert AdaptiveEnsemble(chain, on_unvotable="medoid").invoke({"q": "x"}) in LONG


# -- who sees it --------------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_the_choice_is_a_child_run_that_no_stream_and_no_plain_handler_sees(asynchronous):
    tree, plain, usage = Tree(), Plain(), UsageMetadataCallbackHandler()
    model = ensemble(on_unvotable=judge("2"))
    config = {"callbacks": [tree, plain, usage]}
    if asynchronous:
        message = await model.ainvoke("x", config)
    else:
        message = model.invoke("x", config)
    (root,) = tree.roots
    assert len(root.child_runs) == 9
    assert "bestofinf:choice" in root.child_runs[-1].tags
    assert plain.events == ["start", "end"]
    assert plain.ended[0].generations[0][0].message.usage_metadata["total_tokens"] == 9 * 8
    assert message.usage_metadata["total_tokens"] == 8
    assert usage.usage_metadata["judge"]["total_tokens"] == 8
    assert usage.usage_metadata["scripted"]["total_tokens"] == 8 * 8
    events = [e async for e in model.astream_events("x", version="v2")]
    said = [e["data"]["chunk"].text for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(said) in LONG
    graph = create_agent(model, [])
    streamed = graph.astream({"messages": [("user", "x")]}, stream_mode="messages")
    assert "".join([chunk.text async for chunk, _ in streamed]) in LONG


@pytest.fixture
def cached():
    set_llm_cache(InMemoryCache())
    yield
    set_llm_cache(None)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_choice_from_a_cache_costs_nothing(cached, asynchronous):
    for settings in ({"on_unvotable": judge("2")}, {"escalate_to": judge("The answer is 7.")}):
        model = ensemble(**settings)
        first, again = [
            trace_of(await model.ainvoke("x") if asynchronous else model.invoke("x"))
            for _ in range(2)
        ]
        assert first["usage_by_member"]["judge"]["input_tokens"] == 5
        assert again["usage_by_member"]["judge"] == {
            "input_tokens": 0,
            "output_tokens": 0,
            "cost": 0.0,
            "calls": 0,
        }
        off = ensemble(sample_cache="off", **settings)
        for _ in range(2):
            assert trace_of(off.invoke("y"))["usage_by_member"]["judge"]["calls"] == 1


def test_it_is_written_read_and_shown():
    member = TinyChat(model="sum", seed=1)
    model = AdaptiveEnsembleChat([member], on_unvotable=TinyChat(model="mul"))
    assert "on_unvotable='choose:mul'" in repr(model)
    assert model._identifying_params["on_unvotable"] == "choose:mul"
    medoid = AdaptiveEnsembleChat([member], on_unvotable="medoid")
    written = dumpd(medoid)
    assert written["kwargs"]["on_unvotable"] == "medoid"
    assert "on_unvotable" not in repr(AdaptiveEnsembleChat([member]))


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
def test_a_chooser_is_read_again_as_a_member_is():
    from langchain_openai import ChatOpenAI

    client = ChatOpenAI(model="a", api_key="sk-1", base_url="http://127.0.0.1:1/v1")
    chooser = Member(client, name="mine")
    model = AdaptiveEnsembleChat([client], on_unvotable=chooser)
    written = dumpd(model)
    for text in (written, model.model_dump_json(), repr(model), model._get_llm_string()):
        assert "sk-1" not in str(text)
    assert model.model_dump()["on_unvotable"] == "choose:mine"
    again = load(
        written,
        secrets_map={"OPENAI_API_KEY": "sk-1"},
        valid_namespaces=["langchain_bestofinf"],
        allowed_objects="all",
    )
    assert again._identifying_params["on_unvotable"] == "choose:mine"
    assert again.unvotable().chooser.model.model_name == "a"


def test_the_history_is_part_of_the_question():
    chooser = judge("1")
    messages = [HumanMessage("I like horses."), HumanMessage("Tell me a story.")]
    ensemble(on_unvotable=chooser).invoke(messages)
    (asked,) = chooser._book["messages"]
    assert "I like horses." in asked[0].content

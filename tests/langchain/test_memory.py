"""Chains that remember: each sample goes on from the thread, and the thread keeps the winner's."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import HumanMessage
from langchain_core.runnables import ConfigurableField, RunnableLambda, RunnablePassthrough
from langchain_core.runnables.history import RunnableWithMessageHistory
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from bestofinf.errors import UsageError
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from support.chat_members import Scripted

THREAD: Any = {"configurable": {"thread_id": "1"}}


def seen(model: Scripted) -> list[int]:
    """Return how many messages each request had."""
    return [len(messages) for messages in model._book["messages"]]


def last(state: Any) -> str:
    return str(state["messages"][-1].content)


def said(text: str) -> dict[str, Any]:
    return {"messages": [HumanMessage(text)]}


def asked(vote: AdaptiveEnsemble, way: str, given: Any, config: Any) -> Any:
    if way == "threads":
        return vote.invoke(given, config)
    return asyncio.run(vote.ainvoke(given, config))


@pytest.mark.parametrize("way", ["threads", "tasks"])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_samples_of_an_agent_go_on_from_the_thread_and_the_winner_is_kept(
    way: str, concurrency: int
) -> None:
    model = Scripted(replies=["The answer is 5."])
    agent = create_agent(model, [], checkpointer=InMemorySaver())
    vote = AdaptiveEnsemble(agent | last, rule="fixed:n=4", concurrency=concurrency)
    assert asked(vote, way, said("2+3?"), THREAD) == "The answer is 5."
    assert asked(vote, way, said("Sure?"), THREAD) == "The answer is 5."
    assert seen(model) == [1] * 4 + [3] * 4
    kept = [message.content for message in agent.get_state(THREAD).values["messages"]]
    assert kept == ["2+3?", "The answer is 5.", "Sure?", "The answer is 5."]


def test_the_state_that_is_kept_is_that_of_the_winner() -> None:
    model = Scripted(replies=["The answer is 1.", "The answer is 2.", "The answer is 2."])
    agent = create_agent(model, [], checkpointer=InMemorySaver())
    vote = AdaptiveEnsemble(agent | last, rule="fixed:n=3", concurrency=1)
    assert vote.invoke(said("?"), THREAD) == "The answer is 2."
    assert last(agent.get_state(THREAD).values) == "The answer is 2."
    history = [*agent.get_state_history(THREAD)]
    alone = create_agent(Scripted(replies=["2"]), [], checkpointer=InMemorySaver())
    alone.invoke(said("?"), THREAD)
    assert len(history) == len([*alone.get_state_history(THREAD)])


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning")
@pytest.mark.parametrize("way", ["threads", "tasks"])
def test_samples_have_a_history_of_messages_each(way: str) -> None:
    model, history = Scripted(replies=["4"]), InMemoryChatMessageHistory()
    chain = RunnableWithMessageHistory(model, lambda session_id: history)
    vote = AdaptiveEnsemble(chain, rule="fixed:n=3")
    config = {"configurable": {"session_id": "s"}}
    assert asked(vote, way, "2+2?", config).content == "4"
    assert asked(vote, way, "Sure?", config).content == "4"
    assert seen(model) == [1] * 3 + [3] * 3
    assert [message.content for message in history.messages] == ["2+2?", "4", "Sure?", "4"]


def test_a_graph_out_of_reach_is_refused_with_what_to_do() -> None:
    agent = create_agent(Scripted(replies=["4"]), [], checkpointer=InMemorySaver())
    vote = AdaptiveEnsemble(RunnableLambda(lambda given: last(agent.invoke(given))))
    with pytest.raises(UsageError, match="put the vote into the graph"):
        vote.invoke(said("?"), THREAD)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_interrupts_of_a_step_pause_the_graph_and_all_samples_are_resumed(concurrency: int) -> None:
    def ask(_: object) -> str:
        return f"{interrupt('name?')} of {interrupt('place?')}"

    vote = AdaptiveEnsemble(ask, rule="fixed:n=3", concurrency=concurrency)
    node = lambda state: {"messages": [("ai", vote.invoke("x") + interrupt("more?"))]}  # noqa: E731
    graph = StateGraph(MessagesState).add_node("n", node).add_edge(START, "n")
    paused = graph.compile(checkpointer=InMemorySaver())
    assert paused.invoke({"messages": []}, THREAD)["__interrupt__"][0].value == "name?"
    assert paused.invoke(Command(resume="Ann"), THREAD)["__interrupt__"][0].value == "place?"
    assert paused.invoke(Command(resume="Oz"), THREAD)["__interrupt__"][0].value == "more?"
    assert last(paused.invoke(Command(resume="!"), THREAD)) == "Ann of Oz!"


def test_what_a_caller_configures_reaches_the_members_wherever_the_call_is_made() -> None:
    members = Scripted(replies=["cheap"]).configurable_alternatives(
        ConfigurableField(id="llm"), default_key="cheap", good=Scripted(replies=["good"])
    )
    model = AdaptiveEnsembleChat([members], rule="fixed:n=1")
    config: Any = {"configurable": {"llm": "good"}}

    async def asynchronous() -> list[Any]:
        return [
            (await model.ainvoke("x", config)).content,
            "".join([str(chunk.text) async for chunk in model.astream("x", config)]),
            (await model.abatch(["x"], config))[0].content,
            (await model.abatch(["x"], config, budget=1, rule="exhaustive"))[0].content,
        ]

    told = [
        (RunnablePassthrough() | model).invoke("x", config).content,
        model.invoke("x", config).content,
        "".join(str(chunk.text) for chunk in model.stream("x", config)),
        model.batch(["x"], config)[0].content,
        model.batch(["x"], config, budget=1, rule="exhaustive")[0].content,
        model.with_config(config).invoke("x").content,
        *asyncio.run(asynchronous()),
    ]
    assert Counter(told) == {"good": 10}
    assert model.invoke("x").content == "cheap"

"""Agents and graphs: a tool runs once a step, after the vote."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import BaseModel

from bestofinf.rules import AheadBy, FixedSamples
from langchain_bestofinf import AdaptiveEnsembleChat
from support.backends import EchoBackend
from support.chat_members import Scripted, calling
from support.clients import chat_openai


class Counted:
    """A tool that counts what it is asked to do."""

    def __init__(self) -> None:
        self.done: list[tuple[int, int]] = []

        @tool
        def add(a: int, b: int) -> int:
            """Add two numbers."""
            self.done.append((a, b))
            return a + b

        self.tool = add


def voter() -> Scripted:
    """Return a member that asks for a sum, is wrong now and then, and then tells it."""
    call, wrong = calling("add", a=2, b=2), calling("add", a=2, b=3)

    class Voter(Scripted):
        def _begin(self, messages, kwargs):
            super()._begin(messages, kwargs)
            if isinstance(messages[-1], ToolMessage):
                return f"The answer is {messages[-1].content}.", 0.0
            return (wrong if self.calls % 3 == 0 else call), 0.0

    return Voter(replies=["unused"])


def ensemble(**settings: Any) -> tuple[Scripted, AdaptiveEnsembleChat]:
    member = voter()
    return member, AdaptiveEnsembleChat([member], **{"rule": FixedSamples(5), **settings})


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_an_agents_tool_runs_once_a_step(way):
    counted = Counted()
    member, model = ensemble()
    agent = create_agent(model, [counted.tool])
    question = {"messages": [("user", "2+2?")]}
    if way == "invoke":
        result = agent.invoke(question)
    elif way == "ainvoke":
        result = await agent.ainvoke(question)
    elif way == "stream":
        result = list(agent.stream(question, stream_mode="values"))[-1]
    else:
        result = [s async for s in agent.astream(question, stream_mode="values")][-1]
    assert counted.done == [(2, 2)]
    assert member.calls == 10
    assert [type(m).__name__ for m in result["messages"]] == [
        "HumanMessage",
        "AIMessage",
        "ToolMessage",
        "AIMessage",
    ]
    assert result["messages"][-1].text == "The answer is 4."


async def test_a_graphs_tool_runs_once_a_step():
    counted = Counted()
    _, model = ensemble()
    bound = model.bind_tools([counted.tool])

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    graph = (
        StateGraph(MessagesState)
        .add_node("ask", ask)
        .add_node("tools", ToolNode([counted.tool]))
        .add_edge(START, "ask")
        .add_conditional_edges("ask", tools_condition)
        .add_edge("tools", "ask")
        .compile()
    )
    result = await graph.ainvoke({"messages": [("user", "2+2?")]})
    assert counted.done == [(2, 2)]
    assert result["messages"][-1].text == "The answer is 4."


def test_calls_are_voted_on_as_a_multiset_whatever_their_ids_and_order():
    def both(first: str, second: str, *orders: int) -> AIMessage:
        calls = [
            {"name": "add", "args": {"a": 1, "b": 2}, "id": first},
            {"name": "add", "args": {"b": 4, "a": 3}, "id": second},
        ]
        return AIMessage("", tool_calls=[calls[i] for i in orders])

    replies = [both("1", "2", 0, 1), both("3", "4", 1, 0), both("5", "6", 0, 0)]
    model = AdaptiveEnsembleChat([Scripted(replies=replies)], rule=FixedSamples(3), concurrency=1)
    message = model.bind_tools([Counted().tool]).invoke("x")
    assert sorted(message.response_metadata["bestofinf"]["votes"].values()) == [1, 2]
    assert [c["id"] for c in message.tool_calls] == ["1", "2"]


def test_an_argument_left_at_its_default_is_no_difference():
    @tool
    def search(text: str, limit: int = 10) -> str:
        """Search."""
        return text

    replies = [calling("search", text="a"), calling("search", text="a", limit=10)]
    model = AdaptiveEnsembleChat([Scripted(replies=replies)], rule=FixedSamples(2))
    message = model.bind_tools([search]).invoke("x")
    assert list(message.response_metadata["bestofinf"]["votes"].values()) == [2]


def test_calls_that_cannot_be_read_abstain():
    broken = AIMessage(
        "The answer is 5.",
        invalid_tool_calls=[{"name": "add", "args": "{", "id": "1", "error": None}],
    )
    model = AdaptiveEnsembleChat(
        [Scripted(replies=[broken, broken, calling("add", a=2, b=2)])],
        rule=FixedSamples(3),
        concurrency=1,
        abstain_limit=3,
    )
    message = model.bind_tools([Counted().tool]).invoke("x")
    assert message.tool_calls
    assert message.response_metadata["bestofinf"]["n_abstained"] == 2


class Sum(BaseModel):
    """A sum."""

    total: int


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@pytest.mark.parametrize("strategy", [Sum, ToolStrategy(Sum), ProviderStrategy(Sum)])
async def test_an_agent_gives_a_structured_response(serve, strategy):
    server = serve(EchoBackend())
    async with chat_openai(server, "a") as a, chat_openai(server, "b") as b:
        model = AdaptiveEnsembleChat([a, b], rule=AheadBy(2))
        # The client refuses an empty list of tools beside a schema of the provider's own.
        tools = [Counted().tool] if isinstance(strategy, ProviderStrategy) else []
        agent = create_agent(model, tools, response_format=strategy)
        result = await agent.ainvoke({"messages": [("user", "2+2?")]})
    assert isinstance(result["structured_response"], Sum)


async def test_a_fallback_around_an_ensemble_still_binds_tools():
    _, model = ensemble()
    with_fallback = model.with_fallbacks([Scripted(replies=["4"])])
    message = await with_fallback.bind_tools([Counted().tool]).ainvoke("2+2?")
    assert message.tool_calls[0]["args"] == {"a": 2, "b": 2}

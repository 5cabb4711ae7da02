"""LangGraph's interrupts within a vote: the graph pauses, and goes on for every sample."""

import asyncio

import pytest

pytest.importorskip("langgraph")

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from langchain_bestofinf import AdaptiveEnsemble


def graph(step, asynchronous):
    def node(state):
        return {"messages": [("ai", str(step.invoke("x")))]}

    async def anode(state):
        return {"messages": [("ai", str(await step.ainvoke("x")))]}

    builder = StateGraph(MessagesState).add_node("n", anode if asynchronous else node)
    return builder.add_edge(START, "n").compile(checkpointer=InMemorySaver())


def run(made, given, asynchronous):
    config = {"configurable": {"thread_id": "1"}}
    if asynchronous:
        return asyncio.run(made.ainvoke(given, config))
    return made.invoke(given, config)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "tasks"])
@pytest.mark.parametrize("samples", [1, 2, 6])
def test_a_step_that_interrupts_pauses_the_graph_and_is_answered_once_for_all_samples(
    samples, asynchronous
):
    begun = []

    def ask(_):
        begun.append(1)
        first = interrupt("sure?")
        return f"{first}, {interrupt('really?')}"

    step = AdaptiveEnsemble(ask, rule=f"fixed:n={samples}", answer="text")
    made = graph(step, asynchronous)
    paused = run(made, {"messages": []}, asynchronous)
    assert [one.value for one in paused["__interrupt__"]] == ["sure?"]
    assert len(begun) <= samples
    paused = run(made, Command(resume="yes"), asynchronous)
    assert [one.value for one in paused["__interrupt__"]] == ["really?"]
    done = run(made, Command(resume="of course"), asynchronous)
    assert done["messages"][-1].content == "yes, of course"
    assert "__interrupt__" not in done


def test_a_vote_outside_of_a_graph_knows_no_interrupts():
    step = AdaptiveEnsemble(lambda _: "4", rule="fixed:n=2", answer="text")
    assert step.invoke("x") == "4"

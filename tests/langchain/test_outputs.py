"""What of a chain's output votes: states of agents and graphs, messages, documents."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

from bestofinf import Member
from bestofinf.answers import JsonAnswer
from langchain_bestofinf import AdaptiveEnsemble
from langchain_bestofinf.outputs import read_value, without_ids
from support.chat_members import Scripted, calling

THREAD: Any = {"configurable": {"thread_id": "1"}}
ASKED = {"messages": [("user", "How far is it?")]}
REPLIES = ["The answer is 12.", "So it must be 40. The answer is 40.", "It is 12.\n\n**12**"]


def cycling(*values: Any) -> Any:
    given = itertools.cycle(values)
    return RunnableLambda(lambda _: next(given))


def said(text: str, **more: Any) -> AIMessage:
    """Return a message as a run makes it, with an id and metadata of its own."""
    usage = {"input_tokens": 5, "output_tokens": len(text), "total_tokens": 5 + len(text)}
    own = {"id": f"lc_run--{uuid.uuid4()}", "usage_metadata": usage}
    return AIMessage(text, response_metadata={"request": str(uuid.uuid4())}, **own, **more)


def votes(chain: Any, given: Any = "x", config: Any = None, **settings: Any) -> tuple[Any, Any]:
    """Return the output and how many answers there were among three samples."""
    settings = {"rule": "fixed:n=3", "concurrency": 1, **settings}
    vote = AdaptiveEnsemble(chain, include_trace=True, **settings)
    found = vote.invoke(given, config)
    return found["output"], len(found["bestofinf"]["votes"])


@pytest.mark.parametrize("seed", range(3))
def test_an_agent_votes_by_its_last_message(seed: int) -> None:
    model = Scripted(replies=REPLIES)
    output, answers = votes(create_agent(model, []), ASKED, seed=seed)
    assert answers == 2
    assert output["messages"][-1].text in (REPLIES[0], REPLIES[2])
    assert isinstance(output["messages"][0], HumanMessage), "the state is the agent's own"


@pytest.mark.parametrize("way", ["threads", "tasks"])
def test_agents_that_agree_are_not_asked_again(way: str) -> None:
    model = Scripted(replies=["The answer is 12."])
    vote = AdaptiveEnsemble(create_agent(model, []), concurrency=1)
    output = vote.invoke(ASKED) if way == "threads" else asyncio.run(vote.ainvoke(ASKED))
    assert output["messages"][-1].text == "The answer is 12."
    assert model.calls == 3


def test_an_agents_way_to_its_answer_does_not_vote_and_all_its_calls_are_counted() -> None:
    def distance(to: str) -> str:
        """Return how far it is."""
        return f"12 km to {to}"

    replies = [
        *(calling("distance", to="Oslo"), "The answer is 12."),
        *(calling("distance", to="Oslo, Norway"), "That makes 12 km. The answer is 12."),
        "The answer is 12.",
    ]
    model = Scripted(replies=replies)
    agent = Member(create_agent(model, [distance]), name="agent")
    vote = AdaptiveEnsemble(agent, rule="fixed:n=3", concurrency=1, include_trace=True)
    trace = vote.invoke(ASKED)["bestofinf"]
    assert len(trace["votes"]) == 1
    used = trace["usage_by_member"]["agent"]
    assert (used["calls"], used["input_tokens"], used["output_tokens"]) == (5, 25, 15)


def test_an_agent_with_a_thread_votes_and_the_thread_keeps_the_winner() -> None:
    model = Scripted(replies=REPLIES)
    agent = create_agent(model, [], checkpointer=InMemorySaver())
    for turn in (1, 2):
        output, answers = votes(agent, ASKED, THREAD)
        kept = agent.get_state(THREAD).values["messages"]
        assert answers == 2
        assert [m.text for m in kept] == [m.text for m in output["messages"]]
        assert len(kept) == 2 * turn


def test_a_graph_votes_by_the_message_that_it_adds_and_not_by_its_notes() -> None:
    class Notes(MessagesState):
        steps: int

    steps = itertools.count()
    texts = itertools.cycle(REPLIES)

    def node(state: Any) -> Any:
        return {"messages": [("ai", next(texts))], "steps": next(steps)}

    graph = StateGraph(Notes).add_node("n", node).add_edge(START, "n").compile()
    assert votes(graph, ASKED)[1] == 2


def test_free_text_of_an_agent_is_free_text_for_the_vote() -> None:
    poems = [f"It was a {word} and windy night when the sea began to sing." for word in "abc"]
    model = Scripted(replies=poems)
    output = AdaptiveEnsemble(create_agent(model, [])).invoke(ASKED)
    assert output["messages"][-1].text == poems[0]
    assert AdaptiveEnsemble(create_agent(model, []), answer=len, rule="fixed:n=2").invoke(ASKED)


def test_a_message_that_was_given_is_no_answer() -> None:
    histories: list[list[Any]] = [
        [("user", "2+2?"), ("ai", "4")],
        [HumanMessage("2+2?"), said("4")],
    ]
    for history in histories:
        grade = cycling(1, 2, 2)
        output, answers = votes(RunnablePassthrough.assign(grade=grade), {"messages": history})
        assert (output["grade"], answers) == (2, 2)


def test_an_agent_may_say_again_what_it_said_before() -> None:
    history = [("user", "2+2?"), ("ai", "The answer is 4."), ("user", "Sure?")]
    model = Scripted(replies=["The answer is 4.", "Yes. The answer is 4."])
    assert votes(create_agent(model, []), {"messages": history})[1] == 1


class City(BaseModel):
    """A city."""

    city: str
    why: str = ""


def choosing(*cities: tuple[str, str]) -> Any:
    replies = [calling("City", str(i), city=c, why=why) for i, (c, why) in enumerate(cities)]
    return create_agent(Scripted(replies=replies), [], response_format=ToolStrategy(City))


def test_a_structured_response_votes_for_its_agent() -> None:
    output, answers = votes(choosing(("Bonn", ""), ("Oslo", ""), ("Oslo", "")), ASKED)
    assert (output["structured_response"], answers) == (City(city="Oslo"), 2)


def test_a_response_composed_by_field_is_returned_in_the_state() -> None:
    agent = choosing(("Bonn", "a"), ("Oslo", "b"), ("Oslo", "a"), ("Rome", "a"), ("Oslo", "c"))
    answer = JsonAnswer(fields=["city", "why"], schema=City)
    output, _ = votes(agent, ASKED, answer=answer, rule="fixed:n=5")
    assert output["structured_response"] == City(city="Oslo", why="a")
    one_each = choosing(("Oslo", "a"), ("Oslo", "b"), ("Bonn", "b"))
    output, _ = votes(one_each, ASKED, answer=answer)
    assert output["structured_response"] == City(city="Oslo", why="b")
    assert output["messages"][0].text == "How far is it?"


@pytest.mark.parametrize("answer", [JsonAnswer(fields=["score"]), JsonAnswer(ignore=["messages"])])
def test_fields_of_a_state_vote_where_they_are_named(answer: Any) -> None:
    states = [{"messages": [said(text)], "score": n} for text, n in (("a", 1), ("b", 2), ("c", 2))]
    output, answers = votes(cycling(*states), answer=answer)
    assert (output["score"], answers) == (2, 2)
    assert votes(cycling(*states))[1] == 3


def test_a_paused_graph_votes_by_what_it_asks() -> None:
    def ask(state: Any) -> Any:
        return {"messages": [("ai", interrupt(next(questions)))]}

    graph = StateGraph(MessagesState).add_node("n", ask).add_edge(START, "n")
    questions = itertools.cycle(["Who?", "Where?", "Where?"])
    output, answers = votes(graph.compile(checkpointer=InMemorySaver()), ASKED, THREAD)
    assert (output["__interrupt__"][0].value, answers) == ("Where?", 2)


class Held(BaseModel):
    """A model with a message within."""

    message: Any


@dataclass
class Plane:
    """The same without pydantic."""

    message: Any


def thought() -> dict[str, str]:
    return {"type": "thinking", "thinking": str(uuid.uuid4())}


WITHIN: dict[str, Any] = {
    "list": lambda text: [said("Hm."), said(text)],
    "pair": lambda text: (said(text), 1),
    "mapping": lambda text: {"a": {"b": [said(text)]}, "n": 1},
    "model": lambda text: Held(message=said(text)),
    "dataclass": lambda text: Plane(said(text)),
    "chunk": lambda text: [AIMessageChunk(text, id=str(uuid.uuid4()))],
    "document": lambda text: [Document(text, id=str(uuid.uuid4()), metadata={"page": 1})],
    "tool": lambda text: [ToolMessage(text, tool_call_id=str(uuid.uuid4()))],
    "raw": lambda text: {"raw": said("Hm."), "parsed": {"x": text}, "parsing_error": None},
    "thoughts": lambda text: [AIMessage([thought(), {"type": "text", "text": text}])],
}


@pytest.mark.parametrize("kind", WITHIN)
def test_messages_and_documents_within_an_output_agree_whatever_their_ids(kind: str) -> None:
    make = WITHIN[kind]
    outputs = [make(text) for text in ("five", "four", "four")]
    output, answers = votes(cycling(*outputs))
    assert answers == 2
    assert output is outputs[1] or output is outputs[2]


def test_models_side_by_side_vote_together() -> None:
    pair = RunnableParallel(a=Scripted(replies=["1", "2", "2"]), b=Scripted(replies=["3"]))
    output, answers = votes(pair)
    assert ((output["a"].text, output["b"].text), answers) == (("2", "3"), 2)


def test_raw_and_parsed_vote_as_in_a_chat_model() -> None:
    replies = [
        calling("City", str(i), city=city) for i, city in enumerate(("Bonn", "Oslo", "Oslo"))
    ]
    chain = Scripted(replies=replies).with_structured_output(City, include_raw=True)
    output, answers = votes(chain)
    assert (output["parsed"], answers) == (City(city="Oslo"), 2)
    assert output["raw"].tool_calls[0]["args"] == {"city": "Oslo"}
    assert votes(Scripted(replies=["hm"]).with_structured_output(City, include_raw=True))[1] == 0


PICTURE = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([said("4")], [HumanMessage("4")]),
        ([said("4")], [said("4"), said("4")]),
        ([said("2"), said("4")], [said("3"), said("4")]),
        ([calling("add", a=1)], [calling("add", a=2)]),
        ([calling("add", a=1)], [calling("sub", a=1)]),
        ([calling("add", a=1)], [AIMessage("")]),
        ([AIMessage([PICTURE])], [AIMessage([{**PICTURE, "base64": "aG8="}])]),
        ([Document("a", metadata={"page": 1})], [Document("a", metadata={"page": 2})]),
        ({"a": said("4"), "b": 1}, {"a": said("4"), "b": 2}),
        ({"a": said("4")}, {"b": said("4")}),
        ({"messages": [said("4")], "structured_response": 1}, {"messages": [said("4")]}),
        ({"messages": ["2", "4"]}, {"messages": ["3", "4"]}),
        (
            {"messages": [said("2"), HumanMessage("4")]},
            {"messages": [said("3"), HumanMessage("4")]},
        ),
        ({"id": "1"}, {"id": "2"}),
    ],
)
def test_outputs_that_differ_in_content_do_not_agree(first: Any, second: Any) -> None:
    assert votes(cycling(first, second, second))[1] == 2


def test_an_output_without_messages_is_voted_on_as_it_is() -> None:
    for output in ({"a": [1, (2,)]}, [1], Held(message=1), Plane(2), {1, 2}, {1: 2}, 3):
        assert without_ids(output) is output
        assert read_value(output).parsed is output


def test_an_output_without_an_end_is_returned() -> None:
    cycle: dict[str, Any] = {"message": said("4")}
    cycle["itself"] = [cycle, cycle]
    output, answers = votes(cycling(cycle))
    assert output is cycle
    assert answers == 0


class Own(BaseMessage):
    """A message of a class that LangChain does not know."""

    type: str = "own"


def test_messages_of_any_class_vote() -> None:
    outputs = [[Own("a", id=str(n))] for n in range(3)]
    assert votes(cycling(*outputs))[1] == 1

"""Calls are voted on as the tools of the request have them."""

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_bestofinf import AdaptiveEnsembleChat
from support.chat_members import Scripted, calling


@tool
def known(x: str) -> str:
    """Know something."""
    return x


@tool
def search(query: str, k: int = 3) -> str:
    """Search for something."""
    return query


def call(name, **args):
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "i"}])


def asked(*replies, **settings):
    model = AdaptiveEnsembleChat([Scripted(replies=list(replies))], concurrency=1, **settings)
    return model.bind_tools([known, search]).invoke("q")


@pytest.mark.parametrize(
    "vain", [call("missing"), call("known"), call("known", x=[1]), call("search", query="a", k="x")]
)
def test_calls_that_cannot_be_carried_out_do_not_win(vain):
    message = asked(vain, vain, call("known", x="a"), rule="fixed:n=3")
    assert [c["args"] for c in message.tool_calls] == [{"x": "a"}]
    assert message.response_metadata["bestofinf"]["n_abstained"] == 2


def test_free_text_does_not_part_votes_and_the_first_call_of_the_winner_is_made():
    queries = ("oslo weather", "the weather in oslo", "weather of oslo today")
    message = asked(*(call("search", query=query) for query in queries))
    told = message.response_metadata["bestofinf"]
    assert message.tool_calls[0]["args"] == {"query": queries[0]}
    assert told["votes"] == {'[{"args":{"k":3},"name":"search"}]': told["n_samples"]}


def test_tools_that_no_schema_tells_of_are_not_refused():
    model = AdaptiveEnsembleChat([Scripted(replies=[call("other", x=1)])], rule="fixed:n=2")
    message = model.invoke("q", tools=[{"type": "web_search"}])
    assert message.response_metadata["bestofinf"]["n_abstained"] == 0


@pytest.mark.parametrize("voted", [False, True])
def test_what_was_bound_before_is_not_sent_with_what_is_bound_now(voted):
    class Person(BaseModel):
        """A person."""

        name: str

    member, higher = (Scripted(replies=[calling("Person", name="Ann")]) for _ in range(2))
    settings = {"rule": "fixed:n=1", "escalate_to": higher, "min_confidence": 0.99}
    model = AdaptiveEnsembleChat([member], **settings) if voted else member
    bound = model.bind_tools([known])
    assert bound.with_structured_output(Person).invoke("q") == Person(name="Ann")
    bound.bind_tools([search]).invoke("q")
    for asked in (member, higher) if voted else (member,):
        sent = [[t["function"]["name"] for t in kwargs["tools"]] for kwargs in asked.kwargs_seen]
        assert sent == [["Person"], ["search"]]


def test_whom_a_question_escalates_to_has_its_tools_after_questions_without():
    higher = Scripted(replies=["sure"])
    model = AdaptiveEnsembleChat(
        [Scripted(replies=["a", "b"])], rule="fixed:n=2", min_confidence=0.99, escalate_to=higher
    )
    model.invoke("q")
    model.bind_tools([known]).invoke("q")
    model.invoke("q")
    assert ["tools" in kwargs for kwargs in higher.kwargs_seen] == [False, True, False]

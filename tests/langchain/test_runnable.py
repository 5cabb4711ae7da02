"""Any chain as a member: input and output are the chain's own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel

from bestofinf import Member, NoConsensusError, UsageError
from bestofinf.rules import AheadBy, FixedSamples
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from support.chat_members import Plain, Scripted

PROMPT = ChatPromptTemplate.from_template("{q}")


def chain(*replies, parser=None):
    return PROMPT | Scripted(replies=list(replies)) | (parser or StrOutputParser())


def cycling(*values):
    given = iter(values * 100)
    return RunnableLambda(lambda _: next(given))


def test_a_chain_as_a_whole_becomes_one_vote():
    model = AdaptiveEnsemble(chain("5", "4", "4", "4"), rule=AheadBy(2))
    assert model.invoke({"q": "2+2"}) == "4"


@pytest.mark.parametrize("way", ["ainvoke", "batch", "abatch", "stream", "astream"])
async def test_every_way_of_calling(way):
    model = AdaptiveEnsemble(chain("4"), rule=AheadBy(2))
    given = {"q": "2+2"}
    if way == "ainvoke":
        found = await model.ainvoke(given)
    elif way == "batch":
        found = model.batch([given])[0]
    elif way == "abatch":
        found = (await model.abatch([given]))[0]
    elif way == "stream":
        found = "".join(model.stream(given))
    else:
        found = "".join([piece async for piece in model.astream(given)])
    assert found == "4"


class Point(BaseModel):
    """A point."""

    x: int


@dataclass(frozen=True)
class Plane:
    """No model."""

    x: int


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("5", "4"),
        (5, 4),
        (True, False),
        ({"a": [1, 2]}, {"a": [1]}),
        ([1, 2], [1]),
        (Point(x=5), Point(x=4)),
        (Plane(x=5), Plane(x=4)),
        (AIMessage("5"), AIMessage("4")),
    ],
)
def test_any_output_is_voted_on_and_handed_out_as_it_came(wrong, right):
    model = AdaptiveEnsemble(cycling(wrong, right, right), rule=FixedSamples(3), concurrency=1)
    assert model.invoke("x") == right


def test_types_are_those_of_the_chain():
    bare = chain("4")
    model = AdaptiveEnsemble(bare)
    assert model.OutputType is bare.OutputType
    assert model.get_input_schema().model_fields.keys() == {"q"}
    assert model.get_output_schema() == bare.get_output_schema()


def test_it_composes_and_takes_settings():
    model = AdaptiveEnsemble(chain('{"a": 1}', parser=JsonOutputParser()), include_trace=True)
    whole = model | RunnableLambda(lambda found: found["bestofinf"]["n_samples"])
    assert whole.invoke({"q": "x"}, {"configurable": {"bestofinf": {"rule": "fixed:n=2"}}}) == 2
    assert model.invoke({"q": "x"}, rule=FixedSamples(1))["bestofinf"]["n_samples"] == 1
    assert model.bind(max_samples=1).invoke({"q": "x"})["bestofinf"]["n_samples"] == 1


async def test_tokens_are_those_of_the_models_within():
    model = AdaptiveEnsemble(
        Member(chain("4"), name="c", price=(1.0, 0.0)), rule=FixedSamples(3), include_trace=True
    )
    for found in (model.invoke({"q": "x"}), await model.ainvoke({"q": "x"})):
        trace = found["bestofinf"]
        assert trace["usage_by_member"]["c"] == {
            "input_tokens": 15,
            "output_tokens": 9,
            "cost": 15.0,
            "calls": 3,
        }
        assert [sample["tokens"] for sample in trace["samples"]] == [3, 3, 3]


def test_several_chains_may_vote_with_weights():
    model = AdaptiveEnsemble(
        [Member(cycling("4"), weight=3.0, name="a"), Member(cycling("5"), name="b")],
        rule=FixedSamples(4),
    )
    assert model.member_names == ["a", "b"]
    assert model.invoke("x") == "4"


def test_the_decision_is_told_to_handlers():
    class Curious(Plain):
        def __init__(self):
            super().__init__()
            self.told = []

        def on_custom_event(self, name, data, **kwargs):
            if name == "bestofinf.decision":
                self.told.append(data)

    curious = Curious()
    AdaptiveEnsemble(chain("4"), rule=AheadBy(2)).invoke({"q": "2+2"}, {"callbacks": [curious]})
    (told,) = curious.told
    assert told["answer"] == "4"
    assert told["prompt"] == '{"q": "2+2"}'
    assert sorted(curious.events) == ["end"] * 2 + ["start"] * 2, "all handlers see the steps"


async def test_samples_do_not_leak_into_a_stream_of_events():
    model = AdaptiveEnsemble(chain("4"), rule=AheadBy(2))
    events = [e["event"] async for e in model.astream_events({"q": "x"}, version="v2")]
    assert "on_chat_model_start" not in events
    assert events.count("on_chain_start") == 1


def test_another_chain_is_asked_where_there_is_no_consensus():
    model = AdaptiveEnsemble(
        cycling("1", "2"), rule=FixedSamples(4), min_confidence=0.9, escalate_to=lambda _: "3"
    )
    assert model.invoke("x") == "3"
    alone = AdaptiveEnsemble(cycling("1", "2"), rule=FixedSamples(4), min_confidence=0.9)
    with pytest.raises(NoConsensusError):
        alone.invoke("x")


class Note(BaseMessage):
    """A message of a class that LangChain does not know."""

    type: str = "note"


CYCLE: dict[str, object] = {}
CYCLE["itself"] = CYCLE


@pytest.mark.parametrize(
    "given",
    [{(1, 2): 3}, {1: 2, "a": 3}, {None: 1, "a": 2}, CYCLE, {"messages": [Note("x")]}, [Note("x")]],
    ids=str,
)
def test_any_input_that_the_chain_takes_is_asked(given):
    voted = AdaptiveEnsemble(RunnableLambda(len), rule=FixedSamples(2))
    assert voted.invoke(given) == len(given)


def test_messages_of_any_class_are_asked():
    model = AdaptiveEnsembleChat([Scripted(replies=["4"])], rule="balanced")
    assert model.invoke([Note("2+2?")]).text == "4"
    assert [found.text for found in model.batch([[Note("2+2?")]] * 2, budget=9)] == ["4", "4"]


def test_what_is_no_chain_is_refused():
    with pytest.raises(UsageError, match="runnable or a function"):
        AdaptiveEnsemble(3)

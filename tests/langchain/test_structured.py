"""Structured output: the vote is on the objects."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TypedDict

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel, Field

from bestofinf import UsageError
from bestofinf.answers import JsonAnswer
from bestofinf.rules import FixedSamples
from langchain_bestofinf import AdaptiveEnsembleChat
from support.backends import EchoBackend, FunctionBackend
from support.chat_members import Plain, Scripted, calling
from support.clients import chat_openai
from support.request import RefusedRequest


class Person(BaseModel):
    """A person."""

    name: str = Field(description="First name.")
    age: int
    height: float = 1.7


def person_dict():
    class Person(TypedDict):
        """A person."""

        name: str
        age: int

    return Person


JSON_SCHEMA = {
    "title": "Person",
    "description": "A person.",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}


def saying(**fields):
    return calling("Person", **fields)


def ensemble(*replies, **settings):
    settings = {"rule": FixedSamples(len(replies)), "concurrency": 1, **settings}
    return AdaptiveEnsembleChat([Scripted(replies=list(replies))], **settings)


RIGHT, WRONG = saying(name="Ann", age=30), saying(name="Ann", age=31)
OTHER_WORDING = saying(age=30, name="Ann", height=1.7)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_equal_objects_are_one_vote_however_they_are_written(asynchronous):
    model = ensemble(WRONG, RIGHT, OTHER_WORDING).with_structured_output(Person, include_raw=True)
    found = await model.ainvoke("x") if asynchronous else model.invoke("x")
    assert found["parsed"] == Person(name="Ann", age=30)
    assert found["parsing_error"] is None
    trace = found["raw"].response_metadata["bestofinf"]
    assert sorted(trace["votes"].values()) == [1, 2]
    assert found["raw"].usage_metadata["total_tokens"] == 8


@pytest.mark.parametrize("schema", [person_dict(), JSON_SCHEMA])
def test_objects_without_a_class_are_dictionaries(schema):
    assert ensemble(RIGHT).with_structured_output(schema).invoke("x") == {"name": "Ann", "age": 30}


def test_sets_have_no_order_and_defaults_are_no_difference():
    schema = {
        "title": "Tags",
        "description": "Tags.",
        "type": "object",
        "properties": {
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "language": {"type": "string", "default": "en"},
        },
    }
    replies = [calling("Tags", tags=["a", "b"]), calling("Tags", tags=["b", "a"], language="en")]
    found = ensemble(*replies).with_structured_output(schema, include_raw=True).invoke("x")
    assert list(found["raw"].response_metadata["bestofinf"]["votes"].values()) == [2]


def test_every_way_of_calling_gives_the_object():
    model = ensemble(RIGHT).with_structured_output(Person)
    expected = Person(name="Ann", age=30)
    assert model.invoke("x") == expected
    assert model.batch(["x", "y"]) == [expected] * 2
    assert list(model.stream("x"))[-1] == expected


def test_there_is_one_model_run_and_it_names_the_schema():
    plain = Plain()
    ensemble(RIGHT, RIGHT).with_structured_output(Person).invoke("x", {"callbacks": [plain]})
    assert plain.events == ["start", "end"]
    assert plain.started[0]["options"]["ls_structured_output_format"]["schema"]["title"] == "Person"


def test_what_does_not_parse_abstains():
    broken = saying(name="Ann", age="thirty")
    model = ensemble(broken, RIGHT, AIMessage("I would rather not."), abstain_limit=3)
    found = model.with_structured_output(Person, include_raw=True).invoke("x")
    assert found["parsed"] == Person(name="Ann", age=30)
    assert found["raw"].response_metadata["bestofinf"]["n_abstained"] == 2


def test_some_objects_that_cannot_be_read_do_not_end_the_vote():
    broken = saying(name="Ann", age="thirty")
    model = ensemble(*[broken] * 4, RIGHT, rule="fixed:n=6").with_structured_output(Person)
    assert model.invoke("x") == Person(name="Ann", age=30)
    never = ensemble(broken).with_structured_output(Person, include_raw=True, rule="fixed:n=9")
    told = never.invoke("x")["raw"].response_metadata["bestofinf"]
    assert told["reason"] == "unvotable: 8 replies without an answer"
    few = ensemble(broken, abstain_limit=3).with_structured_output(Person, include_raw=True)
    assert few.invoke("x", rule="fixed:n=9")["raw"].response_metadata["bestofinf"]["n_samples"] == 3


def test_fields_may_be_voted_on_one_by_one():
    replies = [saying(name="Ann", age=31), saying(name="Bob", age=30), saying(name="Ann", age=30)]
    answer = JsonAnswer(fields=["name", "age"], schema=Person)
    model = ensemble(*replies[:2], saying(name="Cid", age=30), saying(name="Ann", age=29))
    found = model.with_structured_output(Person, answer=answer, include_raw=True).invoke("x")
    assert found["parsed"] == Person(name="Ann", age=30)
    assert found["raw"].response_metadata["bestofinf"]["answer"]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("behind", ["nothing", "fallbacks", "retries"])
async def test_arguments_reach_the_models_behind_a_schema(behind, asynchronous):
    member, spare = Scripted(replies=[ValueError("no")]), Scripted(replies=[RIGHT])
    wrapped = {
        "nothing": spare,
        "fallbacks": member.with_fallbacks([spare]),
        "retries": spare.with_retry(),
    }[behind]
    model = AdaptiveEnsembleChat([wrapped], max_samples=1, temperature=0.5)
    chain = model.with_structured_output(Person)
    found = await chain.ainvoke("x", stop=["q"]) if asynchronous else chain.invoke("x", stop=["q"])
    assert found == Person(name="Ann", age=30)
    for seen in member.kwargs_seen + spare.kwargs_seen:
        assert (seen["temperature"], seen["stop"]) == (0.5, ["q"])


def test_a_member_with_fallbacks_gives_structured_output_too():
    failing = Scripted(replies=[ValueError("no")])
    member = failing.with_fallbacks([Scripted(replies=[RIGHT])])
    model = AdaptiveEnsembleChat([member], rule=FixedSamples(2))
    assert model.with_structured_output(Person).invoke("x") == Person(name="Ann", age=30)


def test_the_message_keeps_no_trace_of_the_way_the_object_came():
    found = ensemble(RIGHT).with_structured_output(Person, include_raw=True).invoke("x")
    assert not found["raw"].additional_kwargs


SENT = {
    "json_mode": {"type": "json_object"},
    "json_schema": "json_schema",
    "function_calling": None,
}


@pytest.mark.parametrize("method", SENT)
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_the_arguments_of_structured_output_reach_every_fallback(serve, method, asynchronous):
    def reply(request):
        if request.model == "down":
            raise RefusedRequest("no such model", status=404)
        return EchoBackend().reply(request)

    server = serve(FunctionBackend(reply))
    async with AsyncExitStack() as stack:
        down, up = [
            await stack.enter_async_context(chat_openai(server, name)) for name in ("down", "up")
        ]
        model = AdaptiveEnsembleChat([down.with_fallbacks([up])], rule=FixedSamples(2))
        chain = model.with_structured_output(Person, method=method, include_raw=True)
        question = "Who? Say it in JSON with the keys 'name', 'age'."
        call = (
            chain.ainvoke(question) if asynchronous else asyncio.to_thread(chain.invoke, question)
        )
        found = await call
    assert found["raw"].response_metadata["bestofinf"]["n_samples"] == 2
    assert sorted(body["model"] for body in server.bodies) == ["down", "down", "up", "up"]
    for body in server.bodies:
        sent = body.get("response_format")
        assert sent == SENT[method] or sent["type"] == SENT[method]
        assert ("tools" in body) == (method == "function_calling")
    if method != "json_mode":  # which leaves the schema to the model
        assert isinstance(found["parsed"], Person)


@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: m.with_fallbacks([m])])
def test_arguments_that_a_member_does_not_take_are_refused_behind_fallbacks_too(wrap):
    model = AdaptiveEnsembleChat([wrap(Scripted(replies=[RIGHT]))])
    with pytest.raises(UsageError, match=r"no structured output.*unsupported arguments"):
        model.with_structured_output(Person, colour="red")


class WithoutRaw(Scripted):
    """A model that gives an object, and not the message it was read from."""

    def with_structured_output(self, schema):
        return super().with_structured_output(schema)


@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: m.with_fallbacks([m])])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_model_that_hides_its_messages_gives_objects_too(wrap, asynchronous):
    member = WithoutRaw(replies=[RIGHT, WRONG, OTHER_WORDING], tokens=(5, 3))
    model = AdaptiveEnsembleChat([wrap(member)], rule=FixedSamples(3), concurrency=1)
    chain = model.with_structured_output(Person, include_raw=True)
    found = await chain.ainvoke("x") if asynchronous else chain.invoke("x")
    assert found["parsed"] == Person(name="Ann", age=30)
    assert (found["raw"].text, found["parsing_error"]) == ("", None)
    trace = found["raw"].response_metadata["bestofinf"]
    assert sorted(trace["votes"].values()) == [1, 2]
    (usage,) = trace["usage_by_member"].values()
    assert (usage["calls"], usage["input_tokens"], usage["output_tokens"]) == (3, 15, 9)
    assert model.with_structured_output(Person).invoke("x") == Person(name="Ann", age=30)


def test_an_escalation_to_a_model_that_hides_its_messages_tells_what_it_cost():
    higher = WithoutRaw(replies=[RIGHT], tokens=(7, 2), model_name="higher")
    model = ensemble(RIGHT, WRONG, min_confidence=0.99, escalate_to=higher)
    found = model.with_structured_output(Person, include_raw=True).invoke("x")
    usage = found["raw"].response_metadata["bestofinf"]["usage_by_member"]["higher"]
    assert (usage["calls"], usage["input_tokens"], usage["output_tokens"]) == (1, 7, 2)

"""The identity law: an ensemble of one member with one sample behaves as the bare member."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from pydantic import BaseModel, Field

from langchain_bestofinf import AdaptiveEnsembleChat
from support.backends import EchoBackend, ScriptedBackend
from support.chat_members import Plain, Scripted, calling
from support.clients import chat_openai
from support.reply import Served

REPLIES = {
    "text": "The answer is 4.",
    "free text": "Once upon a time there was a number that nobody had asked for.",
    "empty": "",
    "words": "one  two\n three ",
    "tool call": calling("add", a=1, b=2),
    "raw calls": AIMessage(
        "Let me add.",
        additional_kwargs={
            "tool_calls": [
                {"id": str(b), "function": {"name": "add", "arguments": f'{{"a": 1, "b": {b}}}'}}
                for b in (2, 3)
            ]
        },
    ),
    "broken call": AIMessage(
        "hm",
        invalid_tool_calls=[{"name": "add", "args": '{"a": 1', "id": "1", "error": None}],
    ),
    "blocks": AIMessage([{"type": "text", "text": "The answer "}, {"type": "text", "text": "4"}]),
    "reasoning": AIMessage(
        [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "4"}],
    ),
    "rich": AIMessage(
        "4",
        name="bob",
        additional_kwargs={"refusal": None, "x": {"y": [1]}},
        response_metadata={"finish_reason": "stop", "logprobs": None},
        usage_metadata={
            "input_tokens": 9,
            "output_tokens": 4,
            "total_tokens": 13,
            "input_token_details": {"cache_read": 2},
            "output_token_details": {"reasoning": 3},
        },
    ),
}


class Sum(BaseModel):
    """A sum."""

    total: int = Field(description="The sum.")


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def told(message: AIMessage) -> dict[str, Any]:
    """Return what a message says, without ids of runs and the trace."""
    found = message.model_dump()
    found["response_metadata"].pop("bestofinf", None)
    if (found["id"] or "lc_run-").startswith("lc_run-"):
        del found["id"]
    return found


@pytest.fixture(params=REPLIES)
def pair(request):
    member = Scripted(replies=[REPLIES[request.param]])
    return member, AdaptiveEnsembleChat([member], max_samples=1)


def test_invoke(pair):
    bare, ensemble = pair
    assert told(ensemble.invoke("2+2?")) == told(bare.invoke("2+2?"))


async def test_ainvoke(pair):
    bare, ensemble = pair
    assert told(await ensemble.ainvoke("2+2?")) == told(await bare.ainvoke("2+2?"))


async def test_batches(pair):
    bare, ensemble = pair
    assert [told(m) for m in ensemble.batch(["a", "b"])] == [told(bare.invoke("a"))] * 2
    assert [told(m) for m in await ensemble.abatch(["a", "b"])] == [told(bare.invoke("a"))] * 2


async def test_a_stream_adds_up_to_the_message(pair):
    bare, ensemble = pair
    message = told(bare.invoke("2+2?"))
    message.pop("name")  # merging chunks drops it, in LangChain itself
    for chunks in (list(ensemble.stream("x")), [c async for c in ensemble.astream("x")]):
        total = chunks[0]
        for chunk in chunks[1:]:
            total += chunk
        found = told(total)
        assert found.pop("chunk_position") == "last"
        assert {k: v for k, v in found.items() if k in message and k != "type"} == {
            k: v for k, v in message.items() if k != "type"
        }
        assert len({chunk.id for chunk in chunks}) == 1


def test_a_plain_handler_sees_the_same(pair):
    seen = []
    for model in pair:
        plain = Plain()
        model.invoke("2+2?", {"callbacks": [plain], "tags": ["t"], "metadata": {"m": 1}})
        seen.append(plain)
    alone, voted = seen
    assert voted.events == alone.events
    assert voted.tokens == alone.tokens == []
    assert voted.started[0]["messages"] == alone.started[0]["messages"]
    assert voted.started[0]["tags"] == alone.started[0]["tags"]
    messages = [told(p.ended[0].generations[0][0].message) for p in seen]
    assert messages[0] == messages[1]


def test_arguments_reach_the_member():
    member = Scripted(replies=["4"])
    model = AdaptiveEnsembleChat([member], max_samples=1)
    for asked in (member, model):
        asked.invoke("x", stop=["a"], temperature=0.5, top_k=3, model="other")
    assert member.kwargs_seen[0] == member.kwargs_seen[1]


def test_it_composes_as_the_member(pair):
    bare, ensemble = pair
    assert (ensemble | StrOutputParser()).invoke("x") == (bare | StrOutputParser()).invoke("x")


def test_bound_tools_give_the_same():
    member = Scripted(replies=[calling("add", a=1, b=2)])
    model = AdaptiveEnsembleChat([member], max_samples=1)
    found = [m.bind_tools([add], tool_choice="any").invoke("x") for m in (member, model)]
    assert told(found[0]) == told(found[1])
    assert member.kwargs_seen[0] == member.kwargs_seen[1]


@pytest.mark.parametrize("include_raw", [False, True])
@pytest.mark.parametrize("reply", [calling("Sum", total=4), calling("Sum", total="x"), "4"])
def test_structured_output_gives_the_same(include_raw, reply):
    member = Scripted(replies=[reply])
    model = AdaptiveEnsembleChat([member], max_samples=1)
    found = []
    for asked in (member, model):
        chain = asked.with_structured_output(Sum, include_raw=include_raw)
        try:
            value = chain.invoke("x")
        except Exception as error:
            value = type(error), str(error)
        if include_raw:
            value = {
                **value,
                "raw": told(value["raw"]),
                "parsing_error": str(value["parsing_error"]),
            }
        found.append(value)
    assert found[0] == found[1]


def test_failures_have_the_members_error_as_cause():
    member = Scripted(replies=[KeyError("no key")])
    with pytest.raises(Exception, match="KeyError: 'no key'") as caught:
        AdaptiveEnsembleChat([member], max_samples=1).invoke("x")
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
async def test_the_law_holds_over_http(serve):
    server = serve(ScriptedBackend([Served("The answer is 4.", tokens=5)], cycle=True))
    async with chat_openai(server, "m") as bare:
        model = AdaptiveEnsembleChat([bare], max_samples=1)
        assert comparable(await model.ainvoke("x")) == comparable(await bare.ainvoke("x"))
        assert comparable(model.invoke("x")) == comparable(bare.invoke("x"))
    echo = serve(EchoBackend())
    async with chat_openai(echo, "m") as bare:
        model = AdaptiveEnsembleChat([bare], max_samples=1)
        for method in ("json_schema", "function_calling", "json_mode"):
            question = "Reply as JSON with the key 'total'."
            results = []
            for asked in (bare, model):
                chain = asked.with_structured_output(Sum, method=method, include_raw=True)
                found = await chain.ainvoke(question)
                results.append((comparable(found["raw"]), found["parsed"]))
            assert results[0] == results[1]


def comparable(message: AIMessage) -> dict[str, Any]:
    found = told(message)
    for name in ("id", "system_fingerprint"):
        found["response_metadata"].pop(name, None)
    for call in found["tool_calls"]:
        call.pop("id")
    found["additional_kwargs"].pop("tool_calls", None)
    return {k: v for k, v in found.items() if k != "id"}

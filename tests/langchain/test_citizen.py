"""What others read from an ensemble's messages: usage, the trace, and nothing that is internal."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from unittest.mock import Mock

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import (
    BaseCallbackHandler,
    BaseCallbackManager,
    get_usage_metadata_callback,
)
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.outputs import LLMResult
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.langchain import LangChainTracer
from langsmith.run_helpers import tracing_context
from pydantic import BaseModel

from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from support.chat_members import Scripted

KEY = "bestofinf"
SECRET = "bob@corp.com"


class Plain(BaseCallbackHandler):
    """Sees no samples."""

    def __init__(self) -> None:
        self.ended: list[Any] = []

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.ended.append(response.generations[0][0].message)  # type: ignore[union-attr]

    @property
    def usage(self) -> Any:
        return self.ended[-1].usage_metadata


class City(BaseModel):
    """A city."""

    city: str


def found(city: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "City", "args": {"city": city}, "id": "1"}])


@pytest.fixture
def cached() -> Any:
    set_llm_cache(InMemoryCache())
    yield
    set_llm_cache(None)


# -- usage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["tracers", "all", "none"])
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
def test_the_message_has_the_winners_usage_and_every_handler_counts_all_samples_once(
    mode: Any, way: str
) -> None:
    model, plain = (
        AdaptiveEnsembleChat([Scripted(replies=["4"])], rule="fixed:n=3", sample_callbacks=mode),
        Plain(),
    )

    async def streamed() -> Any:
        chunks = [chunk async for chunk in model.astream("x", config)]
        return sum(chunks[1:], chunks[0])

    config: Any = {"callbacks": [plain]}
    with get_usage_metadata_callback() as counter:
        if way == "invoke":
            message: Any = model.invoke("x", config)
        elif way == "ainvoke":
            message = asyncio.run(model.ainvoke("x", config))
        elif way == "stream":
            chunks = list(model.stream("x", config))
            message = sum(chunks[1:], chunks[0])
        else:
            message = asyncio.run(streamed())
    assert message.usage_metadata["total_tokens"] == 8
    seen = [(one.usage_metadata or {"total_tokens": 0})["total_tokens"] for one in plain.ended]
    assert seen == ([8, 8, 8, 0] if mode == "all" else [24])
    assert sum(usage["total_tokens"] for usage in counter.usage_metadata.values()) == 24


def test_who_bills_by_the_message_can_have_the_sum() -> None:
    model = AdaptiveEnsembleChat([Scripted(replies=["4"])], rule="fixed:n=3", usage="all")
    assert model.invoke("x").usage_metadata["total_tokens"] == 24  # type: ignore[index]


def test_an_ensemble_within_an_ensemble_is_counted_whole() -> None:
    inner = AdaptiveEnsembleChat([Scripted(replies=["4"])], rule="fixed:n=3")
    outer = AdaptiveEnsembleChat([inner], rule="fixed:n=2")
    plain = Plain()
    message = outer.invoke("x", {"callbacks": [plain]})
    (usage,) = message.response_metadata[KEY]["usage_by_member"].values()
    assert (usage["input_tokens"], usage["output_tokens"]) == (30, 18)
    assert plain.usage["total_tokens"] == 48
    chain = AdaptiveEnsemble(inner, rule="fixed:n=2", include_trace=True)
    (usage,) = chain.invoke("x")[KEY]["usage_by_member"].values()
    assert (usage["input_tokens"], usage["output_tokens"]) == (30, 18)


def test_a_conversation_is_not_taken_for_longer_than_it_is() -> None:
    def say(_: int) -> AIMessage:
        usage = {"input_tokens": 300, "output_tokens": 38, "total_tokens": 338}
        return AIMessage("4", usage_metadata=usage)  # type: ignore[arg-type]

    summarizer = Scripted(replies=["a summary"])
    guard = SummarizationMiddleware(summarizer, trigger=("tokens", 1000), keep=("messages", 1))
    model = AdaptiveEnsembleChat([Scripted(replies=say)], rule="fixed:n=6")
    agent = create_agent(model, [], middleware=[guard])
    state: Any = {"messages": []}
    for _ in range(3):
        state = agent.invoke({"messages": [*state["messages"], HumanMessage("2+2?")]})
    assert summarizer.calls == 0


@pytest.mark.parametrize("tokens", [None, (5, 3)])
def test_a_second_run_over_the_cache_costs_nothing_and_message_and_trace_agree(
    cached: Any, tokens: Any
) -> None:
    def model(samples: int) -> AdaptiveEnsembleChat:
        member = Scripted(replies=["4"], tokens=tokens)
        return AdaptiveEnsembleChat([member], rule=f"fixed:n={samples}", usage="all")

    model(2).invoke("x")
    mixed = model(6).invoke("x")
    again = model(6).invoke("x")
    for message, paid in ((mixed, 4), (again, 0)):
        told = message.response_metadata[KEY]
        (usage,) = told["usage_by_member"].values()
        assert told["votes"] == {"4": 6}
        assert usage["calls"] == paid
        said = (message.usage_metadata or {"total_tokens": 0})["total_tokens"]
        assert said == usage["input_tokens"] + usage["output_tokens"]


@pytest.mark.parametrize("cost", [None, 0, 0.0, 2, 0.25])
@pytest.mark.parametrize("usage", ["winner", "all"])
@pytest.mark.parametrize("from_cache", [False, True])
def test_a_stream_adds_up_whatever_a_reply_cost(
    cached: Any, cost: float | None, usage: Any, from_cache: bool
) -> None:
    tokens = {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}
    told: Any = tokens if cost is None else {**tokens, "total_cost": cost}
    member = Scripted(replies=[AIMessage("4", usage_metadata=told)])
    mode: Any = "indexed" if from_cache else "off"
    model = AdaptiveEnsembleChat(member, rule="fixed:n=2", usage=usage, sample_cache=mode)
    model.invoke("x")
    message = model.invoke("x")

    async def chunks() -> list[Any]:
        return [chunk async for chunk in model.astream("x")]

    for stream in ([*model.stream("x")], asyncio.run(chunks())):
        total = add_ai_message_chunks(*stream)
        assert total.text == message.text
        kept = {k: v for k, v in (message.usage_metadata or {}).items() if type(v) is not float}
        assert (total.usage_metadata or {}) == kept


# -- the trace ----------------------------------------------------------------------------------


def test_of_a_trace_in_counts_no_text_of_a_model_is_left() -> None:
    script = [f"It is {SECRET}.", "It is eve@corp.com.", f"It is {SECRET}.", ValueError(SECRET)]
    model = AdaptiveEnsembleChat(
        [Scripted(replies=script)], rule="fixed:n=3", trace="counts", concurrency=1
    )
    told = model.invoke("Whom to write to?").response_metadata[KEY]
    assert "corp" not in json.dumps(told)
    assert told["votes"] == {"1": 2, "2": 1}
    assert told["answer"] == 1
    assert [line["answer"] for line in told["samples"]] == [1, 2, 1]
    assert told["usage_by_member"]


def test_a_trace_that_is_off_is_nowhere() -> None:
    model = AdaptiveEnsembleChat([Scripted(replies=[found("Rome")])], rule="fixed:n=2", trace="off")
    assert KEY not in model.invoke("x").response_metadata
    raw = model.with_structured_output(City, include_raw=True).invoke("x")
    assert raw["parsed"] == City(city="Rome")  # type: ignore[index]
    assert KEY not in raw["raw"].response_metadata  # type: ignore[index]


@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_nobody_sees_the_object_on_its_way(way: str) -> None:
    plain = Plain()
    model = AdaptiveEnsembleChat([Scripted(replies=[found("Rome")])], rule="fixed:n=2")
    chain = model.with_structured_output(City)
    config: Any = {"callbacks": [plain]}

    async def events() -> list[Any]:
        return [event async for event in chain.astream_events("x", version="v2")]

    if way == "invoke":
        assert chain.invoke("x", config) == City(city="Rome")
    else:
        assert [*chain.stream("x", config)][-1] == City(city="Rome")
    assert all(message.additional_kwargs == {} for message in plain.ended)
    assert "Structured" not in str(plain.ended)
    told = asyncio.run(events())
    assert "Structured(" not in str([event["data"] for event in told])
    json.dumps(plain.ended[-1].response_metadata)


# -- who sees samples ---------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(("mode", "runs"), [("tracers", 4), ("none", 1)])
def test_none_hides_samples_from_langsmith_that_attaches_itself(
    monkeypatch: pytest.MonkeyPatch, mode: Any, runs: int, asynchronous: bool
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(LangChainTracer, "_persist_run_single", lambda self, run: seen.append(run))
    monkeypatch.setattr(LangChainTracer, "_update_run_single", lambda self, run: None)
    model = AdaptiveEnsembleChat([Scripted(replies=["4"])], rule="fixed:n=3", sample_callbacks=mode)
    with tracing_context(enabled=True, client=Mock()):
        _ = asyncio.run(model.ainvoke("x")) if asynchronous else model.invoke("x")
    assert len(seen) == runs
    assert sum(run.parent_run_id is None for run in seen) == 1


class Attaching(BaseTracer):
    """Attaches itself to every run, as the tracers of OpenInference and MLflow do."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def _persist_run(self, run: Any) -> None:
        pass

    def _end_trace(self, run: Any) -> None:
        super()._end_trace(run)
        self.seen.append(run)


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "chain", "achain"])
@pytest.mark.parametrize(("mode", "models"), [("tracers", 4), ("all", 4), ("none", 1)])
def test_a_tracer_that_attaches_itself_sees_the_samples_or_not_as_was_said(
    monkeypatch: pytest.MonkeyPatch, mode: Any, models: int, way: str
) -> None:
    tracer, begin = Attaching(), BaseCallbackManager.__init__

    def attached(self: BaseCallbackManager, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        if not any(isinstance(one, Attaching) for one in self.inheritable_handlers):
            self.add_handler(tracer, True)

    monkeypatch.setattr(BaseCallbackManager, "__init__", attached)
    model = AdaptiveEnsembleChat([Scripted(replies=["4"])], rule="fixed:n=3", sample_callbacks=mode)
    chain = RunnableLambda(str) | model
    if way == "invoke":
        model.invoke("x")
    elif way == "ainvoke":
        asyncio.run(model.ainvoke("x"))
    elif way == "stream":
        _ = [*model.stream("x")]
    elif way == "chain":
        chain.invoke("x")
    else:
        asyncio.run(chain.ainvoke("x"))
    runs = [run for run in tracer.seen if run.run_type in ("llm", "chat_model")]
    assert len(runs) == models
    roots = {run.trace_id for run in tracer.seen}
    assert len(roots) == 1
    counted = [run.outputs["generations"][0][0]["message"]["kwargs"] for run in runs]
    usages = [one.get("usage_metadata") or {} for one in counted]
    assert sum(usage.get("total_tokens", 0) for usage in usages) == 24


def test_handlers_of_tracing_products_see_samples_by_default() -> None:
    handler = type(
        "CallbackHandler", (Plain,), {"__module__": "langfuse.langchain.CallbackHandler"}
    )
    seen = handler()
    model = AdaptiveEnsembleChat([Scripted(replies=["4"])], rule="fixed:n=3")
    model.invoke("x", {"callbacks": [seen]})
    assert [bool(one.usage_metadata) for one in seen.ended] == [True, True, True, False]

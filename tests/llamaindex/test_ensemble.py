"""The ensemble as an LLM: settings, votes, failures, consensus, traces, events."""

from __future__ import annotations

import asyncio
import itertools
import pickle

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.base.llms.types import ToolCallBlock as Block
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMChatStartEvent
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

import llamaindex_bestofinf
from bestofinf import ConfidenceCalibration, Member, SamplingError, UsageError
from bestofinf.answers import JsonAnswer
from bestofinf.evaluation import Explore
from llamaindex_bestofinf import (
    AdaptiveEnsembleLLM,
    EnsembleEndEvent,
    EnsembleSampleEvent,
    EnsembleStartEvent,
)
from llamaindex_bestofinf.history import portable
from llamaindex_bestofinf.testing.endpoints import called, listening
from llamaindex_bestofinf.tiny import TinyLLM
from support.llm_members import IN, OUT, ScriptedLLM, tool_call

HELLO = [ChatMessage("What is 6 times 7?")]
RIGHT, WRONG = "The answer is 42.", "The answer is 40."


def voter(*said, **settings):
    settings.setdefault("rule", "fixed:n=6")
    return AdaptiveEnsembleLLM([ScriptedLLM(said or [WRONG, RIGHT, RIGHT])], **settings)


def trace_of(response):
    return response.additional_kwargs["bestofinf"]


# -- votes and traces -------------------------------------------------------------------------


async def test_the_trace_says_what_kind_of_call_it_was():
    for endpoint in ("chat", "achat", "stream_chat", "astream_chat"):
        last = (await called(voter(), endpoint, HELLO)).last
        trace = trace_of(last)
        assert trace["rule"].startswith("fixed")
        assert trace["kind"] == endpoint
        assert len(trace["call_id"]) == 32


def test_copies_share_the_weights_that_are_put_in_force():
    members = [ScriptedLLM([RIGHT], model="a"), ScriptedLLM([WRONG], model="b")]
    llm = AdaptiveEnsembleLLM(members, weights=[1, 0], rule="fixed:n=3")
    copy = llm.with_settings(max_samples=5)
    llm.reload([0, 1])
    assert copy.chat(HELLO).message.content == WRONG


def test_settings_change_in_a_copy():
    llm = voter(rule="exhaustive")
    copy = llm.with_settings(rule="fixed:n=4", sync_strategy="loop")
    assert trace_of(copy.chat(HELLO))["n_samples"] == 4
    assert copy.rule != llm.rule
    assert not llm._members[0].model.kwargs[-1]  # nothing of it reaches the members


def test_call_arguments_reach_the_members_and_their_own_win():
    model = ScriptedLLM([RIGHT])
    llm = AdaptiveEnsembleLLM(
        [Member(model, call_kwargs={"temperature": 0.9})], rule="fixed:n=1", seed=3
    )
    llm.chat(HELLO, temperature=0.1, top_p=0.5)
    assert model.kwargs == [{"temperature": 0.9, "top_p": 0.5}]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"members": ["gpt"]}, "must be a LlamaIndex LLM"),
        ({"members": "gpt"}, "valid list"),
        ({"escalate_to": "gpt"}, "escalate_to"),
    ],
)
def test_wrong_settings_are_refused_at_once(settings, message):
    settings = {"members": [ScriptedLLM()], **settings}
    with pytest.raises(UsageError, match=message):
        AdaptiveEnsembleLLM(**settings)


def test_wrong_changes_are_refused():
    llm = voter()
    for changes in ({"max_sample": 3}, {"members": []}, {"weights": [1]}, {"max_samples": "x"}):
        with pytest.raises(UsageError):
            llm.with_settings(**changes)
    with pytest.raises(UsageError):
        llm.chat(HELLO, rule="sometimes")


def test_metadata_suits_every_member():
    class Wide(ScriptedLLM):
        @property
        def metadata(self):
            return super().metadata.model_copy(update={"context_window": 100, "num_output": 900})

    members = [ScriptedLLM(model="a"), Wide(model="b", tools=False, chats=False)]
    metadata = AdaptiveEnsembleLLM(members).metadata
    assert (metadata.context_window, metadata.num_output) == (100, 900)
    assert metadata.is_chat_model
    assert not metadata.is_function_calling_model
    assert metadata.model_name == "bestofinf(a+b)"
    some = AdaptiveEnsembleLLM(members, tool_policy="capable_only")
    assert some.metadata.is_function_calling_model


def test_members_that_call_no_tools_sit_out_or_are_refused():
    text = ScriptedLLM([WRONG], model="text", tools=False)
    members = [ScriptedLLM([tool_call("add", a=1, b=2)]), text]
    found = AdaptiveEnsembleLLM(members, tool_policy="capable_only").chat_with_tools([], "?")
    assert [b.tool_name for b in found.message.blocks if isinstance(b, Block)] == ["add"]
    assert text.counts["started"] == 0
    with pytest.raises(UsageError, match="'text' cannot call tools"):
        AdaptiveEnsembleLLM(members).chat_with_tools([], "?")
    with pytest.raises(UsageError, match="no member can call tools"):
        AdaptiveEnsembleLLM([TinyLLM()], tool_policy="capable_only").chat_with_tools([], "?")


def test_tools_are_asked_of_members_that_do_not_know_whether_they_call_them():
    proxied = ScriptedLLM([tool_call("add", a=1, b=2)], tools=False)
    llm = AdaptiveEnsembleLLM([proxied])
    assert not llm.metadata.is_function_calling_model
    response = llm.chat_with_tools([], "?")
    (selection,) = llm.get_tool_calls_from_response(response)
    assert selection.tool_name == "add"


def test_tools_are_asked_of_members_by_their_methods_and_not_by_their_class():
    class Quacking(TinyLLM):
        @property
        def metadata(self):
            return super().metadata.model_copy(update={"is_function_calling_model": True})

        def chat_with_tools(self, tools, **kwargs):
            return ChatResponse(message=tool_call("add", a=1, b=2))

        def get_tool_calls_from_response(self, response, **kwargs):
            return ScriptedLLM().get_tool_calls_from_response(response, **kwargs)

    llm = AdaptiveEnsembleLLM([Quacking()])
    assert llm.metadata.is_function_calling_model
    response = llm.chat_with_tools([], "?")
    assert [call.tool_name for call in llm.get_tool_calls_from_response(response)] == ["add"]


def test_text_beside_a_broken_tool_call_does_not_vote():
    broken = ChatMessage(
        role="assistant",
        blocks=[Block(tool_name="add", tool_kwargs='{"a": 1'), *ChatMessage(WRONG).blocks],
    )
    llm = voter(broken, RIGHT, rule="fixed:n=4")
    trace = trace_of(llm.chat(HELLO))
    assert trace["votes"] == {"42": 2}
    assert trace["n_abstained"] == 2


def test_fields_are_voted_on_one_by_one():
    class Album(BaseModel):
        """An album."""

        name: str
        year: int

    said = [("A", 1), ("A", 2), ("B", 2), ("A", 2), ("B", 1), ("A", 2)]
    calls = [tool_call("Album", name=name, year=year) for name, year in said]
    for answer in (
        JsonAnswer(fields=["name", "year"], schema=Album),
        JsonAnswer(fields=["name", "year"]),
    ):
        llm = voter(*calls, answer=answer)
        album = llm.structured_predict(Album, PromptTemplate("Which?"))
        assert album == Album(name="A", year=2)


def test_an_ensemble_may_be_a_member():
    inner = AdaptiveEnsembleLLM([Member(ScriptedLLM([RIGHT]), price=(1, 0))], rule="fixed:n=2")
    trace = trace_of(AdaptiveEnsembleLLM([inner], rule="fixed:n=3").chat(HELLO))
    (usage,) = trace["usage_by_member"].values()
    assert usage == {
        "input_tokens": 6 * IN,
        "output_tokens": 6 * OUT,
        "cost": 6.0 * IN,
        "calls": 6,
    }


# -- failures and consensus -------------------------------------------------------------------


# -- streams ----------------------------------------------------------------------------------


async def test_closing_a_stream_cancels_the_vote():
    member = ScriptedLLM([RIGHT], seconds=30)
    llm = AdaptiveEnsembleLLM([member], launch="eager", stream_progress=True)
    stream = await llm.astream_chat(HELLO)
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.1)
    assert member.in_flight == 8
    reading.cancel()
    await asyncio.wait([reading])
    await stream.aclose()
    assert member.counts == {"started": 8, "finished": 0, "cancelled": 8}


async def test_a_stream_that_is_not_read_asks_nobody():
    member = ScriptedLLM([RIGHT])
    llm = AdaptiveEnsembleLLM([member])
    stream = await llm.astream_chat(HELLO)
    await stream.aclose()
    llm.stream_chat(HELLO).close()
    assert member.counts["started"] == 0


async def test_an_error_ends_a_stream_with_progress():
    llm = voter(ValueError("down"), stream_progress=True)
    with pytest.raises(SamplingError):
        list(llm.stream_chat(HELLO))
    with pytest.raises(SamplingError):
        await called(llm, "astream_chat", HELLO)


def test_long_texts_come_in_few_pieces_that_add_up():
    text = "The answer is 42. " + " ".join(f"word{i}" for i in range(5000)) + "  \n"
    pieces = list(voter(text).stream_chat(HELLO))
    assert len(pieces) <= 256
    assert "".join(p.delta for p in pieces) == text == pieces[-1].message.content


# -- events -----------------------------------------------------------------------------------


async def test_events_tell_of_the_call_of_every_draw_and_of_the_end():
    for ask in (voter().chat, voter().achat):
        with listening() as events:
            found = ask(HELLO)
            response = await found if asyncio.iscoroutine(found) else found
        trace = trace_of(response)
        (start,), (end,) = events.of(EnsembleStartEvent), events.of(EnsembleEndEvent)
        samples = events.of(EnsembleSampleEvent)
        assert {e.call_id for e in (start, end, *samples)} == {trace["call_id"]}
        assert end.trace["votes"] == trace["votes"]
        assert [e.index for e in samples] == list(range(6))
        assert [e.answer for e in samples] == [s["answer"] for s in trace["samples"]]
        assert all(e.counted and (e.tokens, e.input_tokens) == (OUT, IN) for e in samples)
        tags = [e.tags for e in events.of(LLMChatEndEvent) if "bestofinf.sample" in e.tags]
        assert sorted(t["bestofinf.sample"] for t in tags) == list(range(6))
        assert {t["bestofinf.member"] for t in tags} == {"scripted"}
        # Members' calls lie within; the ensemble's own is the outermost.
        own = events.of(LLMChatStartEvent)[0]
        assert "bestofinf.sample" not in own.tags
        assert own.span_id == start.span_id


async def test_draws_that_do_not_count_are_told_as_such():
    slow = itertools.cycle([RIGHT])
    member = ScriptedLLM(slow, seconds=0.02)
    llm = AdaptiveEnsembleLLM([member], rule="ahead-by:votes=2", launch="eager")
    with listening() as events:
        trace = trace_of(await llm.achat(HELLO))
    samples = events.of(EnsembleSampleEvent)
    assert sorted(e.index for e in samples) == list(range(len(trace["samples"])))
    counted = {s["index"]: s["counted"] for s in trace["samples"]}
    assert {e.index: e.counted for e in samples} == counted
    assert sum(counted.values()) == 2 < len(samples)


async def test_a_failed_call_has_an_end():
    with listening() as events, pytest.raises(SamplingError):
        await voter(ValueError("down")).achat(HELLO)
    (end,) = events.of(EnsembleEndEvent)
    assert end.trace["reason"].startswith("failed: EnsembleValueError")


class Limiter:
    def __init__(self):
        self.acquired = 0

    def acquire(self):
        self.acquired += 1

    async def async_acquire(self):
        self.acquired += 1


async def test_limiters_of_members_count_samples_and_one_of_the_ensemble_votes():
    mine, theirs = Limiter(), Limiter()
    member = ScriptedLLM([RIGHT], rate_limiter=theirs)
    llm = AdaptiveEnsembleLLM([member], rule="fixed:n=3", rate_limiter=mine)
    endpoints = ("chat", "achat", "stream_chat", "astream_chat", "complete", "astream_complete")
    for endpoint in endpoints:
        await called(llm, endpoint, "?" if "complete" in endpoint else HELLO)
    assert (mine.acquired, theirs.acquired) == (6, 18)


async def test_a_members_own_limit_holds_over_all_votes():
    member = Member(ScriptedLLM([RIGHT], seconds=0.01), concurrency=2)
    llm = AdaptiveEnsembleLLM([member], rule="fixed:n=4")
    most = 0

    async def watch():
        nonlocal most
        while True:
            most = max(most, member.model.in_flight)
            await asyncio.sleep(0.001)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(llm.achat(HELLO) for _ in range(5)))
    watching.cancel()
    assert most == 2


def test_without_listeners_no_events_are_made(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("an event was made")

    monkeypatch.setattr("llamaindex_bestofinf.reporting.EnsembleSampleEvent", fail)
    monkeypatch.setattr("llamaindex_bestofinf.reporting.LLMChatStartEvent", fail)
    assert voter().chat(HELLO).message.content == RIGHT


def test_a_private_loop_does_not_wait_for_itself():
    from bestofinf.ensemble import private_loop

    async def inside():
        llm = voter(sync_strategy="loop")
        found = llm.chat(HELLO)  # in threads, then
        with pytest.raises(UsageError, match="await the asynchronous method"):
            private_loop().run(llm.achat(HELLO))
        return found

    assert private_loop().run(inside()).message.content == RIGHT


# -- copies and packaging ---------------------------------------------------------------------


class Pickled(ScriptedLLM):
    """A member without what cannot be pickled."""

    def __init__(self, **settings):
        super().__init__(RIGHT, **settings)

    def __getstate__(self):
        state = dict(super().__getstate__())
        state["__pydantic_private__"] = None
        return state


def test_an_ensemble_survives_pickling_and_copies():
    llm = AdaptiveEnsembleLLM([Pickled()], rule="fixed:n=3", max_samples=5)
    again = pickle.loads(pickle.dumps(llm))
    assert again.max_samples == 5
    assert again.chat(HELLO).message.content == RIGHT
    assert llm.model_copy().chat(HELLO).message.content == RIGHT


def test_public_names_are_there():
    for name in llamaindex_bestofinf.__all__:
        assert getattr(llamaindex_bestofinf, name) is not None
    assert set(llamaindex_bestofinf.__all__) <= set(dir(llamaindex_bestofinf))
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = llamaindex_bestofinf.Nonsense


def test_portable_messages_keep_calls_and_drop_what_only_one_provider_reads():
    from llama_index.core.base.llms.types import ThinkingBlock

    call = {"id": "c1", "function": {"name": "add", "arguments": '{"a": 1}'}}
    message = ChatMessage(
        role="assistant",
        blocks=[ThinkingBlock(content="hm"), *ChatMessage("text").blocks],
        additional_kwargs={"tool_calls": [call], "signature": "x", "tool_call_id": "t"},
    )
    found = portable(message)
    assert [block.block_type for block in found.blocks] == ["text", "tool_call"]
    assert found.blocks[1].tool_kwargs == '{"a": 1}'
    assert found.additional_kwargs == {"tool_call_id": "t"}


# -- exploring ----------------------------------------------------------------------------------


def test_structured_predictions_explore_too():
    llm = AdaptiveEnsembleLLM(
        [ScriptedLLM(lambda messages, tools: tool_call("Place", name="Rome"))],
        explore=Explore(share=1.0, samples=4),
    )
    llm.structured_predict(Place, PromptTemplate("Where?"))
    assert llm.last_trace()["n_samples"] == 4


class Place(BaseModel):
    """A place."""

    name: str


# -- confidence ---------------------------------------------------------------------------------


def test_confidence_learned_from_labels_is_told_as_such():
    learned = ConfidenceCalibration("share", "beta", "fixed:n=2", 64, {"a": 1.0})
    members = [Member(ScriptedLLM([RIGHT]), name="a")]
    one = AdaptiveEnsembleLLM(members, rule="fixed:n=2", calibration=learned)
    trace = trace_of(one.complete("?"))
    assert trace["calibrated"] is True
    assert trace["confidence"] == pytest.approx(2.5 / 3)
    plain = AdaptiveEnsembleLLM(members, rule="fixed:n=2")
    assert trace_of(plain.complete("?"))["calibrated"] is False
    with pytest.raises(UsageError, match="the calibration is of 'fixed:n=2'"):
        AdaptiveEnsembleLLM(members, rule="fixed:n=3", calibration=learned)

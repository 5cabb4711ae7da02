"""The ensemble as an LLM: settings, votes, failures, consensus, traces, events."""

from __future__ import annotations

import asyncio
import itertools
import json
import pickle

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.base.llms.types import ToolCallBlock as Block
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMChatStartEvent
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

import llamaindex_bestofinf
from bestofinf import Member, NoConsensusError, SamplingError, UsageError
from bestofinf.answers import JsonAnswer
from bestofinf.evaluation import EvaluationStore, Explore
from bestofinf.testing.endpoints import called, listening
from llamaindex_bestofinf import (
    AdaptiveEnsembleLLM,
    EnsembleEndEvent,
    EnsembleSampleEvent,
    EnsembleStartEvent,
    EvaluationCollector,
)
from llamaindex_bestofinf.history import portable
from support.llm_members import IN, OUT, ScriptedLLM, tool_call

HELLO = [ChatMessage("What is 6 times 7?")]
RIGHT, WRONG = "The answer is 42.", "The answer is 40."


def voter(*said, **settings):
    settings.setdefault("rule", "fixed:n=6")
    return AdaptiveEnsembleLLM([ScriptedLLM(said or [WRONG, RIGHT, RIGHT])], **settings)


def trace_of(response):
    return response.additional_kwargs["bestofinf"]


# -- votes and traces -------------------------------------------------------------------------


async def test_every_endpoint_gives_the_majority_and_its_trace():
    for endpoint in ("chat", "achat", "stream_chat", "astream_chat"):
        found = await called(voter(), endpoint, HELLO)
        trace = trace_of(found.last)
        assert found.text == RIGHT
        assert trace["votes"] == {"42": 4, "40": 2}
        assert trace["answer"] == "42"
        assert found.last.raw["bestofinf"] is trace
        json.dumps(trace)
    for endpoint in ("complete", "acomplete", "stream_complete", "astream_complete"):
        found = await called(voter(), endpoint, "What is 6 times 7?")
        assert found.text == RIGHT
        assert trace_of(found.last)["n_samples"] == 6


def test_the_trace_has_usage_by_member_and_says_what_happened():
    member = Member(ScriptedLLM([RIGHT]), name="mine", price=(1.0, 2.0))
    trace = trace_of(AdaptiveEnsembleLLM([member], rule="fixed:n=3").chat(HELLO))
    usage = trace["usage_by_member"]["mine"]
    assert usage == {
        "input_tokens": 3 * IN,
        "output_tokens": 3 * OUT,
        "cost": 3.0 * (IN + 2 * OUT),
        "calls": 3,
    }
    assert trace["winner_member"] == "mine"
    assert trace["rule"].startswith("fixed")
    assert trace["kind"] == "chat"
    assert len(trace["call_id"]) == 32


def test_weights_decide():
    members = [ScriptedLLM([RIGHT], model="a"), ScriptedLLM([WRONG], model="b")]
    for weights, said in (([0.9, 0.1], RIGHT), ({"a": 0.2, "b": 0.8}, WRONG)):
        llm = AdaptiveEnsembleLLM(members, weights=weights, rule="fixed:n=6")
        assert llm.chat(HELLO).message.content == said
    pairs = AdaptiveEnsembleLLM([(members[0], 3.0), (members[1], 1.0)], rule="fixed:n=6")
    assert pairs.weight_by_member == {"a": 3.0, "b": 1.0}
    assert pairs.chat(HELLO).message.content == RIGHT


def test_weights_can_be_replaced_and_reloaded(tmp_path):
    path = tmp_path / "weights.json"
    path.write_text(json.dumps({"weights": {"a": 1.0, "b": 0.0}}))
    members = [ScriptedLLM([RIGHT], model="a"), ScriptedLLM([WRONG], model="b")]
    llm = AdaptiveEnsembleLLM(members, weights=path, rule="fixed:n=3")
    copy = llm.with_settings(max_samples=5)
    assert llm.chat(HELLO).message.content == RIGHT
    path.write_text(json.dumps({"weights": {"a": 0.0, "b": 1.0}}))
    llm.reload()
    assert llm.chat(HELLO).message.content == WRONG
    assert copy.chat(HELLO).message.content == WRONG
    assert llm.with_weights([1, 0]).chat(HELLO).message.content == RIGHT
    with pytest.raises(UsageError, match="no member"):
        llm.reload({"c": 1.0})
    assert llm.weight_by_member == {"a": 0.0, "b": 1.0}
    with pytest.raises(UsageError, match="file of weights"):
        voter().reload()


def test_weights_are_fitted_to_an_evaluation_set():
    from support.ensembles import from_votes

    seen = from_votes({"a": "AAAA", "b": "BBBB"}, {"a": "AAAB", "b": "BBBB"})
    members = [ScriptedLLM([RIGHT], model="a"), ScriptedLLM([WRONG], model="b")]
    llm = AdaptiveEnsembleLLM(members).fit(seen, objective="single")
    assert llm.weight_by_member["a"] > llm.weight_by_member["b"]


def test_settings_change_for_a_call_or_in_a_copy():
    llm = voter(rule="exhaustive")
    assert trace_of(llm.chat(HELLO, max_samples=2))["n_samples"] == 2
    assert trace_of(llm.chat(HELLO, rule="fixed:n=5", answer="text"))["answer"] == "answer is 42"
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
        ({"max_sample": 3}, "max_sample"),
        ({"rule": "sometimes"}, "sometimes"),
        ({"answer": "perhaps"}, "perhaps"),
        ({"launch": "slow"}, "launch"),
        ({"members": []}, "at least one member"),
        ({"members": ["gpt"]}, "must be a LlamaIndex LLM"),
        ({"members": "gpt"}, "valid list"),
        ({"escalate_to": "gpt"}, "escalate_to"),
        ({"weights": [1, 2]}, "1 members but 2 weights"),
        ({"max_samples": 0}, "1"),
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
        AdaptiveEnsembleLLM([text], tool_policy="capable_only").chat_with_tools([], "?")


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


async def test_a_dead_member_is_left_out_and_the_vote_goes_on():
    dead = ScriptedLLM([ValueError("down")], model="dead")
    llm = AdaptiveEnsembleLLM(
        [dead, ScriptedLLM([RIGHT], model="b")], rule="fixed:n=4", breaker=2, concurrency=1
    )
    for ask in (llm.chat, llm.achat):
        found = ask(HELLO)
        trace = trace_of(await found if asyncio.iscoroutine(found) else found)
        assert trace["votes"] == {"42": 4}
    assert "left out: dead" in trace["reason"]
    assert dead.counts["started"] == 2  # the second question does not ask it again


def test_what_is_transient_may_be_said():
    said = [LookupError("not yet"), RIGHT]
    alone = {"concurrency": 1, "longest_wait": 0.0}
    llm = voter(*said, retry_on=lambda error: isinstance(error, LookupError), **alone)
    told = trace_of(llm.chat(HELLO))
    assert (told["n_samples"], told["n_failed"]) == (6, 0)
    assert trace_of(voter(*said, **alone).chat(HELLO))["n_failed"] > 0
    with pytest.raises(UsageError, match="retry_on"):
        voter(retry_on=429)


async def test_when_all_are_dead_the_members_error_is_the_cause():
    llm = voter(ValueError("down"))
    with pytest.raises(SamplingError, match="down") as caught:
        llm.chat(HELLO)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(SamplingError, match="down"):
        await llm.achat(HELLO)
    with pytest.raises(SamplingError, match="down"):
        await called(llm, "astream_chat", HELLO)


LONG = [
    "It was a long story about a king who had three daughters and a horse.",
    "A poem has neither an end nor a beginning when it is spoken in a dream.",
    "It was a long story about a king who had two daughters and a dog.",
]


def test_free_text_gives_the_first_reply_the_medoid_or_an_error():
    assert voter(*LONG, concurrency=1).chat(HELLO).message.content == LONG[0]
    said = [LONG[1], LONG[0], LONG[2]]
    nearest = voter(*said, on_unvotable="medoid", abstain_limit=3, concurrency=1).chat(HELLO)
    assert nearest.message.content in (LONG[0], LONG[2])
    assert trace_of(nearest)["answer"] is None
    for settings in ({"on_unvotable": "error"}, {"abstain": True}):
        with pytest.raises(NoConsensusError, match="no reply could be voted on"):
            voter(*LONG, **settings).chat(HELLO)
    with pytest.raises(NoConsensusError):
        voter(*LONG).chat(HELLO, abstain=True)


async def test_what_finds_no_consensus_is_escalated():
    above = ScriptedLLM(["The answer is 7."], model="above")
    llm = voter(RIGHT, WRONG, rule="fixed:n=4", min_confidence=0.99, escalate_to=above)
    for found in (llm.chat(HELLO), await llm.achat(HELLO)):
        assert found.message.content == "The answer is 7."
        trace = trace_of(found)
        assert trace["escalated"]
        assert trace["winner_member"] == "above"
        assert trace["usage_by_member"]["above"]["output_tokens"] == OUT
    with pytest.raises(NoConsensusError, match=r"at least 0\.99 wanted"):
        voter(RIGHT, WRONG, min_confidence=0.99).chat(HELLO)


def test_replies_are_scored_for_rules_on_scores():
    def score(prompt, reply):
        assert "6 times 7" in prompt
        return 0.99 if "42" in reply.text else 0.1

    llm = voter(rule="optscale:min_score=.9", scorer=score, max_samples=8)
    found = llm.chat(HELLO)
    assert found.message.content == RIGHT
    assert trace_of(found)["samples"][0]["score"] == 0.1


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
    assert end.trace["reason"].startswith("failed: SamplingError")


async def test_the_collector_records_ensembles_once(tmp_path):
    with EvaluationCollector(str(tmp_path / "answers.db")) as collector:
        llm = AdaptiveEnsembleLLM([ScriptedLLM([WRONG, RIGHT, RIGHT])], rule="fixed:n=6")
        llm.chat(HELLO)
        await llm.achat(HELLO)
        await asyncio.gather(*(llm.achat(HELLO) for _ in range(10)))
        list(llm.stream_chat(HELLO))
        collector.flush()
        stats = collector.stats
        assert (stats.written, stats.errors, stats.open) == (13, 0, 0)
        found = collector.recorder.store.read()
        (question,) = found.questions
        (samples,) = question.samples.values()
        assert len(samples.answers) == 13 * 6


async def test_the_collector_keeps_calls_of_many_threads_and_tasks_apart(tmp_path):
    with EvaluationCollector(str(tmp_path / "answers.db")) as collector:
        llm = voter()
        in_threads = (asyncio.to_thread(llm.chat, HELLO) for _ in range(40))
        found = await asyncio.gather(*in_threads, *(llm.achat(HELLO) for _ in range(50)))
        assert len({trace_of(response)["call_id"] for response in found}) == 90
        collector.flush()
        assert (collector.stats.written, collector.stats.errors) == (90, 0)
        (question,) = collector.recorder.store.read().questions
        assert sum(len(samples.answers) for samples in question.samples.values()) == 90 * 6


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
    from llamaindex_bestofinf.loops import private_loop

    async def inside():
        llm = voter(sync_strategy="loop")
        found = llm.chat(HELLO)  # in threads, then
        with pytest.raises(UsageError, match="await the other form"):
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


def two(**settings):
    members = [Member(ScriptedLLM([RIGHT]), name=name, weight=w) for name, w in WEIGHED]
    return AdaptiveEnsembleLLM(members, **settings)


WEIGHED = [("a", 0.9), ("b", 0.1), ("idle", 0.0)]


async def test_a_share_of_the_calls_explores_with_a_fixed_number_of_samples():
    always = two(explore=Explore(share=1.0, samples=5))
    for endpoint in ("chat", "achat", "stream_chat", "astream_chat"):
        trace = trace_of((await called(always, endpoint, HELLO)).last)
        assert trace["n_samples"] == 10
        assert trace["reason"] == "fixed: 10 samples"
        assert {name: u["calls"] for name, u in trace["usage_by_member"].items()} == {
            "a": 5,
            "b": 5,
            "idle": 0,
        }
    assert trace_of(always.complete("6 times 7?"))["n_samples"] == 10
    assert trace_of(always.chat(HELLO, rule="fixed:n=2"))["n_samples"] == 2
    assert trace_of(always.with_settings(explore=0.0).chat(HELLO))["n_samples"] < 10
    assert trace_of(two(rule="fixed:n=3").chat(HELLO))["n_samples"] == 3


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


def test_the_share_of_the_calls_is_as_asked():
    llm = two(explore=Explore(share=0.25, samples=5), rule="fixed:n=1")
    counts = [trace_of(llm.chat(HELLO))["n_samples"] for _ in range(80)]
    assert set(counts) == {1, 10}
    assert 6 <= counts.count(10) <= 36  # 20 expected; either bound is 3.6 standard deviations off


def test_exploring_calls_go_on_whatever_is_said():
    llm = voter("a text that is no answer and goes on for more words than that", RIGHT)
    told = trace_of(llm.with_settings(explore=Explore(1.0, samples=6)).chat(HELLO))
    assert (told["n_samples"], told["n_abstained"]) == (6, 3)


def test_the_collector_knows_which_calls_have_explored(tmp_path):
    with EvaluationStore(tmp_path / "a.db") as store, EvaluationCollector(store) as collector:
        two(explore=Explore(share=1.0, samples=4)).chat(HELLO)
        two().chat([ChatMessage("What is 5 times 7?")])
        collector.flush()
        calls = [call for _, calls, _, _ in store.records() for call in calls]
    assert sorted((call.fixed, call.reason.split(":")[0]) for call in calls) == [
        (False, "optimal"),
        (True, "fixed"),
    ]


@pytest.mark.parametrize("share", [1.5, -0.1, "often", True, None])
def test_a_share_out_of_its_range_is_refused(share):
    with pytest.raises(UsageError, match="share"):
        two(explore=share)
    with pytest.raises(UsageError, match="share"):
        two().with_settings(explore=share)


def test_one_member_need_not_stand_in_a_list():
    member = ScriptedLLM([RIGHT], model="only")
    for llm in (AdaptiveEnsembleLLM(member), AdaptiveEnsembleLLM(members=Member(member))):
        assert llm.member_names == ["only"]
        assert llm.chat(HELLO).message.content == RIGHT

"""Replies that cannot be voted on: which of them is given, and who says so."""

from __future__ import annotations

import asyncio
import copy
import pickle

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.llms import MockLLM
from llama_index.core.tools import FunctionTool

from bestofinf import Member, NoConsensusError, UsageError
from bestofinf.answers import UniversalSelfConsistency
from bestofinf.evaluation import EvaluationStore
from bestofinf.testing.endpoints import called, listening
from llamaindex_bestofinf import (
    AdaptiveEnsembleLLM,
    EnsembleEndEvent,
    EnsembleSampleEvent,
    EvaluationCallbackHandler,
    EvaluationCollector,
)
from support.clients import nothing_left_async, openai_like
from support.llm_members import ScriptedLLM
from support.stories import LONG, storyteller

HELLO = [ChatMessage("Tell me a story.")]


def voter(*said, **settings):
    settings.setdefault("concurrency", 1)
    return AdaptiveEnsembleLLM([ScriptedLLM(said or LONG)], **settings)


def judge(said):
    return ScriptedLLM(said, model="judge")


def trace_of(response):
    return response.additional_kwargs["bestofinf"]


# -- over HTTP, with the client that people use -----------------------------------------------


ENDPOINTS = ["chat", "achat", "stream_chat", "astream_chat", "complete", "acomplete"]


@pytest.mark.parametrize(
    ("endpoint", "strategy"),
    [*((endpoint, "threads") for endpoint in ENDPOINTS), ("chat", "loop"), ("complete", "loop")],
)
async def test_a_member_chooses_among_the_replies_and_all_of_it_is_counted(
    serve, endpoint, strategy
):
    server = serve(storyteller())
    handler = TokenCountingHandler(tokenizer=str.split)
    question = "Tell me a story." if "complete" in endpoint else HELLO
    async with openai_like(server, "m") as client:
        llm = AdaptiveEnsembleLLM(
            [client],
            on_unvotable="choose",
            concurrency=1,
            sync_strategy=strategy,
            callback_manager=CallbackManager([handler]),
        )
        found = await called(llm, endpoint, question)
        counts = await server.idle()
    told = trace_of(found.last)
    assert found.text.startswith("Story 1 ")
    assert told["n_samples"] == told["n_abstained"] == 8
    assert told["reason"].endswith("; chosen by the selector among 8")
    assert counts.started == counts.finished == 9
    used = told["usage_by_member"]["m"]
    assert used["input_tokens"] == counts.prompt_tokens
    assert used["output_tokens"] == counts.completion_tokens
    assert handler.total_llm_token_count == counts.prompt_tokens + counts.completion_tokens
    assert "tools" not in server.bodies[-1]


async def test_the_chooser_gets_no_tools(serve):
    def look(place: str) -> str:
        """Look somewhere."""
        return place

    server = serve(storyteller())
    async with nothing_left_async(), openai_like(server, "m") as client:
        llm = AdaptiveEnsembleLLM([client], on_unvotable="choose")
        await llm.achat_with_tools([FunctionTool.from_defaults(look)], "Tell me a story.")
        await server.idle()
    assert "tools" in server.bodies[0]
    assert "tools" not in server.bodies[-1]
    assert "user: Tell me a story." in server.bodies[-1]["messages"][0]["content"]


# -- each way ---------------------------------------------------------------------------------

WAYS = [
    ("first", 2, LONG[0]),
    ("medoid", 8, LONG[1]),
    (judge("3"), 8, LONG[2]),
    ((judge("2"), 1.0), 8, LONG[1]),
    (UniversalSelfConsistency(lambda prompt: "2"), 8, LONG[1]),
]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(("way", "n_samples", "text"), WAYS)
async def test_each_way_gives_its_reply(way, n_samples, text, asynchronous):
    llm = voter(on_unvotable=way)
    found = await llm.achat(HELLO) if asynchronous else llm.chat(HELLO)
    assert found.message.content == text
    assert trace_of(found)["n_samples"] == n_samples


def test_a_chooser_with_a_price_is_paid():
    chooser = Member(judge("2"), name="mine", price=(1.0, 0.0))
    told = trace_of(voter(on_unvotable=chooser).chat(HELLO))
    assert told["usage_by_member"]["mine"]["cost"] == 7.0


def test_it_may_be_given_with_a_call_or_to_a_copy():
    for found in (
        voter().chat(HELLO, on_unvotable="medoid"),
        voter().with_settings(on_unvotable="medoid").chat(HELLO),
        voter(on_unvotable="choose").with_settings(on_unvotable="medoid").chat(HELLO),
    ):
        assert trace_of(found)["reason"].endswith("; the medoid of 8")
    first = voter(on_unvotable="medoid")
    assert trace_of(first.chat(HELLO, on_unvotable="first"))["n_samples"] == 2
    assert trace_of(first.with_settings(on_unvotable="first").chat(HELLO))["n_samples"] == 2
    few = voter().chat(HELLO, on_unvotable="medoid", abstain_limit=3)
    assert trace_of(few)["n_samples"] == 3
    with pytest.raises(UsageError, match="on_unvotable must be one of first, medoid"):
        voter().chat(HELLO, on_unvotable="best")
    with pytest.raises(UsageError, match="on_unvotable must be one of first, medoid"):
        voter().with_settings(on_unvotable=3)


def test_an_error_is_an_error_by_either_name():
    for llm in (voter(on_unvotable="error"), voter(abstain=True)):
        with pytest.raises(NoConsensusError, match="no reply could be voted on"):
            llm.chat(HELLO)
        assert llm.chat(HELLO, abstain=False).message.content in LONG
    with pytest.raises(UsageError, match="take one of them"):
        voter(on_unvotable="medoid", abstain=True)


def test_a_choice_stands_where_votes_must_be_sure_or_are_escalated():
    above = judge("The answer is 7.")
    for settings in ({"min_confidence": 0.9}, {"escalate_to": above}):
        assert voter(on_unvotable="medoid", **settings).chat(HELLO).message.content in LONG
    assert voter(escalate_to=above).chat(HELLO).message.content == "The answer is 7."


def test_replies_chosen_by_score_need_no_answer():
    def score(prompt, reply):
        return 0.97 if "dog" in reply.text else 0.1

    for way in ("first", "medoid", "choose", "error"):
        llm = voter(rule="optscale:min_score=.95", scorer=score, on_unvotable=way)
        assert llm.chat(HELLO).message.content == LONG[2]


# -- who sees it --------------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_the_choice_is_no_sample_of_the_call(asynchronous):
    llm = voter(on_unvotable=judge("2"))
    with listening() as events:
        found = await llm.achat(HELLO) if asynchronous else llm.chat(HELLO)
    assert len(events.of(EnsembleSampleEvent)) == 8
    (end,) = events.of(EnsembleEndEvent)
    assert end.trace["reason"] == trace_of(found)["reason"]
    assert end.trace["winner_member"] == "scripted"


def test_what_the_chooser_is_asked_is_no_question_of_the_evaluation_set(tmp_path):
    with EvaluationStore(tmp_path / "a.db") as store, EvaluationCollector(store) as collector:
        voter(on_unvotable=judge("2")).chat(HELLO)
        collector.flush()
        [(_, [call], samples, _)] = store.records()
    assert call.kind == "ensemble"
    assert len(samples) == 8


@pytest.mark.parametrize("beside", [{"on_unvotable": judge("2")}, {"escalate_to": judge("7")}])
def test_the_older_handler_takes_nothing_asked_beside_the_samples_for_one(tmp_path, beside):
    with EvaluationStore(tmp_path / "a.db") as store:
        handler = EvaluationCallbackHandler(store, keep="replies")
        manager = CallbackManager([handler])
        voter(callback_manager=manager, abstain_limit=3, **beside).chat(HELLO)
        handler.close()
        [(_, _, samples, _)] = store.records()
    assert [sample.text for sample in samples] == LONG


def test_it_is_copied_written_and_shown():
    llm = voter(on_unvotable=judge("2"))
    assert "on_unvotable='choose:judge'" in repr(llm)
    assert "sk-secret" not in str(llm.to_dict())
    assert llm.to_dict()["on_unvotable"] == "choose:judge"
    medoid = AdaptiveEnsembleLLM([MockLLM()], on_unvotable="medoid")
    assert medoid.to_dict()["on_unvotable"] == "medoid"
    told = trace_of(copy.deepcopy(medoid).complete("This is a text of more words than an answer."))
    assert told["reason"].endswith("the medoid of 8")
    assert "on_unvotable" not in repr(voter())


def test_the_keeper_of_plans_is_not_written():
    from bestofinf.settings import Kept

    kept = Kept()
    made = []
    first, second = object(), object()
    for parts in ((first,), (first,), (second,), (second,)):
        kept.get(parts, lambda: made.append(1) or len(made))
    assert len(made) == 2
    again = pickle.loads(pickle.dumps(kept))
    assert again.get((second,), lambda: "anew") == "anew"
    assert copy.deepcopy(kept).get((second,), lambda: "anew") == "anew"


async def test_a_chooser_is_asked_in_every_event_loop():
    llm = voter(on_unvotable="choose")
    for _ in range(2):
        found = await asyncio.to_thread(lambda: asyncio.run(llm.achat(HELLO)))
        assert trace_of(found)["n_samples"] == 8

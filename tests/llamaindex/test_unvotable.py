"""Replies that cannot be voted on: which of them is given, and who says so."""

from __future__ import annotations

import copy
import pickle

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.llms import MockLLM
from llama_index.core.tools import FunctionTool

from bestofinf import UsageError
from bestofinf.evaluation import EvaluationStore
from llamaindex_bestofinf import (
    AdaptiveEnsembleLLM,
    EnsembleEndEvent,
    EnsembleSampleEvent,
    EvaluationCallbackHandler,
)
from llamaindex_bestofinf.testing.endpoints import called, listening
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


def test_it_may_be_given_to_a_copy():
    for llm in (voter(), voter(on_unvotable="choose")):
        found = llm.with_settings(on_unvotable="medoid").chat(HELLO)
        assert trace_of(found)["reason"].endswith("; the medoid of 8")
    first = voter(on_unvotable="medoid").with_settings(on_unvotable="first")
    assert trace_of(first.chat(HELLO))["n_samples"] == 3
    with pytest.raises(UsageError, match="on_unvotable must be one of first, medoid"):
        voter().with_settings(on_unvotable=3)


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
    from bestofinf.ensemble import Cached

    kept = Cached()
    made = []
    first, second = object(), object()
    for parts in ((first,), (first,), (second,), (second,)):
        kept.get(parts, lambda: made.append(1) or len(made))
    assert len(made) == 2
    again = pickle.loads(pickle.dumps(kept))
    assert again.get((second,), lambda: "anew") == "anew"
    assert copy.deepcopy(kept).get((second,), lambda: "anew") == "anew"

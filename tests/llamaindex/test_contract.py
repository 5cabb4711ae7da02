"""What every adapter promises, of the LLM, its collector and the tiny LLM."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index_instrumentation.dispatcher import instrument_tags

from bestofinf.testing import (
    AdapterContract,
    CollectingAdapter,
    CollectorContract,
    Said,
    TinyAdapter,
    TinyContract,
)
from llamaindex_bestofinf import AdaptiveEnsembleLLM, EvaluationCollector
from llamaindex_bestofinf.testing.endpoints import called, text_of
from llamaindex_bestofinf.tiny import TinyLLM
from support.llm_members import ScriptedLLM


class LlamaIndex(CollectingAdapter):
    def model(self, replies, name="scripted", *, seconds=0.0):
        return ScriptedLLM(tuple(replies), model=name, seconds=seconds)

    def make(self, members, **settings):
        return AdaptiveEnsembleLLM(members, **settings)

    async def ask(self, ensemble, how, question, **settings):
        asked = question if "complete" in how else [ChatMessage(question)]
        return (await called(ensemble, how, asked, **settings)).last

    async def ask_model(self, model, question):
        return await model.achat([ChatMessage(question)])

    def text(self, result):
        return text_of(result)

    def trace(self, result):
        return result.additional_kwargs["bestofinf"]

    def asked(self, model):
        return [str(messages[-1].content) for messages in model.seen]

    def in_flight(self, model):
        return model.in_flight

    @contextmanager
    def collecting(self, store, **options):
        with EvaluationCollector(store, **options) as collector:
            yield collector

    def naming(self, question, dataset):
        return instrument_tags({"question_id": question, "dataset": dataset})


WAYS = (
    "chat",
    "achat",
    "stream_chat",
    "astream_chat",
    "complete",
    "acomplete",
    "stream_complete",
    "astream_complete",
)
CANCELLABLE = ("achat", "astream_chat", "acomplete", "astream_complete")


class TestContract(AdapterContract):
    ways = WAYS
    cancellable = CANCELLABLE

    @pytest.fixture
    def adapter(self):
        return LlamaIndex()


class TestCollector(CollectorContract):
    ways = WAYS
    cancellable = CANCELLABLE

    @pytest.fixture
    def adapter(self):
        return LlamaIndex()


class Tiny(TinyAdapter):
    def make(self, **fields):
        return TinyLLM(**fields)

    def ask(self, model, question, **options):
        return said(model.chat([ChatMessage(question)], **options))

    async def aask(self, model, question, **options):
        return said(await model.achat([ChatMessage(question)], **options))


def said(response) -> Said:
    return Said(
        response.message.content,
        response.raw["choices"][0]["finish_reason"],
        response.raw["usage"]["prompt_tokens"],
        response.raw["usage"]["completion_tokens"],
        [place[0].logprob for place in response.logprobs] if response.logprobs else None,
    )


class TestTiny(TinyContract):
    @pytest.fixture
    def tiny_adapter(self):
        return Tiny()

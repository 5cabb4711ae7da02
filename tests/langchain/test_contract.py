"""What every adapter promises, of the chat model, its collector and the tiny chat model."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from langchain_core.messages import AIMessage

from bestofinf.testing import (
    AdapterContract,
    CollectingAdapter,
    CollectorContract,
    Said,
    TinyAdapter,
    TinyContract,
)
from langchain_bestofinf import AdaptiveEnsembleChat, EvaluationCollector
from langchain_bestofinf.tiny import TinyChat
from support.chat_members import Scripted, calling


class LangChain(CollectingAdapter):
    def __init__(self):
        self.config = {}

    def model(self, replies, name="scripted", *, seconds=0.0):
        return Scripted(replies=list(replies), model_name=name, seconds=(seconds,))

    def judge(self, scores):
        return self.model([calling("Judgement", reasoning="", score=s) for s in scores], "judge")

    def make(self, members, **settings):
        return AdaptiveEnsembleChat(members, **settings)

    async def ask(self, ensemble, how, question, **settings):
        return await asked(ensemble, how, question, self.config, settings)

    async def ask_model(self, model, question):
        return await model.ainvoke(question, self.config)

    def text(self, result):
        return result.text

    def trace(self, result):
        return result.response_metadata["bestofinf"]

    def asked(self, model):
        return [str(messages[-1].content) for messages in model._book["messages"]]

    def in_flight(self, model):
        return model._book["now"]

    @contextmanager
    def collecting(self, store, **options):
        with EvaluationCollector(store, **options) as collector:
            self.config = {"callbacks": [collector]}
            yield collector

    @contextmanager
    def naming(self, question, dataset):
        self.config["metadata"] = {"question_id": question, "dataset": dataset}
        yield


async def asked(model, how, question, config, settings):
    """Ask a chat model in one of LangChain's ways and return the message."""
    match how:
        case "invoke":
            return model.invoke(question, config, **settings)
        case "ainvoke":
            return await model.ainvoke(question, config, **settings)
        case "stream":
            chunks = list(model.stream(question, config, **settings))
        case "astream":
            chunks = [chunk async for chunk in model.astream(question, config, **settings)]
        case "batch":
            (message,) = model.batch([question], config, **settings)
            return message
        case "abatch":
            (message,) = await model.abatch([question], config, **settings)
            return message
    return sum(chunks[1:], chunks[0])


WAYS = ("invoke", "ainvoke", "stream", "astream", "batch", "abatch")


class TestContract(AdapterContract):
    ways = WAYS
    cancellable = ("ainvoke", "astream", "abatch")

    @pytest.fixture
    def adapter(self):
        return LangChain()


class TestCollector(CollectorContract):
    ways = WAYS
    cancellable = ("ainvoke", "astream", "abatch")

    @pytest.fixture
    def adapter(self):
        return LangChain()


class Tiny(TinyAdapter):
    def make(self, **fields):
        return TinyChat(**fields)

    def ask(self, model, question, **options):
        return said(model.invoke(question, **options))

    async def aask(self, model, question, **options):
        return said(await model.ainvoke(question, **options))


def said(message: AIMessage) -> Said:
    usage, told = message.usage_metadata, message.response_metadata
    logprobs = told.get("logprobs")
    return Said(
        message.text,
        told["finish_reason"],
        usage["input_tokens"],
        usage["output_tokens"],
        [token["logprob"] for token in logprobs["content"]] if logprobs else None,
    )


class TestTiny(TinyContract):
    @pytest.fixture
    def tiny_adapter(self):
        return Tiny()

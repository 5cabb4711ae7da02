"""LlamaIndex' face over a real model behind llama.cpp."""

import json

import pytest
from llama_index.core.llms import ChatMessage

from bestofinf import ChoiceAnswer, Member
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.clients import openai_like
from support.real.questions import messages, questions

pytestmark = pytest.mark.soak

REVIEW = [ChatMessage(**message) for message in messages(questions()[0], "few")]
CHOICES = ChoiceAnswer(["positive", "negative"])


@pytest.fixture
async def model(llama):
    settings = {"max_tokens": 8, "temperature": 0.8, "timeout": 120.0, "context_window": 1024}
    async with openai_like(llama, "smollm2", is_function_calling_model=False, **settings) as opened:
        yield opened


def ensemble(model, **settings):
    return AdaptiveEnsembleLLM(
        [Member(model)], **{"rule": "ahead-by", "max_samples": 12, **settings}
    )


async def test_chat_complete_and_streams_vote_alike(model):
    llm = ensemble(model, answer=CHOICES, concurrency=4)
    found = await llm.achat(REVIEW)
    assert found.additional_kwargs["bestofinf"]["answer"] in ("positive", "negative")
    text = "Review: I loved it. Positive or negative? Answer with one word."
    completed = await llm.acomplete(text)
    assert completed.additional_kwargs["bestofinf"]["n_samples"] >= 1
    pieces = [piece async for piece in await llm.astream_chat(REVIEW)]
    assert pieces[-1].message.content
    assert "".join(piece.delta or "" for piece in pieces) == pieces[-1].message.content


def test_blocking_calls_vote_alike(model):
    found = ensemble(model, answer=CHOICES, concurrency=4).chat(REVIEW)
    assert found.additional_kwargs["bestofinf"]["answer"] in ("positive", "negative")
    pieces = list(ensemble(model, answer=CHOICES).stream_chat(REVIEW))
    assert pieces[-1].message.content


async def test_log_probabilities_come_with_every_sample(llama):
    async with openai_like(
        llama, "smollm2", max_tokens=8, timeout=120.0, additional_kwargs={"logprobs": True}
    ) as model:
        found = await ensemble(model, answer=CHOICES, rule="fixed:n=3").achat(REVIEW)
    samples = found.additional_kwargs["bestofinf"]["samples"]
    assert all(sample["logprob"] < 0 for sample in samples)


async def test_objects_of_a_schema_are_voted_on(llama):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    }
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    async with openai_like(
        llama, "smollm2", max_tokens=40, timeout=120.0, additional_kwargs={"response_format": form}
    ) as model:
        found = await ensemble(model, answer="json").achat([ChatMessage("Anna is 31. Who is it?")])
    assert json.loads(found.message.content).keys() == {"name", "age"}

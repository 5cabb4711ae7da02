"""LangChain's face over a real model behind llama.cpp: what works with one works with its ensemble."""

import pytest
from langchain_core.exceptions import ModelInvalidRequestError
from pydantic import BaseModel

from bestofinf import ChoiceAnswer, Member, SamplingError
from langchain_bestofinf import AdaptiveEnsembleChat
from support.clients import chat_openai
from support.real.questions import messages, questions

pytestmark = pytest.mark.soak

REVIEW = messages(questions()[0], "few")
CHOICES = ChoiceAnswer(["positive", "negative"])


def told(message):
    return message.response_metadata["bestofinf"]


def ensemble(model, **settings):
    return AdaptiveEnsembleChat(
        [Member(model)], **{"rule": "ahead-by", "max_samples": 12, **settings}
    )


@pytest.fixture
async def model(llama):
    async with chat_openai(llama, "smollm2", max_tokens=8, temperature=0.8, timeout=120) as opened:
        yield opened


async def test_a_vote_elects_a_class_and_counts_the_tokens_of_the_server(llama, model):
    before = llama.generated()
    message = await ensemble(model, answer=CHOICES, concurrency=4).ainvoke(REVIEW)
    found = told(message)
    assert found["answer"] in ("positive", "negative")
    assert found["n_failed"] == 0
    spent = sum(usage["output_tokens"] for usage in found["usage_by_member"].values())
    if found["n_cancelled"] == 0:
        assert spent == llama.generated() - before


async def test_log_probabilities_come_with_every_sample_streamed_or_not(llama):
    for streaming in (False, True):
        async with chat_openai(
            llama, "smollm2", max_tokens=8, logprobs=True, streaming=streaming, timeout=120
        ) as model:
            message = await ensemble(model, answer=CHOICES, rule="fixed:n=3").ainvoke(REVIEW)
        samples = told(message)["samples"]
        assert len(samples) == 3
        assert all(sample["logprob"] < 0 for sample in samples)


async def test_probabilities_that_were_sampled_from_come_on_request_without_a_stream(llama):
    asked = {"logprobs": True, "extra_body": {"post_sampling_probs": True}}
    for streaming, kind in ((False, "processed"), (True, "raw")):  # a stream leaves out the end
        async with chat_openai(
            llama, "smollm2", max_tokens=8, streaming=streaming, timeout=120, **asked
        ) as model:
            chat = AdaptiveEnsembleChat(
                [Member(model, logprobs="processed")], rule="fixed:n=2", answer=CHOICES
            )
            samples = told(await chat.ainvoke(REVIEW))["samples"]
        assert [sample["logprob_kind"] for sample in samples] == [kind, kind]


async def test_a_stream_is_the_reply_in_pieces(model):
    pieces = [chunk async for chunk in ensemble(model, answer=CHOICES).astream(REVIEW)]
    text = "".join(str(piece.text) for piece in pieces)
    assert "positive" in text.lower() or "negative" in text.lower()
    assert any("bestofinf" in piece.response_metadata for piece in pieces)


async def test_stop_words_end_replies(model):
    question = "Repeat exactly: one two three four"
    message = await ensemble(model, rule="fixed:n=2", answer="text").ainvoke(question, stop=["e"])
    assert "e" not in message.text


async def test_replies_that_are_cut_off_do_not_vote(model):
    found = told(
        await ensemble(model, rule="fixed:n=3", on_unvotable="first").ainvoke(
            "Explain at great length how a plant grows.", max_tokens=4
        )
    )
    assert found["answer"] is None
    assert found["n_abstained"] == found["n_samples"]


class Person(BaseModel):
    """A person."""

    name: str
    age: int


async def test_objects_of_a_schema_are_voted_on(llama):
    async with chat_openai(llama, "smollm2", max_tokens=40, temperature=0.3, timeout=120) as model:
        reader = ensemble(model).with_structured_output(Person, method="json_schema")
        person = await reader.ainvoke("Anna is 31 years old. Who is it, and of which age?")
    assert isinstance(person, Person)
    assert isinstance(person.age, int)


async def test_tools_that_the_template_does_not_know_are_answered_in_text(llama, model):
    # llama.cpp drops them and ignores tool_choice: plain LangChain gives None without a word.
    assert llama.get("/props")["chat_template_caps"]["supports_tools"] is False
    plain = model.with_structured_output(Person, method="function_calling", include_raw=True)
    assert (await plain.ainvoke("Anna is 31."))["parsed"] is None
    reader = ensemble(model, max_samples=4).with_structured_output(
        Person, method="function_calling", include_raw=True
    )
    found = await reader.ainvoke("Anna is 31.")
    assert found["parsed"] is None
    assert told(found["raw"])["n_abstained"] == told(found["raw"])["n_samples"] > 0


async def test_several_samples_of_one_request_are_several_votes(llama, model):
    many = AdaptiveEnsembleChat(
        [Member(model)], rule="fixed:n=8", samples_per_request=4, answer=CHOICES, concurrency=2
    )
    found = told(await many.ainvoke(REVIEW))
    assert found["n_samples"] == 8
    assert sum(usage["calls"] for usage in found["usage_by_member"].values()) == 2


async def test_what_is_too_long_is_refused_once_and_as_the_member_alone_refuses_it(llama):
    async with chat_openai(llama, "smollm2", max_tokens=4, timeout=120) as model:
        with pytest.raises(ModelInvalidRequestError) as alone:
            await model.ainvoke("word " * 2000)
        with pytest.raises(SamplingError) as voted:
            await ensemble(model).ainvoke("word " * 2000)
    assert isinstance(voted.value, type(alone.value))
    assert len(voted.value.causes) == 1
    assert "exceed_context_size_error" in str(voted.value)


async def test_a_reply_that_takes_too_long_is_a_failure_and_a_deadline_ends_the_vote(llama):
    async with chat_openai(llama, "smollm2", max_tokens=400, streaming=True) as model:
        slow = ensemble(model, timeout=0.2, retries=0, max_samples=3, breaker=2)
        with pytest.raises(SamplingError):
            await slow.ainvoke("Count from 1 to 300.")
        late = ensemble(model, deadline=0.5)
        with pytest.raises(SamplingError, match=r"0\.5 s"):
            await late.ainvoke("Count from 1 to 300.")

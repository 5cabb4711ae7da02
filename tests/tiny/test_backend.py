"""The tiny members behind the loopback server, asked by the clients people use."""

import pytest
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from llama_index.llms.openai_like import OpenAILike
from openai import BadRequestError, NotFoundError

from bestofinf import tiny
from support.server import LoopbackServer
from support.tiny_backend import TinyBackend

QUESTION = tiny.questions(1)[0].question


@pytest.fixture(scope="module")
def server():
    with LoopbackServer(TinyBackend()) as running:
        yield running


def chat(server, model="sum", **options):
    return ChatOpenAI(
        base_url=server.url, api_key="none", model=model, max_retries=0, timeout=30, **options
    )


def test_an_openai_client_gets_what_the_member_says(server):
    message = chat(server, seed=4, logprobs=True).invoke(QUESTION)
    choice = tiny.load("sum").complete(QUESTION, tiny.Options(seed=4)).choices[0]
    assert message.content == choice.text
    assert message.usage_metadata["output_tokens"] == len(choice.text)
    logprobs = [entry["logprob"] for entry in message.response_metadata["logprobs"]["content"]]
    assert logprobs == pytest.approx(choice.logprobs)


def test_without_a_seed_it_samples_anew(server):
    model = chat(server, temperature=2.0)
    assert len({model.invoke(QUESTION).content for _ in range(5)}) > 1


def test_stop_limit_and_n_are_obeyed(server):
    whole = chat(server, seed=4).invoke(QUESTION).content
    stopped = chat(server, seed=4).invoke(QUESTION, stop=["\n"])
    assert stopped.content == whole.splitlines()[0]
    cut = chat(server, seed=4, max_tokens=4).invoke(QUESTION)
    assert cut.content == whole[:4]
    assert cut.response_metadata["finish_reason"] == "length"
    result = chat(server, seed=4, n=3).generate([[HumanMessage(QUESTION)]])
    replies = tiny.load("sum").complete(QUESTION, tiny.Options(seed=4, n=3)).choices
    assert [g.text for g in result.generations[0]] == [choice.text for choice in replies]


def test_streaming_gives_the_same_text(server):
    model = chat(server, seed=4)
    chunks = [chunk.content for chunk in model.stream(QUESTION)]
    assert len(chunks) > 5
    assert "".join(chunks) == model.invoke(QUESTION).content


def test_llama_index_talks_to_it(server):
    llm = OpenAILike(
        model="clock",
        api_base=server.url,
        api_key="none",
        is_chat_model=True,
        additional_kwargs={"seed": 4},
        temperature=1.0,
    )
    choice = tiny.load("clock").complete(QUESTION, tiny.Options(seed=4)).choices[0]
    assert llm.complete(QUESTION).text == choice.text


def test_wrong_requests_are_refused_as_openai_would(server):
    with pytest.raises(NotFoundError, match="`gpt` does not exist"):
        chat(server, "gpt").invoke(QUESTION)
    with pytest.raises(BadRequestError, match="the question is empty"):
        chat(server).invoke(" ")

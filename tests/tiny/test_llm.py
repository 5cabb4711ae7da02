"""TinyLLM: all eight endpoints of a LlamaIndex LLM."""

import pytest
from llama_index.core.llms import ChatMessage, MessageRole

from bestofinf import tiny
from bestofinf.errors import UsageError
from llamaindex_bestofinf.tiny import TinyLLM

QUESTION = tiny.questions(1)[0].question
MESSAGES = [
    ChatMessage(role=MessageRole.SYSTEM, content="You are exact."),
    ChatMessage(role=MessageRole.USER, content=f"Answer this.\n{QUESTION}"),
]
TEXT = tiny.load("mul").complete(QUESTION, tiny.Options(seed=4)).choices[0].text
USAGE = {
    "prompt_tokens": len(QUESTION) + 1,
    "completion_tokens": len(TEXT),
    "total_tokens": len(QUESTION) + 1 + len(TEXT),
}


async def replies(llm):
    """Ask in every endpoint; the last response of each stream stands for it."""
    streams = [llm.stream_complete(QUESTION, seed=4), llm.stream_chat(MESSAGES, seed=4)]
    asynchronous = [
        await llm.astream_complete(QUESTION, seed=4),
        await llm.astream_chat(MESSAGES, seed=4),
    ]
    return [
        llm.complete(QUESTION, seed=4),
        llm.chat(MESSAGES, seed=4),
        await llm.acomplete(QUESTION, seed=4),
        await llm.achat(MESSAGES, seed=4),
        *(list(stream)[-1] for stream in streams),
        *[[r async for r in stream][-1] for stream in asynchronous],
    ]


async def test_every_endpoint_gives_the_text_and_usage_of_the_member():
    for response in await replies(TinyLLM(model="mul")):
        text = response.message.content if hasattr(response, "message") else response.text
        assert text == TEXT
        assert response.additional_kwargs == USAGE
        assert response.raw["usage"] == USAGE
        assert response.raw["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("stop", [[], ["\n"]])
def test_the_deltas_of_a_stream_add_up(stop):
    responses = list(TinyLLM(stop=stop).stream_complete(QUESTION, seed=4, logprobs=True))
    whole = TinyLLM(stop=stop).complete(QUESTION, seed=4, logprobs=True)
    assert "".join(r.delta for r in responses) == responses[-1].text == whole.text
    assert [p for r in responses for p in r.logprobs] == whole.logprobs


def test_log_probabilities_stand_beside_each_character():
    response = TinyLLM(logprobs=True).chat(MESSAGES, seed=4)
    assert "".join(entry[0].token for entry in response.logprobs) == response.message.content
    assert all(entry[0].logprob <= 0 for entry in response.logprobs)
    assert TinyLLM().chat(MESSAGES).logprobs is None


def test_all_of_n_choices_are_in_the_raw_reply():
    response = TinyLLM(n=3).complete(QUESTION, seed=4)
    texts = [choice["message"]["content"] for choice in response.raw["choices"]]
    assert len(texts) == 3
    assert texts[0] == response.text
    assert response.additional_kwargs["completion_tokens"] == sum(map(len, texts))


def test_metadata_describes_the_model_and_its_form_survives_json():
    llm = TinyLLM(model="clock", max_tokens=20)
    assert llm.metadata.model_name == "clock"
    assert llm.metadata.context_window == tiny.CONTEXT
    assert llm.metadata.num_output == 20
    assert llm.metadata.is_chat_model
    assert TinyLLM.from_json(llm.to_json()).max_tokens == 20


def test_unknown_options_are_refused():
    with pytest.raises(UsageError, match="got top_k"):
        TinyLLM().complete(QUESTION, top_k=3)

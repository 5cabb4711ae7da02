"""TinyChat: LangChain's own unit tests, and every way to ask."""

from copy import deepcopy

import pytest
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_tests.unit_tests import ChatModelUnitTests

from bestofinf import tiny
from bestofinf.errors import UsageError
from langchain_bestofinf.tiny import TinyChat

QUESTION = tiny.questions(1)[0].question


class TestTinyChatUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self):
        return TinyChat

    @property
    def chat_model_params(self):
        return {"model": "sum"}

    @property
    def has_tool_calling(self):
        return False

    @property
    def has_structured_output(self):
        return False


def test_a_reply_says_what_the_member_says_with_usage_and_metadata():
    message = TinyChat(model="mul").invoke(QUESTION, seed=4)
    choice = tiny.load("mul").complete(QUESTION, tiny.Options(seed=4)).choices[0]
    assert message.content == choice.text
    assert message.response_metadata == {"finish_reason": "stop", "model_name": "mul"}
    assert message.usage_metadata == {
        "input_tokens": len(QUESTION) + 1,
        "output_tokens": len(choice.text),
        "total_tokens": len(QUESTION) + 1 + len(choice.text),
    }


@pytest.mark.parametrize("stop", [None, ["\n"], ["; ", "answer"]])
def test_a_stream_adds_up_to_the_reply(stop):
    model = TinyChat(logprobs=True)
    chunks = list(model.stream(QUESTION, seed=2, stop=stop))
    total = sum(chunks[1:], chunks[0])
    message = model.invoke(QUESTION, seed=2, stop=stop)
    assert isinstance(total, AIMessageChunk)
    assert total.content == message.content
    assert total.usage_metadata == message.usage_metadata
    assert total.response_metadata == message.response_metadata


async def test_an_async_stream_is_the_same():
    chunks = [chunk.content async for chunk in TinyChat().astream(QUESTION, seed=2)]
    assert "".join(chunks) == TinyChat().invoke(QUESTION, seed=2).content


def test_log_probabilities_come_in_the_form_of_openai():
    message = TinyChat().invoke(QUESTION, seed=2, logprobs=True)
    content = message.response_metadata["logprobs"]["content"]
    assert "".join(entry["token"] for entry in content) == message.content
    assert all(entry["logprob"] <= 0 for entry in content)
    assert "logprobs" not in TinyChat().invoke(QUESTION).response_metadata


def test_n_replies_are_generations_whose_usages_add_up():
    result = TinyChat(n=3).generate([[HumanMessage(QUESTION)]])
    messages = [generation.message for generation in result.generations[0]]
    assert len(messages) == 3
    assert sum(m.usage_metadata["input_tokens"] for m in messages) == len(QUESTION) + 1
    assert [m.usage_metadata["output_tokens"] for m in messages] == [len(m.text) for m in messages]


def test_stop_sequences_of_a_call_replace_those_of_the_model():
    whole = TinyChat().invoke(QUESTION, seed=2).content
    assert TinyChat(stop=["\n"]).invoke(QUESTION, seed=2).content == whole.splitlines()[0]
    assert TinyChat(stop=["\n"]).invoke(QUESTION, seed=2, stop=[]).content == whole


def test_it_works_in_a_chain_with_system_message_and_template():
    prompt = ChatPromptTemplate.from_messages(
        [SystemMessage("You are exact."), ("user", "Answer this.\n{question}")]
    )
    handler = UsageMetadataCallbackHandler()
    message = (prompt | TinyChat().bind(seed=2)).invoke(
        {"question": QUESTION}, {"callbacks": [handler]}
    )
    assert message.content == TinyChat().invoke(QUESTION, seed=2).content
    assert handler.usage_metadata["sum"]["output_tokens"] == len(message.content)


def test_copies_are_possible():
    model = TinyChat(seed=1)
    model.invoke(QUESTION)
    assert deepcopy(model).invoke(QUESTION) != model.invoke(QUESTION, seed=99)


def test_unknown_options_and_values_out_of_range_are_refused():
    with pytest.raises(UsageError, match="got top_k"):
        TinyChat().invoke(QUESTION, top_k=3)
    with pytest.raises(UsageError, match="member must be one of"):
        TinyChat(model="gpt").invoke(QUESTION)
    with pytest.raises(ValueError, match="temperature"):
        TinyChat(temperature=-1)

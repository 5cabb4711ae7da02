import asyncio
import math
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

from bestofinf.errors import UsageError
from bestofinf.policy import FailurePolicy
from bestofinf.records import Reply, Usage
from bestofinf.scorers import MeanLogprob, SelfCertainty
from langchain_bestofinf.scorers import (
    ChatModelJudge,
    RunnableScorer,
    resolve_scorer,
    top_logprobs,
)

REPLY = Reply(text="42")
PRICE = (0.001, 0.01)


class Judge(BaseChatModel):
    """Says what it is told to, in order, as text or as a call of the schema."""

    said: Iterator[Any]
    seen: list[str]

    @property
    def _llm_type(self) -> str:
        return "judge"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.seen.append(str(messages[-1].content))
        said = next(self.said)
        if isinstance(said, Exception):
            raise said
        usage = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
        if isinstance(said, str):
            message = AIMessage(said, usage_metadata=usage)
        else:
            call = {"name": "Judgement", "args": said, "id": "1", "type": "tool_call"}
            message = AIMessage("", tool_calls=[call], usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=message)])


def judge(*said):
    return Judge(said=iter(said * 2), seen=[])


def both(scorer, reply=REPLY):
    found = scorer.score("6 x 7?", reply)
    assert asyncio.run(scorer.ascore("6 x 7?", reply)) == found
    return found


ONE_CALL = Usage(100, 10, 100 * 0.001 + 10 * 0.01, 1)


def test_runnable_gets_prompt_and_reply_and_gives_the_score():
    scorer = RunnableScorer(
        RunnableLambda(lambda x: 0.5 * (x == {"input": "6 x 7?", "output": "42"}))
    )
    found = both(scorer)
    assert found.value == 0.5
    assert found.usage == Usage()


@pytest.mark.parametrize(
    ("output", "score"),
    [({"score": 0.25}, 0.25), (AIMessage("Score: 0.5"), 0.5), ("score: 1", 1.0), (None, None),
     ({"mark": 1}, None), ("good", None), ({"score": "good"}, None), ([0.5], None)],
)  # fmt: skip
def test_score_is_found_in_what_a_runnable_gives(output, score):
    assert both(RunnableScorer(RunnableLambda(lambda _: output))).value == score


def test_model_calls_inside_a_chain_are_booked():
    prompt = ChatPromptTemplate.from_template("{input} {output}")
    chain = prompt | judge('{"score": 0.75}') | JsonOutputParser()
    found = both(RunnableScorer(chain, price=PRICE))
    assert found.value == 0.75
    assert found.usage == ONE_CALL


def test_chain_that_fails_after_its_model_call_is_still_paid_for():
    chain = judge("no json") | JsonOutputParser()
    scorer = RunnableScorer(chain, make_input=lambda p, r: r.text, price=PRICE)
    found = both(scorer)
    assert found.value is None
    assert found.usage == ONE_CALL
    assert "OutputParserException" in found.note


def test_booking_leaves_the_callers_tracers_in_place():
    class Tracer(BaseCallbackHandler):
        runs = 0

        def on_llm_end(self, *_: Any, **__: Any) -> None:
            self.runs += 1

    tracer = Tracer()
    scorer = RunnableScorer(judge("score: 1"), make_input=lambda p, r: r.text)
    step = RunnableLambda(lambda _: scorer.score("", REPLY).usage.calls)
    assert step.invoke(None, {"callbacks": [tracer]}) == 1
    assert tracer.runs == 1


def test_chat_model_judges_with_structured_output():
    model = judge({"reasoning": "right", "score": 8}, {"reasoning": "ok", "score": 6})
    found = both(ChatModelJudge(model=model, judgements=2, price=PRICE))
    assert found.value == pytest.approx(0.7)
    assert found.usage == ONE_CALL + ONE_CALL
    assert "6 x 7?" in model.seen[0]


def test_chat_model_judges_in_text_where_it_must():
    model = judge("I think score: 9")
    found = both(ChatModelJudge(model=model, structured=False))
    assert found.value == 0.9
    assert 'End with "score: NUMBER"' in model.seen[0]


def test_judgement_that_breaks_the_schema_is_no_score_but_paid_for():
    found = both(ChatModelJudge(model=judge({"mark": 3}), price=PRICE))
    assert found.value is None
    assert found.usage == ONE_CALL


def test_judge_that_is_busy_is_asked_again():
    said = (ConnectionError("busy"), {"reasoning": "", "score": 10})
    policy = FailurePolicy(retries=1, longest_wait=0.0)
    assert both(ChatModelJudge(model=judge(*said), policy=policy)).value == 1


def test_judge_must_be_a_chat_model():
    with pytest.raises(UsageError):
        ChatModelJudge(model="gpt")


def test_top_log_probabilities_are_read_from_the_message():
    content = [
        {"token": "4", "logprob": -0.1,
         "top_logprobs": [{"token": "4", "logprob": -0.1}, {"token": "5", "logprob": -3.0}]},
        {"token": "2", "logprob": -0.2, "top_logprobs": []},
    ]  # fmt: skip
    native = AIMessage("42", response_metadata={"logprobs": {"content": content}})
    reply = Reply(text="42", native=native, logprobs=(-0.1, -0.2))
    assert top_logprobs(reply) == [[-0.1, -3.0], []]
    assert both(SelfCertainty(top_logprobs), reply).value > 0
    assert both(MeanLogprob(), reply).value == pytest.approx(math.exp(-0.15))
    assert top_logprobs(REPLY) is None
    assert top_logprobs(Reply(native=AIMessage("x", response_metadata={"logprobs": None}))) is None


def test_scorers_are_made_from_what_users_have():
    model = judge()
    assert isinstance(resolve_scorer(model), ChatModelJudge)
    assert isinstance(resolve_scorer(RunnableLambda(lambda _: 1.0)), RunnableScorer)
    assert resolve_scorer(lambda p, r: 1.0).score("", REPLY).value == 1
    assert resolve_scorer(None) is None
    ready = ChatModelJudge(model=model)
    assert resolve_scorer(ready) is ready
    with pytest.raises(UsageError):
        resolve_scorer(3)

"""A scorer in the chat model: from the reply to the decision, blocking and asynchronous."""

import asyncio
import threading

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from bestofinf.errors import UsageError
from bestofinf.policy import FailurePolicy
from bestofinf.rules import OptScale
from bestofinf.scorers import FunctionScorer
from langchain_bestofinf import AdaptiveEnsembleChat
from langchain_bestofinf.scorers import ChatModelJudge

SCORES = {"41": 0.6, "43": 0.7, "42": 0.97, "44": 0.2}


def member():
    return GenericFakeChatModel(
        messages=iter(
            AIMessage(
                f"The answer is {n}.",
                usage_metadata={"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
            )
            for n in list(SCORES) * 9
        )
    )


def graded(question_and_reply):
    assert "6 x 7" in question_and_reply["input"]
    return next(s for number, s in SCORES.items() if number in question_and_reply["output"])


def chat(scorer, **settings):
    settings = {"rule": OptScale(0.95), "max_samples": 6, **settings}
    return AdaptiveEnsembleChat(members=[member()], scorer=scorer, **settings)


@pytest.mark.parametrize("face", ["blocking", "asynchronous"])
def test_reply_that_attains_the_score_is_returned_and_the_trace_shows_why(face):
    model = chat(RunnableLambda(graded))
    message = model.invoke("6 x 7?") if face == "blocking" else asyncio.run(model.ainvoke("6 x 7?"))
    trace = message.response_metadata["bestofinf"]
    assert message.text == "The answer is 42."
    assert trace["reason"].startswith("optscale: score 0.97 attains 0.95 (N* ")
    assert [line["score"] for line in trace["samples"]] == [0.6, 0.7, 0.97]


def test_cost_of_the_judge_is_part_of_the_usage():
    judge = GenericFakeChatModel(
        messages=iter(
            AIMessage(
                f"score: {score}",
                usage_metadata={"input_tokens": 100, "output_tokens": 1, "total_tokens": 101},
            )
            for score in (6, 10) * 9
        )
    )
    model = chat(ChatModelJudge(model=judge, structured=False))
    trace = model.invoke("6 x 7?").response_metadata["bestofinf"]
    assert trace["n_samples"] == 2
    (usage,) = trace["usage_by_member"].values()
    assert usage["calls"] == 4
    assert usage["input_tokens"] == 2 * 10 + 2 * 100


def test_scorer_that_fails_leaves_the_vote_to_its_limit():
    def broken(prompt, reply):
        raise ValueError("out of order")

    trace = chat(broken, max_samples=4).invoke("6 x 7?").response_metadata["bestofinf"]
    assert trace["n_samples"] == 4
    assert {line["score"] for line in trace["samples"]} == {None}
    assert "out of order" in trace["samples"][0]["note"]


def test_scorer_that_hangs_delays_a_vote_by_its_time_out_alone():
    release = threading.Event()
    policy = FailurePolicy(retries=0, timeout=0.1)
    scorer = FunctionScorer(lambda p, r: release.wait(30) and 1.0, policy=policy)
    trace = chat(scorer, max_samples=2).invoke("6 x 7?").response_metadata["bestofinf"]
    release.set()
    assert trace["n_samples"] == 2
    assert "no score within" in trace["samples"][0]["note"]


def test_what_is_no_scorer_is_refused_when_the_model_is_made():
    with pytest.raises(UsageError, match="a scorer is"):
        chat("reward model")

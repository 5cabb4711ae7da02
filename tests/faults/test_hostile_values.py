"""Values that cannot be votes, prices or probabilities, from whoever gives them."""

import asyncio
import json
import math
import os
import signal
import threading
import time
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import LogProb
from llama_index.core.llms import ChatMessage

from bestofinf import Member, Reply, Sample, Usage, UsageError
from bestofinf.answers import Abstain, ExecutedAnswer
from bestofinf.ensemble.prices import priced
from bestofinf.scorers import MeanLogprob, RewardEndpoint, SelfCertainty
from langchain_bestofinf import AdaptiveEnsembleChat, ChatModelJudge, RunnableScorer, top_logprobs
from langchain_bestofinf.streaming import MOST_CHUNKS
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf.scorers import top_logprobs as likeliest_tokens
from support.chat_members import Scripted
from support.llm_members import ScriptedLLM

SETTINGS = {"seed": 1, "retries": 0, "concurrency": 1, "max_samples": 6, "rule": "fixed:n=4"}


def in_langchain(replies, *, asynchronous=False, **settings):
    model = AdaptiveEnsembleChat([Scripted(replies=replies)], **{**SETTINGS, **settings})
    message = asyncio.run(model.ainvoke("?")) if asynchronous else model.invoke("?")
    return message.response_metadata["bestofinf"]


def in_llamaindex(replies, *, asynchronous=False, **settings):
    model = AdaptiveEnsembleLLM([ScriptedLLM(replies)], **{**SETTINGS, **settings})
    asked = [ChatMessage(role="user", content="?")]
    response = asyncio.run(model.achat(asked)) if asynchronous else model.chat(asked)
    return response.additional_kwargs["bestofinf"]


ways = pytest.mark.parametrize("asynchronous", [False, True])
adapters = pytest.mark.parametrize("adapter", [in_langchain, in_llamaindex])


# -- votes --------------------------------------------------------------------------------------


class NoHash:
    def __hash__(self):
        raise RuntimeError("no hash")


class NoEquality:
    __hash__ = object.__hash__

    def __eq__(self, other):
        raise RuntimeError("no equality")


class NoText:
    def __repr__(self):
        raise RuntimeError("no text")


NO_VOTES = (
    *(math.nan, Decimal("NaN"), np.float64("nan"), [1], {"a": 1}, ([1], 2), (("a", [1]),)),
    *(np.arange(3), 10**5_000, NoHash(), NoEquality(), NoText()),
)


def saying(reason):
    def abstains(*_):
        raise Abstain(reason)

    return abstains


@ways
@adapters
@pytest.mark.parametrize("carried_out", [True, False])
def test_what_cannot_be_counted_is_no_vote(adapter, asynchronous, carried_out):
    async def awaited():
        return "5"

    functions = [
        *(lambda text, value=value: value for value in NO_VOTES),
        *(saying(5), saying("x" * 1_000_000), lambda text: awaited()),
        *(lambda text: "5", lambda text: "6", lambda text: "5"),
    ]
    n = len(functions)
    answer = ExecutedAnswer(lambda text: functions[int(text)](text)) if carried_out else None
    given = iter(functions)
    told = adapter(
        [str(i) for i in range(n)],
        asynchronous=asynchronous,
        rule=f"fixed:n={n}",
        max_samples=n,
        abstain_limit=None,
        answer=answer or (lambda text: next(given)(text)),
    )
    assert (told["answer"], told["votes"], told["n_failed"]) == ("5", {"5": 2, "6": 1}, 0)
    assert told["n_abstained"] == n - 3
    assert all(len(line.get("note", "")) < 3_000 for line in told["samples"])


@pytest.mark.parametrize("value", NO_VOTES, ids=lambda value: type(value).__name__)
def test_a_sample_refuses_it(value):
    with pytest.raises(UsageError, match="an answer must be"):
        Sample(value)


@ways
@adapters
def test_programs_that_never_end_keep_no_others_from_their_turn(adapter, asynchronous):
    release = threading.Event()
    answer = ExecutedAnswer(lambda text: release.wait(60) and None, timeout=0.05, at_once=1)
    start = time.monotonic()
    told = adapter(list("abcd"), asynchronous=asynchronous, answer=answer, abstain_limit=None)
    assert time.monotonic() - start < 30
    release.set()
    assert (told["n_abstained"], told["n_failed"]) == (4, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_all_slots_for_executions():
    release, begun = threading.Event(), threading.Event()

    def run(text):
        if text == "quick":  # in the child, where a lock of these events may be held for ever
            return text
        begun.set()
        return release.wait(60)

    answer = ExecutedAnswer(run, timeout=60, at_once=1)
    thread = threading.Thread(target=answer.read, args=(Reply("slow"),))
    thread.start()
    begun.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        os._exit(0 if answer.read(Reply("quick"))[0] == "quick" else 1)
    _, status = os.waitpid(child, 0)
    release.set()
    thread.join()
    assert status == 0


def test_where_no_thread_can_begin_every_vote_is_told(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    async def twice():
        answer = ExecutedAnswer(str.upper).for_question("?")
        return await asyncio.gather(answer.resolve("a"), answer.resolve("a"))

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for found in asyncio.run(twice()):
        assert found.answer is None
        assert "can't start new thread" in found.note


# -- prices -------------------------------------------------------------------------------------

NO_PRICES = (
    *(math.nan, math.inf, -math.inf, -1, "1", True, Decimal("NaN"), Decimal("sNaN"), 10**400),
    *(None, [1], 1j, np.float64("nan"), np.arange(2)),
)
PRICES = (1, 0.5, Decimal("0.5"), Fraction(1, 2), np.float32(0.5), np.int64(1))


def endpoint(price):
    return RewardEndpoint("http://localhost", price=price[0])


TAKE_PRICES = {
    "member": lambda price: Member("m", price=price),
    "table": lambda price: priced([Member("m", name="m")], {"m": price}, str),
    "table by keys": lambda price: priced(
        [Member("m", name="m")],
        {"m": dict(zip(("input_cost_per_token", "output_cost_per_token"), price, strict=True))},
        str,
    ),
    "judge": lambda price: ChatModelJudge(model=Scripted(replies=["score: 5"]), price=price),
    "chain": lambda price: RunnableScorer(Scripted(replies=["score: 5"]), price=price),
    "endpoint": endpoint,
}


@pytest.mark.parametrize("taker", TAKE_PRICES)
@pytest.mark.parametrize("value", NO_PRICES, ids=repr)
def test_what_is_no_price_is_refused_where_it_is_given(taker, value):
    with pytest.raises(UsageError, match="price"):
        TAKE_PRICES[taker]((value, value))


@adapters
@pytest.mark.parametrize("value", PRICES, ids=repr)
def test_a_price_of_any_kind_makes_a_plain_cost(adapter, value):
    kind = AdaptiveEnsembleChat if adapter is in_langchain else AdaptiveEnsembleLLM
    model = Scripted(replies=["5"]) if adapter is in_langchain else ScriptedLLM("5")
    ensemble = kind([Member(model, price=(value, value), weight=float(value))], **SETTINGS)
    if adapter is in_langchain:
        told = ensemble.invoke("?").response_metadata["bestofinf"]
    else:
        asked = [ChatMessage(role="user", content="?")]
        told = ensemble.chat(asked).additional_kwargs["bestofinf"]
    (spent,) = json.loads(json.dumps(told["usage_by_member"])).values()
    assert spent["cost"] == float(value) * (spent["input_tokens"] + spent["output_tokens"])
    assert type(Usage(cost=np.float32(0.5)).cost) is float


# -- probabilities ------------------------------------------------------------------------------


def token(value, top=None):
    likely = [{"logprob": value}, {"logprob": -3.0}] if top is None else top
    return {"token": "5", "logprob": value, "top_logprobs": likely}


NO_PROBABILITIES = {
    **{
        repr(value): [token(value)]
        for value in (math.nan, math.inf, 3.0, None, "-0.1", -(10**400), Decimal("-0.1"), [1])
    },
    **{repr(value): value for value in ({"a": 1}, ["a", "b"], [[1, 2]], 5, "abc", [None])},
    "above 1": [token(-0.1, [{"logprob": 500.0}, {"logprob": 400.0}])],
    "no numbers": [token(math.nan, [{"logprob": math.nan}, {"logprob": math.inf}])],
    "a text": [token(None, "abc")],
    "probability": [{"token": "5", "prob": 2.0}],
}


@ways
@pytest.mark.parametrize("scorer", [None, MeanLogprob(), SelfCertainty(top_logprobs)])
@pytest.mark.parametrize("rule", ["mass", "fixed:n=4"])
def test_what_is_no_probability_is_as_none(asynchronous, scorer, rule):
    def decided(value):
        def say(number):
            metadata = {"finish_reason": "stop", "logprobs": {"content": value}}
            return AIMessage("5" if number % 3 else "6", response_metadata=metadata)

        member = Member(Scripted(replies=say), name="m", logprobs="processed")
        settings = {**SETTINGS, "rule": rule, "scorer": scorer, "answer": "text"}
        model = AdaptiveEnsembleChat([member], **settings)
        message = asyncio.run(model.ainvoke("?")) if asynchronous else model.invoke("?")
        told = message.response_metadata["bestofinf"]
        return told["answer"], told["votes"], told["n_failed"], told["confidence"]

    expected = decided(None)
    for name, value in NO_PROBABILITIES.items():
        assert decided(value) == expected, name


def test_what_is_no_probability_makes_no_score():
    for value in NO_PROBABILITIES.values():
        metadata = {"logprobs": {"content": value}}
        reply = Reply("5", native=AIMessage("5", response_metadata=metadata))
        score = SelfCertainty(top_logprobs).score("?", reply).value
        assert score is None or value[0]["logprob"] == -0.1 or score < 1


class WithLogprobs(ScriptedLLM):
    """Tells anything as its log-probabilities."""

    told: object = None

    def _response(self, message):
        response = super()._response(message)
        object.__setattr__(response, "logprobs", self.told)
        return response


def place(value):
    return LogProb.model_construct(token="5", logprob=value, bytes=[])


@ways
@pytest.mark.parametrize("scorer", [None, MeanLogprob(), SelfCertainty(likeliest_tokens)])
@pytest.mark.parametrize(
    "told",
    [
        *([[place(value)] * 2] for value in (math.nan, math.inf, 3.0, None, "a")),
        *([place(-0.1)], [[]], [], 5, [None], ["ab"], [[{"token": "5"}]], {"a": 1}),
    ],
    ids=repr,
)
def test_nor_is_it_in_the_other_adapter(asynchronous, scorer, told):
    member = Member(WithLogprobs("5", told=told), name="m", logprobs="processed")
    model = AdaptiveEnsembleLLM([member], **SETTINGS, scorer=scorer)
    asked = [ChatMessage(role="user", content="?")]
    response = asyncio.run(model.achat(asked)) if asynchronous else model.chat(asked)
    decided = response.additional_kwargs["bestofinf"]
    assert (decided["answer"], decided["n_failed"]) == ("5", 0)
    assert {line["score"] for line in decided["samples"]} == {None}
    assert response.logprobs == told


# -- streams ------------------------------------------------------------------------------------


def test_a_long_reply_is_replayed_in_a_bounded_number_of_chunks():
    text = "a " * 500_000
    model = AdaptiveEnsembleChat([Scripted(replies=[text])], rule="fixed:n=1")
    chunks = list(model.stream("?"))
    assert len(chunks) <= MOST_CHUNKS + 4
    assert "".join(chunk.text for chunk in chunks) == text

"""Ensembles through LiteLLM's proxy: its refusals, its sick deployments, and what passes through."""

import pytest
from langchain_core.exceptions import ContextOverflowError

from bestofinf import ChoiceAnswer, Endpoint, Ensemble, Member, SamplingError
from langchain_bestofinf import AdaptiveEnsembleChat
from support.clients import chat_openai
from support.real.questions import messages, questions

pytestmark = pytest.mark.soak

REVIEW = messages(questions()[0], "few")
CHOICES = ChoiceAnswer(["positive", "negative"])


def at(proxy, model, **settings):
    return Endpoint(model, url=proxy.url, **{"max_tokens": 8, **settings})


async def test_a_vote_passes_through_the_proxy_with_usage_and_log_probabilities(llama, proxy):
    member = at(proxy, "smol", extra={"logprobs": True})
    before = llama.generated()
    async with Ensemble([member], answer=CHOICES, rule="fixed:n=4") as ensemble:
        result = await ensemble.aask({"messages": REVIEW})
    assert result.decision.answer in ("positive", "negative")
    assert result.decision.usage.output_tokens == llama.generated() - before
    replies = [entry.outcome.reply for entry in result.decision.trail if entry.counted]
    assert all(reply.logprob < 0 for reply in replies)


async def test_the_healthy_member_decides_where_others_fail(proxy):
    members = [
        Member(at(proxy, "smol"), name="well"),
        Member(at(proxy, "gone"), name="gone"),
        Member(at(proxy, "unknown"), name="unknown"),
    ]
    async with Ensemble(members, answer=CHOICES, rule="fixed:n=3", retries=0) as ensemble:
        result = await ensemble.aask({"messages": REVIEW})
    assert result.decision.winner_member == "well"
    assert sum(result.decision.votes.values()) >= 1


async def test_a_deployment_that_fails_costs_tries_and_no_answer(proxy):
    async with Ensemble(
        [at(proxy, "half")], answer=CHOICES, rule="fixed:n=4", retries=6, breaker=50
    ) as ensemble:
        result = await ensemble.aask({"messages": REVIEW})
    assert result.decision.n_samples == 4


async def test_members_of_different_kinds_agree_on_one_word(proxy):
    members = [Member(at(proxy, "smol"), name="real"), Member(at(proxy, "mock"), name="mock")]
    async with Ensemble(members, answer=CHOICES, rule="fixed:n=6") as ensemble:
        result = await ensemble.aask({"messages": REVIEW})
    assert set(result.decision.votes) <= {"positive", "negative"}
    assert result.decision.votes["positive"] >= 1  # the mock's


async def test_what_is_too_long_is_told_as_that_and_asked_once(proxy):
    async with chat_openai(proxy, "smol", max_tokens=4) as model:
        with pytest.raises(ContextOverflowError) as caught:
            await AdaptiveEnsembleChat([Member(model)]).ainvoke("word " * 2000)
    assert isinstance(caught.value, SamplingError)
    assert len(caught.value.causes) == 1


async def test_a_model_that_is_unknown_is_named(proxy):
    with pytest.raises(SamplingError, match="nobody-knows"):
        async with Ensemble([at(proxy, "nobody-knows")]) as ensemble:
            await ensemble.aask("Hi")


async def test_a_rate_limit_ends_a_single_vote_with_what_it_has(proxy):
    # `limited` takes 20 requests a minute, and says nothing of when to come back.
    async with Ensemble(
        [at(proxy, "limited", max_tokens=1)],
        answer="text",
        rule="fixed:n=40",
        deadline=8.0,
        on_deadline="partial",
        concurrency=8,
    ) as ensemble:
        result = await ensemble.aask({"messages": REVIEW})
    assert 1 <= result.decision.n_samples <= 40

"""Budgets are exceeded by no more than what is in flight, and prices come from the user's table."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf.drivers import avote
from bestofinf.ensemble.prices import priced
from bestofinf.errors import SamplingError, UsageError
from bestofinf.policy import FailurePolicy
from bestofinf.records import Member, Sample
from bestofinf.rules.budgets import FixedSamples, MaxCost, MaxSamples, MaxSeconds, MaxTokens
from bestofinf.rules.lead import AheadBy
from bestofinf.voting.engine import VotingEngine
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.chat_members import Scripted
from support.llm_members import ScriptedLLM
from support.virtual import run_virtually

LIMIT = 1000
ENDLESS = FixedSamples(10_000)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["samples", "tokens", "cost"]),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=20),
    seconds=st.lists(st.floats(0.1, 5.0), min_size=1, max_size=7),
    launch=st.sampled_from(["thrifty", "eager"]),
    order=st.sampled_from(["draw", "arrival"]),
    concurrency=st.integers(1, 12),
    broken=st.integers(2, 6),
)
def test_a_budget_is_exceeded_by_no_more_than_what_is_in_flight(
    kind, sizes, seconds, launch, order, concurrency, broken
):
    member = Member(None, price=(0.0, 0.5))
    limit = 30 if kind == "samples" else LIMIT
    rule = {"samples": MaxSamples(30), "tokens": MaxTokens(LIMIT), "cost": MaxCost(LIMIT / 2)}[kind]
    open_now, started, spent_at_start = set(), 0, []

    async def sample(draw):
        nonlocal started
        started += 1
        open_now.add(draw)
        spent_at_start.append((engine.tally.n_samples, engine.tally.tokens))
        assert len(open_now) <= concurrency
        await asyncio.sleep(seconds[draw.index % len(seconds)])
        open_now.remove(draw)
        if draw.index % broken == 0:
            raise ConnectionError("gone")
        size = sizes[draw.index % len(sizes)]
        return Sample("a", usage=member.charge(10, size), tokens=size)

    engine = VotingEngine(ENDLESS | rule, [member], launch=launch, order=order, breaker=100)
    policy = FailurePolicy(retries=0)
    decision, _ = run_virtually(avote(engine, sample, concurrency=concurrency, policy=policy))
    assert decision.reason.startswith(f"max-{kind}")
    tally = engine.tally
    counted = {"samples": tally.n_samples, "tokens": tally.tokens, "cost": 2 * tally.cost}[kind]
    # Counted one by one: the last one counted crosses the line.
    assert counted < limit + (1 if kind == "samples" else max(sizes))
    # No request is begun once the budget is spent, so the rest was in flight then.
    assert all(n < 30 if kind == "samples" else t < LIMIT for n, t in spent_at_start)
    assert started - decision.n_samples - decision.n_failed == decision.n_cancelled
    assert decision.n_cancelled < concurrency or order == "draw"
    if launch == "thrifty" and kind == "samples":
        assert decision.n_cancelled == 0


def test_a_time_budget_ends_a_vote_at_the_next_reply():
    async def sample(draw):
        await asyncio.sleep(3.0)
        return Sample("a")

    async def main():
        clock = asyncio.get_running_loop().time
        engine = VotingEngine(ENDLESS | MaxSeconds(10.0))
        return await avote(engine, sample, clock=clock)

    decision, seconds = run_virtually(main())
    assert decision.reason.startswith("max-seconds")
    assert seconds == 12.0


def test_members_that_fail_now_and_then_do_not_make_a_vote_endless():
    """Failures are replaced; a budget of samples bounds them through the breaker."""
    calls = 0

    async def sample(draw):
        nonlocal calls
        calls += 1
        if draw.index % 5:
            raise ConnectionError("gone")
        return Sample(f"{draw.index}")

    engine = VotingEngine(ENDLESS | MaxSamples(20), breaker=5)
    decision, _ = run_virtually(avote(engine, sample, policy=FailurePolicy(retries=0)))
    assert decision.n_samples == 20
    assert calls <= 20 * 5


# -- prices -----------------------------------------------------------------------------------

LITELLM = {
    "sample_spec": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "mode": "one of"},
    "gpt-5-mini": {
        "input_cost_per_token": 2.5e-7,
        "output_cost_per_token": 2e-6,
        "litellm_provider": "openai",
    },
    "azure/gpt-5-mini": {"input_cost_per_token": 2.75e-7, "output_cost_per_token": 2.2e-6},
    "groq/llama-3": {"input_cost_per_token": 1e-7, "output_cost_per_token": 2e-7},
    "text-embedding": {"input_cost_per_token": 1e-7},
}


@pytest.mark.parametrize(
    ("name", "model", "price"),
    [
        ("mine", "gpt-5-mini", (2.5e-7, 2e-6)),
        ("gpt-5-mini", "something", (2.5e-7, 2e-6)),
        ("gpt-5-mini#2", "something", (2.5e-7, 2e-6)),
        ("mine", "llama-3", (1e-7, 2e-7)),
        ("mine", "other/llama-3", (1e-7, 2e-7)),
        ("azure/gpt-5-mini", "gpt-5-mini", (2.75e-7, 2.2e-6)),
    ],
)
def test_a_price_is_found_by_member_or_model_with_or_without_its_provider(name, model, price):
    (member,) = priced([Member(model, name=name)], LITELLM, str)
    assert member.price == price


def test_a_members_own_price_comes_first():
    (member,) = priced([Member("gpt-5-mini", name="m", price=(1.0, 2.0))], LITELLM, str)
    assert member.price == (1.0, 2.0)


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        (
            {"gpt-5-minni": (1, 2)},
            "no entry for the member 'm' .model 'gpt-5-mini'.: add one, or .0, 0.",
        ),
        ({"gpt-5-mini": 3}, "price of 'gpt-5-mini' must be two numbers"),
        ({"gpt-5-mini": (1, 2, 3)}, "must be two numbers"),
        ({"gpt-5-mini": (1, -2)}, "must be two numbers"),
        ({"gpt-5-mini": (1, float("nan"))}, "must be two numbers"),
        ({"gpt-5-mini": "12"}, "must be two numbers"),
        ({"gpt-5-mini": {"input_cost_per_token": 1}}, "must be two numbers"),
        ({"a/gpt-5-mini": (1, 2), "b/gpt-5-mini": (1, 3)}, "several entries .* a/gpt-5-mini"),
        ([("gpt-5-mini", 1)], "prices must map names to prices"),
    ],
)
def test_a_table_that_gives_no_price_is_refused(prices, message):
    with pytest.raises(UsageError, match=message):
        priced([Member("gpt-5-mini", name="m")], prices, str)


def chat(**settings):
    return AdaptiveEnsembleChat([Scripted(replies=["4"], model_name="m")], **settings)


def chain(**settings):
    return AdaptiveEnsemble(Scripted(replies=["4"], model_name="m"), **settings)


def llm(**settings):
    return AdaptiveEnsembleLLM([ScriptedLLM("The answer is 4.", model="m")], **settings)


@pytest.mark.parametrize("make", [chat, chain, llm])
def test_a_limit_on_cost_without_prices_is_refused(make):
    with pytest.raises(UsageError, match="max-cost would never stop"):
        make(rule="balanced|max-cost:amount=1")
    with pytest.raises(UsageError, match="max-cost would never stop"):
        make().plan(rule="max-cost:amount=1")
    make(rule="balanced|max-cost:amount=1", prices={"m": (1, 2)})
    make(prices={"m": [1, 2]}).plan(rule="max-cost:amount=1")


def test_prices_reach_the_decision_and_its_budget_in_both_adapters():
    given = {"prices": {"m": (0.5, 2.0)}, "rule": "max-cost:amount=30|fixed:n=50"}
    given["concurrency"] = 1
    first = chat(**given).invoke("x").response_metadata["bestofinf"]
    second = llm(**given).complete("x").additional_kwargs["bestofinf"]
    for told in (first, second):
        (usage,) = told["usage_by_member"].values()
        assert usage["cost"] == 0.5 * usage["input_tokens"] + 2.0 * usage["output_tokens"]
        assert told["reason"].startswith("max-cost")
        one = usage["cost"] / told["n_samples"]
        assert 30 <= usage["cost"] < 30 + one


def test_a_rule_does_not_stop_a_vote_short_of_its_quorum():
    async def sample(draw):
        return Sample("a")

    for rule in (AheadBy(1), AheadBy(1) | MaxSamples(9)):
        decision, _ = run_virtually(avote(VotingEngine(rule, quorum=5), sample))
        assert decision.votes == {"a": 5}
        assert decision.reason.startswith("ahead-by")


def test_a_budget_that_ends_a_vote_short_of_its_quorum_is_an_error():
    async def sample(draw):
        return Sample("a")

    engine = VotingEngine(MaxSamples(2), quorum=3)
    with pytest.raises(SamplingError, match="2 votes, at least 3 wanted"):
        run_virtually(avote(engine, sample))

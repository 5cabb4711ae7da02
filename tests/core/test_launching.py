"""What is launched ahead changes no vote, keeps every limit, and never leaves a vote waiting."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import ClassVar

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bestofinf import Failure, Member, Sample, SamplingError, Usage
from bestofinf.answers import JsonAnswer
from bestofinf.ensemble import VotePlan
from bestofinf.rules import (
    AdaptiveConsistency,
    AheadBy,
    AllOf,
    AnyOf,
    BestOfInfinity,
    CertifiedMajority,
    Doubling,
    FirstTo,
    FixedSamples,
    MaxCost,
    MaxSamples,
    MaxTokens,
    OptimalStopping,
    PValue,
    StopRule,
    UnanimousWindow,
    Verdict,
)
from bestofinf.voting.engine import VotingEngine


@dataclass(frozen=True)
class Written(StopRule):
    """A rule as somebody might write it: it stops at `n` votes, and has no idea of what is next."""

    n: int
    least: int = 0
    told: tuple[float, ...] = ()
    name: ClassVar[str] = "written"

    def check(self, tally):
        return Verdict("written: enough") if tally.n_votes >= self.n else None

    def needed(self, tally, ahead):
        return self.least

    def chances(self, tally, ahead, least):
        return list(self.told)


RULES = (
    OptimalStopping(),
    OptimalStopping.fast(),
    OptimalStopping(price_per="money", price=20.0),
    AheadBy(1),
    AheadBy(3),
    FirstTo(2),
    AdaptiveConsistency(),
    BestOfInfinity(10.0),
    PValue(),
    UnanimousWindow(3),
    Doubling(),
    CertifiedMajority(0.3),
    FixedSamples(5),
    MaxTokens(1500),
    MaxCost(0.02),
)
WRITTEN = (Written(3), Written(4, least=20, told=(1.0,) * 20), Written(2, told=(0.1, 0.9)))


def joined(singles):
    return st.recursive(
        st.sampled_from(singles),
        lambda inner: st.builds(
            lambda kind, rules: kind(tuple(rules)),
            st.sampled_from([AnyOf, AllOf]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=4,
    )


PARTED = JsonAnswer(fields=["a", "b"])
members = st.lists(st.sampled_from([0.2, 0.5, 1.0]), min_size=1, max_size=4)
prices = st.sampled_from([0.1, 0.5, 1.0, 4.0, math.inf])
kinds = st.fixed_dictionaries(
    {
        "schedule": st.sampled_from(["auto", "greedy", "golden", "independent", "even", "cascade"]),
        "quorum": st.integers(1, 6),
        "abstain_limit": st.sampled_from([None, 1, 3, "auto"]),
        "warm_up": st.sampled_from([0, 0, 1, 3]),
        "answer": st.sampled_from([None, None, PARTED]),
    }
)


def outcomes(seed, broken, answer):
    """Return what the draw with a given place brings: the same whenever it is asked."""

    def of(draw):
        chance = random.Random(f"{seed}/{draw.index}")
        if chance.random() < broken:
            return Failure(ValueError("no"))
        a, b = (chance.choices(["1", "2", "3", None], [5, 3, 1, 1])[0] for _ in range(2))
        value = a
        if answer is PARTED:
            parts = {name: part for name, part in (("a", a), ("b", b)) if part is not None}
            value = PARTED.join(parts) if parts else None
        tokens = chance.randrange(20, 400)
        return Sample(
            value, tokens=tokens, usage=Usage(output_tokens=tokens, cost=tokens / 1e5, calls=1)
        )

    return of


def voted(rule, weights, slots, seed, broken, **settings):
    """Run a vote whose outcomes arrive in random order; hold it to its slots meanwhile."""
    if any(isinstance(part, CertifiedMajority) for part in rule.parts()):
        settings["schedule"] = "independent"  # what that rule can judge
    engine = VotingEngine(rule, weights, seed=seed % 97, **settings)
    order, bring, flying = random.Random(seed), outcomes(seed, broken, settings["answer"]), []
    while not engine.done:
        asked = engine.ask(slots - len(flying))
        flying += asked
        assert len(flying) <= slots
        assert flying, "not done, nothing in flight, and nothing asked for"
        draw = flying.pop(order.randrange(len(flying)))
        engine.tell(draw, bring(draw))
    return engine


def outcome(engine):
    """Return what a vote comes to, and what was counted in it."""
    tally = engine.tally
    counted = (tally.history, list(tally.member_votes), tally.n_samples, tally.n_failed)
    try:
        decision = engine.decision()
    except SamplingError as error:
        # It names the causes of all failures, also of draws that were given up.
        return str(error).partition("; causes")[0], counted
    told = ("answer", "confidence", "reason", "votes", "shares", "winner", "winner_member")
    used = [entry.draw for entry in decision.trail if entry.counted]
    return [getattr(decision, name) for name in told], counted, used


@given(
    joined(RULES), members, prices, st.integers(1, 12), st.integers(0, 10**6),
    st.sampled_from([0.0, 0.2, 0.5]), st.integers(1, 24), kinds,
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_the_price_of_waiting_changes_no_vote_and_keeps_every_limit(
    rule, weights, waiting, slots, seed, broken, most, kind
):
    limited = rule | MaxSamples(most)
    run = (limited, weights)
    alone = voted(*run, 1, seed, broken, waiting=0, breaker=99, **kind)
    hasty = voted(*run, slots, seed, broken, waiting=waiting, breaker=99, **kind)
    assert outcome(alone) == outcome(hasty)
    assert hasty.tally.n_samples <= most
    if hasty.tally.n_votes < kind["quorum"] and hasty.tally.n_votes:
        assert "votes, at least" in outcome(hasty)[0]
    elif waiting < math.inf:  # eager keeps its slots busy whatever is left
        assert hasty.decision().n_samples + hasty.decision().n_cancelled <= most


@given(
    joined(RULES + WRITTEN), members, st.one_of(prices, st.just(0)), st.integers(1, 12),
    st.integers(0, 10**6), st.sampled_from([0.0, 0.3, 0.8]), st.sampled_from(["draw", "arrival"]),
    st.integers(1, 6), kinds,
)  # fmt: skip
@example(Written(1), [1.0], 0, 1, 0, 0.0, "draw", 5, {"quorum": 1, "answer": None})
@settings(max_examples=200, deadline=None)
def test_a_vote_that_is_not_done_and_has_nothing_in_flight_asks_for_something(
    rule, weights, waiting, slots, seed, broken, order, breaker, kind
):
    engine = voted(
        rule | MaxSamples(40), weights, slots, seed, broken,
        waiting=waiting, order=order, breaker=breaker, **kind,
    )  # fmt: skip
    assert engine.done


@given(
    rule=st.sampled_from(RULES),
    most=st.integers(1, 5),
    waiting=st.sampled_from([0.0, 0.5, math.inf]),
    outcomes=st.lists(st.sampled_from("ABC-!"), min_size=30, max_size=30),
)
@example(rule=FixedSamples(1), most=64, waiting=0.5, outcomes=["A"] * 30)
def test_a_vote_has_no_more_draws_in_flight_than_its_plan_has_slots(rule, most, waiting, outcomes):
    plan = VotePlan.make(
        [Member(None, name="m", price=(0.1, 0.1))], rule=rule, max_samples=most, waiting=waiting
    )
    engine, told = plan.engine(), iter(outcomes)
    while not engine.done:
        engine.ask(plan.concurrency - len(engine.in_flight))
        assert 1 <= len(engine.in_flight) <= plan.slots
        kind = next(told, "A")
        failed = kind == "!"
        answer = None if kind == "-" else kind
        engine.tell(
            engine.in_flight[0], Failure(ValueError()) if failed else Sample(answer, tokens=5)
        )


def test_a_plan_of_few_samples_has_few_slots():
    def slots(**settings):
        return VotePlan.make([Member(None, name="m")], **settings).slots

    assert slots(rule="fixed:n=1") == slots(max_samples=1) == slots(concurrency=1) == 1
    assert slots(rule="fixed:n=3", max_samples=2) == 2
    assert slots() == slots(rule="fixed:n=1", launch="eager") == 8

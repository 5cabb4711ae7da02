"""The chances that draws are needed, and the price of waiting that they are held to."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf import UsageError
from bestofinf.ensemble.plan import VotePlan
from bestofinf.records import Member
from bestofinf.rules import (
    AdaptiveConsistency,
    AheadBy,
    BestOfInfinity,
    Doubling,
    FirstTo,
    FixedSamples,
    MaxTokens,
    OptimalStopping,
    PValue,
    UnanimousWindow,
)
from bestofinf.rules.chances import PRIOR, lattice
from bestofinf.rules.standing import Standing
from bestofinf.rules.tally import Tally
from bestofinf.voting.engine import VotingEngine
from bestofinf.voting.settings import VoteSettings

RULES = (
    OptimalStopping(),
    OptimalStopping.fast(),
    OptimalStopping.thorough(),
    AheadBy(3),
    AdaptiveConsistency(),
    BestOfInfinity(10.0),
    PValue(),
    UnanimousWindow(3),
    Doubling(),
    FirstTo(2),
    FixedSamples(5),
    OptimalStopping() & FixedSamples(4),
    AheadBy(2) | MaxTokens(3000),
)

members = st.lists(st.sampled_from([0.2, 0.5, 1.0]), min_size=1, max_size=4)


@given(st.sampled_from(RULES), members, st.integers(0, 10**6), st.sampled_from([0.2, 0.5, 0.8]))
@settings(max_examples=200, deadline=None)
def test_chances_begin_with_1_never_rise_and_end_above_the_least(rule, weights, seed, least):
    chance = random.Random(seed)
    tally = Tally(weights, stratified=True)
    for _ in range(chance.randrange(12)):
        member = chance.randrange(len(weights))
        tally.spend(tokens=50)
        tally.vote(chance.choice("aab"), member=member, tokens=50)
        if rule.check(tally) is not None:
            return
    ahead = [chance.randrange(len(weights)) for _ in range(10)]
    found = rule.chances(tally, ahead, least)
    assert found[0] == 1
    assert len(found) <= len(ahead)
    assert all(before >= after for before, after in pairwise(found))
    assert min(found) >= least


@given(st.integers(0, 12), st.integers(0, 12), st.integers(20, 60))
@settings(max_examples=200, deadline=None)
def test_the_table_of_optimal_stopping_is_the_lattice_of_its_check(c1, c2, tenths):
    c1, c2 = max(c1, c2), min(c1, c2)
    rule = OptimalStopping(math.exp(-tenths / 10), length_evidence=0, scatter=None)
    tally = Tally()
    for answer, votes in (("a", c1), ("b", c2)):
        for _ in range(votes):
            tally.spend(tokens=0)
            tally.vote(answer)
    if c1 and rule.check(tally) is not None:
        return
    ahead = [0] * 8

    def fires(probe):
        # The bar is compared with a margin, since the table rounds it to what it is here.
        score = rule._score(Standing.of(probe))
        return score <= math.log(rule.price) + 1e-9

    exact = lattice(fires, tally, tally, [0] * 9, 0.0)
    # Once there are two answers, one of n + 2 votes is supposed to be for a third.
    thinned = (c1 + c2 + 1) / (c1 + c2 + 2) if c2 else 1.0
    exact += [0.0] * (9 - len(exact))
    wanted = [float(np.interp(k * thinned, range(9), exact)) for k in range(8)]
    found = rule.chances(tally, ahead, 0.01)
    assert found == pytest.approx([chance for chance in wanted if chance >= 0.01], abs=1e-5)


@pytest.mark.parametrize(
    ("rule", "votes"), [(OptimalStopping.thorough(), 1200), (AheadBy(4), 400)], ids=str
)
def test_draws_are_needed_as_often_as_their_chances_say(rule, votes):
    """On questions of two answers whose shares are as the prior takes them."""
    chance = random.Random(1)
    needed, told = [0.0] * 10, [0.0] * 10
    told_of = [0] * 10
    for _ in range(votes):
        share = chance.betavariate(PRIOR, PRIOR)
        tally, states = Tally(), []
        while tally.n_votes < 60:
            states.append(rule.chances(tally, [0] * 8, 0.01))
            tally.spend(tokens=0)
            tally.vote("ab"[chance.random() < share])
            if rule.check(tally) is not None:
                break
        for before, chances in enumerate(states):
            for further, k in enumerate(chances, 1):
                tenth = min(int(10 * k), 9)
                told[tenth] += k
                needed[tenth] += before + further <= len(states)
                told_of[tenth] += 1
    seen = [tenth for tenth in range(10) if told_of[tenth] >= 100]
    assert len(seen) >= 5
    for tenth in seen:
        assert abs(needed[tenth] - told[tenth]) / told_of[tenth] < 0.12, tenth


def test_a_draw_is_needed_for_sure_until_a_fixed_number_is_reached():
    assert FixedSamples(3).chances(Tally(), [0] * 8, 0.5) == [1, 1, 1]


def test_joined_rules_take_the_least_or_the_largest_chance():
    few, many = FixedSamples(2), FixedSamples(5)
    assert (few | many).chances(Tally(), [0] * 8, 0.5) == [1] * 2
    assert (few & many).chances(Tally(), [0] * 8, 0.5) == [1] * 5


def test_larger_prices_of_waiting_start_more_at_once():
    def first(waiting):
        return len(VotingEngine(OptimalStopping(), waiting=waiting).ask(8))

    counts = [first(waiting) for waiting in (0, 0.5, 2, 8, math.inf)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] == 8


@pytest.mark.parametrize(
    ("waiting", "least"), [(0, 1), (0.5, 0.8), (1, 2 / 3), (2, 0.5), (math.inf, 0)]
)
def test_the_least_chance_follows_from_the_price_of_waiting(waiting, least):
    assert VoteSettings(waiting=waiting).least_chance == pytest.approx(least)


def test_names_stand_for_the_two_ends():
    assert VoteSettings(launch="thrifty", waiting=3).least_chance == 1
    assert VoteSettings(launch="eager").least_chance == 0


@pytest.mark.parametrize("waiting", [-1, math.nan, "1", None, True])
def test_a_price_of_waiting_that_is_none_is_refused(waiting):
    with pytest.raises(UsageError, match="waiting must be a number of at least 0"):
        VoteSettings(waiting=waiting)


def test_a_call_that_names_a_price_takes_it_in_place_of_the_name():
    plan = VotePlan.make([Member(None, name="m")], launch="eager")
    assert plan.change(waiting=0).settings.least_chance == 1

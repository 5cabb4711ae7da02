"""The rules of other published work against their own values."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from bestofinf.errors import UsageError
from bestofinf.rules import (
    AdaptiveConsistency,
    AheadBy,
    BestOfInfinity,
    Doubling,
    PValue,
    UnanimousWindow,
)
from bestofinf.rules.pairs import pair_table
from bestofinf.rules.tally import Tally
from support.courses import fewest_by_trial

counts = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def stops_at(rule, stream):
    tally = Tally()
    for place, answer in enumerate(stream, 1):
        tally.vote(answer)
        if rule.check(tally) is not None:
            return place
    return None


def tally_with(votes):
    tally = Tally()
    for answer, count in enumerate(votes):
        for _ in range(count):
            tally.vote(answer)
    return tally


@pytest.mark.parametrize(
    ("rule", "stream", "place"),
    [
        (AdaptiveConsistency(), "AAAAAA", 4),
        (AdaptiveConsistency(), "AAABAA", None),
        (AdaptiveConsistency(), "AABAACAA", 8),
        (AdaptiveConsistency(0.75, "entropy"), "AAABAA", 5),
        (AdaptiveConsistency(0.8, "majority"), "A", None),
        (AdaptiveConsistency(0.8, "majority"), "ABAAA", 5),
        (AheadBy(3), "ABABAAAA", 7),
        (PValue(), "AAAAA", 5),
        (PValue(), "AAAA", None),
        (Doubling(), "AA", 2),
        (Doubling(), "ABAAAAA", 4),
        (Doubling(), "ABABAAAA", 8),
        (UnanimousWindow(3), "BAAAAA", 6),
        (UnanimousWindow(3, sliding=True), "BAAAAA", 4),
    ],
)
def test_streams_stop_where_the_published_rules_do(rule, stream, place):
    assert stops_at(rule, stream) == place


@given(st.integers(1, 60), st.integers(0, 60))
def test_beta_criterion_is_that_of_the_package(a, b):
    # BetaStoppingCriteria of AdaptiveConsistency 1.0.0, its own integrals.
    a, b = max(a, b), min(a, b)
    whole = integrate.quad(lambda x: x**a * (1 - x) ** b, 0, 1, epsabs=0)[0]
    upper = integrate.quad(lambda x: x**a * (1 - x) ** b, 0.5, 1, epsabs=0)[0]
    assert 1 - pair_table(1, 1).at(a, b) == pytest.approx(upper / whole, abs=1e-9)


@given(counts, st.sampled_from([0.5, 0.75, 0.9]))
def test_entropy_criterion_is_that_of_the_package(votes, threshold):
    padded = votes if len(votes) > 1 else [*votes, 1]
    entropy = stats.entropy(padded, base=2) / math.log2(len(padded))
    if sum(votes) > 1 and abs(entropy - threshold) > 1e-9:
        got = AdaptiveConsistency(threshold, "entropy").check(tally_with(votes)) is not None
        assert got == (entropy <= threshold)


@given(st.integers(1, 80), st.integers(0, 80))
def test_p_value_is_that_of_the_binomial_test(first, second):
    first, second = max(first, second), min(first, second)
    wanted = stats.binomtest(first, first + second, alternative="greater").pvalue
    assert pair_table(0, 1).at(first, second) == pytest.approx(wanted, rel=1e-9)


def test_defaults_of_consol_are_a_lead_of_three():
    # SprtConfidenceModel of consol 0.3.0: p1 = .5001, alpha = .05, beta = 1 - .05 - .000024.
    p1, alpha, beta = 0.5001, 0.05, 1 - 0.05 - 0.000024
    accept, give_up = math.log((1 - beta) / alpha), math.log(beta / (1 - alpha))
    rule = AheadBy(3)
    for first in range(1, 129):
        for second in range(first + 1):
            ratio = first * math.log(p1 / 0.5) + second * math.log((1 - p1) / 0.5)
            stops = ratio >= accept or ratio <= give_up
            assert stops == (
                rule.check(tally_with([first, second] if second else [first])) is not None
            )


def test_window_returns_its_own_answer():
    tally = tally_with([5])
    for _ in range(4):
        tally.vote("other")
    for _ in range(3):
        assert UnanimousWindow(4).check(tally) is None
        tally.vote("other")
    verdict = UnanimousWindow(4).check(tally)
    assert verdict is not None
    assert verdict.answer == "other"


RULES = [
    AdaptiveConsistency(), AdaptiveConsistency(0.75, "entropy"), AdaptiveConsistency(0.8, "majority"),
    PValue(), UnanimousWindow(3), UnanimousWindow(3, sliding=True), Doubling(), AheadBy(3),
    BestOfInfinity(), BestOfInfinity(3), BestOfInfinity(100), BestOfInfinity(10, prior="authors"),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_no_course_of_votes_stops_a_rule_before_what_it_needs(rule, seed):
    rng = random.Random(seed)
    members = rng.choice([1, 1, 2])
    tally = Tally([rng.random() + 0.02 for _ in range(members)])
    letters = rng.choice(["aaabbbccdef", "aaaaaab", "ab"])
    for _ in range(rng.randint(0, 12)):
        before = tally.copy()
        tally.vote(rng.choice(letters), member=rng.randrange(members))
        if rule.check(tally):
            tally = before
            break
    ahead = [rng.randrange(members) for _ in range(3)]
    assert rule.needed(tally, ahead) <= fewest_by_trial(rule, tally, ahead)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (AdaptiveConsistency, {"threshold": 1.0}),
        (AdaptiveConsistency, {"criterion": "dirichlet"}),
        (PValue, {"level": 0}),
        (UnanimousWindow, {"size": 1}),
        (Doubling, {"share": 1.1}),
    ],
)
def test_settings_are_checked(kind, settings):
    with pytest.raises(UsageError, match=next(iter(settings))):
        kind(**settings)

"""The exact posterior against high-precision and published values."""

from functools import cache

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc, gammainc, gammaln

from bestofinf.errors import UsageError
from bestofinf.rules.posterior import BestOfInfinity, p_leader_is_mode
from bestofinf.rules.tally import Tally

whole_counts = st.lists(st.integers(1, 60), min_size=1, max_size=50)
real_counts = st.lists(st.floats(0.3, 80), min_size=1, max_size=12)


@cache
def gauss_legendre() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(20)


def reference(counts, concentration=0.3, plus=0.0):
    """Composite Gauss-Legendre in log x: another method, 8,000 nodes."""
    shapes = sorted((c + plus for c in counts), reverse=True)
    lead, rivals = shapes[0], [*shapes[1:], concentration + plus]
    edges = np.linspace(-60 / min(lead, 1) - 3, np.log(lead + 12 * np.sqrt(lead) + 40), 401)
    x, w = gauss_legendre()
    middle, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    t = (middle[:, None] + half[:, None] * x).ravel()
    density = np.exp(lead * t - np.exp(t) - gammaln(lead)) * (half[:, None] * w).ravel()
    product = np.prod([gammainc(r, np.exp(t)) for r in rivals], axis=0)
    return float(density @ product)


def reference_mpmath(counts, concentration, plus):
    with mpmath.workdps(25):
        lead, *rest = sorted((mpmath.mpf(c) + plus for c in counts), reverse=True)
        rivals = [*rest, mpmath.mpf(concentration) + plus]
        return float(
            mpmath.quad(
                lambda x: (
                    x ** (lead - 1)
                    * mpmath.exp(-x)
                    / mpmath.gamma(lead)
                    * mpmath.fprod(mpmath.gammainc(r, 0, x, regularized=True) for r in rivals)
                ),
                [0, lead / 8, lead / 2, lead, 2 * lead + 4, 4 * lead + 40, mpmath.inf],
            )
        )


@pytest.mark.parametrize(
    ("counts", "authors", "paper"),
    [
        ((1,), "4.06", "4.33"),
        ((2,), "9.23", "14.2"),
        ((3,), "19.1", "37"),
        ((5,), "75", "204"),
        ((10,), "2.11e+03", "1.01e+04"),
        ((2, 1), "4.7", "5.1"),
        ((3, 1), "9.46", "12.1"),
        ((5, 3), "8.38", "6.76"),
        ((10, 4, 2, 1), "66.9", "74.3"),
    ],
)
def test_bayes_factors_are_those_of_the_paper_and_of_its_code(counts, authors, paper):
    assert f"{BestOfInfinity(prior='authors').bayes_factor_of(counts):.3g}" == authors
    assert f"{BestOfInfinity().bayes_factor_of(counts):.3g}" == paper


@pytest.mark.parametrize(
    ("counts", "plus", "prior"),
    [
        ((5, 3), 1, "authors"),
        ((10, 4, 2, 1), 0, "paper"),
        ((4, 4, 4), 0, "paper"),
        ((7, 6, 1, 1, 1), 1, "authors"),
        ((1, 1), 0, "paper"),
    ],
)
def test_posterior_agrees_with_twenty_digit_integration(counts, plus, prior):
    wanted = reference_mpmath(counts, 0.3, plus)
    assert p_leader_is_mode(counts, 0.3, prior) == pytest.approx(wanted, abs=1e-6)
    assert reference(counts, 0.3, plus) == pytest.approx(wanted, abs=1e-10)


@given(whole_counts, st.sampled_from([("paper", 0.0), ("authors", 1.0)]))
@settings(max_examples=150, deadline=None)
def test_posterior_is_within_two_ten_millionths(counts, prior):
    got = p_leader_is_mode(counts, 0.3, prior[0])
    assert got == pytest.approx(reference(counts, 0.3, prior[1]), abs=2e-7)


@given(real_counts, st.floats(0.05, 3))
@settings(max_examples=100, deadline=None)
def test_posterior_is_exact_for_effective_counts(counts, concentration):
    got = p_leader_is_mode(counts, concentration)
    assert got == pytest.approx(reference(counts, concentration), abs=2e-7)


@given(st.integers(1, 900))
def test_one_answer_is_an_incomplete_beta_function(votes):
    assert p_leader_is_mode([votes]) == pytest.approx(1 - betainc(votes, 0.3, 0.5), abs=1e-12)


@given(whole_counts, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_of_answers_does_not_matter(counts, random):
    shuffled = random.sample(counts, len(counts))
    assert p_leader_is_mode(shuffled) == pytest.approx(p_leader_is_mode(counts), abs=1e-12)


@pytest.mark.parametrize("counts", [(300, 290), (300, 290, 20), (1000, 900, 30)])
def test_counts_beyond_the_tables_are_computed(counts):
    assert p_leader_is_mode(counts) == pytest.approx(reference(counts), abs=1e-6)


def test_tied_leaders_are_less_than_even():
    assert p_leader_is_mode([4, 4]) < 0.5
    assert p_leader_is_mode([4, 4, 4]) < 1 / 3


@pytest.mark.parametrize("counts", [[], [0], [1, -1], [float("nan")]])
def test_counts_must_be_above_zero(counts):
    with pytest.raises(UsageError, match="counts must be above 0"):
        p_leader_is_mode(counts)


@pytest.mark.parametrize(
    "settings_",
    [{"bayes_factor": 0}, {"concentration": 0}, {"prior": "flat"}, {"bayes_factor": float("inf")}],
)
def test_settings_of_the_rule_are_checked(settings_):
    with pytest.raises(UsageError, match=next(iter(settings_))):
        BestOfInfinity(**settings_)


@pytest.mark.parametrize(
    ("bayes_factor", "authors", "paper"),
    [(2, 1, 1), (5, 2, 2), (10, 3, 2), (30, 4, 3), (100, 6, 5), (300, 8, 6), (1000, 9, 7)],
)
def test_votes_needed_when_all_agree_are_those_published(bayes_factor, authors, paper):
    for prior, wanted in (("authors", authors), ("paper", paper)):
        rule = BestOfInfinity(bayes_factor, prior=prior)
        tally = Tally()
        assert rule.needed(tally, [0] * 20) == wanted
        for votes in range(1, wanted + 1):
            tally.vote("a")
            assert (rule.check(tally) is not None) == (votes == wanted)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=80), st.sampled_from([3.0, 10.0, 100.0]))
@settings(max_examples=60, deadline=None)
def test_rule_decides_as_the_exact_bayes_factor_does(votes, bayes_factor):
    rule, tally = BestOfInfinity(bayes_factor), Tally()
    for vote in votes:
        tally.vote(vote)
        exact = rule.bayes_factor_of(list(tally.counts.values()))
        if abs(exact / bayes_factor - 1) > 1e-4:
            assert (rule.check(tally) is not None) == (exact > bayes_factor)

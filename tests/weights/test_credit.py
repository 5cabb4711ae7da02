from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy.special import ndtr

from bestofinf.weights.credit import (
    TEMPERATURE,
    best_temperature,
    credit,
    softmax_credit,
    vote_chance,
)
from bestofinf.weights.solver.margins import Margins
from support.ensembles import from_votes, made_set


@pytest.fixture(scope="module")
def margins() -> Margins:
    return Margins.of(made_set(60, members=4, samples=20, seed=1))


def chance(right: float, wrong: float, votes: int) -> float:
    lead = right - wrong
    return float(ndtr(lead / sqrt((right + wrong - lead**2 + 0.001) / votes)))


def test_the_credit_of_a_member_is_its_formula() -> None:
    found = credit(Margins.of(from_votes({"x": "AAB", "y": "ABCC", "z": "BBB", "w": "-"})))
    expected = [chance(2 / 3, 1 / 3, 5), chance(0.25, 0.5, 5), 0.0, 0.0]
    assert found[0].tolist() == pytest.approx(expected)


def test_the_credit_of_a_member_is_about_what_five_votes_elect() -> None:
    random = np.random.default_rng(0)
    for share in (0.35, 0.5, 0.6, 0.8):
        votes = "A" * round(100 * share) + "B" * round(100 * (1 - share))
        found = credit(Margins.of(from_votes({"x": votes})))[0, 0]
        seen = (random.binomial(5, share, 40_000) >= 3).mean()
        assert found == pytest.approx(seen, abs=0.05)


def test_a_mode_that_is_right_more_often_outweighs_a_greater_share() -> None:
    steady = [{"x": "AAB", "y": "AAAAAAA"}] * 9 + [{"x": "ABB", "y": "BBBBBBB"}] * 3
    found = Margins.of(from_votes(*steady))
    assert found.shares[:, 0].mean() < found.shares[:, 1].mean()
    modes = Margins.of(from_votes(*[{"x": "AAB", "y": "AABB"}] * 12))
    assert softmax_credit(modes)[0] > 0.9


def test_the_chance_of_a_vote_is_the_credit_of_the_one_member_with_all_the_weight(
    margins: Margins,
) -> None:
    alone = vote_chance(margins, np.eye(4), votes=5)
    assert pytest.approx(credit(margins)) == alone.T


def test_softmax_without_sharpness_is_uniform(margins: Margins) -> None:
    assert softmax_credit(margins, temperature=0) == pytest.approx([0.25] * 4)


def test_softmax_of_great_sharpness_is_the_member_with_the_most_credit(margins: Margins) -> None:
    weights = softmax_credit(margins, temperature=1e6)
    assert weights.argmax() == credit(margins).mean(axis=0).argmax()
    assert weights.max() == pytest.approx(1)


def test_softmax_of_equal_members_is_uniform_and_needs_no_order_of_questions() -> None:
    equal = Margins.of(from_votes({"x": "AB", "y": "BA", "z": "AB"}))
    assert softmax_credit(equal) == pytest.approx([1 / 3] * 3)
    some = Margins.of(made_set(40, members=3, samples=5))
    turned = some.take(np.arange(40)[::-1])
    assert softmax_credit(some) == pytest.approx(softmax_credit(turned))


def test_specialists_get_softer_weights_than_rivals_on_one_subject() -> None:
    """Two members that know different halves; one knows a little more. Sharpness loses a half."""
    first = [{"x": "AAAAAAAA", "y": "BCDEBCDE"}] * 22
    second = [{"x": "BCDEBCDE", "y": "AAAAAAAA"}] * 18
    specialists = Margins.of(from_votes(*first, *second))
    assert best_temperature(specialists) < TEMPERATURE
    chosen = softmax_credit(specialists)
    usual = softmax_credit(specialists, temperature=TEMPERATURE)
    assert vote_chance(specialists, chosen).mean() > vote_chance(specialists, usual).mean() + 0.02


def test_few_questions_try_no_other_sharpness() -> None:
    few = Margins.of(from_votes(*[{"x": "AAB", "y": "BBA"}] * 7))
    assert best_temperature(few) == TEMPERATURE

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from bestofinf.weights.credit import softmax_credit
from bestofinf.weights.learners import (
    bagged_single,
    finite_n,
    member_wins,
    single,
    uniform,
)
from bestofinf.weights.solver.margins import Floats, Margins
from support.ensembles import from_votes, made_set


@pytest.fixture(scope="module")
def margins() -> Margins:
    return Margins.of(made_set(60, members=4, samples=20, seed=1))


def test_single_takes_most_wins_and_then_the_wider_margin() -> None:
    votes = [{"x": "AAB", "y": "A", "z": "B"}, {"x": "AAB", "y": "A", "z": "A"}]
    assert single(Margins.of(from_votes(*votes))).tolist() == [0, 1, 0]


def test_a_tie_counts_half_a_win_for_a_member_alone() -> None:
    margins = Margins.of(from_votes({"x": "AB", "y": "--", "z": "AAB"}))
    assert member_wins(margins)[0].tolist() == [[0.5, 0.0, 1.0]]


def test_bagging_gives_one_clear_winner_all_the_weight() -> None:
    votes = [{"x": "A", "y": "AAB", "z": "B"}] * 5 + [{"x": "A", "y": "B", "z": "A"}] * 5
    assert bagged_single(Margins.of(from_votes(*votes))).tolist() == [1, 0, 0]


def test_bagging_shares_the_weight_of_equal_members_and_repeats_itself(margins: Margins) -> None:
    same = Margins.of(from_votes(*[{"x": "AB", "y": "AB"}] * 4))
    assert bagged_single(same).tolist() == [0.5, 0.5]
    first = bagged_single(margins, seed=3)
    assert first.tolist() == bagged_single(margins, seed=3).tolist()
    assert first.sum() == pytest.approx(1)


def chance_objective(margins: Margins, w: Floats) -> float:
    """Evaluate the objective of `finite_n` question by question."""
    total = 0.0
    for q in range(len(margins)):
        chances = []
        for r in np.flatnonzero(margins.question == q):
            g, a, n = margins.shares[q], margins.wrong_shares[r], margins.valid[q]
            d = (g - a) @ w
            variance = ((g + a) @ w - d**2 + 0.001) / 5
            variance += (w**2 * (g + a - (g - a) ** 2) / n).sum()
            chances.append(ndtr(d / np.sqrt(variance)))
        total += min(chances)
    positive = w[w > 0]
    return total - 0.3 * float((positive * np.log(len(w) * positive)).sum())


def test_finite_n_is_better_than_simple_weights_and_no_small_step_improves_it(
    margins: Margins,
) -> None:
    found, _ = finite_n(margins)
    best = chance_objective(margins, found)
    for other in (uniform(margins), single(margins), softmax_credit(margins)):
        assert best >= chance_objective(margins, other)
    random = np.random.default_rng(0)
    for _ in range(50):
        step = np.abs(found + random.normal(0, 0.01, 4))
        assert chance_objective(margins, step / step.sum()) <= best + 1e-3


def test_a_price_of_samples_is_weighed_against_the_accuracy_of_so_many_votes(
    margins: Margins,
) -> None:
    cost = np.array([0.0, 0.01, 0.01, 0.01])
    free, _ = finite_n(margins, votes=5)
    priced, value = finite_n(margins, votes=5, cost=cost)
    assert priced[0] > free[0]
    spread = 0.3 * float((priced * np.log(4 * priced)).sum())
    expected = chance_objective(margins, priced) + spread - len(margins) * 5 * float(priced @ cost)
    assert value == pytest.approx(expected)
    dear, _ = finite_n(margins, votes=500, cost=cost)
    assert dear[0] > 0.95

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtr

from bestofinf.weights.credit import softmax_credit
from bestofinf.weights.learners import (
    bagged_single,
    blend,
    capped_margins,
    finite_n,
    hinge,
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
    return total - entropy_term(margins, w)


def margin_objective(margins: Margins, w: Floats) -> float:
    """Evaluate the objective of `capped_margins` question by question."""
    total = 0.0
    for q in range(len(margins)):
        values = [0.5, *(margins.rows[r] @ w for r in np.flatnonzero(margins.question == q))]
        total -= 0.05 * float(np.log(np.exp(-np.array(values) / 0.05).sum()))
    return total - entropy_term(margins, w)


def entropy_term(margins: Margins, w: Floats) -> float:
    positive = w[w > 0]
    return 0.02 * len(margins) * float((positive * np.log(len(w) * positive)).sum())


@pytest.mark.parametrize(
    ("learner", "objective"),
    [(lambda m: finite_n(m)[0], chance_objective), (capped_margins, margin_objective)],
)
def test_the_optimum_is_better_than_simple_weights_and_no_small_step_improves_it(
    learner: Callable[[Margins], Floats],
    objective: Callable[[Margins, Floats], float],
    margins: Margins,
) -> None:
    found = learner(margins)
    best = objective(margins, found)
    for other in (uniform(margins), single(margins), softmax_credit(margins)):
        assert best >= objective(margins, other)
    random = np.random.default_rng(0)
    for _ in range(50):
        step = np.abs(found + random.normal(0, 0.01, 4))
        assert objective(margins, step / step.sum()) <= best + 1e-3


def test_capped_margins_approach_the_linear_program(margins: Margins) -> None:
    sharp = capped_margins(margins, rounded=0.002, entropy=1e-6)

    def credit(w: Floats) -> float:
        return float(np.minimum(margins.margins(w), 0.5).sum())

    exact = credit(hinge(margins))
    assert exact - 0.01 * len(margins) < credit(sharp) <= exact + 1e-6
    assert credit(uniform(margins)) < credit(sharp)


def test_asking_the_same_questions_again_changes_no_weights() -> None:
    kinds = [
        {"x": "AAAAAAB", "y": "BBBBBAA"},
        {"x": "BBBBBAA", "y": "AAAAAAB"},
        {"x": "AAAAAAA", "y": "BBBBBBB"},
    ]
    few, many = Margins.of(from_votes(*kinds)), Margins.of(from_votes(*(kinds * 2000)))
    assert 0.8 < finite_n(few)[0][0] < 0.9
    assert finite_n(few)[0] == pytest.approx(finite_n(many)[0], abs=1e-3)
    assert 0.7 < capped_margins(few)[0] < 0.85
    assert capped_margins(few) == pytest.approx(capped_margins(many), abs=1e-3)


@pytest.mark.parametrize("votes", [("AAB", "ABB"), ("AAA", "AAA")])
def test_equal_members_get_equal_weights(votes: tuple[str, str]) -> None:
    one, other = votes
    equal = [{"x": one, "y": other}, {"x": other, "y": one}]
    assert blend(Margins.of(from_votes(*equal))) == pytest.approx([0.5, 0.5])


def test_a_price_of_samples_is_weighed_against_the_accuracy_of_so_many_votes(
    margins: Margins,
) -> None:
    cost = np.array([0.0, 0.01, 0.01, 0.01])
    free, _ = finite_n(margins, votes=5)
    priced, value = finite_n(margins, votes=5, cost=cost)
    assert priced[0] > free[0]
    spread = entropy_term(margins, priced)
    expected = chance_objective(margins, priced) + spread - len(margins) * 5 * float(priced @ cost)
    assert value == pytest.approx(expected)
    dear, _ = finite_n(margins, votes=500, cost=cost)
    assert dear[0] > 0.95

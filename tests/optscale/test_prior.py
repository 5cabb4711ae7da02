import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.errors import UsageError
from bestofinf.optscale.hits import HitModel, tied
from bestofinf.optscale.prior import ScorePrior


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    return ScorePrior.fit([rng.beta(30, 2, 16) for _ in range(40)])


def chance_to_hit(prior, scores, target=0.95, more=10):
    scores = np.asarray(scores)
    return 1 - prior.misses(target, scores.size, scores.sum(), (scores**2).sum())(more)


def test_prior_survives_a_round_trip_through_json(fitted):
    again = ScorePrior.from_dict(json.loads(json.dumps(fitted.as_dict())))
    assert again == fitted
    assert hash(again) == hash(fitted)
    assert again != ScorePrior.vague()


def test_fitted_prior_foresees_the_first_score_of_the_next_question(fitted):
    rng = np.random.default_rng(1)
    observed = (rng.beta(30, 2, 20_000) >= 0.95).mean()
    mean, variance = fitted.hit_moments(0.95)
    assert mean == pytest.approx(observed, abs=0.05)
    assert variance < 0.05


def test_posterior_forgets_the_prior_as_scores_arrive(fitted):
    low = np.random.default_rng(2).normal(0.3, 0.03, 12)
    assert chance_to_hit(fitted, []) > 0.9
    assert chance_to_hit(fitted, low) < 0.01
    assert chance_to_hit(ScorePrior.vague(), low) < 0.01


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0.01, 1))
def test_chance_to_miss_falls_with_every_further_score(scores, target):
    scores = np.asarray(scores)
    misses = ScorePrior.vague().misses(target, scores.size, scores.sum(), (scores**2).sum())
    chances = [misses(m) for m in range(12)]
    assert chances[0] == 1
    assert all(0 <= b <= a + 1e-12 for a, b in pairwise(chances))


def test_target_of_one_is_never_reached_by_a_density():
    assert chance_to_hit(ScorePrior.vague(), [0.99, 0.98], target=1.0, more=1000) == pytest.approx(
        0
    )


@pytest.mark.parametrize(
    ("questions", "words"),
    [([], "at least one"), ([[]], "at least one"), ([[0.5, 1.5]], "in \\[0, 1\\]"),
     ([[float("nan")]], "in \\[0, 1\\]")],
)  # fmt: skip
def test_prior_refuses_what_are_not_scores(questions, words):
    with pytest.raises(UsageError, match=words):
        ScorePrior.fit(questions)


@pytest.mark.parametrize(
    "record",
    [{}, {"mu": [0], "sigma": [1], "weights": ["x"]}, {"mu": [0], "sigma": [1], "weights": [1, 2]},
     {"mu": [0], "sigma": [1], "weights": [0.5]}, {"mu": [0], "sigma": [0], "weights": [1.0]}],
)  # fmt: skip
def test_broken_prior_is_refused(record):
    with pytest.raises(UsageError):
        ScorePrior.from_dict(record)


def test_hit_model_has_the_exact_chances_of_a_beta_distribution():
    flat = HitModel(1, 1)
    assert flat.misses(0, 0)(1) == pytest.approx(1 / 2)
    assert flat.misses(0, 0)(4) == pytest.approx(1 / 5)
    assert flat.misses(3, 1)(2) == pytest.approx((3 * 4) / (5 * 6))
    assert flat.misses(3, 1)(0) == 1


def test_hit_model_takes_the_moments_it_is_given():
    model = HitModel.from_moments(0.3, 0.05)
    total = model.a + model.b
    assert model.a / total == pytest.approx(0.3)
    assert model.a * model.b / total**2 / (total + 1) == pytest.approx(0.05)
    assert HitModel.from_moments(0.0, 0.0).a > 0
    with pytest.raises(UsageError):
        HitModel(0, 1)


def test_ties_are_noticed():
    assert tied([1.0, 1.0])
    assert tied([0.8, 0.9, 0.8, 0.9])
    assert not tied([0.8])
    assert not tied([0.81, 0.92, 0.83, 0.81])

"""Real scores of a small verifier: no simulation."""

import pytest

from bestofinf import tiny
from bestofinf.calibration import (
    ScorePool,
    Strategy,
    area_under_curve,
    best_of_n,
    fit_calibration,
    replay_scores,
)
from bestofinf.rules import OptScale
from bestofinf.voting.selectors import BestScore


@pytest.fixture(scope="module")
def pools():
    try:
        recorded = tiny.recorded()
    except FileNotFoundError:
        pytest.skip("the tiny models have no recorded set")
    return {name: ScorePool.from_set(recorded, member=name) for name in recorded.members}


def test_verifier_tells_right_from_wrong_and_is_calibrated(pools):
    for pool in pools.values():
        scores, grades, _ = pool.columns()
        assert area_under_curve(scores, grades) > 0.75
        assert fit_calibration(pool).ece <= 0.08


def test_stopping_at_a_calibrated_score_is_worth_more_than_one_sample_and_costs_less_than_all(
    pools,
):
    for pool in pools.values():
        known, other = pool.split(0.5, seed=0)
        calibration = fit_calibration(known, accuracy=0.9)
        if calibration.min_score is None:
            continue
        size = len(other.questions[0])
        rule = OptScale(calibration.min_score, calibration=calibration, cap=size)
        one, every, stopped = replay_scores(
            other, [*best_of_n((1, size)), Strategy("scores", rule, BestScore())]
        )
        assert stopped.accuracy >= one.accuracy
        assert stopped.tokens < 0.5 * every.tokens

"""Whether members are told from copies of one model."""

from __future__ import annotations

import numpy as np
import pytest

from bestofinf.weights import compare_weights
from bestofinf.weights.ballots import Ballots
from bestofinf.weights.copies import apart
from support.ensembles import from_votes, recorded
from support.populations import COPIES, GAINS

EQUAL = np.full(4, 0.25)
PAIRS = np.triu_indices(4, 1)


@pytest.mark.parametrize("samples", [2, 4, 16])
@pytest.mark.parametrize("gain", [0.0, 2.4])
def test_the_share_is_that_of_the_chances_however_few_samples_there_are(
    gain: float, samples: int
) -> None:
    chances = GAINS[gain].chances(np.random.default_rng([3, 800, samples]), 800)
    cross = np.einsum("qia,qja->qij", chances, chances)
    own = (chances**2).sum(axis=2).mean()
    between = cross[:, *PAIRS].mean()
    truth = (own - between) / (1 - between)
    # the same questions as `recorded` draws its answers for
    found = apart(Ballots.of(GAINS[gain].recorded(800, samples, 3)), EQUAL)
    assert abs(found.share - truth) <= 3 * found.se
    assert found.se < 0.03
    assert truth == pytest.approx(0 if gain == 0 else 0.12, abs=0.02)


def test_the_share_is_that_of_the_members_with_weight() -> None:
    ballots = Ballots.of(from_votes({"x": "AABB", "y": "AABB", "z": "CCCC"}, {"x": "A", "y": "B"}))
    near = apart(ballots, np.array([0.5, 0.5, 0.0]))
    assert near.share == pytest.approx(1 - (2 / 3) / (1 / 2))
    far = apart(ballots, np.array([0.5, 0.0, 0.5]))
    assert far.share == pytest.approx(1 - (2 / 3 + 0) / 2)
    alone = apart(ballots, np.array([1.0, 0.0, 0.0]))
    assert (alone.share, alone.se, alone.copies) == (0, 0, True)


@pytest.mark.parametrize("samples", [4, 8, 64])
def test_copies_are_found(samples: int) -> None:
    found = [apart(Ballots.of(COPIES.recorded(200, samples, s)), EQUAL).copies for s in range(20)]
    assert sum(found) >= 18


def test_different_models_are_no_copies() -> None:
    for seed in range(5):
        for questions in (15, 200):
            assert not apart(Ballots.of(GAINS[2.4].recorded(questions, 8, seed)), EQUAL).copies
    evaluation_set = recorded("aime2024")
    if evaluation_set is not None:
        ballots = Ballots.of(evaluation_set)
        for k in range(10):
            pair = np.zeros(11)
            pair[[k, k + 1]] = 0.5
            assert not apart(ballots, pair).copies


def test_copies_are_not_recommended_together() -> None:
    found = compare_weights(COPIES.recorded(200, 8, 4), ("uniform",), splits=4)
    assert (found.verdict, found.recommended.objective) == ("use one model", "single")
    assert "no more than those of copies" in found.reason

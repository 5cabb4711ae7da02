"""On models whose truth is known: no gain is seen where there is none, and intervals hold it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bestofinf.weights import WeightComparison, compare_weights
from support.populations import COPIES, GAINS, Population


def runs(
    population: Population, samples: int, number: int, questions: int = 200
) -> list[WeightComparison]:
    return [
        compare_weights(population.recorded(questions, samples, seed), ("uniform",), splits=20)
        for seed in range(100, 100 + number)
    ]


@pytest.mark.parametrize(
    ("samples", "number"),
    [
        (4, 8),
        pytest.param(8, 8, marks=pytest.mark.soak),
        *(pytest.param(m, 40, marks=pytest.mark.soak) for m in (4, 8, 16, 64)),
    ],
)
def test_copies_of_one_model_gain_nothing_however_few_samples_are_recorded(
    samples: int, number: int
) -> None:
    found = runs(COPIES, samples, number)
    assert {f.votes for f in found} == {min(5, samples)}
    gains = np.array([f.heldout["blend"].over_single.mean for f in found])
    error = gains.std(ddof=1) / np.sqrt(number)
    assert abs(gains.mean()) <= max(0.005, 2 * error)
    verdicts = Counter(f.verdict for f in found)
    assert verdicts["gain"] <= 0.08 * number + (number < 20)
    mixtures = sum(max(f.recommended.weights.values()) < 1 for f in found)
    assert mixtures <= 0.08 * number


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize(
    ("samples", "number"), [(8, 5), pytest.param(16, 60, marks=pytest.mark.soak)]
)
def test_the_interval_of_a_gain_holds_the_truth(gain: float, samples: int, number: int) -> None:
    population = GAINS[gain]
    truth = population.gain(5)
    assert 100 * truth == pytest.approx(gain, abs=0.15)
    held = 0
    for found in runs(population, samples, number):
        over = found.heldout["blend"].over_single
        held += abs(over.mean - truth) <= 1.96 * over.se
    assert held >= 0.9 * number - 1


def test_a_large_gain_is_seen() -> None:
    found = runs(GAINS[6.0], 16, 3, questions=400)
    assert [f.verdict for f in found] == ["gain"] * 3

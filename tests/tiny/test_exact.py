"""Arithmetic whose results do not depend on the machine."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bestofinf import tiny
from bestofinf.tiny.exact import EXPONENTIAL_GRID, exponential, rounded, total
from bestofinf.tiny.network import (
    HEAD_SIZE,
    INNER_GRID,
    LOOKBACK,
    NORMED_GRID,
    SHARE_GRID,
    WEIGHT_GRID,
)

EXACT = 2.0**53
NETWORKS = {name: tiny.load(name).network for name in tiny.MEMBERS} | {
    "verifier": tiny.load_verifier().network
}


@given(st.floats(-60, 0))
def test_the_exponential_is_right_to_nine_digits(x):
    assert float(exponential(np.array([x]))[0]) == pytest.approx(math.exp(x), abs=2e-8)


@given(arrays(float, st.integers(1, 200), elements=st.floats(-60, 0)))
def test_exponentials_add_up_to_the_same_in_every_order(x):
    values = exponential(x)
    assert (values / EXPONENTIAL_GRID % 1 == 0).all()
    assert values.sum() == values[::-1].sum() == sum(values.tolist()) == math.fsum(values)


def test_the_exponential_of_zero_is_one_and_of_hidden_scores_exactly_zero():
    assert exponential(np.array([0.0, -1e4, -40.0])).tolist() == [1, 0, 0]


@given(arrays(float, st.integers(1, 50), elements=st.floats(-100, 100)))
def test_rounding_moves_by_at_most_half_a_grid_step(x):
    before = x.copy()
    after = rounded(x, INNER_GRID)
    assert (abs(after - before) <= INNER_GRID / 2).all()
    assert (after / INNER_GRID % 1 == 0).all()


@given(arrays(float, st.tuples(st.integers(1, 3), st.integers(1, 70)), elements=st.floats(0, 9)))
def test_a_total_is_the_sum(x):
    assert total(x)[:, 0] == pytest.approx(x.sum(axis=1))


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_no_sum_of_products_can_need_more_than_53_bits(network):
    """From the shipped weights: a normed vector has the length sqrt(width) at most.

    A sum of products of whole multiples is exact in any order if the sum of the magnitudes, in
    units of the product of the grids, stays below 2**53.
    """
    length = network.position.shape[1] ** 0.5
    slack = 1 + 1e-6  # what rounding adds to a normed vector

    def reach(matrix):
        return slack * length * np.linalg.norm(matrix, axis=0)

    residual = LOOKBACK * abs(network.embedding).max() + abs(network.position).max()
    for layer in network.layers:
        width = layer.merge.shape[0]
        query, key, value = np.split(layer.attend, 3, axis=1)
        assert reach(layer.attend).max() < EXACT * NORMED_GRID * WEIGHT_GRID
        for head in range(width // HEAD_SIZE):
            columns = slice(head * HEAD_SIZE, (head + 1) * HEAD_SIZE)
            scores = np.linalg.norm(reach(query[:, columns])) * np.linalg.norm(
                reach(key[:, columns])
            )
            assert scores < EXACT * INNER_GRID**2
        # Shares add up to one but for rounding.
        seen = reach(value)
        assert 2 * seen.max() < EXACT * SHARE_GRID * INNER_GRID
        merged = (2 * seen @ abs(layer.merge)).max()
        assert merged < EXACT * INNER_GRID * WEIGHT_GRID
        inner = reach(layer.expand)
        assert inner.max() < EXACT * NORMED_GRID * WEIGHT_GRID
        contracted = (inner @ abs(layer.contract)).max()
        assert contracted < EXACT * INNER_GRID * WEIGHT_GRID
        residual += merged + contracted
    # The residual is itself a sum of such sums, without any rounding.
    assert residual < EXACT * INNER_GRID * WEIGHT_GRID
    assert reach(network.head).max() < EXACT * NORMED_GRID * WEIGHT_GRID

"""The stopping index of the two-answer problem, by backward induction.

Let the share of the leader among the two leading answers have a Beta(a, a) prior. After ``c1``
and ``c2`` votes, stopping is worth P(leader is ahead) = 1 - I_½(c1 + a, c2 + a); one more vote
costs ``price`` and falls to the leader with probability (c1 + a) / (c1 + c2 + 2a)::

    V(c1, c2) = max(1 - I_½(c1+a, c2+a), q V(c1+1, c2) + (1-q) V(c1, c2+1) - price)

The index G(c1, c2) is the largest price at which going on is still optimal. It does not depend
on the rule's price, so one table serves every price. This is the index of a one-armed bandit against
a known reward; the induction is that of Chow and Robbins for optimal stopping.
"""

from __future__ import annotations

import math
from functools import cache

from bestofinf._arrays import Floats, Ints, np, special

LARGEST = 128  # largest count in the table; larger counts are scaled down to it
_HORIZON = (
    512  # votes after which the induction stops; more would change the index by less than 5 %
)
_LOWEST, _HIGHEST, _PRICES = 1e-6, 0.3, 56


def log_index(prior: float) -> Floats:
    """Return log G, shape (129, 129), symmetric, for counts 0 to 128 of two answers.

    Prices from 1e-6 to 0.3 are considered: a value below log 1e-6 means that going on is too dear
    even at the lowest price, and log 0.3 that it pays even at the highest. Takes about 30 ms.

    Args:
        prior: The ``a`` of the Beta(a, a) prior, above 0.
    """
    logs = np.linspace(math.log(_LOWEST), math.log(_HIGHEST), _PRICES)
    prices = np.exp(logs)[:, None]
    # All states in rows of equal total s: minor count d = 0 ... s // 2, major count c = s - d.
    sizes = np.arange(_HORIZON + 1) // 2 + 1
    starts = np.concatenate(([0], np.cumsum(sizes)))
    total = np.repeat(np.arange(_HORIZON + 1), sizes)
    d = np.arange(starts[-1]) - starts[total]
    c = total - d
    p_wrong = special.betainc(prior + c, prior + d, 0.5)
    to_major = (c + prior) / (total + 2 * prior)
    gains = np.empty((_PRICES, starts[2 * LARGEST + 1]))
    # Computed with losses 1 - V, so that no small number is subtracted from 1. Each row of values ends
    # with its last one repeated: of two tied answers it does not matter which gets the vote.
    loss = np.tile(p_wrong[starts[_HORIZON] :], (_PRICES, 1))
    loss = np.concatenate((loss, loss[:, -1:]), axis=1)
    for s in range(_HORIZON - 1, -1, -1):
        row = slice(starts[s], starts[s + 1])
        n = sizes[s]
        go_on = loss[:, :n] - loss[:, 1 : n + 1]
        go_on *= to_major[row]
        go_on += loss[:, 1 : n + 1]
        go_on += prices
        if s <= 2 * LARGEST:
            np.subtract(p_wrong[row], go_on, out=gains[:, row])
        loss = np.empty((_PRICES, n + 1))
        np.minimum(go_on, p_wrong[row], out=loss[:, :n])
        loss[:, n] = loss[:, n - 1]
    return _fill(_crossing(gains, logs), c, d)


def _crossing(gains: Floats, logs: Floats) -> Floats:
    """Return the log price at which the gain of going on becomes 0, per state."""
    paying = (gains > 0).sum(axis=0)
    last = np.clip(paying - 1, 0, len(logs) - 2)
    states = np.arange(len(paying))
    above, below = gains[last, states], gains[last + 1, states]
    part = np.clip(above / np.maximum(above - below, 1e-300), 0, 1)
    prices = np.exp(logs)
    crossing: Floats = np.log(prices[last] * (1 - part) + prices[last + 1] * part)
    crossing[paying == 0] = logs[0] - 1
    crossing[paying == len(logs)] = logs[-1]
    return crossing


def _fill(values: Floats, c: Ints, d: Ints) -> Floats:
    c, d = c[: len(values)], d[: len(values)]
    inside = c <= LARGEST
    table = np.empty((LARGEST + 1, LARGEST + 1))
    table[c[inside], d[inside]] = values[inside]
    table[d[inside], c[inside]] = values[inside]
    return table


class Index:
    """The table of one prior, to look up whole and effective counts.

    Attributes:
        array: log G as of `log_index`.
        rows: The same as lists, for look-ups by whole counts up to `LARGEST`.
    """

    def __init__(self, prior: float) -> None:
        self.array = log_index(prior)
        self.array.setflags(write=False)
        self.rows: list[list[float]] = self.array.tolist()

    def at(self, c1: float, c2: float) -> float:
        """Return log G for any counts: bilinear between table entries; larger counts are scaled down."""
        most = c1 if c1 > c2 else c2
        if most > LARGEST:
            c1, c2 = c1 * LARGEST / most, c2 * LARGEST / most
        i, j = min(int(c1), LARGEST - 1), min(int(c2), LARGEST - 1)
        u, v = c1 - i, c2 - j
        low, high = self.rows[i], self.rows[i + 1]
        return (1 - u) * ((1 - v) * low[j] + v * low[j + 1]) + u * (
            (1 - v) * high[j] + v * high[j + 1]
        )

    def at_many(self, c1: Floats, c2: Floats) -> Floats:
        """Return `at` for arrays of counts."""
        scale = LARGEST / np.maximum(np.maximum(c1, c2), LARGEST)
        x, y = c1 * scale, c2 * scale
        i = np.minimum(x.astype(np.int64), LARGEST - 1)
        j = np.minimum(y.astype(np.int64), LARGEST - 1)
        u, v = x - i, y - j
        g = self.array
        result: Floats = (1 - u) * ((1 - v) * g[i, j] + v * g[i, j + 1]) + u * (
            (1 - v) * g[i + 1, j] + v * g[i + 1, j + 1]
        )
        return result


@cache
def index(prior: float) -> Index:
    """Return the index table of a prior, built at the first call."""
    return Index(prior)

"""Tables of I_½(c1 + a, c2 + b): P(a Gamma(c2 + b) variable exceeds a Gamma(c1 + a) variable).

Every rule on two answers needs this incomplete beta function. The tables grow with the counts.
"""

from __future__ import annotations

import math
from functools import cache

from bestofinf._arrays import Floats, np, special

LARGEST = 256  # counts up to this are looked up, larger ones are computed


class PairTable:
    """I_½(c1 + first, c2 + second) for c1 >= c2 >= 0, by `at`.

    Attributes:
        rows: The table so far, as ``rows[c1][c2]``; look there first if speed matters.
    """

    def __init__(self, first: float, second: float) -> None:
        self._first = first
        self._second = second
        self.rows: list[list[float]] = []
        self._array: Floats = np.empty((0, 0))

    def at(self, c1: float, c2: float) -> float:
        """Return the value for any counts, effective ones included."""
        if c1 <= LARGEST and c1 == int(c1) and c2 == int(c2):
            if int(c1) >= len(self.rows):
                self._grow(max(64, 2 ** math.ceil(math.log2(c1))))
            return self.rows[int(c1)][int(c2)]
        return float(special.betainc(c1 + self._first, c2 + self._second, 0.5))

    def at_many(self, c1: Floats, c2: Floats) -> Floats:
        """Return `at` for arrays of counts."""
        i, j = c1.astype(np.int64), c2.astype(np.int64)
        if ((i == c1) & (j == c2)).all() and (not i.size or i.max() <= LARGEST):
            if i.size and i.max() >= len(self._array):
                whole = np.arange(LARGEST + 1, dtype=np.float64)
                self._array = _half(whole[:, None] + self._first, whole + self._second)
            return self._array[i, j]
        return _half(c1 + self._first, c2 + self._second)

    def _grow(self, largest: int) -> None:
        # Existing rows are not extended, because they are only read for c2 <= c1.
        whole = np.arange(largest + 1)
        more = whole[len(self.rows) :, None]
        self.rows.extend(special.betainc(more + self._first, whole + self._second, 0.5).tolist())


def _half(a: Floats, b: Floats) -> Floats:
    return np.asarray(special.betainc(a, b, 0.5), dtype=np.float64)


@cache
def pair_table(first: float, second: float) -> PairTable:
    """Return the table for these two shapes; each pair has only one."""
    return PairTable(first, second)

"""Arithmetic that gives the same bits everywhere: rounding to grids and an exponential.

A product of matrices in float64 depends on the order in which a library adds, unless every sum
is exact. So all factors are rounded to multiples of a power of two, coarse enough that products
and their sums need at most 53 bits. What remains are additions, divisions and square roots of
single numbers, which IEEE 754 defines to the last bit.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

EXPONENTIAL_GRID = 2.0**-30
"""Results of `exponential` are multiples of this, so that they add up exactly."""

_LOG2_E = math.log2(math.e)
_COEFFICIENTS = tuple(1 / math.factorial(power) for power in range(7, -1, -1))


def rounded(x: Array, grid: float) -> Array:
    """Round to the nearest multiple of `grid`, a power of two, in place; ties to even."""
    x *= 1 / grid
    np.rint(x, out=x)
    x *= grid
    return x


def total(x: Array) -> Array:
    """Add along the last axis, which stays with length 1, in an order that never varies."""
    while (length := x.shape[-1]) > 1:
        half = length // 2
        halves = x[..., :half] + x[..., half : 2 * half]
        x = np.concatenate([halves, x[..., -1:]], axis=-1) if length % 2 else halves
    return x


def exponential(x: Array) -> Array:
    """Return e**x for x of at most 0, rounded to `EXPONENTIAL_GRID`; x is overwritten.

    The functions of numpy and of the C libraries differ in the last bit from machine to machine.
    Here 2**n * e**r with |r| <= ln(2) / 2 and a Taylor polynomial, error below 2**-27.

    >>> float(exponential(np.array([-1.0]))[0])  # doctest: +ELLIPSIS
    0.36787944...
    """
    np.maximum(x, -40.0, out=x)
    power = np.rint(x * _LOG2_E)
    x -= power * math.log(2)
    result = np.full_like(x, _COEFFICIENTS[0])
    for coefficient in _COEFFICIENTS[1:]:
        result *= x
        result += coefficient
    # 2.0**power from its bits.
    result *= ((power.astype(np.int64) + 1023) << 52).view(np.float64)
    return rounded(result, EXPONENTIAL_GRID)

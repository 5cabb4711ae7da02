"""Minimise a strictly convex function of a few parameters, some with a lower bound.

Newton's method on the parameters that are not at their bound, with steps halved until the value falls
and projected to the bounds: D. P. Bertsekas, Projected Newton methods for optimization problems with
simple constraints (SIAM J. Control and Optimization 20, 1982).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from bestofinf._arrays import Floats

_STEPS, _HALVINGS = 100, 40
_CLOSE = 1e-12
"""The search ends when a step is expected to lower the value by less than this fraction of it."""

Loss: TypeAlias = Callable[[Floats], tuple[float, Floats, Floats]]
"""Function that returns the value, the gradient, shape (n,), and the Hessian, shape (n, n)."""


def least(loss: Loss, start: Floats, floor: Floats) -> Floats:
    """Return the parameters with the smallest value.

    Args:
        loss: A strictly convex function.
        start: Start parameters, at or above `floor`, shape (n,).
        floor: Lower bounds of the parameters, shape (n,); -inf for no bound.
    """
    x = start
    value, slope, bend = loss(x)
    for _ in range(_STEPS):
        free = (x > floor) | (slope < 0)
        step = np.zeros(len(x))
        step[free] = -np.linalg.solve(bend[np.ix_(free, free)], slope[free])
        if -(slope @ step) <= _CLOSE * (1 + abs(value)):
            return x
        for _ in range(_HALVINGS):
            moved = np.maximum(x + step, floor)
            tried = loss(moved)
            if tried[0] < value:
                break
            step = step / 2
        else:  # lower values differ from this one only by rounding
            return x
        x, (value, slope, bend) = moved, tried
    return x

"""The minimum of a strictly convex function of a few parameters, some of them bounded below.

Newton's method on the parameters that no bound holds, with steps halved until the value falls and
projected to the bounds: D. P. Bertsekas, Projected Newton methods for optimization problems with
simple constraints (SIAM J. Control and Optimization 20, 1982).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from bestofinf._arrays import Floats

_STEPS, _HALVINGS = 100, 40
_CLOSE = 1e-12
"""Ends where a step promises to lower the value by less than this part of it."""

Loss: TypeAlias = Callable[[Floats], tuple[float, Floats, Floats]]
"""Returns the value, the gradient of shape (n,) and the second derivatives of shape (n, n)."""


def least(loss: Loss, start: Floats, floor: Floats) -> Floats:
    """Return the parameters with the least value.

    Args:
        loss: Strictly convex.
        start: At or above `floor`, shape (n,).
        floor: Least parameters, shape (n,); -inf where there is no bound.
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
        else:  # rounding: no value below this one can be told from it
            return x
        x, (value, slope, bend) = moved, tried
    return x

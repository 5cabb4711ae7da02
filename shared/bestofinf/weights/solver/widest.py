"""The widest margin of a set of wins, by a linear program of python-mip."""

from __future__ import annotations

import numpy as np

from bestofinf._extras import require
from bestofinf.weights.solver.clock import Clock
from bestofinf.weights.solver.margins import Floats
from bestofinf.weights.solver.milp import dot, new_model, optimise


def widest(
    rows: Floats, upper: Floats, start: Floats, *, solver: str, clock: Clock
) -> tuple[Floats | None, int]:
    """Return the mixture that maximises the smallest row, and the number of programs solved.

    The mixture is None if the limits exclude all mixtures.

    Few rows bind, so the program starts with the lowest rows at `start` and adds others when they
    are violated.

    Args:
        rows: Shape (R, m).
        upper: Greatest coordinates, shape (m,).
        start: A mixture, shape (m,).
        solver: "cbc" or "highs".
        clock: Time limit; each program gets at least a second.
    """
    step = 4 * rows.shape[1]
    taken = np.argsort(rows @ start, kind="stable")[:step]
    programs = 0
    while True:
        programs += 1
        solution = _widest(rows[taken], upper, solver=solver, seconds=clock.left() + 1.0)
        if solution is None:
            return None, programs
        point, margin = solution
        values = rows @ point
        lower = np.argsort(values, kind="stable")[:step]
        lower = lower[values[lower] < margin - 1e-9]
        if not len(lower) or len(taken) == len(rows):
            return point, programs
        more = np.union1d(taken, lower)
        if len(more) == len(taken):
            return point, programs
        taken = more


def _widest(
    rows: Floats, upper: Floats, *, solver: str, seconds: float
) -> tuple[Floats, float] | None:
    """Return the mixture that maximises the smallest row, and that row.

    Args:
        rows: Shape (R, m).
        upper: Greatest coordinates, shape (m,).
        solver: "cbc" or "highs".
        seconds: Time limit.

    Returns:
        None if the limits exclude all mixtures or time runs out.
    """
    model = new_model(solver)
    mip = require("mip", extra="weights", purpose="fitting weights")
    x = [model.add_var(lb=0.0, ub=float(most)) for most in upper]
    margin = model.add_var(lb=-1.0, ub=1.0)
    model.add_var(var_type=mip.BINARY)  # CBC prints when it solves a program without integers
    model += mip.xsum(x) == 1
    for row in rows:
        model += dot(row, x) - margin >= 0
    model.objective = margin
    if optimise(model, seconds) != mip.OptimizationStatus.OPTIMAL:
        return None
    return np.array([v.x for v in x], dtype=float), float(margin.x)

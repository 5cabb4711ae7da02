"""The mixed-integer program of Best-of-∞ on python-mip, with the least valid big-M per row.

Source: Best-of-∞ (arXiv 2509.21091); the authors' formulation (M = 10,000, one row per wrong
answer) is in jkomiyama/BoInf-code-publish, ``boinf/ensemble_utils.py``, `optimal_weight`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestofinf._extras import require
from bestofinf.errors import BestOfInfError, one_of
from bestofinf.weights.solver.domain import Domain
from bestofinf.weights.solver.margins import Floats
from bestofinf.weights.solver.presolve import ContestedGroups

SOLVERS = ("cbc", "highs")
POLL_SECONDS = 0.1

FINE = 1e-9
"""Tolerance of the solvers. It is small because the margin stage asks for margins wider by 1e-4."""


@dataclass(frozen=True, eq=False)
class MilpResult:
    """The result of a solve.

    Attributes:
        x: Best mixture found, shape (m,); None if none was found.
        won: Groups that the solver says it wins, shape (G,); None without a mixture.
        bound: Proven upper bound of the objective; minus infinity if infeasible.
        finished: True if the solver ended by itself: `x` is optimal, or there is none.
    """

    x: Floats | None
    bound: float
    finished: bool
    won: NDArray[np.bool_] | None = None


def check_solver(solver: str) -> str:
    """Return the solver's name in lower case.

    Raises:
        UsageError: If it is unknown.
        MissingExtraError: If python-mip or the solver is not installed.
    """
    name = solver.lower() if isinstance(solver, str) else solver
    one_of("solver", name, SOLVERS)
    require("mip", extra="weights", purpose="fitting weights")
    require("cbcbox" if name == "cbc" else "highspy", extra="weights", purpose=f"solver {name}")
    return name


def new_model(solver: str) -> Any:
    """Return an empty, silent, single-threaded model that maximises.

    It has one thread because HiGHS fails when the number of threads changes within a process, and
    because results must not depend on the machine.
    """
    mip = require("mip", extra="weights", purpose="fitting weights")
    try:
        model = mip.Model(sense=mip.MAXIMIZE, solver_name=solver.upper())
    except Exception as error:  # loading a broken library may raise anything
        other = next(name for name in SOLVERS if name != solver)
        raise BestOfInfError(
            f"solver {solver!r} cannot be loaded ({type(error).__name__}: {error}): take "
            f"solver={other!r}, or install bestofinf[weights] again"
        ) from error
    model.verbose = 0
    model.threads = 1
    model.seed = 1
    model.max_mip_gap = 0.0
    model.max_mip_gap_abs = 1e-9
    model.infeas_tol = model.integer_tol = model.opt_tol = FINE
    return model


def optimise(model: Any, seconds: float, tick: Callable[[], None] = lambda: None) -> Any:
    """Run the solver in a thread of its own and wait for it, so that Ctrl-C takes effect at once.

    Args:
        model: A model of python-mip.
        seconds: Time limit.
        tick: Called while waiting, ten times a second.

    Returns:
        The status of python-mip.

    Raises:
        KeyboardInterrupt: If the user interrupts. The solver then runs on in a daemon thread, at
            most to its time limit, and its result is ignored.
    """
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(model.optimize(max_seconds=seconds))
        except BaseException as error:  # handed to the caller's thread below
            outcome.append(error)

    thread = threading.Thread(target=work, name="bestofinf-solver", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(POLL_SECONDS)
        tick()
    if isinstance(outcome[0], BaseException):
        raise BestOfInfError(f"the solver failed: {outcome[0]}") from outcome[0]
    return outcome[0]


def result_of(model: Any, status: Any, mixture: Sequence[Any], wins: Sequence[Any]) -> MilpResult:
    """Convert python-mip's status to a result.

    Raises:
        BestOfInfError: If the solver neither found nor excluded a solution and did not run out
            of time.
    """
    statuses = type(status)
    if status in (statuses.INFEASIBLE, statuses.INT_INFEASIBLE, statuses.CUTOFF):
        return MilpResult(None, -np.inf, True)
    if status == statuses.NO_SOLUTION_FOUND:
        return MilpResult(None, _bound(model), False)
    if status not in (statuses.OPTIMAL, statuses.FEASIBLE):
        raise BestOfInfError(f"the solver ended with status {status.name}")
    x = np.clip(np.array([v.x for v in mixture], dtype=float), 0.0, None)
    won = np.array([v.x for v in wins], dtype=float) > 0.5
    return MilpResult(x / x.sum(), _bound(model), status == statuses.OPTIMAL, won)


def _bound(model: Any) -> float:
    bound = model.objective_bound
    return float("inf") if bound is None else float(bound)


def most_wins(
    problem: ContestedGroups,
    *,
    solver: str,
    seconds: float,
    domain: Domain,
    cliques: Sequence[Sequence[int]] = (),
    cuts: Sequence[Sequence[int]] = (),
    at_least: float | None = None,
    tick: Callable[[], None] = lambda: None,
) -> MilpResult:
    """Find a mixture with the most contested wins.

    Args:
        problem: Presolved problem, its rows at the vertices of the domain.
        solver: "cbc" or "highs".
        seconds: Time limit.
        domain: The mixtures allowed.
        cliques: Sets of groups of which at most one can be won.
        cuts: Sets of groups that cannot all be won.
        at_least: Search only for mixtures of at least this value; None for all.
        tick: Called while waiting.
    """
    model = new_model(solver)
    mip = require("mip", extra="weights", purpose="fitting weights")
    x = _mixture(model, domain)
    y = [model.add_var(var_type=mip.BINARY) for _ in problem.size]
    for row, g in zip(problem.rows, problem.group, strict=True):
        slack = -float(row.min())
        model += dot(row, x) - slack * y[g] >= -slack
    _add_cuts(model, y, cliques, cuts)
    value = dot(problem.size, y)
    model.objective = value
    if at_least is not None:
        model += value >= at_least
    return result_of(model, optimise(model, seconds, tick), x, y)


def _mixture(model: Any, domain: Domain) -> list[Any]:
    """Add the mixture's variables and their limits to a model."""
    mip = require("mip", extra="weights", purpose="fitting weights")
    x = [model.add_var(lb=0.0, ub=1.0) for _ in domain.vertices]
    model += mip.xsum(x) == 1
    limits = domain.limits
    if limits is not None:
        for row, most in zip(*limits, strict=True):
            model += dot(row, x) <= float(most)
    if domain.support is not None:
        used = []
        for k in np.flatnonzero(domain.optional > 0):
            used.append(model.add_var(var_type=mip.BINARY))
            model += dot(domain.vertices[:, k], x) <= float(domain.upper[k]) * used[-1]
        model += mip.xsum(used) <= domain.support
    return x


def _add_cuts(
    model: Any, y: Sequence[Any], cliques: Sequence[Sequence[int]], cuts: Sequence[Sequence[int]]
) -> None:
    """Add the rows for groups that cannot be won together."""
    mip = require("mip", extra="weights", purpose="fitting weights")
    for clique in cliques:
        model += mip.xsum(y[g] for g in clique) <= 1
    for cut in cuts:
        model += mip.xsum(y[g] for g in cut) <= len(cut) - 1


def dot(coefficients: Any, variables: Sequence[Any]) -> Any:
    """Return the linear expression of a model's variables."""
    mip = require("mip", extra="weights", purpose="fitting weights")
    return mip.xsum(float(c) * v for c, v in zip(coefficients, variables, strict=True) if c)

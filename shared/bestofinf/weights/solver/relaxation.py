"""The linear relaxation of a maximum-win problem, tightened by cliques and Farkas cuts.

Variables are the mixture x and one y in [0, 1] per group. A row of group g must hold when y_g is
one: ``row · x >= -M (1 - y_g)`` with ``M = -min_k row_k``, the least value that is valid on the
simplex.

A Farkas cut says that the groups of an infeasible family of rows cannot all be won. Families
come from the vertices of ``{u >= 0 : sum_r u_r row_rk <= -1 for every k}``; by Helly's theorem they
have at most as many rows as the simplex has vertices. The most violated cuts minimise
``sum_r (1 - y_r) u_r`` (combinatorial Benders cuts: Codato and Fischetti 2006, Operations
Research 54).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import floor
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from bestofinf._extras import require
from bestofinf.errors import BestOfInfError
from bestofinf.weights.solver.margins import Floats
from bestofinf.weights.solver.presolve import ContestedGroups

VIOLATION = 1e-6
STALL, PATIENCE = 0.02, 6
"""Minimum progress of a round, and number of rounds with less that are allowed in a row."""
REWEIGHTINGS = 3


class Relaxation:
    """The relaxation as a HiGHS model that grows by cuts.

    Args:
        problem: Presolved problem.
        cliques: Sets of groups of which at most one can be won.
        limits: A matrix A and a vector b: the mixture must satisfy ``A x <= b``.
    """

    def __init__(
        self,
        problem: ContestedGroups,
        cliques: Iterable[Iterable[int]],
        *,
        limits: tuple[Floats, Floats] | None = None,
    ) -> None:
        self.problem = problem
        self.cuts: list[tuple[int, ...]] = []
        self._seen: set[tuple[int, ...]] = set()
        self._m, groups = problem.m, len(problem.size)
        slack = -problem.rows.min(axis=1)
        big_m = np.zeros((len(problem.rows), groups))
        big_m[np.arange(len(problem.rows)), problem.group] = -slack
        blocks = [
            np.append(np.ones(self._m), np.zeros(groups))[None],
            np.hstack([problem.rows, big_m]),
        ]
        low, high = [np.ones(1), -slack], [np.ones(1), np.full(len(slack), np.inf)]
        if limits is not None:
            blocks.append(np.hstack([limits[0], np.zeros((len(limits[0]), groups))]))
            low.append(np.full(len(limits[0]), -np.inf))
            high.append(limits[1])
        pairs = [(place, group) for place, clique in enumerate(cliques) for group in clique]
        if pairs:
            block = np.zeros((pairs[-1][0] + 1, self._m + groups))
            places, members = np.array(pairs).T
            block[places, self._m + members] = 1.0
            blocks.append(block)
            low.append(np.full(len(block), -np.inf))
            high.append(np.ones(len(block)))
        self._highs = _quiet_highs(
            np.append(np.zeros(self._m), -problem.size),
            np.vstack(blocks),
            np.concatenate(low),
            np.concatenate(high),
            upper=1.0,
        )

    def _at_most(self, groups: tuple[int, ...], most: int) -> None:
        places = _ints([self._m + g for g in groups])
        inf = self._highs.getInfinity()
        self._highs.addRow(-inf, float(most), len(places), places, np.ones(len(places)))

    def solve(self) -> tuple[float, Floats, Floats]:
        """Return the bound on wins, the mixture, and y.

        The bound is minus infinity if no mixture satisfies the limits.
        """
        self._highs.run()
        highspy = require("highspy", extra="weights", purpose="the proof of optimal weights")
        status = self._highs.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return -np.inf, np.zeros(self._m), np.zeros(0)
        if status != highspy.HighsModelStatus.kOptimal:
            raise BestOfInfError(f"the linear relaxation ended with status {status}")
        values = np.array(self._highs.getSolution().col_value)
        bound = -float(self._highs.getInfo().objective_function_value)
        return bound, values[: self._m], values[self._m :]

    def add(self, cuts: Iterable[tuple[int, ...]]) -> int:
        """Add cuts not seen before; return how many there were."""
        fresh = [c for c in dict.fromkeys(cuts) if c not in self._seen]
        for cut in fresh:
            self._seen.add(cut)
            self.cuts.append(cut)
            self._at_most(cut, len(cut) - 1)
        return len(fresh)


class FarkasCuts:
    """Finds sets of groups that cannot all be won.

    Args:
        problem: Presolved problem.
    """

    def __init__(self, problem: ContestedGroups) -> None:
        self.problem = problem
        self._random = np.random.default_rng(0)  # of perturbations: one round gives many cuts
        self._highs = _quiet_highs(
            np.ones(len(problem.rows)),
            problem.rows.T,
            np.full(problem.m, -np.inf),
            np.full(problem.m, -1.0),
            upper=np.inf,
        )

    def find(self, y: Floats, *, perturbations: int) -> list[tuple[int, ...]]:
        """Return violated cuts for a fractional `y`, most violated first.

        Args:
            y: Shape (G,).
            perturbations: Number of searches for the cheapest certificate; all but the first have
                randomly changed prices.
        """
        price = np.clip(1 - y[self.problem.group], 0, 1) + 1e-6
        found: dict[tuple[int, ...], float] = {}
        for attempt in range(perturbations):
            scale = np.exp(self._random.normal(0, 1, len(price))) if attempt else 1.0
            for _ in range(REWEIGHTINGS):
                multipliers = self._cheapest(price * scale)
                if multipliers is None:
                    return []
                groups = np.unique(self.problem.group[multipliers > 1e-9])
                cut = tuple(groups.tolist())
                violation = 1 - float((1 - y[groups]).sum())
                if violation > VIOLATION and cut not in found and self._proven(multipliers):
                    found[cut] = violation
                # To minimise the sum over the support instead of the multipliers: Candès, Wakin
                # and Boyd 2008 (reweighted l1 minimisation).
                scale = 1 / (multipliers + 0.05)
        return sorted(found, key=lambda cut: -found[cut])

    def _cheapest(self, price: Floats) -> Floats | None:
        self._highs.changeColsCost(len(price), _ints(range(len(price))), price)
        self._highs.run()
        highspy = require("highspy", extra="weights", purpose="the proof of optimal weights")
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        return np.array(self._highs.getSolution().col_value)

    def _proven(self, multipliers: Floats) -> bool:
        """Check the certificate itself: the combination is negative at every vertex."""
        return bool((np.clip(multipliers, 0, None) @ self.problem.rows).max() < -0.5)


def tighten(
    relaxation: Relaxation,
    farkas: FarkasCuts,
    *,
    proven: Callable[[float], bool],
    out_of_time: Callable[[], bool],
    start: tuple[float, Floats, Floats],
    rounds: int,
    perturbations: int,
) -> tuple[float, Floats, Floats]:
    """Add Farkas cuts until the bound proves the incumbent, stalls, or time is up.

    Args:
        relaxation: The relaxation, to which the cuts are added.
        farkas: The source of the cuts.
        proven: Returns whether a bound is good enough.
        out_of_time: Called after every round; True ends the search.
        start: Last solution of the relaxation.
        rounds: Maximum number of rounds.
        perturbations: Number of searches per round, as for `FarkasCuts.find`.

    Returns:
        The bound, the mixture and y, as from `Relaxation.solve`.
    """
    bound, x, y = start
    stalled, attempts = 0, min(4, perturbations)
    for _ in range(rounds):
        if proven(bound) or out_of_time() or stalled > PATIENCE:
            break
        found = relaxation.add(farkas.find(y, perturbations=attempts))
        if not found and attempts == perturbations:
            break
        before = bound
        if found:
            bound, x, y = relaxation.solve()
        # A few attempts are enough as long as they lower the bound.
        if before - bound < STALL:
            stalled += attempts == perturbations
            attempts = min(2 * attempts, perturbations)
    return bound, x, y


def rounded_down(bound: float) -> int:
    """Round a bound on a whole number down, with room for the solver's tolerance."""
    return floor(bound + 1e-5)


def _quiet_highs(cost: Floats, matrix: Floats, low: Floats, high: Floats, *, upper: float) -> Any:
    """Return a silent HiGHS model that minimises over ``0 <= v <= upper``."""
    highspy = require("highspy", extra="weights", purpose="the proof of optimal weights")
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("presolve", "off")  # the programs are small
    sparse = csr_array(matrix)
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.col_cost_ = cost
    lp.col_lower_, lp.col_upper_ = np.zeros(len(cost)), np.full(len(cost), upper)
    lp.row_lower_, lp.row_upper_ = low, high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.num_row_, lp.a_matrix_.num_col_ = matrix.shape
    lp.a_matrix_.start_ = sparse.indptr
    lp.a_matrix_.index_ = sparse.indices
    lp.a_matrix_.value_ = sparse.data
    highs.passModel(lp)
    return highs


def _ints(values: Iterable[int]) -> Any:
    return np.array(list(values), dtype=np.int32)

"""Presolve, cliques, sweeps and cuts against what can be counted."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from bestofinf.weights.solver.domain import Domain
from bestofinf.weights.solver.margins import Floats, Margins
from bestofinf.weights.solver.presolve import ContestedGroups, cliques, presolve
from bestofinf.weights.solver.relaxation import FarkasCuts, Relaxation, rounded_down, tighten
from bestofinf.weights.solver.sweep import Target, best_of_triples, sweep_lines, sweep_triangle
from support.ensembles import made_set

EPS = 1e-4


def problem_of(
    seed: int, *, questions: int = 25, members: int = 3, spread: float = 1.5
) -> tuple[Margins, ContestedGroups]:
    margins = Margins.of(made_set(questions, members=members, samples=12, spread=spread, seed=seed))
    ones = np.ones(questions, dtype=np.int64)
    return margins, presolve(margins.rows - EPS, margins.question, ones)


def grid(steps: int) -> Floats:
    points = [
        (i / steps, j / steps, 1 - (i + j) / steps)
        for i in range(steps + 1)
        for j in range(steps + 1 - i)
    ]
    return np.array(points)


def satisfiable(rows: Floats) -> bool:
    """Tell whether some mixture satisfies all rows."""
    m = rows.shape[1]
    result = linprog(
        np.append(np.zeros(m), -1.0),
        A_ub=np.hstack([-rows, np.ones((len(rows), 1))]),
        b_ub=np.zeros(len(rows)),
        A_eq=np.append(np.ones(m), 0.0)[None],
        b_eq=[1.0],
        bounds=[*([(0, 1)] * m), (None, 1.0)],
    )
    return bool(-result.fun >= -1e-9)


@given(st.integers(0, 10_000), st.integers(1, 7))
@settings(max_examples=40, deadline=None)
def test_presolve_changes_the_wins_of_no_mixture(seed: int, members: int) -> None:
    margins, problem = problem_of(seed, members=members)
    points = np.random.default_rng(seed).dirichlet(np.full(members, 0.5), 50)
    points = np.concatenate([points, np.eye(members)])
    plain = (margins.margins(points) >= EPS - 1e-9).sum(axis=1)
    assert (problem.sure + problem.wins(points) == plain).all()
    assert problem.sure + problem.contested + problem.hopeless == len(margins)


@given(st.integers(0, 10_000), st.integers(2, 6))
@settings(max_examples=8, deadline=None)
def test_conflicts_are_the_pairs_of_rows_without_a_common_mixture(seed: int, members: int) -> None:
    _, problem = problem_of(seed, members=members, questions=15)
    for g, h in combinations(range(len(problem.size)), 2):
        pairs = (
            np.stack([a, b])
            for a in problem.rows[problem.group == g]
            for b in problem.rows[problem.group == h]
        )
        assert problem.conflict[g, h] == (not all(map(satisfiable, pairs)))


@given(st.integers(0, 2**32 - 1), st.integers(0, 70), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_cliques_cover_every_conflict_and_nothing_else(seed: int, n: int, density: float) -> None:
    random = np.random.default_rng(seed)
    upper = np.triu(random.random((n, n)) < density, 1)
    conflict = upper | upper.T
    covered = np.zeros_like(conflict)
    for clique in cliques(conflict):
        assert len(set(clique)) == len(clique) >= 2
        for g, h in combinations(clique, 2):
            assert conflict[g, h]
            covered[g, h] = covered[h, g] = True
    assert (covered == conflict).all()


@pytest.mark.parametrize("seed", range(60))
def test_a_triangle_sweep_finds_the_best_of_a_fine_grid_or_better(seed: int) -> None:
    _, problem = problem_of(seed)
    target = Target.of(problem, Domain.whole(3))
    value, point = sweep_triangle(target, np.eye(3))
    assert value >= problem.wins(grid(200)).max()
    assert problem.wins(point) == value
    assert point.sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", range(20))
def test_a_triangle_sweep_keeps_limits(seed: int) -> None:
    _, problem = problem_of(seed)
    domain = Domain(np.eye(3), np.array([1.0, 1.0, 0.6]), np.ones(3))
    value, point = sweep_triangle(Target.of(problem, domain), np.eye(3))
    points = grid(100)
    allowed = points[points[:, 2] <= 0.6]
    assert value >= problem.wins(allowed).max() - 1e-9
    assert value == pytest.approx(float(problem.wins(point)))
    assert point[2] <= 0.6 + 1e-9


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_a_line_sweep_is_exact_for_two_members(seed: int) -> None:
    _, problem = problem_of(seed, members=2)
    target = Target.of(problem, Domain.whole(2))
    value, point = sweep_lines(target, np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    # The wins change only where a row changes its sign.
    with np.errstate(divide="ignore", invalid="ignore"):
        places = problem.rows[:, 0] / (problem.rows[:, 0] - problem.rows[:, 1])
    places = np.concatenate([[0, 1], places[(places >= 0) & (places <= 1)]])
    candidates = np.stack([1 - places, places], axis=1)
    assert value == problem.wins(candidates).max()
    assert problem.wins(point) == value


def test_the_best_of_all_triples_is_at_least_that_of_each() -> None:
    _, problem = problem_of(3, members=5, questions=60)
    target = Target.of(problem, Domain.whole(5))
    best, point, complete = best_of_triples(target, np.eye(5))
    assert complete
    assert point is not None
    assert (point > 1e-12).sum() <= 3
    each = [sweep_triangle(target, np.eye(5)[list(t)])[0] for t in combinations(range(5), 3)]
    assert best == max(each)


@pytest.mark.parametrize("seed", range(6))
def test_farkas_cuts_hold_for_every_mixture(seed: int) -> None:
    _, problem = problem_of(seed, members=4, questions=80)
    relaxation = Relaxation(problem, cliques(problem.conflict))
    tighten(
        relaxation,
        FarkasCuts(problem),
        proven=lambda _: False,
        out_of_time=lambda: False,
        start=relaxation.solve(),
        rounds=20,
        perturbations=10,
    )
    assert relaxation.cuts
    for cut in relaxation.cuts:
        assert not satisfiable(problem.rows[np.isin(problem.group, cut)])
    target = Target.of(problem, Domain.whole(4))
    best, point, _ = best_of_triples(target, np.eye(4))
    assert point is not None
    won = problem.won(point)
    assert all(not won[list(cut)].all() for cut in relaxation.cuts)
    assert rounded_down(relaxation.solve()[0]) >= best


def test_farkas_cuts_close_the_gap_that_cliques_leave() -> None:
    _, problem = problem_of(1, members=4, questions=120)
    relaxation = Relaxation(problem, cliques(problem.conflict))
    before = relaxation.solve()
    after = tighten(
        relaxation,
        FarkasCuts(problem),
        proven=lambda _: False,
        out_of_time=lambda: False,
        start=before,
        rounds=20,
        perturbations=10,
    )
    assert after[0] < before[0] - 0.5

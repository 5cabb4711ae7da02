"""Exact search on segments and triangles of the simplex, and local search built on it.

The wins of a mixture are constant on the cells of an arrangement of lines, one per row. The
best cell of a triangle is closed, so it has a vertex on some row's line or on an edge of the
triangle, and sweeping along all these lines finds it. On a line every question is won on one
interval, and the best point is a start or an end of an interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bestofinf.weights.solver.domain import Domain
from bestofinf.weights.solver.margins import Floats, Ints
from bestofinf.weights.solver.presolve import TOLERANCE, ContestedGroups

CHUNK = 2_000_000


@dataclass(frozen=True, eq=False)
class Target:
    """What a search maximises: sizes of the groups won.

    Attributes:
        rows: Shape (R, m), sorted by group.
        starts: First row of each group, shape (G,).
        size: Value of each group, shape (G,).
        offset: Subtracted from the value of every mixture.
    """

    rows: Floats
    starts: Ints
    size: Floats
    offset: float = 0.0

    @classmethod
    def of(cls, problem: ContestedGroups, domain: Domain) -> Target:
        """Take the groups of a presolved problem on a whole simplex.

        Upper limits become groups of their own, each with a larger value than all questions
        together, so that points beyond them lose. Their values are subtracted again, so that the
        value of an allowed point is its number of wins.
        """
        capped = np.flatnonzero(domain.upper < 1)
        caps = np.repeat(domain.upper[capped, None], problem.m, axis=1)
        caps[np.arange(len(capped)), capped] -= 1.0
        worth = 1.0 + problem.contested
        return cls(
            np.vstack([problem.rows, caps]),
            np.concatenate([problem.starts, len(problem.rows) + np.arange(len(capped))]),
            np.concatenate([problem.size.astype(float), np.full(len(capped), worth)]),
            worth * len(capped),
        )

    def value(self, x: Floats) -> Floats:
        """Return the value of mixtures, shape (..., m) to (...)."""
        if not len(self.size):
            return np.full(x.shape[:-1], -self.offset)
        worst = np.minimum.reduceat(x @ self.rows.T, self.starts, axis=-1)
        return np.asarray((worst >= -TOLERANCE) @ self.size - self.offset)

    def at(self, points: Floats) -> Target:
        """Return the same target seen from the simplex spanned by `points`, shape (p, m).

        Groups that are won nowhere or everywhere on it do not change which point is best; they are
        left out, and the value shifts by a constant.
        """
        rows = self.rows @ points.T
        hopeless = np.logical_or.reduceat(rows.max(axis=1) < -TOLERANCE, self.starts)
        sure = np.logical_and.reduceat(rows.min(axis=1) >= -TOLERANCE, self.starts)
        live = ~hopeless & ~sure
        group = np.searchsorted(self.starts, np.arange(len(rows)), side="right") - 1
        kept = live[group] & (rows.min(axis=1) < -TOLERANCE)
        owner = group[kept]
        order = np.unique(owner)
        return Target(rows[kept], np.searchsorted(owner, order), self.size[order], self.offset)

    def ceiling(self, points: Floats) -> float:
        """Bound the value on the simplex spanned by `points` from above."""
        rows = self.rows @ points.T
        possible = np.logical_and.reduceat(rows.max(axis=1) >= -TOLERANCE, self.starts)
        return float(possible @ self.size - self.offset)


def sweep_lines(target: Target, first: Floats, second: Floats) -> tuple[float, Floats]:
    """Return the best value on segments, and the point where it is attained.

    Args:
        target: The target to maximise.
        first: One end of each segment, shape (L, m).
        second: The other end of each segment, shape (L, m).
    """
    best, where = -np.inf, first[0]
    groups = max(1, len(target.size))
    step = max(1, CHUNK // max(1, len(target.rows), 4 * groups))
    for start in range(0, len(first), step):
        one, two = first[start : start + step], second[start : start + step]
        value, line, place = _sweep(target, one, two)
        if value > best:
            best, where = value, one[line] + place * (two[line] - one[line])
    return best, where


def _sweep(target: Target, first: Floats, second: Floats) -> tuple[float, int, float]:
    if not len(target.size):
        return -target.offset, 0, 0.0
    # Half the tolerance here leaves the other half for rounding when the point is scored.
    at_first = first @ target.rows.T + TOLERANCE / 2
    slope = second @ target.rows.T + TOLERANCE / 2 - at_first
    still = np.abs(slope) < 1e-14
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = -at_first / slope
    low = np.where(slope > 0, crossing, 0.0)
    high = np.where(slope < 0, crossing, 1.0)
    low[still] = 0.0
    high[still] = np.where(at_first[still] >= 0, 1.0, -1.0)
    low = np.maximum(np.maximum.reduceat(low, target.starts, axis=1), 0.0)
    high = np.minimum(np.minimum.reduceat(high, target.starts, axis=1), 1.0)
    size = np.where(low <= high, target.size, 0.0)
    # Intervals are closed: at equal places starts come before ends.
    place = np.concatenate([low, high], axis=1)
    change = np.concatenate([size, -size], axis=1)
    np.clip(place, 0.0, 1.0, out=place)
    order = np.argsort(place, axis=1, kind="stable")
    place = np.take_along_axis(place, order, axis=1)
    change = np.take_along_axis(change, order, axis=1)
    level = np.cumsum(change, axis=1)
    before_an_end = level - np.minimum(change, 0.0)
    value = before_an_end - target.offset
    flat = int(value.argmax())
    line, event = divmod(flat, value.shape[1])
    return float(value[line, event]), line, float(place[line, event])


def sweep_triangle(target: Target, corners: Floats) -> tuple[float, Floats]:
    """Return the best value on a triangle, proven, and a point that attains it.

    Args:
        target: What to maximise.
        corners: Shape (3, m).
    """
    local = target.at(corners)
    edges = np.eye(3)
    first = [edges[[0, 1, 2]]]
    second = [edges[[1, 2, 0]]]
    crossings: list[Floats] = []
    for i, j in combinations(range(3), 2):
        a, b = local.rows[:, i], local.rows[:, j]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where((a < 0) != (b < 0), a / (a - b), np.nan)
        points = np.zeros((len(a), 3))
        points[:, i], points[:, j] = 1 - share, share
        crossings.append(points)
    if len(local.rows):
        # A line that crosses the triangle meets two of its edges.
        stacked = np.stack(crossings, axis=1)
        met = ~np.isnan(stacked).any(axis=2)
        rank = np.argsort(~met, axis=1, kind="stable")
        crossing = met.sum(axis=1) >= 2
        rows = np.flatnonzero(crossing)
        first.append(stacked[rows, rank[rows, 0]])
        second.append(stacked[rows, rank[rows, 1]])
    _, point = sweep_lines(local, np.concatenate(first), np.concatenate(second))
    mixed = point @ corners
    return float(target.value(mixed)), mixed


def best_of_triples(
    target: Target,
    vertices: Floats,
    *,
    start: float = -np.inf,
    ready: Callable[[], bool] = lambda: False,
    allowed: Callable[[Floats], bool] = lambda _: True,
) -> tuple[float, Floats | None, bool]:
    """Search every triangle of vertices; those that cannot beat the best so far are skipped.

    Args:
        target: What to maximise.
        vertices: Shape (p, m).
        start: A value already known.
        ready: Called before each triangle; True stops the search.
        allowed: Returns whether mixtures of some vertices may be used. If no three may, pairs are
            searched, and then single vertices.

    Returns:
        The best value, its point (None if nothing beats `start`), and whether all triangles
        were searched, so that the value is proven for mixtures of at most three vertices.
    """
    for size in (3, 2, 1):
        triples = [
            list(t) for t in combinations(range(len(vertices)), size) if allowed(vertices[list(t)])
        ]
        if triples:
            break
    ceilings = [target.ceiling(vertices[t]) for t in triples]
    best, where = start, None
    for i in sorted(range(len(triples)), key=lambda i: -ceilings[i]):
        if ceilings[i] <= best + TOLERANCE:
            break
        if ready():
            return best, where, False
        corners = vertices[triples[i]]
        corners = np.concatenate([corners, np.repeat(corners[:1], 3 - size, axis=0)])
        value, point = sweep_triangle(target, corners)
        if value > best + TOLERANCE:
            best, where = value, point
    return best, where, True


def improve(
    target: Target,
    vertices: Floats,
    start: Floats,
    *,
    ready: Callable[[], bool] = lambda: False,
    allowed: Callable[[Floats], bool] = lambda _: True,
) -> tuple[float, Floats]:
    """Climb from `start` by exact sweeps of the triangles with it and two vertices.

    Args:
        target: What to maximise.
        vertices: Shape (p, m).
        start: A mixture, shape (m,).
        ready: Called before each triangle; True stops the climb.
        allowed: Returns whether a triangle, shape (3, m), may be searched.
    """
    point, value = start, float(target.value(start))
    while True:
        found = False
        pairs = list(combinations(range(len(vertices)), 2)) or [(0, 0)]
        ceilings = [target.ceiling(np.stack([point, vertices[i], vertices[j]])) for i, j in pairs]
        for p in sorted(range(len(pairs)), key=lambda p: -ceilings[p]):
            corners = np.stack([point, *vertices[list(pairs[p])]])
            if ready():
                return value, point
            if ceilings[p] <= value + TOLERANCE or not allowed(corners):
                continue
            better, where = sweep_triangle(target, corners)
            if better > value + TOLERANCE:
                value, point, found = better, where, True
                break
        if not found:
            return value, point

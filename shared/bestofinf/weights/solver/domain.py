"""The mixtures that are allowed: a simplex, or a piece of one, with its limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from math import comb

import numpy as np

from bestofinf.weights.solver.margins import Floats

# With more faces than this, the solver's binary variables handle the limit.
MOST_FACES = 3_000


@dataclass(frozen=True, eq=False)
class Domain:
    """A piece of a simplex, given by its vertices.

    Attributes:
        vertices: Shape (p, m), in coordinates of the whole simplex.
        upper: Greatest coordinates, shape (m,).
        optional: Coordinates that count towards the limit `support`, shape (m,).
        support: Maximum number of optional coordinates above zero; None for no limit.
    """

    vertices: Floats
    upper: Floats
    optional: Floats
    support: int | None = None

    @classmethod
    def whole(cls, m: int) -> Domain:
        """Return the whole simplex of `m` vertices, without limits."""
        return cls(np.eye(m), np.ones(m), np.ones(m))

    def at(self, vertices: Floats) -> Domain:
        """Return the piece with other vertices."""
        return replace(self, vertices=vertices)

    @property
    def limits(self) -> tuple[Floats, Floats] | None:
        """Rows ``A x <= b`` on mixtures x of the piece's vertices; None if no row can bind."""
        binding = self.vertices.max(axis=0) > self.upper + 1e-12
        if not binding.any():
            return None
        return np.ascontiguousarray(self.vertices.T[binding]), self.upper[binding]

    def within_support(self, corners: Floats) -> bool:
        """Return whether every mixture of points, shape (n, m), satisfies the limit of the support."""
        used = self.optional[(corners > 1e-9).any(axis=0)] > 0
        return self.support is None or int(used.sum()) <= self.support

    def faces(self) -> list[Domain]:
        """Return the faces on which the limit of the support always holds.

        Without a limit, or if there were more than `MOST_FACES`, the result is the piece itself.
        """
        optional = np.flatnonzero(self.optional > 0)
        if self.support is None or self.support >= len(optional):
            return [replace(self, support=None)]
        if comb(len(optional), self.support) > MOST_FACES:
            return [self]
        always = np.flatnonzero(self.optional <= 0).tolist()
        return [
            replace(self, vertices=self.vertices[sorted([*always, *chosen])], support=None)
            for chosen in combinations(optional.tolist(), self.support)
        ]


def simplex_of(
    *,
    lower: Floats,
    upper: Floats,
    max_members: int | None,
) -> tuple[Domain, Floats]:
    """Return the bounded mixtures as a simplex with caps, and its vertices as weights.

    Every member first gets its least weight and the rest is shared freely, so with only lower
    bounds the allowed weights are again a simplex.

    Args:
        lower: Least weights, shape (K,), summing to at most one.
        upper: Greatest weights, shape (K,).
        max_members: Maximum number of members with a weight above 0.

    Returns:
        The domain with m vertices, and the weights at these vertices, shape (m, K).
    """
    rest = 1.0 - float(lower.sum())
    free = np.flatnonzero((upper > lower) & (rest > 1e-12))
    if not len(free):
        point = lower / lower.sum()
        return Domain.whole(1), point[None]
    vertices = np.repeat(lower[None], len(free), axis=0)
    vertices[np.arange(len(free)), free] += rest
    caps = np.minimum((upper - lower)[free] / rest, 1.0)
    optional = (lower[free] == 0).astype(float)
    support = None
    if max_members is not None:
        support = max_members - int((lower > 0).sum())
        if support >= optional.sum():
            support = None
    domain = Domain(np.eye(len(free)), caps, optional, support)
    return domain, vertices

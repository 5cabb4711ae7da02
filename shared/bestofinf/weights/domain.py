"""The mixtures that are allowed: a simplex, or a piece of one, with cost and limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from math import comb

import numpy as np

from bestofinf.weights.margins import Floats

# More faces than this are left to the solver's own binaries.
MOST_FACES = 3_000


@dataclass(frozen=True, eq=False)
class Domain:
    """A piece of a simplex, given by its vertices.

    Attributes:
        vertices: Shape (p, m), in coordinates of the whole simplex.
        cost: Cost at the vertices of the whole simplex, shape (m,).
        upper: Greatest coordinates, shape (m,).
        optional: Coordinates that count towards the limit `support`, shape (m,).
        support: Most optional coordinates above zero; None for no limit.
    """

    vertices: Floats
    cost: Floats
    upper: Floats
    optional: Floats
    support: int | None = None

    @classmethod
    def whole(cls, m: int) -> Domain:
        """Return the whole simplex of `m` vertices, without cost or limits."""
        return cls(np.eye(m), np.zeros(m), np.ones(m), np.ones(m))

    def at(self, vertices: Floats) -> Domain:
        """Return the piece with other vertices."""
        return replace(self, vertices=vertices)

    @property
    def local_cost(self) -> Floats:
        """Cost at the piece's own vertices, shape (p,)."""
        return self.vertices @ self.cost

    @property
    def limits(self) -> tuple[Floats, Floats] | None:
        """Rows ``A x <= b`` on mixtures x of the piece's vertices; None when none can bind."""
        binding = self.vertices.max(axis=0) > self.upper + 1e-12
        if not binding.any():
            return None
        return np.ascontiguousarray(self.vertices.T[binding]), self.upper[binding]

    def within_support(self, corners: Floats) -> bool:
        """Tell whether every mixture of points, shape (n, m), keeps the limit of the support."""
        used = self.optional[(corners > 1e-9).any(axis=0)] > 0
        return self.support is None or int(used.sum()) <= self.support

    def faces(self) -> list[Domain]:
        """Return the faces on which the limit of the support holds by itself.

        Without a limit, or when there would be more than `MOST_FACES`, this is the piece itself.
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

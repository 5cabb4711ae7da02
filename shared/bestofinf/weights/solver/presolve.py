"""Reduce a maximum-win problem over a simplex to the questions that are truly contested.

A problem is given by its rows at the vertices of a simplex: mixture x (shape (m,), on the
simplex) wins a question when ``rows[r] · x >= 0`` for each of its rows. All reductions are
exact up to `TOLERANCE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bestofinf.weights.solver.margins import Floats, Ints

TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class ContestedGroups:
    """The contested questions of a problem; questions with the same rows form one group.

    Attributes:
        rows: Rows that can bind, shape (R, m), sorted by group.
        group: Group of each row, ascending, shape (R,).
        size: Number of questions in each group, shape (G,).
        questions: Positions of the questions of each group in the given problem.
        sure: Number of questions that every mixture wins.
        hopeless: Number of questions that no mixture wins.
        conflict: Whether two groups cannot both be won, shape (G, G); symmetric.
    """

    rows: Floats
    group: Ints
    size: Ints
    questions: tuple[tuple[int, ...], ...]
    sure: int
    hopeless: int
    conflict: NDArray[np.bool_]

    @property
    def starts(self) -> Ints:
        """First row of each group, shape (G,)."""
        return np.searchsorted(self.group, np.arange(len(self.size)))

    @property
    def m(self) -> int:
        """Number of vertices."""
        return int(self.rows.shape[1])

    @property
    def contested(self) -> int:
        """Number of questions in all groups."""
        return int(self.size.sum())

    def won(self, x: Floats) -> NDArray[np.bool_]:
        """Return which groups the mixtures `x`, shape (..., m), win; shape (..., G)."""
        if not len(self.size):
            return np.zeros((*x.shape[:-1], 0), dtype=bool)
        worst = np.minimum.reduceat(x @ self.rows.T, self.starts, axis=-1)
        return np.asarray(worst >= -TOLERANCE)

    def wins(self, x: Floats) -> Floats:
        """Count the contested questions that the mixtures `x` win, shape (...)."""
        return np.asarray(self.won(x) @ self.size.astype(float))


def presolve(rows: Floats, question: Ints, worth: Ints) -> ContestedGroups:
    """Find the contested questions.

    Args:
        rows: Shape (R, m).
        question: Question of each row, ascending, shape (R,).
        worth: Weight of each question, shape (Q,). A question without rows is always won.
    """
    n_questions = len(worth)
    lost = np.zeros(n_questions, dtype=bool)
    np.logical_or.at(lost, question, rows.max(axis=1) < -TOLERANCE)
    binding = (rows.min(axis=1) < -TOLERANCE) & ~lost[question]
    open_questions = np.zeros(n_questions, dtype=bool)
    open_questions[question[binding]] = True
    kept_rows, owner = rows[binding], question[binding]
    undominated = _undominated(kept_rows, owner)
    kept_rows, owner = kept_rows[undominated], owner[undominated]

    merged: dict[tuple[bytes, ...], list[int]] = {}
    blocks: dict[tuple[bytes, ...], Floats] = {}
    edges = np.flatnonzero(np.diff(owner)) + 1
    for block, q in zip(
        np.split(kept_rows, edges) if len(owner) else [],
        owner[np.concatenate([[0], edges])] if len(owner) else [],
        strict=True,
    ):
        key = tuple(sorted(np.round(row, 12).tobytes() for row in block))
        merged.setdefault(key, []).append(int(q))
        blocks.setdefault(key, block)
    stacked = np.concatenate([*blocks.values(), np.zeros((0, rows.shape[1]))])
    group = np.repeat(np.arange(len(blocks)), [len(b) for b in blocks.values()])
    conflict = _conflicts(stacked, group, len(blocks))

    winnable = ~conflict.diagonal()
    keep = np.flatnonzero(winnable)
    renumber = np.cumsum(winnable) - 1
    owners = [tuple(members) for members in merged.values()]
    size = np.array([sum(int(worth[q]) for q in owner) for owner in owners], dtype=np.int64)
    in_kept = winnable[group] if len(group) else np.zeros(0, dtype=bool)
    return ContestedGroups(
        rows=np.ascontiguousarray(stacked[in_kept]),
        group=renumber[group[in_kept]],
        size=size[keep],
        questions=tuple(owners[g] for g in keep),
        sure=int(worth[~open_questions & ~lost].sum()),
        hopeless=int(worth[lost].sum() + size[~winnable].sum()),
        conflict=conflict[np.ix_(keep, keep)],
    )


def _undominated(rows: Floats, owner: Ints) -> NDArray[np.bool_]:
    """Mark the rows that are not above or equal to another row of the same question."""
    keep = np.ones(len(rows), dtype=bool)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(owner)) + 1, [len(owner)]])
    for first, last in pairwise(edges):
        if last - first < 2:
            continue
        block = rows[first:last]
        below = np.asarray((block[:, None, :] <= block[None, :, :] + 1e-15).all(axis=2))
        # Of equal rows the first is kept, because it is not compared with later equal ones.
        equal = below & below.T
        np.fill_diagonal(below, False)
        below &= ~(equal & (np.arange(len(block))[:, None] > np.arange(len(block))[None, :]))
        keep[first:last] = ~below.any(axis=0)
    return keep


def _conflicts(rows: Floats, group: Ints, n_groups: int) -> NDArray[np.bool_]:
    """Find the pairs of groups with a pair of rows that no mixture satisfies together.

    Rows a and b exclude each other if some convex combination of them is negative at every vertex
    (Farkas). At a vertex where only a is negative, the share of a must exceed b / (b - a); where only
    b is negative, the share of b must exceed a / (a - b); and at no vertex may both be non-negative.
    So there is such a combination if the two greatest of these minimum shares sum to less than one.
    """
    least = np.zeros((len(rows), len(rows)))
    held = rows >= 0
    for k in range(rows.shape[1]):
        negative, other = np.flatnonzero(~held[:, k]), np.flatnonzero(held[:, k])
        if len(negative) and len(other):
            b = rows[other, k]
            share = b / (b - rows[negative, k, None])
            place = np.ix_(negative, other)
            least[place] = np.maximum(least[place], share)
    together = held.astype(np.float32) @ held.T.astype(np.float32) > 0
    by_rows = ~together & (least + least.T < 1 - TOLERANCE)
    np.fill_diagonal(by_rows, False)
    if not n_groups:
        return np.zeros((0, 0), dtype=bool)
    starts = np.searchsorted(group, np.arange(n_groups))
    return np.logical_or.reduceat(np.logical_or.reduceat(by_rows, starts, axis=0), starts, axis=1)


def cliques(conflict: NDArray[np.bool_]) -> list[list[int]]:
    """Cover every conflicting pair by cliques; of each clique at most one group can be won.

    The cover is greedy: a clique grows from an uncovered pair, groups with many conflicts first.
    """
    order = np.argsort(-conflict.sum(axis=1), kind="stable")
    # Sets of groups as bits of integers: bit i is the group with the i-th most conflicts.
    packed = np.packbits(conflict[np.ix_(order, order)], axis=1, bitorder="little")
    neighbours = [int.from_bytes(row.tobytes(), "little") for row in packed]
    uncovered = list(neighbours)
    found: list[list[int]] = []
    for start in range(len(order)):
        while uncovered[start]:
            clique, members = 1 << start, [start]
            candidates = neighbours[start]
            wanted = uncovered[start]
            while candidates:
                pool = candidates & wanted or candidates
                best = (pool & -pool).bit_length() - 1
                clique |= 1 << best
                members.append(best)
                candidates &= neighbours[best]
            for member in members:
                uncovered[member] &= ~clique
            found.append(sorted(int(order[member]) for member in members))
    return found

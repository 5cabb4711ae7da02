"""Prove the most wins by branching on the mixture itself.

The simplex of mixtures is cut into smaller simplices. On each, the problem is the same problem
again, with its rows taken at the piece's vertices: fewer questions are contested, more of them
exclude each other, and every big-M is as small as the piece allows. So the linear relaxation
tightens quickly, where branching on the wins of single questions leaves it loose. A piece with
few contested questions is closed by the mixed-integer program.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bestofinf.weights.budget import Budget
from bestofinf.weights.domain import Domain
from bestofinf.weights.margins import Floats, Ints
from bestofinf.weights.milp import most_wins
from bestofinf.weights.presolve import Contested, cliques, presolve
from bestofinf.weights.relaxation import FarkasCuts, Relaxation, tighten, whole

LEAF, WIDE_LEAF, WIDE = 12, 200, 8
"""Contested questions up to which a piece goes to the solver: many more where it has `WIDE` or
more vertices, as halving pieces does little in many dimensions."""

SLICE = 0.2
"""Share of the remaining time that the solver gets for a piece that could also be cut."""

ROOT_ROUNDS, ROOT_PERTURBATIONS = 60, 20
"""Rounds of Farkas cuts on the whole simplex, and how many times each is perturbed."""

FEW = 32
"""Up to so many pieces to begin with get that; more of them get what follows."""

NEAR, ROUNDS, PERTURBATIONS = 2.5, 5, 5
"""A piece whose bound is this near to the incumbent gets so many rounds of Farkas cuts."""

THIN = 1e-5
"""Pieces are not cut along edges shorter than this."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of the simplex with its reduced problem.

    Attributes:
        domain: The mixtures.
        problem: The questions contested there.
        base: Value that every mixture of the piece has already: questions always won.
        bound: No mixture of the piece has a greater value.
    """

    domain: Domain
    problem: Contested
    base: float
    bound: float


@dataclass
class Incumbent:
    """The best mixture found so far.

    Attributes:
        value: Its wins, less the cost.
        point: The mixture, shape (m,).
    """

    value: float
    point: Floats


class Branching:
    """Branch and bound over pieces of the simplex.

    Args:
        rows: Rows at the vertices of the whole simplex, shape (R, m).
        question: Question of each row, ascending.
        worth: How often each question counts.
        incumbent: Improved in place.
        evaluate: Value of a point, exact up to rounding; minus infinity where it is not allowed.
        solver: Closes small pieces: "cbc" or "highs".
        budget: Time limit.
        report: Told the incumbent's value and the bound after every step.
        improve: Makes a better point of a good one.
        search: Ways to look for better points, each given a question that tells whether the
            incumbent is proven already. While there is a gap the first is tried after the first
            relaxation and the others, which take longer, after its cuts.
    """

    def __init__(
        self,
        rows: Floats,
        question: Ints,
        worth: Ints,
        *,
        incumbent: Incumbent,
        evaluate: Callable[[Floats], float],
        solver: str,
        budget: Budget,
        report: Callable[[float, float], None],
        improve: Callable[[Floats], Floats] = lambda point: point,
        search: Sequence[Callable[[Callable[[], bool]], None]] = (),
    ) -> None:
        self.rows, self.question, self.worth = rows, question, worth
        self.incumbent = incumbent
        self.evaluate, self.improve, self._search = evaluate, improve, list(search)
        self.solver, self.budget, self.report = solver, budget, report
        self.nodes = self.solves = 0
        self._heap: list[tuple[float, int, Piece]] = []
        self._closed: list[tuple[float, Domain]] = []
        self._waiting: list[Domain] = []
        self._unproven = -np.inf
        self._working: float = -np.inf
        self._integral = True
        self._leaf, self._wide_leaf = LEAF, WIDE_LEAF

    def run(self, domains: Iterable[Domain], *, enough: float = np.inf) -> float:
        """Search the domains; return a bound that holds for all of them.

        The incumbent is proven when the bound equals its value. After an interruption `bound`
        holds all the same.

        Args:
            domains: Where to search.
            enough: Value at which the search ends.
        """
        self._waiting = list(domains)
        self._working = np.inf
        thorough = len(self._waiting) <= FEW
        first = True
        while self._waiting:
            # One relaxation is solved in any case: a bound is worth more than a second.
            if (not first and self.budget.over()) or self.incumbent.value >= enough:
                return self.bound()
            first = False
            domain = self._waiting[-1]
            self._integral = not domain.cost.any()
            root = presolve(self.rows @ domain.vertices.T, self.question, self.worth)
            self._enter(domain, root, 0.0, np.inf, thorough=thorough)
            self._waiting.pop()
        self._working = -np.inf
        while self._heap and not self._proven(-self._heap[0][0]):
            if self.budget.over() or self.incumbent.value >= enough:
                break
            _, _, piece = heapq.heappop(self._heap)
            self._working = piece.bound
            self._expand(piece)
            self._working = -np.inf
            self.report(self.incumbent.value, self.bound())
        return self.bound()

    def bound(self) -> float:
        """Return the bound so far, at least the incumbent's value."""
        top = -self._heap[0][0] if self._heap else -np.inf
        bound = max(top, self._unproven, self._working)
        if self._integral and np.isfinite(bound):
            bound = whole(bound)
        return float(max(bound, self.incumbent.value))

    def ties(self) -> list[Domain]:
        """Return pieces that together hold every mixture as good as the incumbent."""
        value = self.incumbent.value
        ends = [*self._closed, *((-bound, piece.domain) for bound, _, piece in self._heap)]
        return [*self._waiting, *(domain for bound, domain in ends if whole(bound) >= value)]

    def _proven(self, bound: float) -> bool:
        if self._integral:
            return bound < np.inf and whole(max(bound, -1.0)) <= self.incumbent.value + 1e-6
        return bound <= self.incumbent.value + 1e-6

    def _enter(
        self,
        domain: Domain,
        problem: Contested,
        base: float,
        above: float,
        *,
        thorough: bool = False,
    ) -> None:
        """Bound a piece and put it in the queue unless it cannot hold anything better."""
        self.nodes += 1
        base += problem.sure
        bound = min(above, base + problem.contested - float(domain.local_cost.min()))
        if self._proven(bound):
            self._closed.append((bound, domain))
            return
        relaxation = Relaxation(
            problem, cliques(problem.conflict), cost=domain.local_cost, limits=domain.limits
        )
        value, x, y = relaxation.solve()
        if value == -np.inf:
            return
        self._offer(x @ domain.vertices)
        if len(self._waiting) == 1:
            self._working = min(bound, base + value)  # holds should the user interrupt now
        self._look(min(bound, base + value), self._search[:1])
        near = thorough or base + value - self.incumbent.value < NEAR
        if near and len(problem.size) and not self._proven(base + value):
            value, x, y = tighten(
                relaxation,
                FarkasCuts(problem),
                proven=lambda v: self._proven(base + v),
                out_of_time=self.budget.over,
                start=(value, x, y),
                rounds=ROOT_ROUNDS if thorough else ROUNDS,
                perturbations=ROOT_PERTURBATIONS if thorough else PERTURBATIONS,
            )
            self._offer(x @ domain.vertices)
        bound = min(bound, base + value)
        self._look(bound, self._search)
        if self._proven(bound):
            self._closed.append((bound, domain))
        else:
            piece = Piece(domain, problem, base, bound)
            heapq.heappush(self._heap, (-bound, self.nodes, piece))

    def _look(self, bound: float, ways: Sequence[Callable[[Callable[[], bool]], None]]) -> None:
        """Look for a better point by other means, each of them once."""
        for way in tuple(ways):
            if not self._proven(bound):
                self._search.remove(way)
                way(lambda: self._proven(bound))

    def _offer(self, point: Floats) -> None:
        value = self.evaluate(point)
        if value > self.incumbent.value + 1e-9:
            self.incumbent.value, self.incumbent.point = value, point
            better = self.improve(point)
            self.incumbent.value, self.incumbent.point = max(
                (value, 0, point), (self.evaluate(better), 1, better), key=lambda c: c[:2]
            )[::2]

    def _expand(self, piece: Piece) -> None:
        vertices = piece.domain.vertices
        edge, length = self._edge(piece)
        leaf = self._leaf if len(vertices) < WIDE else self._wide_leaf
        last = piece.domain.support is not None or length < THIN
        if (last or piece.problem.contested <= leaf) and self._close(piece, last=last):
            return
        for moved in edge:
            half = np.eye(len(vertices))
            half[moved] = 0.0
            half[moved, list(edge)] = 0.5
            problem = presolve(piece.problem.rows @ half.T, piece.problem.group, piece.problem.size)
            self._enter(piece.domain.at(half @ vertices), problem, piece.base, piece.bound)

    def _edge(self, piece: Piece) -> tuple[tuple[int, int], float]:
        """Choose the edge that most rows cross, counted by its length."""
        vertices, won = piece.domain.vertices, (piece.problem.rows >= 0).astype(float)
        length = np.abs(vertices[:, None] - vertices[None]).sum(axis=2)
        crossed = won.T @ (1 - won)
        i, j = divmod(int(((crossed + crossed.T + 0.1) * length).argmax()), len(vertices))
        return (i, j), float(length[i, j])

    def _close(self, piece: Piece, *, last: bool) -> bool:
        """Give a piece to the solver; return whether nothing is left to do there.

        Args:
            piece: What to solve.
            last: Whether the piece cannot be cut, so that the solver may take all the time.
        """
        self.solves += 1
        goal = self.incumbent.value - piece.base
        left = self.budget.left()
        result = most_wins(
            piece.problem,
            solver=self.solver,
            seconds=max(0.1, left if last else SLICE * left),
            domain=piece.domain,
            cliques=cliques(piece.problem.conflict),
            at_least=goal + 1 if self._integral else goal,
            tick=lambda: self.report(self.incumbent.value, self.bound()),
        )
        if result.x is not None:
            self._offer(result.x @ piece.domain.vertices)
        if not result.finished and not last:
            # Pieces of this size take the solver too long.
            self._leaf = self._wide_leaf = int(0.75 * piece.problem.contested)
            return False
        best = piece.base + result.bound if result.x is not None else self.incumbent.value
        self._closed.append((min(piece.bound, best), piece.domain))
        if not result.finished:
            self._unproven = max(self._unproven, min(piece.bound, piece.base + result.bound))
        return True

"""Prove the most wins by branching on the mixture itself.

Theory of operation
-------------------
The simplex of mixtures is cut into smaller simplices. On each of these pieces the problem has the same
form, with its rows taken at the piece's vertices: fewer questions are contested, more of them
exclude each other, and every big-M is as small as the piece allows. So the linear relaxation
tightens quickly, while branching on the wins of single questions would leave it loose.

Before any cut, the whole problem is given to the mixed-integer program of python-mip, presolved and
with all cliques and cuts found, which only looks for mixtures better than the incumbent
(`by_program`). If it ends within its share of the time, that is the proof. If not, the simplex is cut,
and the program is run on each piece with few contested questions.

Why a piece's bound is valid: a mixture of the piece is a mixture of its vertices, and a row is
linear, so a row that is negative at no vertex holds in the whole piece (the question is won, and
counts in `Piece.base`), and a row that is negative at all vertices holds nowhere in it. The other
questions are contested, and at most all of them are won. The relaxation and its cuts exclude no
mixture, and no piece is better than the one it was cut from. The smallest of these values is the bound.

Every mixture is at any moment in exactly one of these places, which `bound` and `ties` read:

* `_waiting`: domains not examined yet; the current one is last.
* `_heap`: pieces that may hold a better mixture than the incumbent, the greatest bound first.
* the current piece, whose bound is `_working`. While other domains are waiting it is infinity, because
  nothing is known about them; for the last domain it is the bound of its relaxation.
* `_closed`: finished pieces with their bounds. Except for the unproven ones they hold no better mixture,
  but perhaps one that is as good, which `ties` needs.
* nowhere, if it violates the limits or the relaxation has no solution.

`_unproven` is the greatest bound of the closed pieces that the solver could not finish and that
could not be cut further. Values are numbers of wins, so bounds may be rounded down. If the solver runs
out of its share of time on a piece, `_leaf` and `_wide_leaf` both fall to three quarters of that
piece's questions, because a number that is too large in few dimensions is too large in many.

After an interrupt `bound` is still valid, because it includes the waiting domains, the heap, the
current piece and `_unproven`. Floats cannot cause a wrong claim: points are evaluated up to rounding, bounds are
rounded down with room for the solver's tolerance, and the caller re-scores the result in rational
arithmetic (`bestofinf.weights.exact`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bestofinf.weights.solver.clock import Clock
from bestofinf.weights.solver.domain import Domain
from bestofinf.weights.solver.margins import Floats, Ints
from bestofinf.weights.solver.milp import most_wins
from bestofinf.weights.solver.presolve import ContestedGroups, cliques, presolve
from bestofinf.weights.solver.relaxation import FarkasCuts, Relaxation, rounded_down, tighten
from bestofinf.weights.solver.widest import widest

LEAF, WIDE_LEAF, WIDE = 12, 200, 8
"""Pieces with at most LEAF contested questions go to the solver. With WIDE or more vertices the
limit is WIDE_LEAF, because halving shrinks a high-dimensional piece very little."""

SLICE = 0.2
"""Share of the remaining time that the solver gets for a piece that could instead be cut."""

SHARE, TRY, CHECK = 0.25, 3.0, 1.0
"""Time for the solver on the whole problem: as long as everything before it took, or TRY seconds if
that is more; CHECK seconds if the relaxation has already proven the incumbent, and for widening a
margin; always at most SHARE of the time left."""

ROOT_ROUNDS, ROOT_PERTURBATIONS = 60, 20
"""Rounds of Farkas cuts on the whole simplex, and how many times each is perturbed."""

FEW = 32
"""If the search starts with at most this many pieces, each gets ROOT_ROUNDS of cuts; otherwise each
gets ROUNDS."""

NEAR, ROUNDS, PERTURBATIONS = 2.5, 5, 5
"""A piece whose bound is within NEAR of the incumbent's value gets ROUNDS of Farkas cuts."""

SHRINK = 0.75
"""LEAF and WIDE_LEAF fall to this share of the questions of a piece that took the solver too long."""

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
    problem: ContestedGroups
    base: float
    bound: float


@dataclass
class Incumbent:
    """The best mixture found so far.

    Attributes:
        value: Its wins.
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
        clock: Time limit.
        report: Called with the incumbent's value and the bound after every step.
        improve: Returns a better point near a good one.
        search: Searches for better points. Each is called with a function that returns whether the
            incumbent is proven already. While there is a gap, the first runs after the first
            relaxation, and the others, which take longer, after its cuts.
        thorough: Give the solver more than a moment for the whole problem.
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
        clock: Clock,
        report: Callable[[float, float], None],
        improve: Callable[[Floats], Floats] = lambda point: point,
        search: Sequence[Callable[[Callable[[], bool]], None]] = (),
        thorough: bool = True,
    ) -> None:
        self.rows, self.question, self.worth = rows, question, worth
        self.incumbent = incumbent
        self.evaluate, self.improve, self._search = evaluate, improve, list(search)
        self.solver, self.clock, self.report = solver, clock, report
        self.thorough = thorough
        self.nodes = self.programs = 0
        self.proven_by_program = False
        self._heap: list[tuple[float, int, Piece]] = []
        self._closed: list[tuple[float, Domain]] = []
        self._waiting: list[Domain] = []
        self._unproven = -np.inf
        self._working: float = -np.inf
        self._alone = False
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
        self._alone = len(self._waiting) == 1
        first = True
        while self._waiting:
            # One relaxation is solved in any case, because a bound is worth more than a second.
            if (not first and self.clock.over()) or self.incumbent.value >= enough:
                return self.bound()
            first = False
            domain = self._waiting[-1]
            root = presolve(self.rows @ domain.vertices.T, self.question, self.worth)
            self._enter(domain, root, 0.0, np.inf, thorough=thorough)
            self._waiting.pop()
        self._working = -np.inf
        while self._heap and not self._proven(-self._heap[0][0]):
            if self.clock.over() or self.incumbent.value >= enough:
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
        if np.isfinite(bound):
            bound = rounded_down(bound)
        return float(max(bound, self.incumbent.value))

    def ties(self) -> list[Domain]:
        """Return pieces that together hold every mixture as good as the incumbent."""
        value = self.incumbent.value
        ends = [*self._closed, *((-bound, piece.domain) for bound, _, piece in self._heap)]
        return [*self._waiting, *(domain for bound, domain in ends if rounded_down(bound) >= value)]

    def _proven(self, bound: float) -> bool:
        # minus infinity cannot be rounded
        return bound < np.inf and rounded_down(max(bound, -1.0)) <= self.incumbent.value + 1e-6

    def _enter(
        self,
        domain: Domain,
        problem: ContestedGroups,
        base: float,
        above: float,
        *,
        thorough: bool = False,
    ) -> None:
        """Bound a piece and put it in the queue unless it cannot hold anything better."""
        self.nodes += 1
        base += problem.sure
        bound = min(above, base + problem.contested)
        whole = self._alone and bool(self._waiting)
        if self._proven(bound) and not whole:
            self._closed.append((bound, domain))
            return
        relaxation = Relaxation(problem, cliques(problem.conflict), limits=domain.limits)
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
                out_of_time=self.clock.over,
                start=(value, x, y),
                rounds=ROOT_ROUNDS if thorough else ROUNDS,
                perturbations=ROOT_PERTURBATIONS if thorough else PERTURBATIONS,
            )
            self._offer(x @ domain.vertices)
        bound = min(bound, base + value)
        self._look(bound, self._search)
        if whole:
            self._working = bound  # holds should the user interrupt now
            bound = self.by_program(domain, problem, base, bound, relaxation.cuts)
        if self._proven(bound):
            self._closed.append((bound, domain))
        else:
            piece = Piece(domain, problem, base, bound)
            heapq.heappush(self._heap, (-bound, self.nodes, piece))

    def by_program(
        self,
        domain: Domain,
        problem: ContestedGroups,
        base: float,
        bound: float,
        cuts: Sequence[tuple[int, ...]] = (),
    ) -> float:
        """Let the solver look for a better mixture than the incumbent, and return the new bound.

        `proven_by_program` says whether the solver proved that there is none.

        Args:
            domain: The domain to search.
            problem: Its reduced problem.
            base: Value that every mixture of the domain has already.
            bound: The bound before.
            cuts: Sets of groups that cannot all be won.
        """
        short = self._proven(bound) or not self.thorough
        share = CHECK if short else max(TRY, self.clock.elapsed())
        share = min(share, SHARE * self.clock.left())
        if share <= 0 or not len(problem.size):
            return bound
        self.programs += 1
        result = most_wins(
            problem,
            solver=self.solver,
            seconds=share,
            domain=domain,
            cliques=cliques(problem.conflict),
            cuts=cuts,
            at_least=self.incumbent.value - base + 1,
            tick=lambda: self.report(self.incumbent.value, max(bound, self.incumbent.value)),
        )
        if result.x is None:
            self.proven_by_program = result.finished
            return self.incumbent.value if result.finished else min(bound, base + result.bound)
        self._offer(result.x @ domain.vertices)
        if self.incumbent.value < base + rounded_down(result.bound) and result.won is not None:
            # The solver's tolerance accepts margins slightly too small; a win needs some room.
            rows = problem.rows[result.won[problem.group]]
            upper = np.ones(len(domain.vertices))
            roomy, programs = widest(rows, upper, result.x, solver=self.solver, clock=self.clock)
            self.programs += programs
            if roomy is not None:
                self._offer(np.clip(roomy, 0.0, None) @ domain.vertices)
        bound = min(bound, base + result.bound)
        self.proven_by_program = result.finished and self._proven(bound)
        return bound

    def _look(self, bound: float, ways: Sequence[Callable[[Callable[[], bool]], None]]) -> None:
        """Run other searches for a better point, each of them once."""
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
        """Choose the edge with the most crossing rows times its length."""
        vertices, won = piece.domain.vertices, (piece.problem.rows >= 0).astype(float)
        length = np.abs(vertices[:, None] - vertices[None]).sum(axis=2)
        crossed = won.T @ (1 - won)
        # If no row crosses an edge, the added tenth makes the longest edge the choice.
        i, j = divmod(int(((crossed + crossed.T + 0.1) * length).argmax()), len(vertices))
        return (i, j), float(length[i, j])

    def _close(self, piece: Piece, *, last: bool) -> bool:
        """Give a piece to the solver; return whether the piece is finished.

        Args:
            piece: The piece to solve.
            last: Whether the piece cannot be cut, so that the solver may take all the time.
        """
        self.programs += 1
        goal = self.incumbent.value - piece.base
        left = self.clock.left()
        result = most_wins(
            piece.problem,
            solver=self.solver,
            seconds=max(0.1, left if last else SLICE * left),
            domain=piece.domain,
            cliques=cliques(piece.problem.conflict),
            at_least=goal + 1,
            tick=lambda: self.report(self.incumbent.value, self.bound()),
        )
        if result.x is not None:
            self._offer(result.x @ piece.domain.vertices)
        if not result.finished and not last:
            self._leaf = self._wide_leaf = int(SHRINK * piece.problem.contested)
            return False
        best = piece.base + result.bound if result.x is not None else self.incumbent.value
        self._closed.append((min(piece.bound, best), piece.domain))
        if not result.finished:
            self._unproven = max(self._unproven, min(piece.bound, piece.base + result.bound))
        return True

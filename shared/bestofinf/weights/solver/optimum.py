"""The proven optimum: most questions won, then the widest margin.

Steps: presolve; search triangles of members and climb, for a good mixture; add cliques and Farkas
cuts, for a bound; branch on the mixture until the bound equals the value of the mixture; then repeat
the search for mixtures that win as many questions by a wider margin, until there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from bestofinf.weights.solver.branch import Branching, Incumbent
from bestofinf.weights.solver.clock import Clock
from bestofinf.weights.solver.domain import Domain
from bestofinf.weights.solver.margins import Floats, Ints
from bestofinf.weights.solver.presolve import TOLERANCE, ContestedGroups, presolve
from bestofinf.weights.solver.proof import NOTHING, PROGRAM, Proof
from bestofinf.weights.solver.sweep import Target, best_of_triples, improve
from bestofinf.weights.solver.widest import widest

LEAST_MARGIN = 1e-4
"""Margin by which a question must be won to count in the optimisation.

It must be positive, because the optimum would otherwise be on exact ties. It is far above every
solver's tolerance, and so small that votes cannot show it: margins of 1e-4 take 10^8 samples.
"""

MARGIN_STEP = 1e-4
"""Relative step of the margin stage: at its end no margin is wider by more than this."""

STARTS = 4
"""Number of random mixtures from which the search climbs, besides the best of the triangles."""

MOST_SEARCH = 5.0
"""Maximum seconds for triangles and for climbing; a quarter of the time left if that is less."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """The outcome of the optimisation.

    Attributes:
        point: The mixture, shape (m,), in the coordinates of the domain.
        value: Number of questions won by at least the least margin.
        bound: Upper bound of the value of all mixtures.
        margin_bound: Upper bound of the margin of mixtures of that value; None if not proven.
        interrupted: True if the user ended the search.
        contested: Positions of the contested questions.
        nodes: Pieces of the simplex that were examined.
        proof: Which method proved the wins and the margin.
    """

    point: Floats
    value: float
    bound: float
    margin_bound: float | None
    interrupted: bool
    contested: tuple[int, ...]
    nodes: int
    proof: Proof


class Optimiser:
    """Finds and proves the optimum on one set of rows.

    Args:
        rows: Rows at the vertices of the domain, shape (R, m).
        question: Question of each row, ascending.
        n_questions: Number of questions.
        domain: The whole simplex with its limits.
        solver: "cbc" or "highs".
        clock: Time limit and progress.
        seed: Seed of the random starts.
    """

    def __init__(
        self,
        rows: Floats,
        question: Ints,
        n_questions: int,
        *,
        domain: Domain,
        solver: str,
        clock: Clock,
        seed: int = 0,
    ) -> None:
        self.rows, self.question = rows, question
        self.worth = np.ones(n_questions, dtype=np.int64)
        self.domain, self.solver, self.clock = domain, solver, clock
        self.seed = seed
        self.nodes = self.programs = 0

    def run(self, *, start: Floats | None = None, widest: bool = True) -> Optimum:
        """Optimise.

        Args:
            start: A mixture to start from, shape (m,).
            widest: Also prove the widest margin.
        """
        problem = presolve(self.rows - LEAST_MARGIN, self.question, self.worth)
        bound = float(problem.sure + problem.contested)
        pieces = self.domain.faces()
        incumbent = self._simple(Target.of(problem, self.domain), self._first(start))
        margin_bound: float | None = None
        interrupted, swept = False, True
        margin_by = None
        branching: Branching | None = None
        try:
            self.clock.tell("search", incumbent.value + problem.sure, bound)
            branching = self._branching(problem, incumbent)
            if self._triangles(problem, incumbent):
                bound = incumbent.value + problem.sure
                branching.by_program(self.domain, problem, 0.0, incumbent.value)
            else:
                swept = False
                bound = min(bound, branching.run(pieces) + problem.sure)
                pieces = branching.ties()
            incumbent.point, margin = self.polish(incumbent.point, LEAST_MARGIN)
            wins = incumbent.value + problem.sure
            if widest and wins > 0 and bound <= wins + 1e-6:
                incumbent.point, margin_bound, margin_by = self._widen(
                    incumbent.point, margin, wins, pieces
                )
        except KeyboardInterrupt:
            interrupted = True
            if branching is not None and not swept:
                bound = min(bound, branching.bound() + problem.sure)
        return Optimum(
            point=incumbent.point,
            value=incumbent.value + problem.sure,
            bound=max(bound, incumbent.value + problem.sure),
            margin_bound=margin_bound,
            interrupted=interrupted,
            contested=tuple(q for group in problem.questions for q in group),
            nodes=self.nodes + (branching.nodes if branching is not None else 0),
            proof=Proof(
                wins=self._prover(problem, branching, swept=swept)
                if bound <= incumbent.value + problem.sure + 1e-6
                else None,
                margin=margin_by,
                programs=self.programs + (branching.programs if branching is not None else 0),
            ),
        )

    @staticmethod
    def _prover(problem: ContestedGroups, branching: Branching | None, *, swept: bool) -> str:
        if not len(problem.size):
            return NOTHING
        if branching is not None and branching.proven_by_program:
            return PROGRAM
        return "sweep" if swept else "search"

    def _first(self, start: Floats | None) -> Floats:
        """Return any allowed point."""
        if start is not None and self._allowed(start):
            return start
        domain = self.domain
        # Members with the widest limits first, so that few members are enough.
        optional = sorted(np.flatnonzero(domain.optional > 0), key=lambda k: -domain.upper[k])
        kept = [*np.flatnonzero(domain.optional <= 0), *optional[: domain.support]]
        point, missing = np.zeros(len(domain.upper)), 1.0
        share = 1.0 / len(kept)
        for k in kept:
            point[k] = min(share, domain.upper[k])
        missing -= point.sum()
        for k in kept:
            more = min(max(missing, 0.0), domain.upper[k] - point[k])
            point[k] += more
            missing -= more
        return point

    def _allowed(self, point: Floats) -> bool:
        domain = self.domain
        return bool((point <= domain.upper + 1e-9).all()) and domain.within_support(point[None])

    def _simple(self, target: Target, point: Floats) -> Incumbent:
        """Return the best of a point and the vertices."""
        incumbent = Incumbent(float(target.value(point)), point)
        for vertex in filter(self._allowed, self.domain.vertices):
            value = float(target.value(vertex))
            if value > incumbent.value + TOLERANCE:
                incumbent.value, incumbent.point = value, vertex
        return incumbent

    def _triangles(self, problem: ContestedGroups, incumbent: Incumbent) -> bool:
        """Solve the problem only by sweeps, if mixtures have at most three vertices."""
        domain = self.domain
        few = len(domain.vertices) <= 3 and domain.support is None
        if not few and (
            domain.support is None or domain.support > 3 or (domain.optional <= 0).any()
        ):
            return False
        return self._sweep(problem, incumbent, self.clock.over)

    def _sweep(
        self, problem: ContestedGroups, incumbent: Incumbent, ready: Callable[[], bool]
    ) -> bool:
        """Search all triangles of vertices; return whether the search was complete."""
        value, point, complete = best_of_triples(
            Target.of(problem, self.domain),
            self.domain.vertices,
            start=incumbent.value,
            ready=ready,
            allowed=self.domain.within_support,
        )
        if point is not None and self._allowed(point):
            incumbent.value, incumbent.point = value, point
        return complete

    def _try_triangles(
        self, problem: ContestedGroups, incumbent: Incumbent, proven: Callable[[], bool]
    ) -> None:
        self._sweep(problem, incumbent, self._until(proven))

    def _try_climbing(
        self, problem: ContestedGroups, incumbent: Incumbent, proven: Callable[[], bool]
    ) -> None:
        """Climb from the incumbent and from random mixtures."""
        ready = self._until(proven)
        target = Target.of(problem, self.domain)
        random = np.random.default_rng(self.seed)
        starts = random.dirichlet(np.ones(len(self.domain.vertices)), STARTS)
        for start in [incumbent.point, *starts]:
            ceiling = float(problem.sure + problem.contested)
            self.clock.tell("search", incumbent.value + problem.sure, ceiling)
            if ready():
                return
            if self._allowed(start):
                value, point = self._climb(target, start, ready)
                if value > incumbent.value + TOLERANCE:
                    incumbent.value, incumbent.point = value, point

    def _until(self, proven: Callable[[], bool]) -> Callable[[], bool]:
        """Return a function that says when a search ends: when proven, or when its time is over."""
        end = self.clock.elapsed() + min(MOST_SEARCH, 0.25 * self.clock.left())
        return lambda: self.clock.elapsed() >= end or proven()

    def _climb(
        self, target: Target, point: Floats, ready: Callable[[], bool] | None = None
    ) -> tuple[float, Floats]:
        return improve(
            target,
            self.domain.vertices,
            point,
            ready=ready or self.clock.over,
            allowed=self.domain.within_support,
        )

    def _branching(
        self, problem: ContestedGroups, incumbent: Incumbent, *, wins: float | None = None
    ) -> Branching:
        target = Target.of(problem, self.domain)

        def evaluate(point: Floats) -> float:
            return float(target.value(point)) if self._allowed(point) else -np.inf

        def report(value: float, bound: float) -> None:
            if wins is None:
                self.clock.tell("proof", value + problem.sure, bound + problem.sure)
            else:
                self.clock.tell("margin", wins, wins)

        return Branching(
            problem.rows,
            problem.group,
            problem.size,
            incumbent=incumbent,
            evaluate=evaluate,
            solver=self.solver,
            clock=self.clock,
            report=report,
            # The margin stage ends at the first mixture with as many wins.
            improve=(lambda x: x) if wins is not None else (lambda x: self._climb(target, x)[1]),
            search=()
            if wins is not None
            else (
                partial(self._try_triangles, problem, incumbent),
                partial(self._try_climbing, problem, incumbent),
            ),
            thorough=wins is None,
        )

    def polish(self, point: Floats, least: float) -> tuple[Floats, float]:
        """Return the mixture with the widest margin on the questions that `point` wins.

        Args:
            point: A mixture, shape (m,).
            least: Margin by which it wins them.

        Returns:
            The mixture and its margin. If the number of members is limited, it only uses vertices
            that `point` uses.
        """
        n_questions = len(self.worth)
        starts = np.searchsorted(self.question, np.arange(n_questions))
        worst = np.minimum.reduceat(self.rows @ point, starts)
        won = worst >= least - 10 * TOLERANCE
        if not won.any():
            return point, 0.0
        rows = self.rows[won[self.question]]
        # The margin is at most the maximum of every row, so rows above that cannot bind.
        rows = rows[rows.min(axis=1) < rows.max(axis=1).min()]
        upper = self.domain.upper.copy()
        if self.domain.support is not None:
            upper[(point <= 1e-9) & (self.domain.optional > 0)] = 0.0
        if not len(rows):
            return point, float(worst[won].min())
        found, programs = widest(rows, upper, point, solver=self.solver, clock=self.clock)
        self.programs += programs
        if found is None:
            return point, float(worst[won].min())
        better = np.clip(found, 0.0, None)
        better /= better.sum()
        margin = float(np.minimum.reduceat(self.rows @ better, starts)[won].min())
        if margin < worst[won].min():
            return point, float(worst[won].min())
        return better, margin

    def _widen(
        self, point: Floats, margin: float, value: float, pieces: list[Domain]
    ) -> tuple[Floats, float | None, str | None]:
        """Raise the margin while keeping the number of wins, until no margin is wider.

        Args:
            point: A mixture with `value` wins.
            margin: Its margin.
            value: The number of wins.
            pieces: Domains that together hold every mixture with as many wins.

        Returns:
            The mixture, a bound on the margin, and the method that proved it; the last two are None
            if time ran out.
        """
        while not self.clock.over():
            least = margin * (1 + MARGIN_STEP) + 10 * TOLERANCE
            problem = presolve(self.rows - least, self.question, self.worth)
            incumbent = Incumbent(value - 1 - problem.sure, point)
            if problem.sure + problem.contested < value:
                return point, least, NOTHING
            branching = self._branching(problem, incumbent, wins=value)
            goal = value - problem.sure
            try:
                bound = branching.run(pieces, enough=goal)
            except KeyboardInterrupt:
                return point, None, None
            finally:
                self.nodes += branching.nodes
                self.programs += branching.programs
            if incumbent.value >= goal:
                pieces = branching.ties()
                point, margin = self.polish(incumbent.point, least)
            elif bound < goal:
                return point, least, PROGRAM if branching.proven_by_program else "search"
        return point, None, None

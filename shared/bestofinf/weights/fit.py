"""Fit ensemble weights on an evaluation set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet
from bestofinf.weights import learners
from bestofinf.weights.budget import Budget, ProgressCallback
from bestofinf.weights.exact import ExactScore, as_fractions, score, shorten
from bestofinf.weights.margins import Floats, Margins
from bestofinf.weights.milp import check_solver
from bestofinf.weights.optimum import LEAST_MARGIN, Optimiser, Optimum, simplex_of
from bestofinf.weights.options import (
    PROVEN,
    SOLVED,
    Bound,
    Limits,
    check_limits,
    check_objective,
    check_time_limit,
)
from bestofinf.weights.presolve import presolve
from bestofinf.weights.result import Baseline, FitStatus, QuestionFit, WeightFit

CONFIDENT = 1.6449
"""Quantile of the normal distribution at 0.95, for `WeightFit.samples_for_margin`."""

KEPT_MARGIN = 0.99
"""Share of the margin that rounding to short fractions must keep."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """Weights before they are scored.

    Attributes:
        weights: Shape (K,).
        status: How the fit ended.
        optimum: What the optimiser says; None for other learners.
    """

    weights: Floats
    status: FitStatus
    optimum: Optimum | None = None


def fit_weights(
    evaluation_set: EvaluationSet,
    objective: str = "maxmargin",
    solver: str = "cbc",
    time_limit: float = 30,
    *,
    members: Sequence[str] | None = None,
    max_members: int | None = None,
    bounds: Mapping[str, Bound] | None = None,
    fixed: Mapping[str, float] | None = None,
    price: float = 0.0,
    costs: Mapping[str, float] | None = None,
    start: WeightFit | Mapping[str, float] | None = None,
    progress: ProgressCallback | None = None,
    seed: int = 0,
) -> WeightFit:
    """Fit the weights of an ensemble to recorded answers with known right answers.

    ``maxmargin`` and ``accuracy`` maximise the questions that a vote of infinitely many samples
    wins, and prove it; ``maxmargin`` then proves the widest margin. That is the best mixture for
    *these* questions: for new ones, see `compare_weights`. The other objectives are described in
    `bestofinf.weights.learners`.

    Args:
        evaluation_set: Recorded answers. Questions without a right answer are left out; a member
            that was not asked a question, or gave no valid answer, does not vote on it. Answers
            of calls that stopped adaptively count like others, though their shares are biased:
            `EvaluationSet.fixed` leaves them out.
        objective: One of `OBJECTIVES`.
        solver: "cbc" or "highs"; used by "maxmargin", "accuracy" and "hinge".
        time_limit: Seconds, above 0. When it is reached the best weights so far are returned,
            with a bound.
        members: Members to use; all when None.
        max_members: Most members with weight ("maxmargin", "accuracy").
        bounds: Least and greatest weight by member ("maxmargin", "accuracy", "hinge").
        fixed: Given weight by member (the same objectives).
        price: Accuracy, from 0 to 1, given up for one unit of cost ("maxmargin", "accuracy"):
            what is maximised is accuracy - price × cost. With a price there is no margin stage.
        costs: Cost of one sample by member; thousands of recorded tokens when None.
        start: Weights to start the search from, as from an earlier fit with fewer labels.
        progress: Called during long fits.
        seed: Seed of random starts and bootstraps.

    Raises:
        UsageError: If an argument is wrong, or fewer than two questions have a right answer.
        MissingExtraError: If the objective needs a solver that is not installed.
    """
    check_objective(objective)
    budget = Budget(check_time_limit(time_limit), progress)
    if objective in SOLVED:
        solver = check_solver(solver)
    margins = Margins.of(evaluation_set, members=members)
    if len(margins) < 2:
        raise UsageError(f"weights need at least two labelled questions, got {len(margins)}")
    limits = check_limits(
        margins, bounds=bounds, fixed=fixed, max_members=max_members, price=price, costs=costs
    )
    _check_supported(objective, limits)
    begin = _start_of(margins, start)
    fitted = learn(
        margins, objective, solver=solver, budget=budget, limits=limits, start=begin, seed=seed
    )
    return _result(margins, objective, fitted, limits, solver, budget)


def learn(
    margins: Margins,
    objective: str,
    *,
    solver: str,
    budget: Budget,
    limits: Limits | None = None,
    start: Floats | None = None,
    seed: int = 0,
) -> Fitted:
    """Run one learner on vote counts; arguments are as checked by `fit_weights`."""
    if objective in PROVEN:
        return _optimise(margins, objective, solver, budget, limits, start, seed)
    if objective == "hinge":
        low, high = (None, None) if limits is None else (limits.lower, limits.upper)
        weights = learners.hinge(
            margins, solver=solver, lower=_floats(low), upper=_floats(high), budget=budget
        )
        return Fitted(weights, FitStatus.OPTIMAL)
    run: dict[str, Callable[[Margins], Floats]] = {
        "finite-n": learners.finite_n,
        "softmax": learners.softmax_shares,
        "bagged-single": lambda m: learners.bagged_single(m, seed=seed),
        "single": learners.single,
        "uniform": learners.uniform,
    }
    return Fitted(run[objective](margins), FitStatus.COMPUTED)


def _floats(values: Sequence[Fraction] | None) -> Floats | None:
    return None if values is None else np.array([float(v) for v in values])


def _optimise(
    margins: Margins,
    objective: str,
    solver: str,
    budget: Budget,
    limits: Limits | None,
    start: Floats | None,
    seed: int,
) -> Fitted:
    k = len(margins.members)
    lower, upper, cost = np.zeros(k), np.ones(k), np.zeros(k)
    max_members = None
    if limits is not None:
        lower = np.array([float(v) for v in limits.lower])
        upper = np.array([float(v) for v in limits.upper])
        cost = limits.price * limits.cost * len(margins)
        max_members = limits.max_members
    domain, vertices = simplex_of(
        margins, lower=lower, upper=upper, cost=cost, max_members=max_members
    )
    optimiser = Optimiser(
        margins.rows @ vertices.T,
        margins.question,
        len(margins),
        domain=domain,
        solver=solver,
        budget=budget,
        seed=seed,
    )
    begin = None
    if start is not None and 1 - lower.sum() > 1e-12:
        inner = np.linalg.lstsq(vertices.T, start, rcond=None)[0]
        if (inner >= -1e-9).all() and np.allclose(inner @ vertices, start, atol=1e-9):
            begin = np.clip(inner, 0, None) / np.clip(inner, 0, None).sum()
    optimum = optimiser.run(start=begin, widest=objective == "maxmargin")
    if optimum.interrupted:
        status = FitStatus.INTERRUPTED
    elif optimum.bound <= optimum.value + 1e-6:
        status = FitStatus.OPTIMAL
    else:
        status = FitStatus.TIME_LIMIT
    return Fitted(optimum.point @ vertices, status, optimum)


def _check_supported(objective: str, limits: Limits) -> None:
    if objective in PROVEN or limits.free:
        return
    if objective != "hinge":
        raise UsageError(
            f"objective {objective!r} takes no bounds, fixed weights, member limit or price: "
            f"use one of {', '.join(PROVEN)}"
        )
    if limits.max_members is not None or limits.price:
        raise UsageError("objective 'hinge' takes no member limit and no price: use 'maxmargin'")


def _start_of(margins: Margins, start: WeightFit | Mapping[str, float] | None) -> Floats | None:
    """Return earlier weights in the order of the members; what is missing counts as zero."""
    if start is None:
        return None
    weights = start.weights if isinstance(start, WeightFit) else start
    found = np.array([float(weights.get(name, 0.0)) for name in margins.members])
    if not np.isfinite(found).all() or (found < 0).any():
        raise UsageError(f"start weights must be at least 0, got {dict(weights)}")
    return found / found.sum() if found.sum() > 0 else None


def _result(
    margins: Margins,
    objective: str,
    fitted: Fitted,
    limits: Limits,
    solver: str,
    budget: Budget,
) -> WeightFit:
    fractions = _fractions(margins, objective, fitted.weights, limits)
    exact = score(margins, fractions)
    weights = np.array([float(w) for w in fractions])
    value, bound = _value_and_bound(len(margins), fitted.optimum, exact, weights, limits)
    worst = margins.margins(weights)
    contested = _contested(margins, fitted.optimum)
    members = margins.members
    tokens = float(np.dot(weights[weights > 0], margins.tokens[weights > 0]))
    return WeightFit(
        weights=dict(zip(members, weights.tolist(), strict=True)),
        fractions=dict(zip(members, map(str, fractions), strict=True)),
        objective=objective,
        correct=exact.correct,
        ties=exact.ties,
        lost=exact.lost,
        total=len(margins),
        value=value,
        bound=bound,
        gap=None if bound is None or value is None else (bound - value) / max(1.0, abs(value)),
        margin=None if exact.margin is None else float(exact.margin),
        margin_bound=None if fitted.optimum is None else fitted.optimum.margin_bound,
        samples_for_margin=_samples_needed(margins, weights, exact),
        status=fitted.status,
        seconds=budget.elapsed(),
        tokens=None if np.isnan(tokens) else tokens,
        baselines=baselines(margins),
        questions=tuple(
            QuestionFit(name, outcome, float(margin), bool(open_))
            for name, outcome, margin, open_ in zip(
                margins.ids, exact.outcomes, worst, contested, strict=True
            )
        ),
        solver=solver if objective in SOLVED else None,
        contested=int(contested.sum()),
        nodes=0 if fitted.optimum is None else fitted.optimum.nodes,
    )


def _fractions(margins: Margins, objective: str, weights: Floats, limits: Limits) -> list[Fraction]:
    if objective not in SOLVED:
        return as_fractions(weights)
    worst = margins.margins(weights)
    won = worst[worst > 1e-9]
    return shorten(
        margins,
        weights,
        lower=limits.lower,
        upper=limits.upper,
        keep_margin=KEPT_MARGIN * float(won.min()) if len(won) else 0.0,
        # Rounding must not spend what the price has saved.
        finest=10_000 if limits.price else 10,
    )


def _value_and_bound(
    total: int, optimum: Optimum | None, exact: ExactScore, weights: Floats, limits: Limits
) -> tuple[float | None, float | None]:
    if optimum is None:
        return None, None
    value = exact.correct - limits.price * total * float(weights @ limits.cost)
    # Mixtures that win by less than the least margin are outside the proof, not outside the score.
    return value, max(optimum.bound, value)


def _contested(margins: Margins, optimum: Optimum | None) -> NDArray[np.bool_]:
    """Mark the questions that some allowed mixtures win and others do not."""
    mask = np.zeros(len(margins), dtype=np.bool_)
    if optimum is not None:
        mask[list(optimum.contested)] = True
        return mask
    ones = np.ones(len(margins), dtype=np.int64)
    for group in presolve(margins.rows - LEAST_MARGIN, margins.question, ones).questions:
        mask[list(group)] = True
    return mask


def _samples_needed(margins: Margins, weights: Floats, exact: ExactScore) -> int | None:
    """Return the samples after which all won questions have come out with probability 0.95 each.

    By the normal approximation: n = z² (g + a - delta²) / delta² for the share g of the right
    answer, a of a wrong one, and delta = g - a.
    """
    won = np.array([outcome == "won" for outcome in exact.outcomes])
    if not won.any():
        return None
    rows = won[margins.question]
    votes = (margins.valid > 0)[margins.question][rows] @ weights
    delta = margins.rows[rows] @ weights / votes
    both = delta + 2 * (margins.wrong_shares[rows] @ weights) / votes
    needed = CONFIDENT**2 * np.maximum(both - delta**2, 0.0) / (delta**2 * votes)
    return max(1, ceil(float(needed.max()) - 1e-9))


def baselines(margins: Margins) -> dict[str, Baseline]:
    """Score the best member alone, and equal weights."""
    found: dict[str, Baseline] = {}
    for name, learner in (("single", learners.single), ("uniform", learners.uniform)):
        # One share each, so that equal weights are exactly equal.
        shares = [Fraction(int(w > 0)) for w in learner(margins)]
        exact = score(margins, shares)
        total = sum(shares)
        weights = {m: float(s / total) for m, s in zip(margins.members, shares, strict=True)}
        found[name] = Baseline(exact.correct, exact.ties, weights)
    return found

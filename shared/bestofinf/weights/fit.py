"""Fit ensemble weights on an evaluation set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from bestofinf.errors import UsageError, shown, whole
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.coverage import Coverage, comparable
from bestofinf.evaluation.provenance import label_counts
from bestofinf.weights import learners
from bestofinf.weights.credit import softmax_credit
from bestofinf.weights.objectives import FINITE_VOTES, PROVEN, SOLVED
from bestofinf.weights.options import (
    Bound,
    Limits,
    check_limits,
    check_objective,
    check_time_limit,
)
from bestofinf.weights.result import FitStatus, WeightFit
from bestofinf.weights.scored import Fitted, scored
from bestofinf.weights.solver.clock import Clock, ProgressCallback
from bestofinf.weights.solver.domain import simplex_of
from bestofinf.weights.solver.margins import Floats, Margins
from bestofinf.weights.solver.milp import check_solver
from bestofinf.weights.solver.optimum import Optimiser
from bestofinf.weights.unlabelled import fit_consensus

NO_LIMITS = (
    "objective {!r} takes no bounds, fixed weights or member limit: use one of " + ", ".join(PROVEN)
)


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
    votes: int = FINITE_VOTES,
    costs: Mapping[str, float] | None = None,
    start: WeightFit | Mapping[str, float] | None = None,
    progress: ProgressCallback | None = None,
    seed: int = 0,
    force: bool = False,
) -> WeightFit:
    """Fit the weights of an ensemble to recorded answers with known right answers.

    ``maxmargin`` and ``accuracy`` maximise the questions that a vote of infinitely many samples
    wins, and prove it; ``maxmargin`` then proves the widest margin. That is the best mixture for
    *these* questions; for new ones, see `compare_weights`. ``consensus`` also learns from unlabelled
    answers, so a few labels are enough; without any label it proposes weights
    (`WeightFit.proposal`), warns, and returns equal ones. The other objectives are described in
    `bestofinf.weights.learners` and `bestofinf.weights.credit`.

    Only questions that all members were asked are used; `WeightFit.coverage` says how many each was
    asked.

    Args:
        evaluation_set: Recorded answers. Questions without a right answer are left out, except by
            "consensus". A member without a valid answer to a question does not vote on it. Answers
            of calls that stopped adaptively are used although their shares are biased: pass
            `EvaluationSet.fixed` to leave them out.
        objective: One of `OBJECTIVES`.
        solver: "cbc" or "highs"; used by "maxmargin", "accuracy" and "hinge".
        time_limit: Time limit in seconds, above 0. When it is reached, the best weights so far are
            returned with a bound.
        members: Members to use; None chooses, see `bestofinf.evaluation.coverage`.
        max_members: Maximum number of members with a weight above 0 ("maxmargin", "accuracy").
        bounds: Least and greatest weight by member ("maxmargin", "accuracy", "hinge").
        fixed: Weight by member that the fit must keep (the same objectives).
        price: Accuracy, from 0 to 1, that one unit of cost must gain ("finite-n"): the fit maximises
            the accuracy of `votes` votes minus price × the cost of these votes.
        votes: Number of votes on a question ("finite-n").
        costs: Cost of one sample by member; None for the recorded tokens in thousands.
        start: Weights to start the search from, as from an earlier fit with fewer labels.
        progress: Called during long fits.
        seed: Seed of random starts and bootstraps.
        force: Return the weights that "consensus" proposes even if no question is labelled.

    Raises:
        UsageError: If an argument is wrong, or fewer than two questions with a right answer (for
            "consensus", with or without one) have samples of every member.
        MissingExtraError: If the objective needs a solver that is not installed.
    """
    check_objective(objective)
    whole("seed", seed, 0)
    whole("votes", votes)
    clock = Clock(check_time_limit(time_limit), progress)
    if objective in SOLVED:
        solver = check_solver(solver)
    if objective == "consensus":
        if bounds or fixed or max_members is not None or price:
            raise UsageError(NO_LIMITS.format(objective))
        return fit_consensus(evaluation_set, members, clock=clock, force=force)
    margins, coverage, labels = _common(evaluation_set, members)
    limits = check_limits(
        margins, bounds=bounds, fixed=fixed, max_members=max_members, price=price, costs=costs
    )
    _check_supported(objective, limits)
    begin = _start_of(margins, start)
    fitted = learn(
        margins,
        objective,
        solver=solver,
        clock=clock,
        limits=limits,
        start=begin,
        seed=seed,
        votes=votes,
    )
    return scored(margins, objective, fitted, limits, solver, clock, coverage, labels)


def fit_member(evaluation_set: EvaluationSet, member: str) -> WeightFit:
    """Return the fit with all weight on one member, scored like any other.

    Args:
        evaluation_set: Recorded answers as for `fit_weights`.
        member: Name of the member.
    """
    clock = Clock(np.inf)
    margins, coverage, labels = _common(evaluation_set, None)
    weights = np.array([float(name == member) for name in margins.members])
    fitted = Fitted(weights, FitStatus.COMPUTED)
    limits = Limits.none(len(weights))
    return scored(margins, "single", fitted, limits, None, clock, coverage, labels)


def _common(
    evaluation_set: EvaluationSet, members: Sequence[str] | None
) -> tuple[Margins, Coverage, Mapping[str, int]]:
    """Return the vote counts of the questions that all members were asked, and their labels."""
    labelled = evaluation_set.labelled()
    if not labelled.members:
        Margins.of(evaluation_set, members=members)  # raises the error that says what is missing
    common, coverage = comparable(labelled, members)
    if len(common) < 2:
        raise UsageError(
            f"weights need at least two labelled questions, got {len(common)} ({coverage})"
        )
    return Margins.of(common), coverage, label_counts(common)


def learn(
    margins: Margins,
    objective: str,
    *,
    solver: str,
    clock: Clock,
    limits: Limits | None = None,
    start: Floats | None = None,
    seed: int = 0,
    votes: int = FINITE_VOTES,
) -> Fitted:
    """Run one learner on vote counts; arguments are as checked by `fit_weights`."""
    if objective in PROVEN:
        return _optimise(margins, objective, solver, clock, limits, start, seed)
    if objective == "hinge":
        low, high = (None, None) if limits is None else (limits.lower, limits.upper)
        weights = learners.hinge(
            margins, solver=solver, lower=_floats(low), upper=_floats(high), clock=clock
        )
        return Fitted(weights, FitStatus.OPTIMAL)
    if objective == "finite-n":
        cost = None if limits is None else limits.price * limits.cost
        weights, value = learners.finite_n(margins, votes=votes, cost=cost)
        return Fitted(weights, FitStatus.COMPUTED, value=value)
    run: dict[str, Callable[[Margins], Floats]] = {
        "softmax": softmax_credit,
        "consensus": softmax_credit,  # the same learner if all questions are labelled
        "blend": learners.blend,
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
    clock: Clock,
    limits: Limits | None,
    start: Floats | None,
    seed: int,
) -> Fitted:
    k = len(margins.members)
    lower, upper = np.zeros(k), np.ones(k)
    max_members = None
    if limits is not None:
        lower = np.array([float(v) for v in limits.lower])
        upper = np.array([float(v) for v in limits.upper])
        max_members = limits.max_members
    domain, vertices = simplex_of(lower=lower, upper=upper, max_members=max_members)
    optimiser = Optimiser(
        margins.rows @ vertices.T,
        margins.question,
        len(margins),
        domain=domain,
        solver=solver,
        clock=clock,
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
    if limits.price and objective != "finite-n":
        raise UsageError(
            f"objective {objective!r} takes no price: a price for each sample is weighed against "
            "the accuracy of so many votes, which is what 'finite-n' maximises"
        )
    if objective in PROVEN or limits.free:
        return
    if objective != "hinge":
        raise UsageError(NO_LIMITS.format(objective))
    if limits.max_members is not None:
        raise UsageError("objective 'hinge' takes no member limit: use 'maxmargin'")


def _start_of(margins: Margins, start: WeightFit | Mapping[str, float] | None) -> Floats | None:
    """Return earlier weights in the order of the members; a missing member has 0."""
    if start is None:
        return None
    weights = start.weights if isinstance(start, WeightFit) else start
    try:
        found = np.array([float(weights.get(name, 0.0)) for name in margins.members])
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise UsageError(
            f"start must be an earlier fit or a number for each member, got {shown(weights)}"
        ) from None
    if not np.isfinite(found).all() or (found < 0).any():
        raise UsageError(f"start weights must be at least 0, got {shown(dict(weights))}")
    return found / found.sum() if found.sum() > 0 else None

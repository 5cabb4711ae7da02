"""Score fitted weights in exact arithmetic, and assemble the result of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from bestofinf.evaluation.coverage import Coverage
from bestofinf.weights import learners
from bestofinf.weights.exact import ExactScore, as_fractions, score, shorten
from bestofinf.weights.objectives import SOLVED
from bestofinf.weights.options import Limits
from bestofinf.weights.result import Baseline, FitStatus, Proposal, QuestionFit, WeightFit
from bestofinf.weights.solver.clock import Clock
from bestofinf.weights.solver.margins import Floats, Margins
from bestofinf.weights.solver.optimum import LEAST_MARGIN, Optimum
from bestofinf.weights.solver.presolve import presolve

CONFIDENT = 1.6449
"""Quantile of the normal distribution at 0.95, for `WeightFit.samples_for_margin`."""

KEPT_MARGIN = 0.9995
"""Share of the margin that must remain after rounding to short fractions."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """Weights before they are scored.

    Attributes:
        weights: Shape (K,).
        status: How the fit ended.
        optimum: The result of the optimiser; None for other learners.
        value: The maximised value, if it is not a number of questions won.
        proposal: The proposal of "consensus"; None for other learners.
    """

    weights: Floats
    status: FitStatus
    optimum: Optimum | None = None
    value: float | None = None
    proposal: Proposal | None = None


def scored(
    margins: Margins,
    objective: str,
    fitted: Fitted,
    limits: Limits,
    solver: str | None,
    clock: Clock,
    coverage: Coverage,
    labels: Mapping[str, int],
) -> WeightFit:
    """Return the result of a fit; if no question is labelled, its counts are all 0."""
    fractions = _fractions(margins, objective, fitted.weights, limits)
    exact = score(margins, fractions)
    weights = np.array([float(w) for w in fractions])
    value, bound = _value_and_bound(fitted, exact)
    worst = margins.margins(weights) if len(margins) else np.zeros(0)
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
        seconds=clock.elapsed(),
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
        coverage=coverage,
        labels=labels,
        proposal=fitted.proposal,
        proof=None if fitted.optimum is None else fitted.optimum.proof,
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
    )


def _value_and_bound(fitted: Fitted, exact: ExactScore) -> tuple[float | None, float | None]:
    if fitted.optimum is None:
        return fitted.value, None
    value = float(exact.correct)
    # The score counts mixtures that win by less than the least margin; the proof leaves them out.
    return value, max(fitted.optimum.bound, value)


def _contested(margins: Margins, optimum: Optimum | None) -> NDArray[np.bool_]:
    """Mark the questions that some allowed mixtures win and others do not."""
    mask = np.zeros(len(margins), dtype=np.bool_)
    if optimum is not None:
        mask[list(optimum.contested)] = True
        return mask
    if not len(margins):
        return mask
    ones = np.ones(len(margins), dtype=np.int64)
    for group in presolve(margins.rows - LEAST_MARGIN, margins.question, ones).questions:
        mask[list(group)] = True
    return mask


def _samples_needed(margins: Margins, weights: Floats, exact: ExactScore) -> int | None:
    """Return the number of samples after which each won question is won with probability 0.95.

    The normal approximation gives n = z² (g + a - delta²) / delta² for the share g of the right
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
    """Score the best member alone and equal weights; empty if no question is labelled."""
    if not len(margins):
        return {}
    found: dict[str, Baseline] = {}
    for name, learner in (("single", learners.single), ("uniform", learners.uniform)):
        # Whole shares, so that equal weights are exactly equal.
        shares = [Fraction(int(w > 0)) for w in learner(margins)]
        exact = score(margins, shares)
        total = sum(shares)
        weights = {m: float(s / total) for m, s in zip(margins.members, shares, strict=True)}
        found[name] = Baseline(exact.correct, exact.ties, weights)
    return found

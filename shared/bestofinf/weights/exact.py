"""Exact scoring of weights in rational arithmetic, and short fractions that keep every win.

Solvers work with tolerances, and an optimum of the paper's formulation is often on exact ties. So all
reported results of a fit are computed here, never taken from a solver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bestofinf.weights.solver.margins import Floats, Margins

# Bound of the rounding error of a sum of products of numbers in [-1, 1], for any realistic number of
# members. Only rows closer to zero need exact arithmetic.
DOUBT = 1e-9


@dataclass(frozen=True)
class ExactScore:
    """The result of a mixture on each question, in exact arithmetic.

    Attributes:
        outcomes: "won", "tied" or "lost" per question.
        correct: Questions won strictly.
        ties: Questions where the right answer shares the lead with a wrong one.
        lost: All other questions, including those without votes.
        margin: Smallest margin over the questions won; None if none is won.
    """

    outcomes: tuple[str, ...]
    correct: int
    ties: int
    lost: int
    margin: Fraction | None


def score(margins: Margins, weights: Sequence[Fraction]) -> ExactScore:
    """Score `weights` on every question without rounding.

    Args:
        margins: The vote counts.
        weights: One per member, at least 0; they are normalised to sum to one.
    """
    if not len(margins):
        return ExactScore((), 0, 0, 0, None)
    total = sum(weights, Fraction(0))
    exact = [Fraction(w) / total for w in weights]
    approximate = margins.rows @ np.array([float(w) for w in exact])
    worst = np.minimum.reduceat(approximate, margins.starts)
    won, tied = worst > DOUBT, np.zeros(len(margins), dtype=bool)
    for q in np.flatnonzero(np.abs(worst) <= DOUBT):
        lead, votes = _exact_margin(margins, int(q), exact, approximate)
        won[q] = lead > 0
        tied[q] = lead == 0 and votes > 0
    outcomes = tuple(
        "won" if w else "tied" if t else "lost" for w, t in zip(won, tied, strict=True)
    )
    correct, ties = int(won.sum()), int(tied.sum())
    smallest: Fraction | None = None
    if correct:
        near = worst[won].min() + DOUBT
        smallest = min(
            _exact_margin(margins, int(q), exact, approximate)[0]
            for q in np.flatnonzero(won & (worst <= near))
        )
    return ExactScore(outcomes, correct, ties, len(margins) - correct - ties, smallest)


def _exact_margin(
    margins: Margins, q: int, weights: Sequence[Fraction], approximate: Floats
) -> tuple[Fraction, Fraction]:
    """Return the exact margin of question `q` and the share of the right answer."""
    first = int(margins.starts[q])
    last = int(margins.starts[q + 1]) if q + 1 < len(margins) else len(margins.question)
    least = approximate[first:last].min()
    per_vote = [
        w / int(n) if n else Fraction(0) for w, n in zip(weights, margins.valid[q], strict=True)
    ]
    share = sum((v * int(g) for v, g in zip(per_vote, margins.gold[q], strict=True)), Fraction(0))
    lead = min(
        share
        - sum((v * int(c) for v, c in zip(per_vote, margins.wrong[r], strict=True)), Fraction(0))
        for r in range(first, last)
        if approximate[r] <= least + DOUBT
    )
    return lead, share


def shorten(
    margins: Margins,
    weights: Floats,
    *,
    lower: Sequence[Fraction],
    upper: Sequence[Fraction],
    keep_margin: float = 0.0,
) -> list[Fraction]:
    """Round weights to fractions with the smallest common denominator that keeps every win.

    Denominators 10, 20, 50, 100, ... are tried in turn, and last the exact values of the floats,
    so there is always a result.

    Args:
        margins: The vote counts.
        weights: Shape (K,), summing to one within rounding.
        lower: Lower bounds of the fractions, per member.
        upper: Upper bounds of the fractions, per member.
        keep_margin: Minimum margin over the won questions that must remain.
    """
    clean = np.clip(weights, 0, None)
    clean[clean < 1e-9] = 0
    full = _normalised([Fraction(float(w)) for w in clean])
    target = score(margins, full)
    for denominator in (c * 10**e for e in range(1, 8) for c in (1, 2, 5)):
        short = _apportion(clean / clean.sum(), denominator, lower, upper)
        if short is None:
            continue
        got = score(margins, short)
        kept = (got.margin or 0) >= keep_margin or not target.correct
        if got.correct >= target.correct and kept:
            return short
    return full


def _normalised(weights: Sequence[Fraction]) -> list[Fraction]:
    total = sum(weights, Fraction(0))
    return [w / total for w in weights]


def _apportion(
    weights: Floats, denominator: int, lower: Sequence[Fraction], upper: Sequence[Fraction]
) -> list[Fraction] | None:
    """Round to multiples of 1/denominator that sum to one, largest remainders first."""
    scaled = weights * denominator
    whole = np.floor(scaled + 1e-9).astype(int)
    missing = denominator - int(whole.sum())
    for k in np.argsort(-(scaled - whole), kind="stable")[: max(missing, 0)]:
        whole[k] += 1
    short = [Fraction(int(n), denominator) for n in whole]
    inside = all(low <= w <= high for low, w, high in zip(lower, short, upper, strict=True))
    # A member with the weight 0 keeps it: rounding must not add members.
    grown = any(w > 0 and old == 0 for w, old in zip(short, weights, strict=True))
    return short if inside and not grown and sum(short) == 1 else None


def as_fractions(weights: Floats) -> list[Fraction]:
    """Return floating point weights as fractions, recovering simple fractions exactly.

    Weights such as 1/6 or 27/200 become these fractions; others are rounded to a common denominator
    of 10^9.
    """
    simple = [Fraction(float(w)).limit_denominator(1000) for w in weights]
    if sum(simple) == 1 and np.allclose([float(w) for w in simple], weights, rtol=0, atol=1e-14):
        return simple
    free = [Fraction(0)] * len(weights), [Fraction(1)] * len(weights)
    return _apportion(weights / weights.sum(), 10**9, *free) or _normalised(
        [Fraction(float(w)) for w in weights]
    )

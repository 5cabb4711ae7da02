"""What a member is worth to a vote, and weights in closed form from it.

A member takes part in a vote with several of its samples, so it is worth what its *mode* is worth,
not what one of its answers is: a member that is right in 74 of 100 samples can elect the right
answer of 90 questions of 100, another with 75 of 100 that of 80. The credit of a member on a
question is therefore the chance that five of its votes, alone, elect the right answer, in the
normal approximation

    V = min over wrong answers b of Φ((P_a − P_b) / √((P_a + P_b − (P_a − P_b)² + 0.001) / 5)),

with the share P of each answer among the member's valid ones, and 0 where no vote is right.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, softmax

from bestofinf.weights.solver.margins import Floats, Margins

CREDIT_VOTES = 5
"""Votes of a member alone by which it is judged."""

FLOOR = 1e-3
"""Keeps the variance of a vote above zero where all answers are the same."""

TEMPERATURE, TEMPERATURES = 25.0, (4.0, 8.0, 15.0, 40.0)
"""Sharpness of the weights, and what else is tried: members that know different things want soft
weights, members of which one dominates sharp ones."""

FOLDS, JUDGED_VOTES = 4, 10
"""Parts of the cross-validation that chooses the sharpness, and the votes that it judges by."""


def credit(margins: Margins) -> Floats:
    """Return V of the right answer, per question and member, shape (Q, K).

    A member without a valid answer to a question has 0 there.
    """
    share = margins.shares[margins.question]
    z = _deviates(margins.rows, share + margins.wrong_shares, CREDIT_VOTES)
    least = np.minimum.reduceat(z, margins.starts, axis=0) if len(margins) else z
    return np.where(margins.shares > 0, ndtr(least), 0.0)


def vote_chance(margins: Margins, weights: Floats, votes: int = JUDGED_VOTES) -> Floats:
    """Return the chance that so many votes under weights elect the right answer.

    The normal approximation, as for a member alone.

    Args:
        margins: The vote counts.
        weights: Shape (K,) or (..., K).
        votes: At least 1.

    Returns:
        Shape (Q,) or (..., Q).
    """
    right = weights @ margins.shares.T
    both = right[..., margins.question] + weights @ margins.wrong_shares.T
    z = _deviates(weights @ margins.rows.T, both, votes)
    return np.where(right > 0, ndtr(np.minimum.reduceat(z, margins.starts, axis=-1)), 0.0)


def _deviates(lead: Floats, both: Floats, votes: int) -> Floats:
    """Return by how many standard errors an answer leads another, who have `both` of the votes."""
    return np.asarray(lead / np.sqrt((both - lead**2 + FLOOR) / votes))


def sharpened(mean_credit: Floats, temperature: float) -> Floats:
    """Return ``exp(T s_k) / sum_j exp(T s_j)``; `mean_credit` s may have leading axes."""
    return np.asarray(softmax(temperature * mean_credit, axis=-1))


def best_temperature(margins: Margins) -> float:
    """Return the sharpness to use: 25, unless another is clearly better on held-out questions.

    Clearly means: in a cross-validation of four parts, its accuracy with ten votes is greater by
    more than one standard error of the paired difference. Of several the most accurate is taken.
    With fewer than eight questions nothing is tried. The order of the questions makes no
    difference.
    """
    n = len(margins)
    if n < 2 * FOLDS:
        return TEMPERATURE
    alone = credit(margins)
    fold = np.empty(n, dtype=np.int64)
    fold[_in_hash_order(margins.ids)] = np.arange(n) % FOLDS
    tried = (TEMPERATURE, *TEMPERATURES)
    chances = np.empty((len(tried), n))
    for part in range(FOLDS):
        out = np.flatnonzero(fold == part)
        mean = alone[fold != part].mean(axis=0)
        weights = np.array([sharpened(mean, t) for t in tried])
        chances[:, out] = vote_chance(margins.take(out), weights)
    gain = chances[1:] - chances[0]
    clear = gain.mean(axis=1) > np.maximum(gain.std(axis=1, ddof=1) / np.sqrt(n), 1e-9)
    if not clear.any():
        return TEMPERATURE
    return tried[1 + int(np.where(clear, gain.mean(axis=1), -np.inf).argmax())]


def _in_hash_order(ids: Sequence[str]) -> list[int]:
    keys = [zlib.crc32(id_.encode("utf-8", "surrogatepass")) for id_ in ids]
    return sorted(range(len(ids)), key=lambda q: (keys[q], ids[q]))


def softmax_credit(margins: Margins, *, temperature: float | None = None) -> Floats:
    """Return the weights ``exp(T s_k) / sum_j exp(T s_j)``, with s_k member k's mean credit.

    Args:
        margins: The vote counts.
        temperature: T, at least 0; None chooses by `best_temperature`.
    """
    chosen = best_temperature(margins) if temperature is None else temperature
    return sharpened(credit(margins).mean(axis=0), chosen)

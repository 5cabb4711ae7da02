"""The credit of a member, that is, its value to a vote, and weights in closed form from it.

A member takes part in a vote with several samples, so what counts is the quality of its *mode*, not
of a single answer: a member that is right in 74 of 100 samples can elect the right answer of 90 of 100
questions, while another with 75 of 100 elects that of 80. The credit of a member on a question is
therefore the chance that five of its votes alone elect the right answer, in the normal approximation

    V = min over wrong answers b of Φ((P_a − P_b) / √((P_a + P_b − (P_a − P_b)² + 0.001) / 5)),

with the share P of each answer among the member's valid ones. It is 0 if no vote is right.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, softmax

from bestofinf.weights.solver.margins import Floats, Margins

CREDIT_VOTES = 5
"""Number of votes of a member alone for which its credit is computed."""

FLOOR = 1e-3
"""Added to the variance of a vote, which would be zero if all answers are the same."""

TEMPERATURE, TEMPERATURES = 25.0, (4.0, 8.0, 15.0, 40.0)
"""Sharpness of the weights, and the alternatives tried. Members with different strengths need soft
weights; if one member dominates, sharp ones are better."""

FOLDS, JUDGED_VOTES = 4, 10
"""Folds of the cross-validation that chooses the sharpness, and number of votes that it scores."""


def credit(margins: Margins) -> Floats:
    """Return V of the right answer, per question and member, shape (Q, K).

    A member without a valid answer to a question has 0 there.
    """
    share = margins.shares[margins.question]
    z = _deviates(margins.rows, share + margins.wrong_shares, CREDIT_VOTES)
    least = np.minimum.reduceat(z, margins.starts, axis=0) if len(margins) else z
    return np.where(margins.shares > 0, ndtr(least), 0.0)


def vote_chance(margins: Margins, weights: Floats, votes: int = JUDGED_VOTES) -> Floats:
    """Return the chance that `votes` votes under weights elect the right answer.

    It uses the normal approximation, as for a member alone.

    Args:
        margins: The vote counts.
        weights: Shape (K,) or (..., K).
        votes: Number of votes, at least 1.

    Returns:
        Shape (Q,) or (..., Q).
    """
    right = weights @ margins.shares.T
    both = right[..., margins.question] + weights @ margins.wrong_shares.T
    z = _deviates(weights @ margins.rows.T, both, votes)
    return np.where(right > 0, ndtr(np.minimum.reduceat(z, margins.starts, axis=-1)), 0.0)


def _deviates(lead: Floats, both: Floats, votes: int) -> Floats:
    """Return the lead of an answer over another in standard errors; `both` is their joint share."""
    return np.asarray(lead / np.sqrt((both - lead**2 + FLOOR) / votes))


def sharpened(mean_credit: Floats, temperature: float) -> Floats:
    """Return ``exp(T s_k) / sum_j exp(T s_j)``; `mean_credit` s may have leading axes."""
    return np.asarray(softmax(temperature * mean_credit, axis=-1))


def best_temperature(margins: Margins) -> float:
    """Return the sharpness to use: 25, unless another is clearly better on held-out questions.

    Clearly means that in a cross-validation with four folds its accuracy with ten votes is greater
    by more than one standard error of the paired difference. Of several, the most accurate is used.
    With fewer than eight questions the result is 25. The order of the questions does not matter.
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

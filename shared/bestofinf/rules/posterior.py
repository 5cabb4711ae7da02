"""The probability that the leading answer is the mode."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.special import betainc


def p_leader_is_mode(counts: Sequence[float], concentration: float = 0.3) -> float:
    """Return the two-answer posterior of the leader; for the time being."""
    ranked = sorted(counts, reverse=True)
    second = ranked[1] if len(ranked) > 1 else 0.0
    return float(1 - betainc(ranked[0] + concentration, second + concentration, 0.5))

"""The normal distribution truncated to [0, 1]: OptScale's model of a question's verifier scores.

``mu`` and ``sigma`` belong to the normal distribution before truncation; they are not the mean
and the spread of the scores. All functions take arrays and broadcast. Likelihoods need only the
number of scores, their sum and their sum of squares.

Source: OptScale, arXiv 2506.22376; code in Albertwyk/OptScale, ``BoN_OptScale/utils.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bestofinf._arrays import Floats, np, special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MU_BOUNDS = (-5.0, 5.0)
"""Bounds of mu. Many likelihoods are largest at an infinite mu, the exponential limit; beyond ±5 the
distribution hardly changes."""

SIGMA_BOUNDS = (1e-3, 5.0)

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


def log_cdf(score: ArrayLike, mu: ArrayLike, sigma: ArrayLike) -> Floats:
    """Return log P(S <= score), exact far into the tails.

    0 from 1 upwards, -inf below 0.

    >>> float(np.round(np.exp(log_cdf(0.5, 0.5, 0.2)), 6))
    0.5
    """
    s, m, d = (np.asarray(x, dtype=np.float64) for x in (score, mu, sigma))
    inside = np.clip(s, 0.0, 1.0)
    result = _log_mass(-m / d, (inside - m) / d) - log_normaliser(m, d)
    return np.where(s < 0, -np.inf, np.minimum(result, 0.0))


def log_normaliser(mu: ArrayLike, sigma: ArrayLike) -> Floats:
    """Return log Z, the logarithm of the mass that the normal distribution has on [0, 1]."""
    m, d = np.asarray(mu, dtype=np.float64), np.asarray(sigma, dtype=np.float64)
    return _log_mass(-m / d, (1.0 - m) / d)


def log_likelihood(n: int, total: float, squares: float, mu: ArrayLike, sigma: ArrayLike) -> Floats:
    """Return the log-likelihood of `n` scores with this sum and this sum of squares."""
    m, d = np.asarray(mu, dtype=np.float64), np.asarray(sigma, dtype=np.float64)
    precision = d**-2.0
    constant = -np.log(d) - _LOG_SQRT_2PI - log_normaliser(m, d) - 0.5 * m * m * precision
    return n * constant + total * m * precision - 0.5 * squares * precision


def samples_needed(log_cdf_at_target: float, confidence: float) -> float:
    """Return the fewest samples whose maximum passes the target with this confidence.

    ``N* = ceil(log(1 - confidence) / log F(s_min))``, at least 1; infinity if no score can pass
    the target.

    >>> samples_needed(math.log(0.5), 0.95)
    5
    """
    if log_cdf_at_target >= 0:
        return math.inf
    ratio = math.log1p(-confidence) / log_cdf_at_target
    # Rounding must not turn an exact whole number into the next one.
    return max(1.0, math.ceil(ratio * (1 - 1e-12)))


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted distribution: its parameters and the objective (log-likelihood plus log-prior)."""

    mu: float
    sigma: float
    objective: float

    def log_cdf(self, score: float) -> float:
        """Return log P(S <= score)."""
        return float(log_cdf(score, self.mu, self.sigma))


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """Independent normal priors on mu and sigma, as in OptScale's MAP estimate.

    Attributes:
        mu: Expected mu.
        sigma: Expected sigma, above 0.
        spread: Standard deviation of both; .1 in the released code.
    """

    mu: float
    sigma: float
    spread: float = 0.1


def fit(n: int, total: float, squares: float, prior: NormalPrior | None = None) -> Fit:
    """Return the maximum-likelihood fit, or with a prior the maximum of the posterior.

    Both parameters are kept within `MU_BOUNDS` and `SIGMA_BOUNDS`. A grid search finds the region of
    the optimum, and damped Newton steps find the optimum itself, so the result does not depend on a
    starting point.

    Args:
        n: Number of scores, at least 1.
        total: Their sum.
        squares: Their sum of squares.
        prior: Prior on the parameters; None for maximum likelihood.
    """
    mus, sigmas, terms = _grid()
    objective = terms[0] * n + terms[1] * total + terms[2] * squares
    if prior is not None:
        objective = objective - 0.5 * (
            ((mus - prior.mu) / prior.spread) ** 2 + ((sigmas - prior.sigma) / prior.spread) ** 2
        )
    best = int(np.argmax(objective))
    mean, square = total / n, squares / n
    starts = [(float(mus[best]), float(sigmas[best]))]
    # If scores are closer together than the grid's cells, the start comes from their own moments.
    spread = math.sqrt(max(square - mean * mean, 0.0))
    starts.append((mean, min(max(spread, SIGMA_BOUNDS[0]), SIGMA_BOUNDS[1])))
    mu, sigma = max(starts, key=lambda x: _objective(x[0], x[1], n, mean, square, prior))
    return _climb(mu, sigma, n, mean, square, prior)


def _log_mass(low: Floats, high: Floats) -> Floats:
    """Return log(Phi(high) - Phi(low)) for low <= high."""
    # To the right of 0 both values round to 1, so the mirrored tail is used.
    mirrored = low > 0
    upper = special.log_ndtr(np.where(mirrored, -low, high))
    lower = special.log_ndtr(np.where(mirrored, -high, low))
    with np.errstate(divide="ignore"):
        return np.asarray(upper + np.log(-np.expm1(np.minimum(lower - upper, 0.0))))


def _terms(mu: Floats, sigma: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the factors of n, the sum and the sum of squares in the log-likelihood."""
    return (
        log_likelihood(1, 0.0, 0.0, mu, sigma),
        mu * sigma**-2.0,
        -0.5 * sigma**-2.0,
    )


@cache
def _grid() -> tuple[Floats, Floats, tuple[Floats, Floats, Floats]]:
    """Return mu and sigma of each cell, and the factors of `_terms` there."""
    # Dense in the range of scores; the outer values of mu cover the exponential shapes.
    mu = np.concatenate(
        [np.linspace(-5, -1, 9), np.linspace(-0.75, 1.5, 46), np.linspace(1.75, 5, 14)]
    )
    sigma = np.geomspace(*SIGMA_BOUNDS, 45)
    grid = np.meshgrid(mu, sigma, indexing="ij")
    mus, sigmas = grid[0].ravel(), grid[1].ravel()
    return mus, sigmas, _terms(mus, sigmas)


def _objective(
    mu: float, sigma: float, n: int, mean: float, square: float, prior: NormalPrior | None
) -> float:
    """Return the objective per score."""
    value = float(log_likelihood(1, mean, square, mu, sigma))
    if prior is not None:
        value -= 0.5 * ((mu - prior.mu) ** 2 + (sigma - prior.sigma) ** 2) / prior.spread**2 / n
    return value


def _slopes(
    mu: float, sigma: float, n: int, mean: float, square: float, prior: NormalPrior | None
) -> tuple[float, float, float, float, float]:
    """Return the derivatives of `_objective` by x = mu and y = log sigma: x, y, xx, xy, yy.

    The family is exponential with natural parameters ``mu / sigma^2`` and ``-1 / (2 sigma^2)``
    and statistics s and s^2: its gradient is the observed less the expected mean of these, its
    Hessian minus their covariance; the rest is the chain rule. The moments come from integration
    by parts, ``M_k = mu M_(k-1) + sigma^2 ((k-1) M_(k-2) - [s^(k-1) f]_0^1)``.
    """
    scale = math.log(sigma) + _LOG_SQRT_2PI + float(log_normaliser(mu, sigma))
    f0 = math.exp(-0.5 * (mu / sigma) ** 2 - scale)
    f1 = math.exp(-0.5 * ((1 - mu) / sigma) ** 2 - scale)
    variance = sigma * sigma
    m1 = mu - variance * (f1 - f0)
    m2 = mu * m1 + variance * (1 - f1)
    m3 = mu * m2 + variance * (2 * m1 - f1)
    m4 = mu * m3 + variance * (3 * m2 - f1)
    v11, v12, v22 = m2 - m1 * m1, m3 - m1 * m2, m4 - m2 * m2
    e1, e2, p = mean - m1, square - m2, 1 / variance
    x = p * e1
    y = p * (e2 - 2 * mu * e1)
    xx = -p * p * v11
    xy = -p * p * (v12 - 2 * mu * v11) - 2 * p * e1
    yy = -p * p * (4 * mu * mu * v11 - 4 * mu * v12 + v22) + p * (4 * mu * e1 - 2 * e2)
    if prior is not None:
        weight = 1 / (prior.spread**2 * n)
        x -= weight * (mu - prior.mu)
        y -= weight * (sigma - prior.sigma) * sigma
        xx -= weight
        yy -= weight * (2 * sigma - prior.sigma) * sigma
    return x, y, xx, xy, yy


_STEPS, _TOLERANCE = 60, 1e-10


def _climb(
    mu: float, sigma: float, n: int, mean: float, square: float, prior: NormalPrior | None
) -> Fit:
    """Climb to the optimum from a point near it by projected Newton steps."""
    low, high = (math.log(bound) for bound in SIGMA_BOUNDS)
    value = _objective(mu, sigma, n, mean, square, prior)
    for _ in range(_STEPS):
        x, y, xx, xy, yy = _slopes(mu, sigma, n, mean, square, prior)
        # A parameter at its bound whose gradient points outwards is left out of the step.
        if (mu <= MU_BOUNDS[0] and x < 0) or (mu >= MU_BOUNDS[1] and x > 0):
            x, xx, xy = 0.0, -1.0, 0.0
        if (sigma <= SIGMA_BOUNDS[0] and y < 0) or (sigma >= SIGMA_BOUNDS[1] and y > 0):
            y, yy, xy = 0.0, -1.0, 0.0
        # Shift the curvature until it is that of a maximum.
        middle, half = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
        shift = max(0.0, middle + half + 1e-6 * (abs(middle) + half) + 1e-12)
        xx, yy = xx - shift, yy - shift
        determinant = xx * yy - xy * xy
        step_x, step_y = (xy * y - yy * x) / determinant, (xy * x - xx * y) / determinant
        length, gained = 1.0, 0.0
        while length > 1e-8:
            new_mu = min(max(mu + length * step_x, MU_BOUNDS[0]), MU_BOUNDS[1])
            log_sigma = math.log(sigma) + max(-2.0, min(2.0, length * step_y))
            new_sigma = math.exp(min(max(log_sigma, low), high))
            new = _objective(new_mu, new_sigma, n, mean, square, prior)
            if new > value:
                gained, mu, sigma, value = new - value, new_mu, new_sigma, new
                break
            length /= 4
        if gained <= _TOLERANCE:
            break
    return Fit(float(mu), sigma, n * value)

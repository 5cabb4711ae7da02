"""An empirical-Bayes prior on scores, from those of earlier questions.

The prior is a distribution over the parameters of the truncated normal, held as weights on a
grid. It is fitted to recorded questions by the nonparametric maximum likelihood of Kiefer and
Wolfowitz (1956) with EM steps; no network is trained and the text of the question is not used.
For some scores of a new question, the posterior weights depend only on their number, sum and
sum of squares, and the chance that `m` further scores all miss a target is
``sum_g w_g F_g(target)^m``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from bestofinf._arrays import Floats, np
from bestofinf.errors import UsageError
from bestofinf.optscale.truncnorm import log_cdf, log_likelihood

_EM_STEPS = 30
_FLOOR = 0.02  # share of the vague prior in a fitted one: no shape of scores is ruled out


@cache
def _axes() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the values of mu and sigma on the grid; mu is denser in the range of scores."""
    pieces = ((-4.0, -1.0, 4), (-0.5, 0.4, 7), (0.5, 1.2, 19), (1.3, 2.0, 4), (3.0, 5.0, 3))
    mu = tuple(value for piece in pieces for value in np.linspace(*piece).tolist())
    return mu, tuple(np.geomspace(0.003, 2.0, 28).tolist())


@dataclass(frozen=True, eq=False)
class ScorePrior:
    """Weights on a grid of truncated normal distributions.

    Attributes:
        mu: Values of mu on the grid, ascending.
        sigma: Values of sigma on the grid, ascending, above 0.
        weights: One per cell, mu-major, at least 0, with sum 1.
        n_questions: Number of questions it was fitted to; 0 for the vague prior.
    """

    mu: tuple[float, ...]
    sigma: tuple[float, ...]
    weights: tuple[float, ...]
    n_questions: int = 0

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.mu) * len(self.sigma):
            raise UsageError(
                f"a grid of {len(self.mu)} x {len(self.sigma)} cells, but {len(self.weights)} weights"
            )
        weights = np.asarray(self.weights)
        if not np.all(weights >= 0) or abs(weights.sum() - 1) > 1e-6:
            raise UsageError("weights must be at least 0 and sum to 1")
        if not min(self.sigma) > 0:
            raise UsageError(f"sigma must be above 0, got {min(self.sigma)!r}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ScorePrior):
            return NotImplemented
        return self is other or self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((self.n_questions, self.weights[:8]))

    def __repr__(self) -> str:
        return f"ScorePrior({self.n_questions} questions, {len(self.weights)} cells)"

    @classmethod
    @cache
    def vague(cls) -> ScorePrior:
        """Return the prior to use if no scores were recorded.

        It is optimistic: 95 % of it is spread evenly over distributions with a mode of .8 or more,
        the rest over all. With an even spread over all, one or two low first scores would have too
        much influence, and questions that can reach the target would be given up.
        """
        axes = _axes()
        mu, sigma = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
        likely = (mu >= 0.8) & (sigma > 0.01) & (sigma < 1)
        weights = 0.95 * likely / likely.sum() + 0.05 / mu.size
        return cls(*axes, tuple((weights / weights.sum()).tolist()))

    @classmethod
    def fit(cls, questions: Iterable[Sequence[float]], *, steps: int = _EM_STEPS) -> ScorePrior:
        """Fit the prior to recorded scores.

        Args:
            questions: The scores of each question, in [0, 1]; questions without scores are skipped.
                50 questions with 16 scores are enough. A single score says nothing about the spread
                within a question: a prior fitted only to such questions has no spread.
            steps: Number of EM steps; few steps keep the prior smooth.

        Raises:
            UsageError: If no question has a score, or a score is not in [0, 1].
        """
        lists = [np.asarray(scores, dtype=np.float64) for scores in questions if len(scores)]
        if not lists:
            raise UsageError("a prior needs at least one question with scores")
        for scores in lists:
            if not np.all((scores >= 0) & (scores <= 1)):
                raise UsageError("scores must lie in [0, 1]; rescale those of other ranges first")
        start = cls.vague()
        n = np.array([scores.size for scores in lists], dtype=np.float64)
        total = np.array([scores.sum() for scores in lists])
        squares = np.array([(scores**2).sum() for scores in lists])
        constant, linear, quadratic = start._terms
        table = np.outer(n, constant) + np.outer(total, linear) + np.outer(squares, quadratic)
        table = np.exp(table - table.max(axis=1, keepdims=True))
        weights = np.full(len(start.weights), 1 / len(start.weights))
        for _ in range(steps):
            posterior = table * weights
            posterior /= posterior.sum(axis=1, keepdims=True)
            weights = posterior.mean(axis=0)
        weights = (1 - _FLOOR) * weights + _FLOOR * np.asarray(start.weights)
        whole = tuple((weights / weights.sum()).tolist())
        return cls(start.mu, start.sigma, whole, n_questions=len(lists))

    @cached_property
    def _cells(self) -> tuple[Floats, Floats]:
        mu, sigma = np.meshgrid(self.mu, self.sigma, indexing="ij")
        return mu.ravel(), sigma.ravel()

    @cached_property
    def _terms(self) -> tuple[Floats, Floats, Floats]:
        mu, sigma = self._cells
        return log_likelihood(1, 0.0, 0.0, mu, sigma), mu * sigma**-2.0, -0.5 * sigma**-2.0

    @cached_property
    def _log_weights(self) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.asarray(self.weights)))

    @cached_property
    def _log_cdfs(self) -> dict[float, Floats]:
        return {}

    def _log_cdf(self, target: float) -> Floats:
        known = self._log_cdfs.get(target)
        if known is None:
            known = self._log_cdfs[target] = log_cdf(target, *self._cells)
        return known

    def posterior(self, n: int, total: float, squares: float) -> Floats:
        """Return the weights of the cells after `n` scores with this sum and sum of squares."""
        constant, linear, quadratic = self._terms
        logs = self._log_weights + n * constant + total * linear + squares * quadratic
        weights = np.exp(logs - logs.max())
        return np.asarray(weights / weights.sum())

    def misses(self, target: float, n: int, total: float, squares: float) -> Callable[[int], float]:
        """Return the function of m that gives the chance that m further scores all miss.

        A score misses when it is below `target`; the chance is that of the posterior after `n`
        scores with this sum and sum of squares.
        """
        weights, logs = self.posterior(n, total, squares), self._log_cdf(target)
        return lambda m: float(weights @ np.exp(m * logs)) if m else 1.0

    def hit_moments(self, target: float) -> tuple[float, float]:
        """Return mean and variance over questions of the chance that a score reaches `target`."""
        weights, chances = np.asarray(self.weights), -np.expm1(self._log_cdf(target))
        mean = float(weights @ chances)
        return mean, float(weights @ (chances - mean) ** 2)

    def mean_parameters(self) -> tuple[float, float]:
        """Return the expected mu and sigma."""
        weights = np.asarray(self.weights)
        mu, sigma = self._cells
        return float(weights @ mu), float(weights @ sigma)

    def as_dict(self) -> dict[str, Any]:
        """Return the prior as JSON types."""
        return {
            "mu": list(self.mu),
            "sigma": list(self.sigma),
            "weights": list(self.weights),
            "n_questions": self.n_questions,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> ScorePrior:
        """Read what `as_dict` gave.

        Raises:
            UsageError: If it is not a prior.
        """
        try:
            mu, sigma, weights = (
                tuple(float(x) for x in record[key]) for key in ("mu", "sigma", "weights")
            )
            n_questions = int(record.get("n_questions", 0))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"not a score prior: {error!r}") from None
        return cls(mu, sigma, weights, n_questions)

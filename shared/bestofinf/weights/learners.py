"""Weights by closed form, by bootstrap, and by smooth or linear optimisation.

Every learner takes the vote counts and returns weights of shape (K,) that sum to one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr, softmax

from bestofinf._extras import require
from bestofinf.errors import BestOfInfError
from bestofinf.weights.credit import softmax_credit
from bestofinf.weights.objectives import FINITE_VOTES
from bestofinf.weights.solver.clock import Clock
from bestofinf.weights.solver.margins import Floats, Margins
from bestofinf.weights.solver.milp import dot, new_model, optimise

CAP, ROUNDED = 0.5, 0.05
"""Margin beyond which `hinge` gives no more credit, and how smooth `capped_margins` is there."""

ENTROPY, FLOOR = 0.02, 1e-3
"""Weight of the entropy term for every question, and floor of the variance in `finite_n`.

The term grows with the number of questions, as in the closed form of `softmax` (there 1/T = 0.04). So
members that are about equally good keep about equal weights however many questions there are.
"""

BOOTSTRAPS = 200
SMALL_MARGIN = 1e-3
"""Factor of the mean margin, which decides between members with equal wins in a bootstrap sample."""


def uniform(margins: Margins) -> Floats:
    """Return equal weights."""
    k = len(margins.members)
    return np.full(k, 1 / k)


def member_wins(margins: Margins) -> tuple[Floats, Floats]:
    """Return the wins (1; exact ties 1/2) and margins of each member alone, each of shape (Q, K)."""
    alone = margins.margins(np.eye(len(margins.members))).T
    votes = margins.gold > 0
    tied = (np.abs(alone) < 1e-12) & votes
    return np.where(tied, 0.5, alone > 1e-12).astype(float), alone


def single(margins: Margins) -> Floats:
    """Return all weight on the member with the most wins; a tie goes to the greater mean margin."""
    wins, alone = member_wins(margins)
    order = np.lexsort((-alone.mean(axis=0), -wins.sum(axis=0)))
    weights = np.zeros(len(margins.members))
    weights[order[0]] = 1.0
    return weights


def bagged_single(margins: Margins, *, seed: int = 0) -> Floats:
    """Return how often each member is the best in bootstrap samples of the questions.

    The best member has the most wins; of members with equal wins, the larger mean margin.
    """
    wins, alone = member_wins(margins)
    random = np.random.default_rng(seed)
    n = len(margins)
    times = random.multinomial(n, np.full(n, 1 / n), size=BOOTSTRAPS)
    scores = times @ (wins + SMALL_MARGIN * alone)
    best = scores >= scores.max(axis=1, keepdims=True) - 1e-12
    return np.asarray((best / best.sum(axis=1, keepdims=True)).mean(axis=0))


def finite_n(
    margins: Margins,
    *,
    votes: int = FINITE_VOTES,
    cost: Floats | None = None,
) -> tuple[Floats, float]:
    """Maximise the expected number of questions that a vote of few samples wins.

    The chance to win is the normal approximation ``min_r Phi(delta_r / sigma_r)`` with
    ``delta = d_r · w`` and ``sigma² = (g · w + a_r · w - delta² + FLOOR) / votes`` plus the
    variance of the recorded shares themselves, ``sum_k w_k² (g_k + a_rk - d_rk²) / n_k``. An
    entropy term draws the weights together: ``- Q * ENTROPY * sum_k w_k ln(K w_k)``.

    Args:
        margins: The vote counts.
        votes: Number of samples in a vote.
        cost: Accuracy given up for one sample of each member, shape (K,); a vote of `votes`
            samples gives up ``votes * cost · w``.

    Returns:
        The weights, and the expected number of questions won minus the cost.

    The objective is not concave. The search starts at equal weights; random restarts gained next to
    nothing on the recorded sets.
    """
    rows, wrong = margins.rows, margins.wrong_shares
    right = margins.shares[margins.question]
    both = right + wrong
    paid = np.zeros(len(margins.members)) if cost is None else len(margins) * votes * cost
    noise = (both - rows**2) / np.maximum(margins.valid, 1)[margins.question]

    def won(w: Floats) -> tuple[float, Floats]:
        delta = rows @ w
        variance = (both @ w - delta**2 + FLOOR) / votes + noise @ w**2
        sigma = np.sqrt(variance)
        z = delta / sigma
        least = np.minimum.reduceat(z, margins.starts)
        worst = np.flatnonzero(z == least[margins.question])
        worst = worst[np.unique(margins.question[worst], return_index=True)[1]]
        s, d = sigma[worst], delta[worst]
        # dz/dw = (row - z * dsigma/dw) / sigma, with dsigma/dw = dvariance/dw / (2 sigma).
        by_w = (both[worst] - 2 * d[:, None] * rows[worst]) / votes + 2 * noise[worst] * w
        slope = (rows[worst] - (z[worst] / (2 * s))[:, None] * by_w) / s[:, None]
        density = np.exp(-0.5 * z[worst] ** 2) / np.sqrt(2 * np.pi)
        return float(ndtr(least).sum() - w @ paid), density @ slope - paid

    weights = _drawn_together(won, margins)
    return weights, won(weights)[0]


def capped_margins(
    margins: Margins, *, rounded: float = ROUNDED, entropy: float = ENTROPY
) -> Floats:
    """Maximise the objective of `hinge`, smoothed, plus the entropy term of `finite_n`.

    The least of a question's margins and `CAP` is taken as
    ``-t ln(exp(-CAP / t) + sum_r exp(-d_r · w / t))``. That is concave, so the optimum is the only
    one and equal members get equal weights; and no solver is needed.

    Args:
        margins: The vote counts.
        rounded: The smoothing t in the formula, above 0.
        entropy: Weight of the entropy term per question, above 0.
    """
    rows = margins.rows

    def credit(w: Floats) -> tuple[float, Floats]:
        z = -(rows @ w) / rounded
        top = np.maximum(np.maximum.reduceat(z, margins.starts), -CAP / rounded)
        each = np.exp(z - top[margins.question])
        total = np.add.reduceat(each, margins.starts) + np.exp(-CAP / rounded - top)
        value = -rounded * (np.log(total) + top).sum()
        return float(value), (each / total[margins.question]) @ rows

    return _drawn_together(credit, margins, entropy)


def _drawn_together(
    score: Callable[[Floats], tuple[float, Floats]], margins: Margins, entropy: float = ENTROPY
) -> Floats:
    """Maximise ``score(w) - Q * entropy * sum_k w_k ln(K w_k)`` from equal weights.

    Args:
        score: Returns the score of weights, in questions, and its gradient, shape (K,).
        margins: The vote counts.
        entropy: Weight of the entropy term, for every question.
    """
    k, n = len(margins.members), max(1, len(margins))

    def loss(logits: Floats) -> tuple[float, Floats]:
        w = softmax(logits)
        value, gradient = score(w)
        log = np.log(k * np.maximum(w, 1e-300))
        slope = gradient / n - entropy * (log + 1)
        return entropy * float(w @ log) - value / n, -w * (slope - slope @ w)

    # Divided by the number of questions, so that the first step does not jump to a single member,
    # where all slopes vanish.
    # L-BFGS-B finds equally good weights, but wakes a BLAS thread for every step of these few numbers.
    found = minimize(loss, np.zeros(k), jac=True, method="SLSQP", options={"ftol": 1e-10})
    return np.asarray(softmax(found.x))


def blend(margins: Margins) -> Floats:
    """Return the mean of three learners' weights, which fail on different sets.

    They maximise what a few votes of the mixture win (`finite_n`), what a few votes of each member
    alone win (`softmax_credit`), and the lead of the right answer (`capped_margins`).
    """
    parts = (finite_n(margins)[0], softmax_credit(margins), capped_margins(margins))
    return np.asarray(np.mean(parts, axis=0))


def hinge(
    margins: Margins,
    *,
    solver: str = "cbc",
    lower: Floats | None = None,
    upper: Floats | None = None,
    clock: Clock | None = None,
) -> Floats:
    """Maximise the sum of the margins, each counted up to `CAP`: a linear program.

    Args:
        margins: The vote counts.
        solver: "cbc" or "highs".
        lower: Least weights, shape (K,).
        upper: Greatest weights, shape (K,).
        clock: Time limit.

    Raises:
        BestOfInfError: If the solver does not finish in time.
    """
    mip = require("mip", extra="weights", purpose="fitting weights")
    k = len(margins.members)
    low = np.zeros(k) if lower is None else lower
    high = np.ones(k) if upper is None else upper
    model = new_model(solver)
    w = [model.add_var(lb=float(a), ub=float(b)) for a, b in zip(low, high, strict=True)]
    credit = [model.add_var(lb=-1.0, ub=CAP) for _ in margins.ids]
    model.add_var(var_type=mip.BINARY)  # CBC prints when it solves a program without integers
    model += mip.xsum(w) == 1
    binding = margins.rows.min(axis=1) < CAP
    for row, q in zip(margins.rows[binding], margins.question[binding], strict=True):
        model += credit[q] - dot(row, w) <= 0
    model.objective = mip.xsum(credit)
    status = optimise(model, (clock or Clock(60.0)).left() + 0.1)
    if status != mip.OptimizationStatus.OPTIMAL:
        raise BestOfInfError(f"the linear program of 'hinge' ended with status {status.name}")
    found = np.clip([v.x for v in w], 0.0, 1.0)
    return np.asarray(found / found.sum())

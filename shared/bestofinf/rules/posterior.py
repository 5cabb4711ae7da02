"""The paper's posterior and its stopping rule, exact instead of by Monte Carlo.

With a Dirichlet process prior of concentration ``alpha`` the shares of the answers seen and of
all that are unseen ("unknown") have a Dirichlet posterior (arXiv 2509.21091, section on adaptive
sampling). A Dirichlet vector is a vector of independent Gamma variables over their sum, so::

    1 - P(leader is the mode) = integral f(x; a_1) * (1 - prod_j F(x; a_j)) dx

with the Gamma density ``f`` of the leader and the Gamma distribution functions ``F`` of all other
answers, the unknown one included. For two answers this is an incomplete beta function.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

from bestofinf._arrays import Bools, Floats, Ints, np, special
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue
from bestofinf.rules.base import StopRule, Verdict
from bestofinf.rules.pairs import LARGEST, pair_table
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays

Prior = Literal["paper", "authors"]
Bounds = tuple[Floats, Floats]

_NODES, _REACH = 48, 7.5  # constants of the quadrature, see `_nodes`
_SKEW = 0.5
_FAR, _MASS, _STEP = 40.0, 17.0, 0.4  # the same for shapes below 1
_REMEMBERED = 10_000  # cached integrals; the first votes of many questions are the same
_SETTLED = 1e-7  # bounds this close together are taken as the value


def p_leader_is_mode(
    counts: Iterable[float] | Mapping[AnswerValue, float],
    concentration: float = 0.3,
    prior: Prior = "paper",
) -> float:
    """Return the probability that the answer with most votes is the mode.

    Args:
        counts: Votes per distinct answer, each above 0, in any order; effective counts need not
            be whole.
        concentration: Weight of all unseen answers together, above 0.
        prior: ``"paper"`` for Dirichlet(c_1, ..., concentration); ``"authors"`` for the
            released code's Dirichlet(c_1 + 1, ..., concentration + 1).

    Returns:
        Probability in [0, 1] within 1e-6. A tie for the lead gives less than 0.5. It is valid for
        one look at the votes: a rule that looks after every vote may stop wrongly more often.

    Raises:
        UsageError: If there are no counts, or one of them or the concentration is not above 0.

    Source:
        Posterior: arXiv 2509.21091; jkomiyama/BoInf-code-publish, ``test_main.py``.

    >>> round(p_leader_is_mode([1]), 4)  # (1/2) ** 0.3
    0.8123
    """
    values = list(counts.values() if isinstance(counts, Mapping) else counts)
    if not values or not all(0 < c < math.inf for c in values):
        raise UsageError(f"counts must be above 0 and at least one, got {values!r:.80}")
    return 1.0 - _posterior(concentration, prior).p_not(values)


@dataclass(frozen=True)
class BestOfInfinity(StopRule):
    """The rule of Best-of-∞: stops at a Bayes factor for "the leader is the mode".

    ``BF = K * P / (1 - P)`` with ``P`` of `p_leader_is_mode` and prior odds of one to the number
    ``K`` of answers; ``prior="authors"`` includes the unknown answer in ``K``. A Bayes factor is
    not an error rate: as it is checked after every vote, it stops on some ties (see docs/rules.md).

    Args:
        bayes_factor: Bayes factor at which to stop, above 0. 10 takes 2 equal votes (3 under
            ``"authors"``), 100 takes 5 (6).
        concentration: Weight of unseen answers, above 0.
        prior: ``"paper"`` or ``"authors"``, see `p_leader_is_mode`.

    Source:
        arXiv 2509.21091, algorithm 1; with ``"authors"`` the released code, whose Monte Carlo
        estimate this replaces by the exact value.
    """

    bayes_factor: float = 10.0
    concentration: float = 0.3
    prior: Prior = "paper"
    name: ClassVar[str] = "best-of-infinity"

    def __post_init__(self) -> None:
        if not 0 < self.bayes_factor < math.inf:
            raise UsageError(f"bayes_factor must be above 0 and finite, got {self.bayes_factor!r}")
        _posterior(self.concentration, self.prior)

    def check(self, tally: Tally) -> Verdict | None:
        """Stop at the Bayes factor, decided by bounds wherever they suffice."""
        c1 = tally.c1
        if not c1:
            return None
        posterior = _posterior(self.concentration, self.prior)
        answers = tally.n_answers + posterior.extra
        # BF >= B  <=>  1 - P <= K / (K + B)
        bar = answers / (answers + self.bayes_factor)
        if posterior.p_rival(c1, tally.c2) > bar:
            return None
        p_not = posterior.p_not(tally.counts.values(), above=bar)
        if p_not > bar:
            return None
        factor = answers * (1 - p_not) / p_not if p_not else math.inf
        return Verdict(f"best-of-infinity: Bayes factor {factor:.3g}", confidence=1 - p_not)

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the votes that could reach the Bayes factor.

        A vote for the leader raises P; one for a new answer raises K, which may raise the factor
        more. All splits of the next votes into these two kinds are tried; new answers are treated
        as if they had no share.
        """
        if tally.stratified:
            return super().needed(tally, ahead)
        posterior = _posterior(self.concentration, self.prior)
        ranked = sorted(tally.counts.values(), reverse=True) or [0]
        answers = len(ranked) + posterior.extra
        for more in range(1, len(ahead) + 1):
            for new in range(more + (ranked[0] > 0)):
                lead, known = ranked[0] + more - new, answers + new
                bar = known / (known + self.bayes_factor)
                if posterior.at_most([lead, *ranked[1:]], lead, bar):
                    return more
        return len(ahead) + 1

    def check_many(self, tallies: TallyArrays) -> Bools:
        """Return where the Bayes factor is reached."""
        posterior = _posterior(self.concentration, self.prior)
        answers = tallies.n_answers + posterior.extra
        bar = answers / (answers + self.bayes_factor)
        fires: Bools = tallies.c1 > 0
        rows = np.flatnonzero(fires)
        for bound in (posterior.nearest_many, posterior.rivals_many):
            low, high = bound(tallies, rows)
            fires[rows[low > bar[rows]]] = False
            rows = rows[(low <= bar[rows]) & (high > bar[rows])]
        known: dict[tuple[float, ...], float] = {}
        for row in rows.tolist():
            counts = tuple(sorted(filter(None, tallies.counts[row].tolist()), reverse=True))
            if counts not in known:
                known[counts] = posterior.p_not(counts)
            fires[row] = known[counts] <= bar[row]
        return fires

    def bayes_factor_of(self, counts: Sequence[float]) -> float:
        """Return the Bayes factor of these votes per answer."""
        posterior = _posterior(self.concentration, self.prior)
        p_not = posterior.p_not(counts)
        return (len(counts) + posterior.extra) * (1 - p_not) / p_not if p_not else math.inf


class _Posterior:
    """Dirichlet posterior under one prior, with its tables.

    Attributes:
        extra: Number added to the number of answers seen in the Bayes factor.
    """

    def __init__(self, concentration: float, prior: Prior) -> None:
        self._plus = 1.0 if prior == "authors" else 0.0
        self._unknown = concentration + self._plus
        self.extra = 1 if prior == "authors" else 0
        self._pairs = pair_table(self._plus, self._plus)
        self._pairs_unknown = pair_table(self._plus, self._unknown)
        self._known: dict[tuple[float, ...], float] = {}
        self._tables: dict[float, tuple[Floats, Floats, float]] = {}

    def p_rival(self, c1: float, c2: float) -> float:
        """Return P(the runner-up is ahead of the leader), or the unknown one where c2 is 0."""
        table = self._pairs if c2 else self._pairs_unknown
        try:
            return table.rows[c1][c2]  # type: ignore[call-overload, no-any-return]
        except (IndexError, TypeError):  # not tabled yet, or effective counts
            return table.at(c1, c2)

    def nearest_many(self, tallies: TallyArrays, rows: Ints) -> Bounds:
        """Return bounds of 1 - P per row: from the runner-up alone, and 1."""
        c1, c2 = tallies.c1[rows], tallies.c2[rows]
        unknown = self._pairs_unknown.at_many(c1, np.zeros(len(rows)))
        # Without a runner-up the value is not used, but the table needs a count above 0. It is a whole
        # one, so that rows of whole counts are still looked up.
        runner = self._pairs.at_many(c1, np.maximum(c2, 1e-9 if tallies.stratified else 1))
        return np.where(c2 > 0, np.maximum(runner, unknown), unknown), np.ones(len(rows))

    def rivals_many(self, tallies: TallyArrays, rows: Ints) -> Bounds:
        """Return the bounds of `_bounds` per row."""
        counts = tallies.counts[rows]
        leads = np.broadcast_to(tallies.c1[rows, None], counts.shape)
        pairs = np.zeros(counts.shape)
        seen = counts > 0
        seen[np.arange(len(rows)), tallies.leader[rows]] = False
        pairs[seen] = self._pairs.at_many(leads[seen], counts[seen])
        unknown = self._pairs_unknown.at_many(tallies.c1[rows], np.zeros(len(rows)))
        ahead = (1 - pairs).prod(axis=1) * (1 - unknown)
        return np.maximum(pairs.max(axis=1), unknown), 1 - ahead

    def at_most(self, counts: list[float], c1: float, bar: float) -> bool:
        """Return whether 1 - P(leader is the mode) <= bar."""
        low, high = self._bounds(counts, c1)
        if low > bar:
            return False
        return high <= bar or self._integral(counts, c1) <= bar

    def p_not(self, counts: Collection[float], *, above: float = math.inf) -> float:
        """Return 1 - P(leader is the mode), or any bound above `above` that it exceeds."""
        key = tuple(sorted(counts))
        known = self._known.get(key)
        if known is None:
            low, high = self._bounds(key, key[-1])
            if low > above:
                return low
            settled = high - low <= _SETTLED
            known = (low + high) / 2 if settled else self._integral(key, key[-1])
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = known
        return known

    def _bounds(self, counts: Collection[float], c1: float) -> tuple[float, float]:
        """Return bounds of 1 - P: the likeliest rival's chance, and that of independent rivals.

        Given the leader's Gamma variable x, "ahead of j" are independent, each with a chance
        F(x; a_j) that rises with x. The mean of a product of rising functions is at least the
        product of their means (Chebyshev's association inequality), so P(ahead of all) is at
        least the product of the chances.
        """
        most = self.p_rival(c1, 0)
        ahead = 1 - most
        leader = True
        for count in counts:
            if leader and count == c1:
                leader = False
                continue
            p = self.p_rival(c1, count)
            ahead *= 1 - p
            if p > most:
                most = p
        return most, 1 - ahead

    def _integral(self, counts: Collection[float], c1: float) -> float:
        rest = list(counts)
        rest.remove(c1)
        if c1 <= LARGEST and c1 == int(c1) and all(c == int(c) for c in rest):
            table, weights, missing = self._table(int(c1))
            logs = table[[int(c) for c in rest]].sum(0) + table[0]
        else:
            x, weights, missing = _nodes(c1 + self._plus)
            rivals = np.array([*(c + self._plus for c in rest), self._unknown])[:, None]
            logs = _log_gamma_cdf(rivals, x).sum(0)
        return float(-(weights @ np.expm1(logs)) + missing)

    def _table(self, c1: int) -> tuple[Floats, Floats, float]:
        """Return log distribution functions at the leader's nodes: row c, row 0 the unknown."""
        known = self._tables.get(c1)
        if known is None:
            x, weights, missing = _nodes(c1 + self._plus)
            shapes: Floats = np.arange(c1 + 1, dtype=np.float64) + self._plus
            shapes[0] = self._unknown
            known = self._tables[c1] = (_log_gamma_cdf(shapes[:, None], x), weights, missing)
        return known


def _nodes(shape: float) -> tuple[Floats, Floats, float]:
    """Return nodes and weights of the Gamma density, and the mass left of all nodes.

    Trapezoids, uniform in a stretched log x, which converge exponentially. What the weights lack
    to 1 is mass left of all nodes, where the leader certainly is behind.

    In log x the density has its mode at log(a), for a shape a, a standard deviation of about
    1/sqrt(a) and a skewness of about -1/sqrt(a). So nodes stand at ``log x = log a + (z - skew *
    (sqrt(1 + z**2) - 1)) / sqrt(a)`` for even z: skew bends them to the left. skew = 1/(3 sqrt(a))
    would cancel the cubic term of the log density at the mode; 1/(2 sqrt(a)) reaches further into
    the left tail, which falls off as x**a only. On nine sets of counts the largest error was
    6e-8, 1.4e-9, 1.2e-9 and 9e-9 with 0, 1/3, 1/2 and 7/10 in place of `_SKEW`. Beyond `_REACH`
    standard deviations to the right there is less than 1e-12 of the mass.

    Shapes below 1 occur with effective counts alone. Their left tail is longer than the stretch
    reaches: nodes are even in log x, from `_FAR`, beyond which there is exp(-40) of the mass, down
    to where exp(-`_MASS`) = 4e-8 is left. The density of log x is analytic in a strip of pi/2 to
    both sides, so the error of steps of h is about exp(-pi**2 / h): 2e-11.

    Against a rule of 8,000 nodes (tests/rules/test_posterior.py) the sum is within 2e-7.
    """
    if shape < 1:
        log_x = np.arange(math.log(_FAR), -_MASS / shape, -_STEP)
        x = np.exp(log_x)
        weights = _STEP * np.exp(shape * log_x - x - special.gammaln(shape))
        return x, weights, 1 - float(weights.sum())
    z = np.linspace(-_REACH, _REACH, _NODES, dtype=np.float64)
    step = 2 * _REACH / (_NODES - 1)
    scale = shape**-0.5
    skew = _SKEW * scale
    root = np.sqrt(1 + z * z)
    log_x = math.log(shape) + scale * (z - skew * (root - 1))
    x = np.exp(log_x)
    weights = (
        np.exp(shape * log_x - x - special.gammaln(shape)) * scale * step * (1 - skew * z / root)
    )
    return x, weights, 1 - float(weights.sum())


def _log_gamma_cdf(shape: Floats, x: Floats) -> Floats:
    logs: Floats = np.log(np.maximum(special.gammainc(shape, x), 1e-300))
    return logs


@cache
def _posterior(concentration: float, prior: Prior) -> _Posterior:
    if not 0 < concentration < math.inf:
        raise UsageError(f"concentration must be above 0 and finite, got {concentration!r}")
    if prior not in ("paper", "authors"):
        raise UsageError(f"prior must be 'paper' or 'authors', got {prior!r}")
    return _Posterior(concentration, prior)

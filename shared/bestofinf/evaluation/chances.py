"""Unbiased estimates of what N votes of one member would elect, from its recorded samples.

N of the recorded samples, drawn *without* replacement, are N independent replies of the member. So
the share of such draws that elect the right answer is an unbiased estimate of the accuracy of N
votes, whatever the number recorded (a U-statistic: W. Hoeffding, A class of statistics with
asymptotically normal distribution, Ann. Math. Stat. 19, 1948). Draws *with* replacement take the
recorded shares for the member's true ones; the fewer samples there are, the more this overstates
how sure a vote is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import comb

from bestofinf._arrays import Floats, np


def chance_of_right(right: int, wrong: Sequence[int], silent: int, votes: int) -> float:
    """Return the exact probability that `votes` of the recorded samples elect the right answer.

    A tie for the lead counts as one over the number of tied answers. Samples without an answer
    are drawn like others and do not vote.

    Args:
        right: Number of recorded samples with the right answer.
        wrong: Number of recorded samples for each wrong answer.
        silent: Number of recorded samples without an answer.
        votes: Number of samples drawn without replacement, from 1 to the number recorded.

    >>> round(chance_of_right(2, [1, 1], 0, 3), 3)
    0.667
    """
    sizes = tuple(sorted(Counter(count for count in wrong if count).items()))
    return _chance(right, sizes, silent, votes)


@lru_cache(maxsize=200_000)
def _chance(right: int, wrong: tuple[tuple[int, int], ...], silent: int, votes: int) -> float:
    """Sum over the votes g of the right answer; `wrong` has (samples, how many answers have them).

    With g fixed, the ways to draw the rest are the coefficient of x^(votes - g) in a product of
    one polynomial per answer, cut off at x^g; u marks an answer that reaches g, and the share of
    a tie of t + 1 answers, 1/(t + 1), is the integral of u^t over [0, 1], exact by Gauss's rule.
    """
    recorded = right + silent + sum(count * times for count, times in wrong)
    if not right or not 1 <= votes <= recorded:
        return 0.0
    ways = 0.0
    for g in range(1, min(right, votes) + 1):
        rest = votes - g
        u, weight = _gauss(rest // g // 2 + 1)
        product = np.broadcast_to(_binomials(silent, rest), (len(u), rest + 1))
        for count, times in wrong:
            one = np.broadcast_to(_binomials(count, rest), (len(u), rest + 1)).copy()
            if g <= rest:
                one[:, g] *= u
                one[:, g + 1 :] = 0.0
            product = _times(product, _power(one, times))
        ways += comb(right, g) * float(weight @ product[:, rest])
    return ways / comb(recorded, votes)


@lru_cache(maxsize=64)
def _gauss(nodes: int) -> tuple[Floats, Floats]:
    """Return nodes and weights on [0, 1] that integrate polynomials up to degree 2 nodes - 1."""
    x, weight = np.polynomial.legendre.leggauss(nodes)
    return (x + 1) / 2, weight / 2


@lru_cache(maxsize=4096)
def _binomials(n: int, degree: int) -> Floats:
    return np.array([float(comb(n, i)) for i in range(degree + 1)])


def _times(one: Floats, other: Floats) -> Floats:
    """Multiply polynomials row by row, cut off at the degree of the factors."""
    product = np.zeros(one.shape)
    for i in range(one.shape[1]):
        product[:, i:] += one[:, i : i + 1] * other[:, : one.shape[1] - i]
    return product


def _power(one: Floats, times: int) -> Floats:
    result, square = None, one
    while times:
        if times & 1:
            result = square if result is None else _times(result, square)
        times >>= 1
        square = _times(square, square) if times else square
    assert result is not None
    return result

"""The chance that further draws are needed, which decides how many are started early.

A draw that is started before it is certain to be needed saves waiting time, but is paid in vain if
the vote ends without it. The k-th next draw is needed if the vote is still open after k - 1 more
votes; this module computes the chance of that.

The next vote is assumed to be for the leader with probability ``(c1 + a) / (c1 + c2 + 2a)``, as in
the index of optimal stopping (`bestofinf.rules.index`), and otherwise for the runner-up, or for a
new answer if there is none. `lattice` works for any rule and assumes no third answers, because
rules may treat them differently. The table of optimal stopping includes them: a vote is for one of
the two leading answers with probability ``(c1 + c2 + 1) / (n + 2)``, Laplace's rule of succession.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from bestofinf._arrays import np
from bestofinf.records import AnswerValue
from bestofinf.rules.index import index
from bestofinf.rules.tally import Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOBODY, ANYBODY = object(), object()  # stand for two answers that no vote was for yet

# The ``a`` above. After the first vote the leader gets the next with (1 + .17) / (1 + .34) = .87, a
# value between those of easy and of contested questions; time and tokens hardly depend on it.
PRIOR = 0.17

_LARGEST = 48  # largest count in the table; larger counts are scaled down to it
_AHEAD = 16  # votes looked ahead; more are hardly ever in flight for one question
_STEP = 0.1  # step of the log price between tables


class Supposed(Protocol):
    """The input of a rule after hypothetical votes: a tally, or something smaller."""

    def copy(self) -> Self:
        """Return a copy, which further votes may change."""

    def vote(self, answer: AnswerValue, *, member: int = 0) -> None:
        """Add a hypothetical vote."""


C = TypeVar("C", bound=Supposed)


def lattice(
    fires: Callable[[C], bool], start: C, tally: Tally, ahead: Sequence[int], least: float
) -> list[float]:
    """Return the chances that the next draws are needed, for any rule.

    Follows i more votes for the leader and j for the runner-up, and asks the rule once in every
    such state.

    Args:
        fires: Returns whether the rule stops on a state.
        start: The state now, on which the rule does not stop: the tally, or something smaller.
        tally: Votes counted so far.
        ahead: Members of the next draws, in order; how far to look.
        least: Chances below this are not returned.

    Returns:
        The k-th number is the chance that the k-th draw of `ahead` is needed. The first is 1,
        they never rise, and the list ends before the first chance below `least`.
    """
    if not ahead:
        return []
    leader = tally.leader if tally.leader is not None else NOBODY
    rival = tally.runner_up if tally.runner_up is not None else ANYBODY
    found = [1.0]
    layer = {(0, 0): (1.0, start)}
    for member in ahead[:-1]:
        reached: dict[tuple[int, int], tuple[float, C]] = {}
        for (i, j), (chance, state) in layer.items():
            more, fewer = tally.c1 + i, tally.c2 + j
            to_leader = (more + PRIOR) / (more + fewer + 2 * PRIOR) if more else 1.0
            for key, answer, part in (
                ((i + 1, j), leader, chance * to_leader),
                ((i, j + 1), rival, chance * (1 - to_leader)),
            ):
                if part <= 0:
                    continue
                if key in reached:
                    reached[key] = (reached[key][0] + part, reached[key][1])
                    continue
                supposed = state.copy()
                supposed.vote(answer, member=member)
                reached[key] = (part, supposed)
        layer = {key: kept for key, kept in reached.items() if not fires(kept[1])}
        still_open = sum(chance for chance, _ in layer.values())
        if still_open < least:
            break
        found.append(min(still_open, found[-1]))
    return found


def indexed(
    prior: float,
    bar: float,
    counts: tuple[float, float, float],
    ahead: Sequence[int],
    least: float,
) -> list[float]:
    """Return the same for a rule that goes on while the log index of the two leaders is above a bar.

    The chances come from a table, in about ten microseconds. Effective counts are rounded.

    Args:
        prior: The index's prior; see `bestofinf.rules.index`.
        bar: What log G must exceed to go on, with the rule's other evidence taken as it is now.
        counts: Votes counted so far for the two leaders and in all, abstentions among these, on
            which the rule does not stop.
        ahead: Members of the next draws, in order.
        least: Chances below this are not returned.
    """
    if bar == -math.inf:
        return [1.0] * len(ahead)
    (c1, c2, n), certain = counts, 1
    if not c1:  # the first vote makes the leader
        if index(prior).at(1, 0) <= bar:
            return [1.0] * min(1, len(ahead))
        c1, certain = 1.0, 2
    share = (c1 + c2 + 1) / (n + 2) if c2 else 1.0
    scale = min(1.0, _LARGEST / max(c1, c2))
    line: list[float] = _table(prior, round(bar / _STEP))[
        round(c1 * scale), round(c2 * scale)
    ].tolist()
    found = [1.0] * min(certain, len(ahead))
    for k in range(1, len(ahead) - certain + 1):
        votes = k * share
        whole = int(votes)
        if whole >= _AHEAD:
            break
        chance = line[whole] + (votes - whole) * (line[whole + 1] - line[whole])
        if chance < least:
            break
        found.append(chance)
    return found


@lru_cache(maxsize=64)
def _table(prior: float, bar: int) -> NDArray[np.float32]:
    """Return the chance that a vote is still open after further votes for the two leading answers.

    ``R_0 = 1`` and ``R_k(x, y) = q go(x+1, y) R_{k-1}(x+1, y) + (1-q) go(x, y+1) R_{k-1}(x, y+1)``
    with ``q = (x + a) / (x + y + 2a)``, ``a`` being `PRIOR`, and ``go`` whether log G is above the bar.

    Args:
        prior: The index's prior, above 0.
        bar: The bar on log G, in steps of .1.

    Returns:
        Array of shape (49, 49, 17), indexed by the leader's votes, the runner-up's votes, and k.
    """
    size = _LARGEST + _AHEAD + 1
    go = index(prior).array[:size, :size] > bar * _STEP
    counts = np.arange(size)
    total = counts[:, None] + counts[None, :] + 2 * PRIOR
    to_leader = ((counts[:, None] + PRIOR) / total)[:-1, :-1]
    chance = np.ones((size, size))
    layers = [chance]
    for _ in range(_AHEAD):
        kept = go * chance
        chance = np.zeros((size, size))
        chance[:-1, :-1] = to_leader * kept[1:, :-1] + (1 - to_leader) * kept[:-1, 1:]
        layers.append(chance)
    most = _LARGEST + 1
    table = np.stack([layer[:most, :most] for layer in layers], axis=-1).astype(np.float32)
    table.setflags(write=False)
    return table

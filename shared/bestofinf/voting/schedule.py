"""Which member is asked next.

The order depends only on the weights, the costs and the seed, never on the replies. So a vote is
the same whatever the order in which replies arrive.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, islice, repeat
from typing import Literal, TypeAlias, get_args

from bestofinf.errors import UsageError, one_of

ScheduleKind: TypeAlias = Literal["greedy", "golden", "independent", "even", "cascade"]
ScheduleChoice: TypeAlias = Literal["auto", "greedy", "golden", "independent", "even", "cascade"]
"""A kind of schedule, or ``auto`` for the one that suits the rule (`StopRule.member_order`)."""

_KINDS = get_args(ScheduleKind)
_GOLDEN = (math.sqrt(5) - 1) / 2


class Schedule:
    """An endless sequence of member positions.

    Args:
        kind: ``greedy`` takes the member that lowers the variance of the weighted estimate most
            for its cost, argmax w² / ((n+½)(n+3/2)·cost), ties to the first; ``golden`` spreads
            the members by weight with the golden-ratio sequence from a seeded start; ``even``
            asks all in turn, whatever their weights, to learn about them; ``cascade`` asks the
            heaviest member twice (of equals the first), then the next twice and so on, and then
            begins again; ``independent`` draws members at random with their weights as
            probabilities, as the Best-of-∞ paper does (arXiv 2509.21091).
        weights: Weight per member, at least 0, not all 0. Weight 0 is never asked.
        costs: Relative price of a sample per member, above 0; None for equal prices. Only
            ``greedy`` looks at it.
        seed: Start of the random kinds.
    """

    def __init__(
        self,
        kind: ScheduleKind,
        weights: Sequence[float],
        *,
        costs: Sequence[float] | None = None,
        seed: int = 0,
    ) -> None:
        one_of("schedule", kind, _KINDS)
        costs = [1.0] * len(weights) if costs is None else costs
        if len(costs) != len(weights):
            raise UsageError(f"{len(weights)} weights but {len(costs)} costs")
        if not all(0 < cost < math.inf for cost in costs):
            raise UsageError(f"costs must be above 0 and finite, got {list(costs)}")
        self._kind = kind
        self._weights = list(weights)
        self._costs = list(costs)
        self._seed = seed
        self._ahead: list[int] = []
        self._asked = [0] * len(weights)
        self._members = self._start()

    def next(self) -> int:
        """Return the next member and move on."""
        member = self._ahead.pop(0) if self._ahead else next(self._members)
        self._asked[member] += 1
        return member

    def peek(self, count: int) -> list[int]:
        """Return the next `count` members without moving on."""
        missing = count - len(self._ahead)
        if missing > 0:
            self._ahead.extend(islice(self._members, missing))
        return self._ahead[:count]

    def exclude(self, member: int) -> bool:
        """Leave a member out of the rest of the schedule; the others keep their relative weights.

        Returns:
            False if no member is left, after which `next` must not be called.
        """
        self._weights[member] = 0.0
        self._ahead.clear()
        if not any(self._weights):
            return False
        self._members = self._start()
        return True

    def others(self, member: int, leaving: Collection[int] = ()) -> bool:
        """Return whether any other member is left that is not about to leave."""
        return any(
            weight > 0 for i, weight in enumerate(self._weights) if i != member and i not in leaving
        )

    @cached_property
    def _random(self) -> random.Random:
        # Made when first needed: its state is larger than the rest of a vote.
        return random.Random(self._seed)

    def _start(self) -> Iterator[int]:
        if sum(w > 0 for w in self._weights) == 1:
            only = next(i for i, w in enumerate(self._weights) if w > 0)
            return repeat(only)
        starts: dict[str, Callable[[], Iterator[int]]] = {
            "greedy": self._greedy,
            "golden": self._golden,
            "even": self._even,
            "cascade": self._cascade,
            "independent": self._independent,
        }
        return starts[self._kind]()

    def _greedy(self) -> Iterator[int]:
        worth = [w * w / cost for w, cost in zip(self._weights, self._costs, strict=True)]
        asked = self._asked.copy()
        members = [i for i, w in enumerate(self._weights) if w > 0]
        while True:
            best = max(members, key=lambda i: worth[i] / ((asked[i] + 0.5) * (asked[i] + 1.5)))
            asked[best] += 1
            yield best

    def _golden(self) -> Iterator[int]:
        bounds = self._bounds()
        place = self._random.random()
        while True:
            yield _locate(bounds, place)
            place = (place + _GOLDEN) % 1.0

    def _even(self) -> Iterator[int]:
        return self._in_turn([i for i, w in enumerate(self._weights) if w > 0], 1)

    def _cascade(self) -> Iterator[int]:
        members = [i for i, w in enumerate(self._weights) if w > 0]
        return self._in_turn(sorted(members, key=lambda i: -self._weights[i]), 2)

    def _in_turn(self, members: Sequence[int], times: int) -> Iterator[int]:
        asked = self._asked.copy()
        while True:
            following = min(members, key=lambda i: asked[i] // times)
            asked[following] += 1
            yield following

    def _independent(self) -> Iterator[int]:
        bounds = self._bounds()
        while True:
            yield _locate(bounds, self._random.random())

    def _bounds(self) -> list[float]:
        total = sum(self._weights)
        return [bound / total for bound in accumulate(self._weights)]


def _locate(bounds: Sequence[float], place: float) -> int:
    """Return the first member whose upper bound exceeds `place`; rounding falls to the last."""
    for member, bound in enumerate(bounds):
        if place < bound:
            return member
    return max(i for i in range(len(bounds)) if i == 0 or bounds[i] > bounds[i - 1])

"""What an ensemble keeps between its calls, and what its copies share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any, Generic, TypeVar

from bestofinf.drivers.health import Health
from bestofinf.drivers.limits import MemberLimits
from bestofinf.records import Member

T = TypeVar("T")


class EnsembleState:
    """What an ensemble keeps between calls.

    Shallow copies of an ensemble share it, so that other weights put in force for one are in
    force for all. Deep copies have weights of their own, and share the health and the limits of
    the members, who are the same providers. Read back from a pickle, all members are well and no
    request is in flight.

    Args:
        members: The members, in their order.
        weights: As users give them, but read from their file.
        breaker: Failures in a row after which a member is left out.
        cooldown: Seconds for which it is left out of later calls.

    Attributes:
        health: Which members keep failing, and what their replies usually are.
        limits: Limits on the requests in flight.
        weights: The weights in force; None for the members' own.
    """

    def __init__(
        self,
        members: Sequence[Member[Any]],
        weights: Any = None,
        *,
        breaker: int = 5,
        cooldown: float = 30.0,
    ) -> None:
        # Both say themselves how they are copied and pickled.
        self.health = Health(len(members), breaker=breaker, cooldown=cooldown)
        self.limits = MemberLimits(members)
        self.weights = weights

    def weighing(self, weights: Any) -> EnsembleState:
        """Return a state with other weights and the same health and limits."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, weights=weights)
        return other


class Cached(Generic[T]):
    """A value that is made again when something it was made of is another object.

    Neither copied nor written: a copy makes its own.
    """

    def __init__(self) -> None:
        self._made: tuple[tuple[Any, ...], T] | None = None

    def get(self, made_of: tuple[Any, ...], make: Callable[[], T]) -> T:
        """Return the value made of these."""
        made = self._made
        if made is None or not all(map(is_, made[0], made_of)):
            made = self._made = (made_of, make())
        return made[1]

    def __deepcopy__(self, memo: object) -> Cached[T]:
        return Cached()

    def __reduce__(self) -> tuple[Any, ...]:
        return Cached, ()

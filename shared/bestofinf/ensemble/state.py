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

    Shallow copies of an ensemble share this object, so a change of weights applies to all of them.
    Deep copies have weights of their own, but share the health and the limits of
    the members, which are the same providers. After unpickling, no member is left out and no
    request is in flight.

    Args:
        members: The members, in their order.
        weights: Weights in any form that `weighted` takes; a file must have been read.
        breaker: Number of failures in a row after which a member is left out.
        cooldown: Seconds for which it is left out of later calls.

    Attributes:
        health: Which members keep failing, and the usual lengths and costs of their replies.
        limits: Limits on the requests in flight.
        weights: The current weights; None for those of the members.
    """

    def __init__(
        self,
        members: Sequence[Member[Any]],
        weights: Any = None,
        *,
        breaker: int = 5,
        cooldown: float = 30.0,
    ) -> None:
        # Health and MemberLimits define themselves how they are copied and pickled.
        self.health = Health(len(members), breaker=breaker, cooldown=cooldown)
        self.limits = MemberLimits(members)
        self.weights = weights

    def weighing(self, weights: Any) -> EnsembleState:
        """Return a state with other weights and the same health and limits."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, weights=weights)
        return other


class Cached(Generic[T]):
    """A cached value, made again when one of the objects it was made from is another object.

    Copies and pickles do not contain the value: a copy makes its own.
    """

    def __init__(self) -> None:
        self._made: tuple[tuple[Any, ...], T] | None = None

    def get(self, made_of: tuple[Any, ...], make: Callable[[], T]) -> T:
        """Return the value made from these objects, which are compared by identity.

        Args:
            made_of: The objects, always in the same number and order.
            make: Makes the value.
        """
        made = self._made
        if made is None or not all(map(is_, made[0], made_of)):
            made = self._made = (made_of, make())
        return made[1]

    def __deepcopy__(self, memo: object) -> Cached[T]:
        return Cached()

    def __reduce__(self) -> tuple[Any, ...]:
        return Cached, ()

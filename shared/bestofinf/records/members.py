"""A member of an ensemble, a request to it, and the usual length of its replies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bestofinf.border import as_finite, as_name, as_price, remember_keys
from bestofinf.errors import UsageError, one_of, shown, whole
from bestofinf.records.replies import Usage

M = TypeVar("M")


def checked_price(price: object) -> tuple[float, float]:
    """Return a price as two floats: money for one input token and for one output token.

    Raises:
        UsageError: If it is not a pair of finite numbers of at least 0.
    """
    found = as_price(price)
    if found is None:
        told = ", ".join(map(shown, price)) if isinstance(price, tuple | list) else shown(price)
        raise UsageError(
            f"price must be two numbers of at least 0, for input and output, got {told}"
        )
    return found


@dataclass(frozen=True, slots=True)
class Member(Generic[M]):
    """One model or chain of an ensemble.

    Attributes:
        model: The model or chain itself, an object of the framework in use.
        weight: Share in the vote, at least 0; weights need not sum to one.
        name: Name in decisions, stores and reports; if empty it is derived from the model.
        cost: Price of one sample relative to the other members, above 0. The schedule asks
            dearer members later.
        price: Money for one input token and one output token; (0, 0) when unknown.
        call_kwargs: Extra arguments for every call of this member.
        factory: Makes a new client for another event loop, if the client is bound to one; None if
            it is not.
        concurrency: Maximum number of requests in flight to this member; None for no limit.
        system: System message put before the messages for this member, unless they begin with one.
        logprobs: Which log-probabilities of replies to ask for: "raw", "processed", or None.

    Raises:
        UsageError: If a number is out of its range.
    """

    model: M = field(repr=False)  # clients show their API keys in their representation
    weight: float = 1.0
    name: str = ""
    cost: float = 1.0
    price: tuple[float, float] = (0.0, 0.0)
    call_kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    factory: Any = field(default=None, repr=False)
    concurrency: int | None = None
    system: str | None = None
    logprobs: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise UsageError(f"the name of a member must be a text, got {shown(self.name)}")
        object.__setattr__(self, "name", as_name(self.name))
        for name, told, least in (
            ("weight", "weight of a member must be at least 0", 0.0),
            ("cost", "cost of a member must be above 0", 5e-324),
        ):
            value = getattr(self, name)
            number = as_finite(value)
            if number is None or number < least:
                raise UsageError(f"the {told} and finite, got {shown(value)}")
            if not isinstance(value, int | float):  # of a kind that JSON has not, as NumPy's
                object.__setattr__(self, name, number)
        object.__setattr__(self, "price", checked_price(self.price))
        if self.concurrency is not None:
            whole("the concurrency of a member", self.concurrency)
        if not isinstance(self.system, str | None):
            raise UsageError(f"the system of a member must be a text, got {shown(self.system)}")
        if self.logprobs is not None:
            one_of("the logprobs of a member", self.logprobs, ("raw", "processed"))
        remember_keys(self.model)
        remember_keys(self.call_kwargs)

    @property
    def options(self) -> dict[str, Any]:
        """Arguments for every call of this member: those its settings imply, then `call_kwargs`."""
        return ({"logprobs": True} if self.logprobs else {}) | dict(self.call_kwargs)

    def charge(self, input_tokens: object, output_tokens: object) -> Usage:
        """Return the usage of one call of this member, at its price; see `Usage.told`."""
        return Usage.told(input_tokens, output_tokens, price=self.price)


@dataclass(frozen=True, slots=True, order=True)
class Draw:
    """A request for one sample.

    Attributes:
        index: Place in the order of launch, from 0; votes are counted in this order.
        member: Position of the member to ask, from 0.
        turn: Number of earlier draws of the same member, from 0; a cache uses it as part of its
            key, so that samples differ.
    """

    index: int
    member: int
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Usual:
    """Mean length and cost of one member's replies at one call site, over earlier questions.

    Attributes:
        tokens: Mean of the generated tokens.
        log_tokens: Mean natural logarithm of the generated tokens.
        cost: Mean money for one reply.
        samples: Number of replies behind these means; 0 if nothing is known.
    """

    tokens: float = 0.0
    log_tokens: float = 0.0
    cost: float = 0.0
    samples: int = 0

    def add(self, *, tokens: int, cost: float = 0.0) -> Usual:
        """Return the means with one more reply; one of unknown length (0) changes nothing."""
        if tokens <= 0:
            return self
        n = self.samples + 1
        return Usual(
            self.tokens + (tokens - self.tokens) / n,
            self.log_tokens + (math.log(tokens) - self.log_tokens) / n,
            self.cost + (cost - self.cost) / n,
            n,
        )

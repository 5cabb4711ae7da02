"""What is remembered of an ensemble's members across votes: their failures and usual replies."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bestofinf.errors import UsageError, is_number, shown
from bestofinf.records import Draw, Failure, Outcome
from bestofinf.tally import Usual


@dataclass(slots=True)
class _State:
    failures: int = 0
    until: float = -math.inf  # left out before this time
    last_error: BaseException | None = None
    usual: Usual = field(default_factory=Usual)


class Health:
    """Remembers which members keep failing, so that the next votes do not ask them.

    And how long and dear their replies usually are, for rules that take a price per token or in
    money.

    A member is left out after `breaker` failures in a row, or one that is fatal (bad key, no
    quota), for `cooldown` seconds. Then it is asked again; one more failure and it is out for as
    long again. One object serves all votes of an ensemble, from any thread.

    Args:
        members: Number of members.
        breaker: Failures in a row that leave a member out, at least 1.
        cooldown: Seconds a member is left out; 0 never leaves one out across votes.
        clock: Seconds, from any start.
    """

    def __init__(
        self,
        members: int,
        *,
        breaker: int = 5,
        cooldown: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not (is_number(cooldown) and 0 <= cooldown < math.inf):
            raise UsageError(f"cooldown must be at least 0 and finite, got {shown(cooldown)}")
        self._states = [_State() for _ in range(members)]
        self._breaker = breaker
        self._cooldown = cooldown
        self._clock = clock
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: object) -> Health:
        """Return the same object: copies of an ensemble ask the same members."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Written and read again, all members are well."""
        make = partial(Health, breaker=self._breaker, cooldown=self._cooldown)
        return make, (len(self._states),)

    def left_out(self) -> frozenset[int]:
        """Return the members not to ask now; none if that would leave nobody to ask."""
        now = self._clock()
        with self._lock:
            out = frozenset(i for i, state in enumerate(self._states) if now < state.until)
        return out if len(out) < len(self._states) else frozenset()

    def last_error(self, member: int) -> BaseException | None:
        """Return what the latest draw of a member has failed with; None if it brought a sample."""
        with self._lock:
            return self._states[member].last_error

    def usual(self) -> tuple[Usual, ...]:
        """Return what the replies of each member have been so far."""
        with self._lock:
            return tuple(state.usual for state in self._states)

    def record(self, draw: Draw, outcome: Outcome) -> None:
        """Take note of one outcome. Cancelled draws say nothing about a member."""
        if isinstance(outcome, Failure) and outcome.cancelled:
            return
        with self._lock:
            state = self._states[draw.member]
            if not isinstance(outcome, Failure):
                state.failures, state.until, state.last_error = 0, -math.inf, None
                tokens, cost = outcome.tokens or 0, outcome.usage.cost
                state.usual = state.usual.add(tokens=tokens, cost=cost)
                return
            state.failures += 1
            state.last_error = outcome.error
            if outcome.fatal or state.failures >= self._breaker:
                state.until = self._clock() + self._cooldown

"""Health of an ensemble's members across votes: their failures and usual replies."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bestofinf._concurrency.forks import reset_after_fork
from bestofinf.drivers.pace import LONGEST_STATED
from bestofinf.errors import UsageError, is_number, shown
from bestofinf.records import Draw, Failure, Outcome, Usual


@dataclass(slots=True)
class _State:
    failed: set[Hashable] = field(default_factory=set)  # failed questions in a row
    until: float = -math.inf  # left out until this time, unless it returns a sample
    told: float = -math.inf  # left out until this time because its server said so
    last_error: BaseException | None = None
    usual: Usual = field(default_factory=Usual)


class Health:
    """Remembers which members keep failing, so that the next votes do not ask them.

    It also remembers the usual length and cost of their replies, for rules with a price per token
    or in money.

    A member is left out for `cooldown` seconds after `breaker` failed questions in a row, or after
    one fatal failure (bad key, no quota). Then it is asked again, and one more failure leaves it
    out for `cooldown` again. A member whose server asks for a pause is left out for that time. A
    question that was refused for its content does not count. One object serves all votes of an
    ensemble, from any thread; a forked child starts with no failures.

    Args:
        members: Number of members.
        breaker: Number of failed questions in a row that leave a member out, at least 1.
        cooldown: Seconds for which a member is left out; 0 leaves no member out across votes.
        clock: Returns seconds since any fixed moment.
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
        self._members = members
        self._breaker = breaker
        self._cooldown = cooldown
        self._clock = clock
        self._begin()
        reset_after_fork(self._begin)

    def _begin(self) -> None:
        self._states = [_State() for _ in range(self._members)]
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: object) -> Health:
        """Return the same object: copies of an ensemble ask the same members."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the failures: they are not known to another process."""
        make = partial(Health, breaker=self._breaker, cooldown=self._cooldown)
        return make, (self._members,)

    def left_out(self) -> frozenset[int]:
        """Return the positions of members not to ask now; empty if that would be all of them."""
        out = frozenset(i for i in range(self._members) if self.back_in(i))
        return out if len(out) < self._members else frozenset()

    def back_in(self, member: int) -> float:
        """Return the seconds until a member is asked again; 0 if it may be asked now."""
        with self._lock:
            state = self._states[member]
            until = max(state.until, state.told)
        return 0.0 if until == -math.inf else max(0.0, until - self._clock())

    def last_error(self, member: int) -> BaseException | None:
        """Return the error of a member's latest draw; None if it returned a sample."""
        with self._lock:
            return self._states[member].last_error

    def usual(self) -> tuple[Usual, ...]:
        """Return the usual length and cost of each member's replies so far."""
        with self._lock:
            return tuple(state.usual for state in self._states)

    def record(self, draw: Draw, outcome: Outcome, question: Hashable = None) -> None:
        """Record one outcome. Cancelled draws say nothing about a member.

        Args:
            draw: The draw that ended.
            outcome: Its sample or failure.
            question: Key of the question; several failures with one key count as one. None for a
                question with no other draws.
        """
        if isinstance(outcome, Failure) and outcome.cancelled:
            return
        with self._lock:
            state = self._states[draw.member]
            if not isinstance(outcome, Failure):
                state.until, state.last_error = -math.inf, None
                state.failed.clear()
                tokens, cost = outcome.tokens or 0, outcome.usage.cost
                state.usual = state.usual.add(tokens=tokens, cost=cost)
                return
            state.last_error = outcome.error
            if outcome.refused:
                return
            if outcome.wait:
                wait = min(outcome.wait, LONGEST_STATED)
                state.told = max(state.told, self._clock() + wait)
                return
            if len(state.failed) < self._breaker:
                state.failed.add(object() if question is None else question)
            if outcome.fatal or len(state.failed) >= self._breaker:
                state.until = self._clock() + self._cooldown

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
    failed: set[Hashable] = field(default_factory=set)  # questions in a row, no more than matter
    until: float = -math.inf  # left out before this time, unless it brings a sample
    told: float = -math.inf  # the same by its server's own word
    last_error: BaseException | None = None
    usual: Usual = field(default_factory=Usual)


class Health:
    """Remembers which members keep failing, so that the next votes do not ask them.

    And how long and dear their replies usually are, for rules that take a price per token or in
    money.

    A member is left out after `breaker` questions in a row failed, or one failure that is fatal
    (bad key, no quota), for `cooldown` seconds. Then it is asked again; one more failure and it is
    out for as long again. A member whose server wants to be left alone is, for as long as it said.
    A question that was refused for what it asks says nothing. One object serves all votes of an
    ensemble, from any thread; in a forked child all members are well.

    Args:
        members: Number of members.
        breaker: Failed questions in a row that leave a member out, at least 1.
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
        """Written and read again, all members are well."""
        make = partial(Health, breaker=self._breaker, cooldown=self._cooldown)
        return make, (self._members,)

    def left_out(self) -> frozenset[int]:
        """Return the members not to ask now; none if that would leave nobody to ask."""
        out = frozenset(i for i in range(self._members) if self.back_in(i))
        return out if len(out) < self._members else frozenset()

    def back_in(self, member: int) -> float:
        """Return the seconds until a member is asked again; 0 if it may be asked now."""
        with self._lock:
            state = self._states[member]
            until = max(state.until, state.told)
        return 0.0 if until == -math.inf else max(0.0, until - self._clock())

    def last_error(self, member: int) -> BaseException | None:
        """Return what the latest draw of a member has failed with; None if it brought a sample."""
        with self._lock:
            return self._states[member].last_error

    def usual(self) -> tuple[Usual, ...]:
        """Return what the replies of each member have been so far."""
        with self._lock:
            return tuple(state.usual for state in self._states)

    def record(self, draw: Draw, outcome: Outcome, question: Hashable = None) -> None:
        """Record one outcome. Cancelled draws say nothing about a member.

        Args:
            draw: Whom it is from.
            outcome: What it brought.
            question: The question it is for; several failures of one question count as one. None
                for one that nothing else is told of.
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

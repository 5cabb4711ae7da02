"""Limits on the requests in flight to one member, over all votes of an ensemble."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, Protocol, TypeAlias
from weakref import WeakKeyDictionary

from bestofinf._concurrency.forks import reset_after_fork
from bestofinf._concurrency.waiting import LOOK
from bestofinf.drivers.pace import Pace
from bestofinf.drivers.patience import waits
from bestofinf.drivers.wanted import check_wanted, idle, pause
from bestofinf.errors import SamplingError, is_busy, retry_after
from bestofinf.policy import BRIEF
from bestofinf.records import Member

_Hold: TypeAlias = "tuple[MemberLimits, int, object]"

_held: ContextVar[tuple[_Hold, ...]] = ContextVar("bestofinf_held", default=())
"""Slots held in this context. A member that asks itself through a tool must not wait for its own.

Each is marked with an object of its own, since one may be given back in another context: the
collector of garbage ends a coroutine that nobody awaits wherever it happens to run.
"""


_INSTANT = 1e-6
"""Waits shorter than this, in seconds, are rounding errors and are skipped."""


class RestingError(SamplingError):
    """A request was not sent, because its member refused requests and must not be asked for a time.

    Attributes:
        seconds: Seconds until it may be asked again.
        refused_with: Class of the error with which the member refused.
    """

    def __init__(self, seconds: float, refused_with: type[BaseException] | None = None) -> None:
        self.seconds = seconds
        self.refused_with = refused_with or type(self)
        super().__init__(
            "not sent: the member refused requests because there were too many; it is asked again "
            f"in {seconds:.3g} s"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return RestingError, (self.seconds, self.refused_with)


class Release(Protocol):
    """Gives a slot back."""

    def __call__(self, error: BaseException | None = None) -> None:
        """Give it back.

        Args:
            error: The error of the request; None if it returned a reply.
        """


class MemberLimits:
    """Holds requests back while a member has its maximum number in flight.

    The maximum is `Member.concurrency`, and less if its server refuses requests because there are
    too many; see `bestofinf.drivers.pace`. A vote that can ask another member waits only briefly.

    The tasks of one event loop share their slots, and all threads share theirs. The two groups
    count separately but learn from the same refusals. In a forked child all slots are free.

    Args:
        members: The members, in the engines' order.
        clock: Returns seconds since any fixed moment.
    """

    def __init__(
        self, members: Sequence[Member[Any]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = [member.concurrency or math.inf for member in members]
        self._clock = clock
        self._begin()
        reset_after_fork(self._begin)

    def _begin(self) -> None:
        self._paces = [Pace(self._clock) for _ in self._limits]
        self._refused_with: list[type[BaseException] | None] = [None for _ in self._limits]
        self._threads = [_Threads() for _ in self._limits]
        self._tasks: WeakKeyDictionary[asyncio.AbstractEventLoop, list[_Tasks]] = (
            WeakKeyDictionary()
        )

    def __deepcopy__(self, memo: object) -> MemberLimits:
        """Return the same slots: copies of an ensemble ask the same provider."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the slots: another process starts with all of them free."""
        limits = [None if limit == math.inf else int(limit) for limit in self._limits]
        return MemberLimits, ([Member(None, concurrency=limit) for limit in limits],)

    def acquire(self, member: int) -> Release:
        """Wait in a thread for a slot of a member; return the function that gives it back.

        Raises:
            GivenUpError: If the vote has stopped waiting for the draw.
            RestingError: If the wait would be longer than the vote allows.
        """
        if self._holds(member):
            return _nothing
        since = self._clock()
        self._rest(member, since)
        slots, end = self._threads[member], since + self._longest(member)
        while not slots.take(self._width(member)):
            check_wanted()
            if self._clock() >= end and _leaves(member):
                raise RestingError(BRIEF, self._refused_with[member])
        try:
            check_wanted()
            since = self._clock()
            while rest := self._rest(member, since):
                time.sleep(min(rest, LOOK))
                check_wanted()
        except BaseException:
            slots.give_back()
            raise
        return self._hold(member, slots)

    async def aacquire(self, member: int) -> Release:
        """Wait in a task for a slot of a member; return the function that gives it back.

        Raises:
            RestingError: If the wait would be longer than the vote allows.
        """
        if self._holds(member):
            return _nothing
        self._rest(member, self._clock())
        slots = self._own(member)
        longest = self._longest(member)
        while not await slots.take(lambda: self._width(member), longest):
            if _leaves(member):
                raise RestingError(BRIEF, self._refused_with[member])
            longest = math.inf
        try:
            since = self._clock()
            while rest := self._rest(member, since):
                await pause(rest)
        except BaseException:
            slots.give_back()
            raise
        return self._hold(member, slots)

    def _own(self, member: int) -> _Tasks:
        loop = asyncio.get_running_loop()
        own = self._tasks.get(loop)
        if own is None:
            own = self._tasks[loop] = [_Tasks() for _ in self._limits]
        return own[member]

    def _width(self, member: int) -> float:
        """Return the maximum number of requests in flight."""
        return min(self._limits[member], self._paces[member].width)

    def _rest(self, member: int, since: float) -> float:
        """Return the seconds until a member may be asked.

        Args:
            member: Position of the member.
            since: When this wait began, on the clock: the policy limits the whole wait, unless the
                server named a time.

        Raises:
            RestingError: If the wait would be longer than the vote allows.
        """
        seconds, stated, longer = self._paces[member].rest
        own = waits.get()
        if own is None or not longer:
            return seconds
        if own.others(member):
            seconds = longer
        if not stated:
            seconds = min(seconds, max(0.0, since + own.policy.longest_wait - self._clock()))
        if seconds <= _INSTANT:
            return 0.0
        if not own.grant(member, seconds, stated=stated):
            raise RestingError(seconds, self._refused_with[member])
        return seconds

    def _longest(self, member: int) -> float:
        """Return the maximum seconds to wait for a slot.

        `BRIEF` if the server has refused requests and another member could be asked; else infinity.
        """
        own = waits.get()
        if own is None or self._paces[member].width >= self._limits[member]:
            return math.inf
        return BRIEF if own.others(member) else math.inf

    def _hold(self, member: int, slots: _Threads | _Tasks) -> Release:
        hold = (self, member, object())
        _held.set((*_held.get(), hold))
        return partial(self._release, hold, slots, self._clock())

    def _holds(self, member: int) -> bool:
        return any(limits is self and own == member for limits, own, _ in _held.get())

    def _release(
        self,
        hold: _Hold,
        slots: _Threads | _Tasks,
        sent: float,
        error: BaseException | None = None,
    ) -> None:
        member = hold[1]
        held = _held.get()
        if hold in held:
            _held.set(tuple(other for other in held if other != hold))
        pace = self._paces[member]
        if error is None:
            pace.accepted()
        elif isinstance(error, Exception) and is_busy(error):
            self._refused_with[member] = type(error)  # not the error, which holds frames
            pace.refused(sent, slots.in_flight, retry_after(error))
            own = waits.get()
            if own is not None:
                own.note_rest(member, pace.rest.longer)
        slots.give_back()


def _nothing(error: BaseException | None = None) -> None:
    """Do nothing, because no slot was taken."""


def _leaves(member: int) -> bool:
    """Return whether the vote goes on without a member that it waits for; not without its last."""
    own = waits.get()
    return own is None or own.leave(member)


class _Threads:
    """Slots of one member among threads."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._freed = threading.Condition(threading.Lock())

    def take(self, width: float) -> bool:
        """Take a slot, if necessary after a short wait; return whether there was one."""
        with self._freed:
            if self.in_flight >= width:
                self._freed.wait(LOOK)
            if self.in_flight >= width:
                return False
            self.in_flight += 1
            return True

    def give_back(self) -> None:
        with self._freed:
            self.in_flight -= 1
            self._freed.notify()


class _Tasks:
    """Slots of one member among the tasks of one event loop; first come, first served."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._width: Callable[[], float] = lambda: math.inf
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self, width: Callable[[], float], longest: float) -> bool:
        """Take a slot, or wait for one; return whether there was one within the time."""
        if self.in_flight < width() and not self._waiting:
            self.in_flight += 1
            return True
        self._width = width
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            with idle():
                async with asyncio.timeout(None if longest == math.inf else longest):
                    await turn
        except BaseException as error:
            if turn in self._waiting:
                self._waiting.remove(turn)
            if turn.done() and not turn.cancelled():
                self.give_back()  # it had been given a slot at the same moment
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def give_back(self) -> None:
        self.in_flight -= 1
        while self._waiting and self.in_flight < self._width():
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

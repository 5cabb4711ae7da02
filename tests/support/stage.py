"""Threads that run one at a time, from one blocking operation to the next, as a test directs.

Patch a module's ``threading``, ``queue`` and ``time`` with those of a `Stage`, run its code in an
actor, and every order in which its threads may meet can be tried, again and again in the same way. Time is
virtual: it passes when the test says so.
"""

from __future__ import annotations

import math
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any

PATIENCE = 60.0  # seconds of real time that a thread may take from one operation to the next


def _always() -> bool:
    return True


def _handler(error: BaseException, frame: FrameType) -> None:
    """Raise an error as the handler of a signal does: called with the frame that it interrupts."""
    raise error


class Actor:
    """One thread.

    Attributes:
        name: Name of the thread.
        ended: Whether its work is done.
        raised: What its work raised.
        waits_for: What it waits for.
    """

    def __init__(self, stage: Stage, name: str, work: Callable[[], Any]) -> None:
        self.name = name
        self.ended = False
        self.raised: BaseException | None = None
        self.waits_for = "its beginning"
        self._stage, self._work = stage, work
        self._ready, self._until = _always, math.inf
        self._may_be_interrupted = False
        self._interrupt: BaseException | None = None
        self._go = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def runnable(self) -> bool:
        """Whether it could go on now."""
        if self.ended:
            return False
        overdue = self._stage.now >= self._until
        return overdue or self._interrupt is not None or self._ready()

    def interrupt(self, error: BaseException) -> bool:
        """Have an error raised where it waits, as a signal does. False where none is raised."""
        if self.ended or not self._may_be_interrupted:
            return False
        self._interrupt = error
        return True

    def go_on(self) -> None:
        """Run until it blocks again, or ends."""
        self._go.release()
        assert self._stage.idle.acquire(timeout=PATIENCE), f"{self.name} does not come back"

    def wait(
        self, waits_for: str, ready: Callable[[], bool], until: float, interruptible: bool
    ) -> None:
        """Wait, in its own thread."""
        self.waits_for, self._ready, self._until = waits_for, ready, until
        self._may_be_interrupted = interruptible
        self._stage.idle.release()
        self._go.acquire()
        error, self._interrupt = self._interrupt, None
        self._may_be_interrupted = False
        if error is not None:
            _handler(error, sys._getframe())

    def _run(self) -> None:
        self._go.acquire()
        self._stage.local.actor = self
        try:
            self._work()
        except BaseException as error:
            self.raised = error
        self.ended = True
        self._stage.idle.release()


class Stage:
    """Directs its actors; stands for the modules ``threading``, ``queue`` and ``time``.

    Attributes:
        now: The virtual time in seconds.
        actors: All threads so far, in the order of their start.
        refusals: So many threads to come cannot be started.
    """

    Empty = queue.Empty

    def __init__(self) -> None:
        self.now = 0.0
        self.actors: list[Actor] = []
        self.refusals = 0
        self.idle = threading.Semaphore(0)
        self.local = threading.local()

    def act(self, name: str, work: Callable[[], Any]) -> Actor:
        """Add an actor."""
        actor = Actor(self, name, work)
        self.actors.append(actor)
        return actor

    def pause(
        self,
        waits_for: str,
        ready: Callable[[], bool] = _always,
        *,
        seconds: float | None = None,
        interruptible: bool = False,
    ) -> None:
        """Let others run until it may go on. Called by actors; elsewhere nothing may wait."""
        actor: Actor | None = getattr(self.local, "actor", None)
        if actor is None:
            assert ready(), f"the test itself would wait for {waits_for}"
            return
        actor.wait(
            waits_for, ready, math.inf if seconds is None else self.now + seconds, interruptible
        )

    @property
    def runnable(self) -> list[Actor]:
        """Actors that could go on now."""
        return [actor for actor in self.actors if actor.runnable]

    def settle(self, choose: Callable[[list[Actor]], Actor]) -> None:
        """Let one after the other go on, as chosen, until all wait."""
        for _ in range(10_000):
            runnable = self.runnable
            if not runnable:
                return
            choose(runnable).go_on()
        raise AssertionError("the threads never come to rest")

    # -- what the module `threading` has ------------------------------------------------------

    def Lock(self) -> Any:
        return _Lock(self)

    def Condition(self, lock: Any) -> Any:
        return _Condition(self, lock)

    def Event(self) -> Any:
        return _Event(self)

    def Thread(self, **given: Any) -> Any:
        return _Thread(self, **given)

    # -- what the module `time` has -----------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        self.pause("a while", lambda: False, seconds=seconds, interruptible=True)

    # -- what the module `queue` has ----------------------------------------------------------

    def SimpleQueue(self) -> Any:
        return _Queue(self)


class _Lock:
    def __init__(self, stage: Stage) -> None:
        self._stage, self._free = stage, True

    def __enter__(self) -> None:
        self._stage.pause("a lock", lambda: self._free)
        self._free = False

    def __exit__(self, *_: object) -> None:
        assert not self._free
        self._free = True


class _Condition:
    def __init__(self, stage: Stage, lock: _Lock) -> None:
        self._stage, self._lock = stage, lock
        self._notified = 0

    def __enter__(self) -> None:
        self._lock.__enter__()

    def __exit__(self, *_: object) -> None:
        self._lock.__exit__()

    def wait(self, timeout: float | None = None) -> bool:
        self._lock.__exit__()
        try:
            self._stage.pause(
                "a slot", lambda: self._notified > 0, seconds=timeout, interruptible=True
            )
        finally:
            self._lock.__enter__()
        notified = self._notified > 0
        self._notified = max(0, self._notified - 1)
        return notified

    def notify(self) -> None:
        self._notified = 1


class _Event:
    def __init__(self, stage: Stage) -> None:
        self._stage, self._set = stage, False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        self._stage.pause("its turn")

    def wait(self, timeout: float | None = None) -> bool:
        self._stage.pause("an event", self.is_set, seconds=timeout, interruptible=True)
        return self._set


class _Queue:
    def __init__(self, stage: Stage) -> None:
        self._stage, self._items = stage, deque[Any]()

    def empty(self) -> bool:
        self._stage.pause("its turn")
        return not self._items

    def put(self, item: Any) -> None:
        self._stage.pause("its turn")
        self._items.append(item)

    def get_nowait(self) -> Any:
        self._stage.pause("its turn")
        return self._items.popleft()

    def get(self, timeout: float | None = None) -> Any:
        self._stage.pause("a queue", lambda: bool(self._items), seconds=timeout, interruptible=True)
        if not self._items:
            raise queue.Empty
        return self._items.popleft()


class _Thread:
    def __init__(
        self, stage: Stage, *, target: Callable[..., Any], args: Any = (), name: str, daemon: bool
    ) -> None:
        assert daemon, "it would keep the interpreter from ending"
        self._stage, self._target, self._args, self._name = stage, target, args, name

    def start(self) -> None:
        if self._stage.refusals:
            self._stage.refusals -= 1
            raise RuntimeError("can't start new thread")
        self._stage.act(self._name, lambda: self._target(*self._args))
        self._stage.pause("its turn")

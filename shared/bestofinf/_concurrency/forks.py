"""Reset objects with locks and threads in a forked child process."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from types import MethodType
from typing import Any, cast

_RESETS: dict[tuple[int, str], tuple[weakref.ref[Any], Callable[[Any], None]]] = {}


def reset_after_fork(method: Callable[[], None]) -> None:
    """Call a bound method in every child that is forked while its object lives.

    A lock that another thread holds at the moment of the fork would never be released in the child,
    and the parent already handles the contents of queues.
    """
    bound = cast("MethodType", method)
    owner, function = bound.__self__, bound.__func__
    key = (id(owner), function.__name__)
    _RESETS[key] = (weakref.ref(owner), function)
    # Not `WeakMethod`, whose callback fails if it is called while the interpreter ends.
    weakref.finalize(owner, _RESETS.pop, key, None).atexit = False


class ForkSafeLock:
    """A lock that is free in a forked child, whoever held it at the moment of the fork."""

    def __init__(self) -> None:
        self._begin()
        reset_after_fork(self._begin)

    def _begin(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        """Wait for the lock and take it."""
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
        self._lock.release()


def _reset_all() -> None:
    for reference, function in list(_RESETS.values()):
        owner = reference()
        if owner is not None:
            function(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)

"""Objects with locks and threads that a forked child process must begin anew."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable

_RESETS: list[weakref.WeakMethod[Callable[[], None]]] = []


def reset_after_fork(method: Callable[[], None]) -> None:
    """Call a bound method in every child that is forked while its object lives.

    A lock that another thread holds at the moment of the fork would never be released in the
    child, and what waits in a queue is written by the parent.
    """
    _RESETS[:] = [reset for reset in _RESETS if reset() is not None]
    _RESETS.append(weakref.WeakMethod(method))


def _reset_all() -> None:
    for reset in _RESETS:
        method = reset()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)

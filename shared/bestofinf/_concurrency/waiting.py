"""Waits that an interrupt always ends.

If a signal arrives between Python's last check for signals and the start of a wait for a lock, it does
not wake the thread: a wait without a limit would sleep on and the interrupt would have no effect. So
all waits of blocking code consist of short waits.
"""

from __future__ import annotations

import queue
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")

LOOK = 0.1
"""Maximum seconds of one short wait."""


def result_of(future: Future[T]) -> T:
    """Wait for a future and return its result, or raise its error."""
    while not future.done():
        wait([future], timeout=LOOK)
    return future.result()


def next_in(arrived: queue.SimpleQueue[T]) -> T:
    """Wait for the next item of a queue."""
    while True:
        try:
            return arrived.get(timeout=LOOK)
        except queue.Empty:
            continue

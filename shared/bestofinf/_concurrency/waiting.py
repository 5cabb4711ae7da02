"""Waits that an interrupt always ends.

A signal that comes between Python's last look for one and the moment in which a lock is waited for
wakes nobody: a wait without a limit would sleep on, and the interrupt with it. So all waits of
blocking code are made of short ones.
"""

from __future__ import annotations

import queue
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")

LOOK = 0.1
"""Seconds between two looks whether a wait is still wanted."""


def result_of(future: Future[T]) -> T:
    """Wait for a future and return its result; what it has ended with is raised."""
    while not future.done():
        wait([future], timeout=LOOK)
    return future.result()


def next_in(arrived: queue.SimpleQueue[T]) -> T:
    """Wait for what arrives next in a queue."""
    while True:
        try:
            return arrived.get(timeout=LOOK)
        except queue.Empty:
            continue

"""Run blocking calls concurrently, and stop them when their caller stops waiting."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from contextvars import copy_context
from itertools import islice
from typing import TypeVar

from bestofinf._concurrency.waiting import LOOK
from bestofinf.drivers.wanted import check_wanted, wanted

T = TypeVar("T")


def side_by_side(
    calls: Sequence[Callable[[], T]], *, concurrency: int | None = None
) -> Iterator[tuple[int, Future[T]]]:
    """Yield the index of each call as it ends, with a future that has its result or error.

    Each call has a thread with the caller's context variables. If the caller stops early or is
    interrupted, no further call begins, votes within the running calls send no more requests, and
    the running calls are not waited for.

    Args:
        calls: The functions to call.
        concurrency: Maximum number of calls at a time; None for the default of thread pools.
    """
    arrived: queue.SimpleQueue[tuple[int, Future[T]]] = queue.SimpleQueue()
    over, around = threading.Event(), wanted.get()
    slots = concurrency or min(32, (os.cpu_count() or 1) + 4)

    def work(place: int, call: Callable[[], T]) -> None:
        wanted.set(lambda: not over.is_set() and around())
        ended: Future[T] = Future()
        try:
            ended.set_result(call())
        except BaseException as error:
            ended.set_exception(error)
        arrived.put((place, ended))

    left = iter(enumerate(calls))

    def start(most: int) -> None:
        for place, call in islice(left, most):
            # Not a thread pool, whose threads would be waited for.
            context = copy_context()
            threading.Thread(target=context.run, args=(work, place, call), daemon=True).start()

    try:
        start(slots)
        for _ in calls:
            yield next_of(arrived)
            start(1)
    finally:
        over.set()


def answers(
    calls: Sequence[Callable[[], T]],
    *,
    concurrency: int | None = None,
    return_exceptions: bool = False,
) -> Iterator[tuple[int, T | Exception]]:
    """Yield the index and the answer of each call as it ends; a single call needs no thread.

    Args:
        calls: The functions to call.
        concurrency: Maximum number of calls at a time; None for the default of thread pools.
        return_exceptions: Yield the error of a call as its answer instead of raising it.
    """

    def answer(call: Callable[[], T]) -> T | Exception:
        try:
            return call()
        except Exception as error:
            if not return_exceptions:
                raise
            return error

    if len(calls) == 1:
        yield 0, answer(calls[0])
        return
    with closing(side_by_side(calls, concurrency=concurrency)) as ended:  # type: ignore[type-var]
        for place, call in ended:
            yield place, answer(call.result)


def in_order(answers: Iterable[tuple[int, T]]) -> list[T]:
    """Return answers in the order of their indices."""
    return [answer for _, answer in sorted(answers, key=lambda pair: pair[0])]


def next_of(arrived: queue.SimpleQueue[T]) -> T:
    """Wait for the next item of a queue.

    Raises:
        GivenUpError: If the vote around this call no longer waits for it.
    """
    while True:
        try:
            return arrived.get(timeout=LOOK)
        except queue.Empty:
            check_wanted()

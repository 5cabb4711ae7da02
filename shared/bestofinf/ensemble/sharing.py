"""Requests that bring several samples, shared among the draws of one vote."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from bestofinf._concurrency.endings import ended
from bestofinf._concurrency.waiting import result_of
from bestofinf.ensemble.client import Step
from bestofinf.errors import ends_the_task
from bestofinf.records import Sample


@dataclass(eq=False)
class _Request:
    """A request in flight or done, and how many of its samples are promised to draws."""

    found: Any
    promised: int = 0


class Shared:
    """Distributes the samples of each request to several draws.

    One object serves one vote, in threads or in tasks. A draw for which no sample is left starts
    the next request, and the draws after it wait for that request. A request may return fewer
    samples than were asked for; then the other draws start a further one.

    Args:
        size: Number of samples that one request asks for, at least 1.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._open: dict[int, _Request] = {}
        self._lock = threading.Lock()
        self._tasks: list[asyncio.Task[Any]] = []

    def step(
        self,
        member: int,
        do: Callable[[], Sequence[Sample]],
        ado: Callable[[], Coroutine[Any, Any, Sequence[Sample]]],
    ) -> Step:
        """Return the step that takes a member's next sample, from a request in flight or a new one.

        Args:
            member: Position of the member.
            do: Sends a request in blocking code, and returns its samples.
            ado: Sends a request in the running event loop, and returns its samples.
        """
        return Step(lambda: self._take(member, do), lambda: self._atake(member, ado))

    def _take(self, member: int, send: Callable[[], Sequence[Sample]]) -> Sample:
        while True:
            request, place, is_new = self._promise(member, Future)
            if is_new:
                try:
                    request.found.set_result(send())
                except BaseException as error:
                    request.found.set_exception(error)
            try:
                samples: Sequence[Sample] = result_of(request.found)
            except BaseException:
                self._close(member, request)
                raise
            if place < len(samples):
                return samples[place]
            self._close(member, request)

    async def _atake(
        self, member: int, send: Callable[[], Coroutine[Any, Any, Sequence[Sample]]]
    ) -> Sample:
        while True:
            request, place, _ = self._promise(member, lambda: self._begun(send()))
            # Shielded: others wait for the same request.
            samples: Sequence[Sample] | BaseException = await asyncio.shield(request.found)
            if isinstance(samples, BaseException):
                self._close(member, request)
                raise samples
            if place < len(samples):
                return samples[place]
            self._close(member, request)

    def _begun(self, work: Coroutine[Any, Any, Sequence[Sample]]) -> asyncio.Task[Any]:
        self._tasks.append(asyncio.ensure_future(_brought(work)))
        return self._tasks[-1]

    def _promise(self, member: int, begin: Callable[[], Any]) -> tuple[_Request, int, bool]:
        """Return a request, the place of the sample promised of it, and whether it is new."""
        with self._lock:
            request = self._open.get(member)
            is_new = request is None or request.promised == self._size
            if request is None or is_new:
                request = self._open[member] = _Request(begin())
            request.promised += 1
            return request, request.promised - 1, is_new

    def _close(self, member: int, request: _Request) -> None:
        """Promise no more samples of a request that has failed or has returned too few."""
        with self._lock:
            if self._open.get(member) is request:
                del self._open[member]

    async def aclose(self) -> None:
        """Cancel the requests that are still in flight, and wait until they have ended."""
        for task in self._tasks:
            task.cancel()
        again = await ended(self._tasks)
        if again is not None:
            raise again


async def _brought(
    work: Coroutine[Any, Any, Sequence[Sample]],
) -> Sequence[Sample] | BaseException:
    """Return the samples of a request, or its error.

    The error is returned because some errors end the event loop if a task raises them.
    """
    try:
        return await work
    except BaseException as error:
        if ends_the_task(error):
            raise
        return error

"""An event loop of the library's own, in which requests of blocking calls can be cancelled."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from bestofinf._concurrency.forks import ForkSafeLock
from bestofinf._concurrency.waiting import result_of
from bestofinf.errors import UsageError

T = TypeVar("T")


class PrivateLoop:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="bestofinf-loop", daemon=True
        )
        self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether the caller runs in this loop; then it must not wait for the loop."""
        return threading.current_thread() is self._thread

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there with the caller's context variables, and return its result.

        If the wait is interrupted, for instance by Ctrl-C, the coroutine is cancelled.

        Raises:
            UsageError: If the caller runs in this loop itself, which would wait for ever.
        """
        if self.is_here:
            work.close()
            raise UsageError(
                "a blocking call cannot wait here, in the event loop that would run it: await the "
                "asynchronous method instead"
            )
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return result_of(future)
        except BaseException:
            future.cancel()
            raise


_loops: dict[int, PrivateLoop] = {}
_lock = ForkSafeLock()


def private_loop() -> PrivateLoop:
    """Return the loop of this process; a forked child gets its own, as threads are not forked."""
    with _lock:
        pid = os.getpid()
        if pid not in _loops:
            _loops.clear()
            _loops[pid] = PrivateLoop()
        return _loops[pid]

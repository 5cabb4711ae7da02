"""When a job gives up: nothing has come for too long, and requests keep failing."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from bestofinf.errors import ErrorKind, SamplingError, kind_of


class Standstill:
    """Watches whether a job gets anywhere.

    A reply is progress, and so is the refusal of a single question. Time alone is no standstill:
    replies may take long. Until the first progress a tenth of the patience suffices, unless members
    say that they are busy: a wrong address is worth no wait.

    Args:
        patience: Seconds without progress after which the job gives up.
        clock: Seconds, from any start.
    """

    def __init__(self, patience: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._since = clock()
        self._moved = False
        self._trouble: BaseException | None = None

    def came(self) -> None:
        """Take note of progress."""
        self._since, self._moved, self._trouble = self._clock(), True, None

    def failed(self, error: BaseException) -> None:
        """Take note of what a request has ended with."""
        if kind_of(error) is ErrorKind.QUESTION:
            self.came()
        elif isinstance(error, Exception):
            self._trouble = error

    @property
    def left(self) -> float:
        """Seconds until the job gives up; infinite while nothing fails."""
        if self._trouble is None:
            return math.inf
        waits = self._moved or kind_of(self._trouble) is ErrorKind.BUSY
        return self._since + self._patience * (1.0 if waits else 0.1) - self._clock()

    async def reached(self) -> SamplingError:
        """Wait for a standstill, and return the error that tells of it."""
        while (left := self.left) > 0:  # noqa: ASYNC110  (the time moves on with every reply)
            await asyncio.sleep(min(left, self._patience / 20))
        waited = self._clock() - self._since
        return self.error(f"no reply for {waited:.3g} s")

    def error(self, what: str) -> SamplingError:
        """Return the error that ends the job, with the latest trouble."""
        trouble = self._trouble
        why = f", the latest failure: {type(trouble).__name__}: {trouble}" if trouble else ""
        return SamplingError(
            f"{what}{why.rstrip('.')}. Nothing is lost: run it again when the cause is gone",
            () if trouble is None else (trouble,),
        )

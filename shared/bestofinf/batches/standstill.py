"""Decide when a job gives up: it has had no reply for too long, and requests keep failing."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from bestofinf.errors import ErrorKind, SamplingError, kind_of


class Standstill:
    """Watches whether a job makes progress.

    A reply is progress, and so is the refusal of a single question because of its content. Time alone
    is no standstill, because replies may take long; requests must also fail. Before the first
    progress a tenth of the patience is enough, unless members say that they are busy, because the
    cause is then often a wrong address.

    Args:
        patience: Seconds without progress after which the job gives up.
        clock: Returns seconds since any fixed moment.
    """

    def __init__(self, patience: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._since = clock()
        self._moved = False
        self._trouble: BaseException | None = None

    def came(self) -> None:
        """Record progress."""
        self._since, self._moved, self._trouble = self._clock(), True, None

    def failed(self, error: BaseException) -> None:
        """Record the error of a request."""
        if kind_of(error) is ErrorKind.QUESTION:
            self.came()
        elif isinstance(error, Exception):
            self._trouble = error

    @property
    def left(self) -> float:
        """Seconds until the job gives up; infinite if no request fails."""
        if self._trouble is None:
            return math.inf
        waits = self._moved or kind_of(self._trouble) is ErrorKind.BUSY
        return self._since + self._patience * (1.0 if waits else 0.1) - self._clock()

    async def reached(self) -> SamplingError:
        """Wait for a standstill, and return the error for it."""
        while (left := self.left) > 0:  # noqa: ASYNC110  (the time moves on with every reply)
            await asyncio.sleep(min(left, self._patience / 20))
        waited = self._clock() - self._since
        return self.error(f"no reply for {waited:.3g} s")

    def error(self, what: str) -> SamplingError:
        """Return the error that ends the job, with the latest error of a request."""
        trouble = self._trouble
        why = f", the latest failure: {type(trouble).__name__}: {trouble}" if trouble else ""
        return SamplingError(
            f"{what}{why.rstrip('.')}. Nothing is lost: run it again when the cause is gone",
            () if trouble is None else (trouble,),
        )

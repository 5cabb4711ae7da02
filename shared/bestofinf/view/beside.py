"""Background work that takes seconds to minutes: one thread at a time, with its latest result."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from bestofinf.border import error_text
from bestofinf.errors import BestOfInfError

logger = logging.getLogger(__name__)

T = TypeVar("T")
Advance: TypeAlias = Callable[[int, int], None]
"""Called with (steps done, all steps)."""


class Beside(Generic[T]):
    """One kind of background work and its latest result.

    Args:
        name: Name of its thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._done = self._all = 0
        self.result: T | None = None
        """The latest result; None if there is none yet."""

    @property
    def working(self) -> bool:
        """Whether the work is running."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def share(self) -> float | None:
        """The share that is done, from 0 to 1; None if unknown."""
        return self._done / self._all if self._all else None

    def begin(self, work: Callable[[Advance], T], failed: Callable[[str], T]) -> None:
        """Start the work unless it is running.

        Args:
            work: Does the work and returns the result; it gets a function to report progress to.
            failed: Makes a result from the text of an error.
        """
        with self._lock:
            if self.working:
                return
            self._done = self._all = 0
            self._thread = threading.Thread(
                target=self._run, args=(work, failed), name=self._name, daemon=True
            )
            self._thread.start()

    def _run(self, work: Callable[[Advance], T], failed: Callable[[str], T]) -> None:
        try:
            self.result = work(self._advance)
        except BestOfInfError as error:
            self.result = failed(str(error))
        except Exception as error:  # nobody waits for the thread, so the page shows its error
            logger.exception("%s failed", self._name)
            self.result = failed(error_text(error))

    def _advance(self, done: int, total: int) -> None:
        self._done, self._all = done, total

"""Work that takes seconds to minutes, beside the requests: a thread, one at a time, shown once done."""

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
"""Told (steps done, all steps)."""


class Beside(Generic[T]):
    """One piece of work and what came of it last.

    Args:
        name: Of its thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._done = self._all = 0
        self.result: T | None = None
        """What came of it last; None while nothing did."""

    @property
    def working(self) -> bool:
        """Whether it is being worked on."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def share(self) -> float | None:
        """How far it is, from 0 to 1; None where that is not known."""
        return self._done / self._all if self._all else None

    def begin(self, work: Callable[[Advance], T], failed: Callable[[str], T]) -> None:
        """Work on it unless that is being done.

        Args:
            work: Returns the result; given what to report progress to.
            failed: Returns the result that tells of an error.
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
        except Exception as error:  # of a thread nobody waits for: told on the page
            logger.exception("%s failed", self._name)
            self.result = failed(error_text(error))

    def _advance(self, done: int, total: int) -> None:
        self._done, self._all = done, total

"""Whether the time that work takes grows in proportion to its size, on a busy machine too."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

LIMIT = 2.5  # times longer for twice the size
TRIES = 5  # a busy machine slows some measurements down, and not all of them


def keeps_pace(work: Callable[[int], object], size: int, *, step: int, notable: float) -> bool:
    """Return whether each doubling of the size, up to ``step`` times, takes 2.5 times longer at most.

    Times are CPU times of this process in seconds, the least of three. What takes less than
    ``notable`` is too quick to be measured, and keeps pace.
    """
    limit = LIMIT ** math.log2(step)
    for _ in range(TRIES):
        small, large = (min(_seconds(work, n) for _ in range(3)) for n in (size, step * size))
        if large < max(limit * small, notable):
            return True
    return False


def _seconds(work: Callable[[int], object], size: int) -> float:
    begun = time.process_time()
    work(size)
    return time.process_time() - begun

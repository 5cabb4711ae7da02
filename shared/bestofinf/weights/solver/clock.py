"""Time limit and progress of a fit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a fit stands.

    Attributes:
        stage: "search", "proof" or "margin".
        incumbent: Best value found: questions won.
        bound: No mixture is better than this.
        seconds: Since the fit began.
    """

    stage: str
    incumbent: float
    bound: float
    seconds: float


ProgressCallback = Callable[[Progress], None]


@dataclass
class Clock:
    """Measures the time of a fit against its limit, and tells how far the work has come.

    Attributes:
        seconds: The limit.
        callback: Told of every stage, and of its steps at most ten times a second; None for nobody.
    """

    seconds: float
    callback: ProgressCallback | None = None
    _start: float = field(default_factory=time.monotonic)
    _told: tuple[str, float] = ("", 0.0)

    def elapsed(self) -> float:
        """Return the seconds since the fit began."""
        return time.monotonic() - self._start

    def left(self) -> float:
        """Return the seconds that remain, at least 0."""
        return max(0.0, self.seconds - self.elapsed())

    def over(self) -> bool:
        """Tell whether the limit is reached."""
        return self.elapsed() >= self.seconds

    def tell(self, stage: str, incumbent: float, bound: float) -> None:
        """Report progress."""
        now = self.elapsed()
        last_stage, last = self._told
        if self.callback is not None and (stage != last_stage or now - last >= 0.1):
            self._told = (stage, now)
            self.callback(Progress(stage, incumbent, bound, now))

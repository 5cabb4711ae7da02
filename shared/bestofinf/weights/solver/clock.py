"""Time limit and progress of a fit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a fit.

    Attributes:
        stage: "search", "proof" or "margin".
        incumbent: Best value found, as questions won.
        bound: Upper bound of the value of all mixtures.
        seconds: Seconds since the fit began.
    """

    stage: str
    incumbent: float
    bound: float
    seconds: float


ProgressCallback = Callable[[Progress], None]


@dataclass
class Clock:
    """Measures the time of a fit against its limit, and reports its progress.

    Attributes:
        seconds: The limit.
        callback: Called at every stage, and at its steps at most ten times a second; None for no
            reports.
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

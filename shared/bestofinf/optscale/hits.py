"""The hit model: how often a score reaches the target, whatever else its distribution is.

Scores of a judge are discrete and pile up at the top of the scale, where no truncated normal
fits. Here the chance p of a hit has a Beta distribution and hits are counted; the chance that m
further scores all miss is ``B(a + h, b + n - h + m) / B(a + h, b + n - h)`` after h hits in n.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bestofinf.errors import UsageError

_STRENGTH = (0.2, 20.0)  # a + b: a prior is neither two sharp spikes nor nearly a constant


@dataclass(frozen=True, slots=True)
class HitModel:
    """A Beta prior on the chance of a hit.

    The default is U-shaped, because for most questions nearly all or nearly none of the replies
    reach the target. Jeffreys' prior (.5, .5) would spend most of a budget of 64 samples even if
    no score comes near the target.

    Attributes:
        a: Pseudo-count of hits, above 0.
        b: Pseudo-count of misses, above 0.
    """

    a: float = 0.1
    b: float = 0.1

    def __post_init__(self) -> None:
        if not (0 < self.a < math.inf and 0 < self.b < math.inf):
            raise UsageError(f"a and b must be above 0 and finite, got {self.a!r} and {self.b!r}")

    @classmethod
    def from_moments(cls, mean: float, variance: float) -> HitModel:
        """Return the Beta distribution with these moments, with a + b limited to a reasonable range."""
        mean = min(max(mean, 1e-3), 1 - 1e-3)
        strength = mean * (1 - mean) / variance - 1 if variance > 0 else math.inf
        strength = min(max(strength, _STRENGTH[0]), _STRENGTH[1])
        return cls(mean * strength, (1 - mean) * strength)

    def misses(self, n: int, hits: int) -> Callable[[int], float]:
        """Return the function of m that gives the chance that m further scores all miss."""
        a, b = self.a + hits, self.b + n - hits
        constant = math.lgamma(a + b) - math.lgamma(b)
        return lambda m: math.exp(constant + math.lgamma(b + m) - math.lgamma(a + b + m))


def tied(scores: Sequence[float]) -> bool:
    """Return whether scores are too often equal to come from a continuous distribution.

    True when fewer than three quarters of them are distinct; false for a single score.
    """
    return len(set(scores)) < 0.75 * len(scores)

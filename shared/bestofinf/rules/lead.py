"""Rules that look at the lead alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bestofinf.errors import UsageError
from bestofinf.rules.base import StopRule, Verdict
from bestofinf.tallies import Tallies
from bestofinf.tally import Tally


@dataclass(frozen=True)
class AheadBy(StopRule):
    """Stops when the leader is `votes` ahead of the runner-up.

    Cheap and without any promise on close questions: on a 50/50 question it always stops, on
    either side. It is the rule of MAKER (arXiv 2511.09030); with ``votes=3`` it is also what the
    sequential tests of ConSol amount to with their default settings.
    """

    votes: int = 3
    name: ClassVar[str] = "ahead-by"

    def __post_init__(self) -> None:
        if isinstance(self.votes, bool) or not isinstance(self.votes, int) or self.votes < 1:
            raise UsageError(f"votes must be a whole number of at least 1, got {self.votes!r}")

    def check(self, tally: Tally) -> Verdict | None:
        """Stop at a lead of `votes`, with effective counts up to rounding."""
        lead = tally.c1 - tally.c2
        if lead >= self.votes - 1e-9:
            return Verdict(f"ahead-by: lead of {lead:.4g}")
        return None

    def check_many(self, tallies: Tallies) -> NDArray[np.bool_]:
        """Return where the lead is reached."""
        reached: NDArray[np.bool_] = tallies.c1 - tallies.c2 >= self.votes - 1e-9
        return reached

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the missing lead; one vote adds one."""
        if tally.stratified:
            return super().needed(tally, ahead)
        return min(max(math.ceil(self.votes - (tally.c1 - tally.c2)), 1), len(ahead) + 1)

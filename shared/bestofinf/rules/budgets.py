"""Budgets: rules that stop when enough has been spent. Join them to a rule with ``|``.

Budgets are checked when a sample is counted, so the requests in flight at that moment can exceed
them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bestofinf._arrays import Bools
from bestofinf.errors import UsageError, is_number, shown, whole
from bestofinf.rules.base import StopRule, Verdict
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays


def _above_zero(value: float, name: str) -> None:
    if not (is_number(value) and 0 < value < math.inf):
        raise UsageError(f"{name} must be above 0 and finite, got {shown(value)}")


def _votes_left(limit: float, spent: float, tally: Tally, ahead: Sequence[int]) -> int:
    """Return how many samples of the mean size so far fit into the rest of the budget, at least 1."""
    if spent <= 0:
        return 1
    fit = int((limit - spent) / (spent / tally.n_samples)) + 1
    return max(1, min(fit, len(ahead) + 1))


class _Budget(StopRule):
    """Stops because enough was spent."""

    def budget(self) -> StopRule:
        """Return itself."""
        return self

    def chances(self, tally: Tally, ahead: Sequence[int], least: float) -> list[float]:
        """Return the chance 1 for every draw that fits into the rest of the budget."""
        return [1.0] * min(self.needed(tally, ahead), len(ahead))


class _Metered(_Budget):
    """Stops because of the cost of replies, as far as the members report it."""

    def gap(self, tally: Tally) -> str:
        """Return that the budget did not count replies whose tokens were not reported."""
        if not tally.unmetered:
            return ""
        return f"{self.name} cannot bind: {tally.unmetered} of {tally.n_samples} replies told no tokens"


@dataclass(frozen=True)
class _Samples(_Budget):
    """Stops when `n` samples have been counted, abstentions included."""

    n: int

    def __post_init__(self) -> None:
        whole("n", self.n)

    def check(self, tally: Tally) -> Verdict | None:
        """Stop at `n` samples."""
        if tally.n_samples >= self.n:
            return Verdict(f"{self.name}: {tally.n_samples} samples")
        return None

    def check_many(self, tallies: TallyArrays) -> Bools:
        """Return where `n` samples are counted."""
        spent: Bools = tallies.n_samples >= self.n
        return spent

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the samples left."""
        return min(max(self.n - tally.n_samples, 1), len(ahead) + 1)


@dataclass(frozen=True)
class FixedSamples(_Samples):
    """Stops after exactly `n` samples, abstentions included: plain majority voting."""

    name: ClassVar[str] = "fixed"


@dataclass(frozen=True)
class MaxSamples(_Samples):
    """Stops when `n` samples have been counted, abstentions included: a limit for other rules."""

    name: ClassVar[str] = "max-samples"


@dataclass(frozen=True)
class MaxTokens(_Metered):
    """Stops when the counted samples have generated `n` tokens or more."""

    n: int
    name: ClassVar[str] = "max-tokens"

    def __post_init__(self) -> None:
        whole("n", self.n)

    def check(self, tally: Tally) -> Verdict | None:
        """Stop at `n` tokens."""
        if tally.tokens >= self.n:
            return Verdict(f"max-tokens: {tally.tokens} tokens")
        return None

    def check_many(self, tallies: TallyArrays) -> Bools:
        """Return where `n` tokens are spent."""
        spent: Bools = tallies.tokens >= self.n
        return spent

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return how many samples of the mean length fit into the rest; 1 before the first."""
        return _votes_left(self.n, tally.tokens, tally, ahead)


@dataclass(frozen=True)
class MaxCost(_Metered):
    """Stops when the counted samples have cost `amount` or more, in the unit of the prices."""

    amount: float
    name: ClassVar[str] = "max-cost"

    def __post_init__(self) -> None:
        _above_zero(self.amount, "amount")

    def check(self, tally: Tally) -> Verdict | None:
        """Stop at `amount`."""
        if tally.cost >= self.amount:
            return Verdict(f"max-cost: {tally.cost:g}")
        return None

    def check_many(self, tallies: TallyArrays) -> Bools:
        """Return where `amount` is spent."""
        spent: Bools = tallies.cost >= self.amount
        return spent

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return how many samples of the mean cost fit into the rest; 1 before the first."""
        return _votes_left(self.amount, tally.cost, tally, ahead)


@dataclass(frozen=True)
class MaxSeconds(_Budget):
    """Stops when `seconds` have passed since the first draw, with the votes counted by then.

    Needs a driver that tells the engine the time.
    """

    seconds: float
    name: ClassVar[str] = "max-seconds"

    def __post_init__(self) -> None:
        _above_zero(self.seconds, "seconds")

    def check(self, tally: Tally) -> Verdict | None:
        """Stop at `seconds`, once there is a sample."""
        if tally.seconds >= self.seconds and tally.n_samples:
            return Verdict(f"max-seconds: {tally.seconds:.3g} s")
        return None

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return "not within these draws", because votes do not make time pass."""
        return len(ahead) + 1

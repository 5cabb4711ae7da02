"""Rules from other published work, for use and for comparison."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

from bestofinf._arrays import Bools, Floats, Ints, np
from bestofinf.errors import UsageError, whole
from bestofinf.rules.base import StopRule, Verdict, fewest_by_search
from bestofinf.rules.pairs import pair_table
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays

Criterion = Literal["beta", "entropy", "majority"]


def _in_unit_interval(value: float, name: str) -> None:
    if not 0 < value < 1:
        raise UsageError(f"{name} must lie in (0, 1), got {value!r}")


@dataclass(frozen=True)
class AdaptiveConsistency(StopRule):
    """The criteria of Adaptive-Consistency.

    ``"beta"``: the posterior P(leader beats runner-up) = 1 - I_½(c1 + 1, c2 + 1) reaches the
    threshold. It is asked after every vote, so 0.95 is not an error of 5 %: within 200 votes it
    stops on 59 % of 50/50 questions. ``"entropy"``: the entropy of the shares over that of as
    many equal shares is at most the threshold; if there is only one answer, one vote for another is added.
    ``"majority"``: the leader's share reaches the threshold. Both from two votes on.

    Args:
        threshold: In (0, 1). The package's defaults are .95, .75 and .8 in this order.
        criterion: ``"beta"``, ``"entropy"`` or ``"majority"``.

    Source:
        arXiv 2305.11860; package AdaptiveConsistency 1.0.0, ``stopping_criterias.py``. Its
        Dirichlet criterion is left out: with NumPy from 1.24 on it never stops.
    """

    threshold: float = 0.95
    criterion: Criterion = "beta"
    name: ClassVar[str] = "adaptive-consistency"

    def __post_init__(self) -> None:
        _in_unit_interval(self.threshold, "threshold")
        if self.criterion not in ("beta", "entropy", "majority"):
            raise UsageError(
                f"criterion must be 'beta', 'entropy' or 'majority', got {self.criterion!r}"
            )

    def check(self, tally: Tally) -> Verdict | None:
        """Stop when the criterion meets the threshold."""
        c1 = tally.c1
        if not c1:
            return None
        if self.criterion == "beta":
            c2, table = tally.c2, pair_table(1, 1)
            try:
                p_wrong = table.rows[c1][c2]  # type: ignore[call-overload]
            except (IndexError, TypeError):
                p_wrong = table.at(c1, c2)
            if 1 - p_wrong >= self.threshold:
                return Verdict(f"adaptive-consistency: posterior {1 - p_wrong:.4g}")
            return None
        if tally.n_votes < 2:
            return None
        if self.criterion == "majority":
            share = c1 / tally.n
            if share >= self.threshold:
                return Verdict(f"adaptive-consistency: share {share:.4g}")
            return None
        entropy = _relative_entropy(tally.counts.values(), tally.n)
        if entropy <= self.threshold:
            return Verdict(f"adaptive-consistency: entropy {entropy:.4g}")
        return None

    def check_many(self, tallies: TallyArrays) -> Bools:
        """Return where the criterion meets the threshold."""
        if self.criterion == "beta":
            voted: Bools = tallies.c1 > 0
            p_wrong = pair_table(1, 1).at_many(tallies.c1, tallies.c2)
            return voted & (1 - p_wrong >= self.threshold)
        n = np.maximum(tallies.n, 1e-300)
        several: Bools = tallies.n_votes >= 2
        if self.criterion == "majority":
            share: Floats = tallies.c1 / n
            return several & (share >= self.threshold)
        shares = tallies.counts / n[:, None]
        entropy = -(shares * np.log2(np.where(shares > 0, shares, 1.0))).sum(axis=1)
        relative = entropy / np.log2(np.maximum(tallies.n_answers, 2))
        lone = tallies.n_answers == 1
        padded = tallies.c1[lone] / (tallies.c1[lone] + 1)
        relative[lone] = -(padded * np.log2(padded) + (1 - padded) * np.log2(1 - padded))
        low: Bools = relative <= self.threshold
        return several & low

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the votes that could meet the criterion.

        By entropy, votes for new answers may do so before votes for the leader: all courses of
        up to three votes are tried there.
        """
        if self.criterion == "entropy":
            return fewest_by_search(self, tally, ahead)
        return super().needed(tally, ahead)


def _relative_entropy(counts: Collection[float], total: float) -> float:
    if len(counts) == 1:
        counts, total = [*counts, 1.0], total + 1.0
    entropy = math.log2(total) - sum(map(_times_log, counts)) / total
    return entropy / math.log2(len(counts))


@lru_cache(maxsize=4096)
def _times_log(count: float) -> float:
    return count * math.log2(count) if count else 0.0


@dataclass(frozen=True)
class PValue(StopRule):
    """Stops when a sign test of leader against runner-up has a p-value of at most `level`.

    The p-value is one for a single look, but it is tested after every vote. So the level is not an
    error rate: at .05 the rule stops on about half of all 50/50 questions within 200 votes.

    Source:
        ConSol 0.3.0, ``PValueConfidenceModel``: P(Binomial(c1 + c2, ½) >= c1) = I_½(c1, c2 + 1).
    """

    level: float = 0.05
    name: ClassVar[str] = "p-value"

    def __post_init__(self) -> None:
        _in_unit_interval(self.level, "level")

    def check(self, tally: Tally) -> Verdict | None:
        """Stop at the level."""
        c1 = tally.c1
        if not c1:
            return None
        c2, table = tally.c2, pair_table(0, 1)
        try:
            p = table.rows[c1][c2]  # type: ignore[call-overload]
        except (IndexError, TypeError):
            p = table.at(c1, c2)
        return Verdict(f"p-value: {p:.4g}") if p <= self.level else None

    def check_many(self, tallies: TallyArrays) -> Bools:
        """Return where the level is reached."""
        voted: Bools = tallies.c1 > 0
        c1 = np.where(voted, tallies.c1, 1.0)
        return voted & (pair_table(0, 1).at_many(c1, tallies.c2) <= self.level)


@dataclass(frozen=True)
class UnanimousWindow(StopRule):
    """Stops when all votes of a window are for one answer, and returns that answer.

    The answer may differ from the one with most votes. Abstentions do not count in a window.

    Args:
        size: Votes in a window, at least 2.
        sliding: Look at the last `size` votes after each one; otherwise windows follow one
            another without overlap, as published.

    Source:
        Early-stopping self-consistency (ESC), arXiv 2401.10480.
    """

    size: int = 5
    sliding: bool = False
    name: ClassVar[str] = "window"

    def __post_init__(self) -> None:
        whole("size", self.size, 2)

    def check(self, tally: Tally) -> Verdict | None:
        """Stop at the end of a unanimous window."""
        if tally.streak < self.size or not (self.sliding or tally.n_votes % self.size == 0):
            return None
        return Verdict(f"window: {self.size} equal votes in a row", answer=tally.history[-1])

    def check_many(self, tallies: TallyArrays) -> Bools:
        """Return where a window is unanimous."""
        full: Bools = tallies.streak >= self.size
        if not self.sliding:
            full &= tallies.n_votes % self.size == 0
        return full

    def answers_many(self, tallies: TallyArrays) -> Ints:
        """Return the windows' answers."""
        return tallies.last_vote

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the votes that could complete a unanimous window."""
        if self.sliding:
            missing = self.size - tally.streak
        else:
            within = tally.n_votes % self.size
            missing = self.size - within
            if tally.streak < within:
                missing += self.size
        return min(missing, len(ahead) + 1)


@dataclass(frozen=True)
class Doubling(StopRule):
    """Looks after 2, 4, 8, ... votes and stops when the leader's share reaches `share`.

    Source:
        The adaptive self-consistency of its_hub 1.2.0, ``adaptive_self_consistency.py``.
    """

    share: float = 0.75
    name: ClassVar[str] = "doubling"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise UsageError(f"share must lie in (0, 1], got {self.share!r}")

    def check(self, tally: Tally) -> Verdict | None:
        """Stop at the share, if it is time to look."""
        n = tally.n_votes
        if n < 2 or n & (n - 1) or tally.c1 / tally.n < self.share - 1e-12:
            return None
        return Verdict(f"doubling: share {tally.c1 / tally.n:.4g} of {n}")

    def check_many(self, tallies: TallyArrays) -> Bools:
        """Return where it is time to look and the share is reached."""
        n = tallies.n_votes
        time: Bools = (n >= 2) & (n & (n - 1) == 0)
        return time & (tallies.c1 / np.maximum(tallies.n, 1e-300) >= self.share - 1e-12)

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the votes to the next look that could succeed; with several members, to the next look."""
        n, look = tally.n_votes, 2
        while look <= n or (
            not tally.stratified and (tally.c1 + look - n) / look < self.share - 1e-12
        ):
            look *= 2
        return min(look - n, len(ahead) + 1)

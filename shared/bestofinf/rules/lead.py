"""Rules that use only the leader's votes or its lead."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bestofinf._arrays import Bools
from bestofinf.errors import whole
from bestofinf.rules.base import MemberOrder, StopRule, Verdict
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays


@dataclass(frozen=True)
class AheadBy(StopRule):
    """Stops when the leader is `votes` ahead of the runner-up.

    It is cheap and promises nothing on close questions: on a 50/50 question it always stops, with
    either answer. It is the rule of MAKER (arXiv 2511.09030). With ``votes=3`` the sequential tests
    of ConSol with their default settings are equivalent to it.
    """

    votes: int = 3
    name: ClassVar[str] = "ahead-by"

    def __post_init__(self) -> None:
        whole("votes", self.votes)

    def check(self, tally: Tally) -> Verdict | None:
        """Stop at a lead of `votes`, with effective counts up to rounding."""
        lead = tally.c1 - tally.c2
        if lead >= self.votes - 1e-9:
            return Verdict(f"ahead-by: lead of {lead:.4g}")
        return None

    def check_many(self, tallies: TallyArrays) -> Bools:
        """Return where the lead is reached."""
        reached: Bools = tallies.c1 - tallies.c2 >= self.votes - 1e-9
        return reached

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the missing lead; one vote adds one."""
        if tally.stratified:
            return super().needed(tally, ahead)
        return min(max(math.ceil(self.votes - (tally.c1 - tally.c2)), 1), len(ahead) + 1)


@dataclass(frozen=True)
class FirstTo(StopRule):
    """Stops when the leader has `votes` votes from any members: the first answer with so many wins.

    With two votes, the preset ``frugal``, it is the cheapest possible vote: if the first two
    replies agree, they decide. Each member is asked twice in turn, the heaviest first
    (``schedule="cascade"``), so the others are asked only if the best member disagrees with itself.
    This is the idea of ModelSwitch (arXiv 2504.00762), except that here a vote of any member
    confirms the leader. It promises nothing on close questions: see docs/rules.md for the loss in
    accuracy against `OptimalStopping`.

    Args:
        votes: Number of votes that the leader needs. Each vote counts as one whatever the weight
            of its member; the weights decide which answer leads.
    """

    votes: int = 2
    name: ClassVar[str] = "first-to"

    def __post_init__(self) -> None:
        whole("votes", self.votes)

    @property
    def member_order(self) -> MemberOrder:
        """``cascade``: the best member twice, then the next twice, and so on."""
        return "cascade"

    def check(self, tally: Tally) -> Verdict | None:
        """Stop when the leader has so many votes."""
        if tally.n_votes < self.votes:
            return None
        votes = tally.history.count(tally.leader)
        return Verdict(f"first-to: {votes} votes") if votes >= self.votes else None

    def check_many(self, tallies: TallyArrays) -> Bools:
        """Return where the leader has so many votes."""
        fires: Bools = tallies.leader_votes() >= self.votes
        return fires

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the number of votes that the answer with most votes still needs."""
        most = max(Counter(tally.history).values(), default=0)
        return min(max(self.votes - most, 1), len(ahead) + 1)

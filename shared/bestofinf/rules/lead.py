"""Rules that look at the leader's votes or its lead alone."""

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

    Cheap and without any promise on close questions: on a 50/50 question it always stops, on
    either side. It is the rule of MAKER (arXiv 2511.09030); with ``votes=3`` it is also what the
    sequential tests of ConSol amount to with their default settings.
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
    """Stops when the leader has `votes` votes, of any members: the first to so many wins.

    With two votes, the preset ``frugal``, it is the cheapest vote there is: where the first two
    replies agree, they decide. Members are asked in pairs, the heaviest first
    (``schedule="cascade"``), so that the others are asked only where the best member does not
    agree with itself; that is the idea of ModelSwitch (arXiv 2504.00762). Unlike there a vote of
    any member confirms the leader. No promise on close questions: see docs/rules.md for what it
    costs in accuracy against `OptimalStopping`.

    Args:
        votes: Votes that the leader needs, counted one each whatever the weight of their member;
            weights decide who leads.
    """

    votes: int = 2
    name: ClassVar[str] = "first-to"

    def __post_init__(self) -> None:
        whole("votes", self.votes)

    @property
    def member_order(self) -> MemberOrder:
        """The best member first, twice, then the next."""
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
        """Return the votes that the answer with most votes lacks; a vote for it adds one."""
        most = max(Counter(tally.history).values(), default=0)
        return min(max(self.votes - most, 1), len(ahead) + 1)

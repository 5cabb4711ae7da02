"""How a vote is run: launching, counting, and when to give up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from bestofinf.errors import UsageError, is_number, one_of, shown, whole
from bestofinf.rules.base import StopRule
from bestofinf.voting.schedule import ScheduleChoice, ScheduleKind

Launch: TypeAlias = Literal["thrifty", "eager"]
"""Names of the two ends of `VoteSettings.waiting`: 0 and infinity."""

WAITING = 0.5
Order: TypeAlias = Literal["draw", "arrival"]


@dataclass(frozen=True, slots=True)
class VoteSettings:
    """How a vote is run, besides its rule, its members and its answer type.

    Attributes:
        waiting: Price of a second of waiting, in seconds of one reply's generation: at 1 a second
            of the caller's time is worth a second of a reply. A draw is started as soon as it is
            needed with a chance of at least ``2 / (2 + waiting)``. 0 starts what is certainly
            needed, so that no call is ever wasted; infinity keeps up to 8 slots busy. The counted
            votes are the same for all (docs/rules.md has time and tokens).
        launch: ``thrifty`` means a `waiting` of 0, ``eager`` of infinity; None uses `waiting`.
        order: ``draw`` counts votes in the order of launch. ``arrival`` counts them as they
            arrive: this is faster, but favours short answers and fast members, and the rule's
            promise does not hold.
        schedule: Which member is asked next; see `Schedule`. ``auto`` takes the order that the
            rule is made for: ``cascade`` for `FirstTo`, ``greedy`` for all others.
        seed: Start of the random schedules; breaks ties that lengths of replies do not.
        abstain_limit: End the vote when this many samples abstained and none has voted; the
            first reply is then returned. None: no limit. ``auto`` depends on the answer type. If
            it accepts replies without an answer, the limit is 3, and 1 if the first reply is free
            text, so the first draw is sent alone; replies that were cut off count only from the
            eighth. If it expects an answer in every reply, the limit is the number of votes that
            the rule needs anyway, at most 8, which then start together. If replies are chosen by
            score, there is no limit.
        breaker: Leave a member out after this many of its draws failed in a row.
        quorum: Minimum number of votes for a decision. The rule does not stop a vote before that;
            a budget may, and then there is no decision.
        warm_up: Wait for this many replies before more draws are launched, so that a provider can
            cache the prompt; 0 for none.
    """

    waiting: float = WAITING
    launch: Launch | None = None
    order: Order = "draw"
    schedule: ScheduleChoice = "auto"
    seed: int = 0
    abstain_limit: int | Literal["auto"] | None = "auto"
    breaker: int = 5
    quorum: int = 1
    warm_up: int = 0

    def __post_init__(self) -> None:
        if not (is_number(self.waiting) and self.waiting >= 0):
            raise UsageError(
                "waiting must be a number of at least 0, the price of a second of waiting over "
                f"that of a second of generation, got {shown(self.waiting)}"
            )
        if self.launch is not None:
            one_of("launch", self.launch, get_args(Launch))
        for name, kind in (("order", Order), ("schedule", ScheduleChoice)):
            one_of(name, getattr(self, name), get_args(kind))
        for name, least in (("breaker", 1), ("quorum", 1), ("warm_up", 0)):
            whole(name, getattr(self, name), least)
        if self.abstain_limit not in (None, "auto"):
            whole("abstain_limit", self.abstain_limit)

    def schedule_for(self, rule: StopRule) -> ScheduleKind:
        """Return the order of members in votes under a rule."""
        return rule.member_order if self.schedule == "auto" else self.schedule

    @property
    def least_chance(self) -> float:
        """Minimum chance of being needed at which a draw is started, from 1 down to 0.

        Let a draw be started r seconds before it is certain to be needed, and be needed with a
        chance P. If it is needed it saves about r / 2 seconds, because half of such draws are the
        last to arrive; if not, r seconds of generation are paid in vain. It pays when
        ``P waiting / 2 >= 1 - P``.
        """
        if self.launch is not None:
            return 1.0 if self.launch == "thrifty" else 0.0
        return 2 / (2 + self.waiting)

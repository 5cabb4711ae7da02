"""The voting engine: what to ask next, when to stop, and which answer wins.

Theory of operation
-------------------
The engine is a state machine without I/O. A driver asks it for draws, carries them out in any way
it likes, and tells it what came back::

    engine = VotingEngine(rule, members=[1.0])
    while not engine.done:
        for draw in engine.ask(free_slots):      # empty: wait for what is in flight
            engine.tell(draw, sample_or_failure)  # in any order
    decision = engine.decision()

Rules for whoever changes this file:

1. Nothing here waits, reads a clock, logs or imports a model library. Time comes in by `advance`.
2. Outcomes are told in any order and *counted in draw order*: an outcome that arrives early is
   held back until all before it are in. Counting in order of arrival would favour short answers
   and fast members, and would break what the rules promise. `order="arrival"` does so by request.
3. The member of a draw depends on its index alone (and on members left out because they fail),
   so the counted votes are the same for every driver and every concurrency.
4. An illegal call raises `ProtocolMisuseError` and changes nothing.
5. Every draw ends as exactly one of: counted vote, abstention, failure, or not used.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from bestofinf.answers.base import Answer
from bestofinf.ballot import ballot_for
from bestofinf.errors import ProtocolMisuseError, SamplingError, UsageError, shown
from bestofinf.hiding import hide_secrets
from bestofinf.records import (
    AnswerValue,
    Decision,
    Draw,
    Failure,
    Member,
    Outcome,
    Sample,
    Trace,
    Usage,
)
from bestofinf.rules.base import AnyOf, StopRule, Verdict
from bestofinf.rules.budgets import BUDGETS
from bestofinf.schedule import Schedule, ScheduleKind
from bestofinf.selectors import BestScore, Candidate, Selection, Selector
from bestofinf.tally import Tally, Usual

Launch: TypeAlias = Literal["thrifty", "eager"]
Order: TypeAlias = Literal["draw", "arrival"]

EAGER_SLOTS = 8  # beyond this, waste grows faster than latency falls (docs/rules.md)


@dataclass(frozen=True, slots=True)
class VoteSettings:
    """How a vote is run, apart from its rule, its members and its answers.

    Attributes:
        launch: ``thrifty`` starts no draw that might turn out not to be needed; ``eager`` keeps
            up to 8 slots busy: on recorded answers about a third of the time for 40 % more tokens
            (docs/rules.md); fewer slots waste less: with 4, half the time for 12 % more.
        order: ``draw`` counts votes in the order of launch. ``arrival`` counts them as they come:
            faster, in favour of short answers and fast members, and without the rule's promise.
        schedule: Which member is asked next; see `Schedule`.
        seed: Start of the random schedules.
        abstain_limit: End the vote when this many samples abstained and none has voted; the
            first reply is then returned. ``auto``: 2, or where the answer type expects an answer
            in every reply as many as the rule needs in any case, up to 8, which can then start
            together; none where replies are chosen by score. None: go on.
        breaker: Leave a member out after this many of its draws failed in a row.
        quorum: Least number of votes for a decision. The rule stops no vote before; a budget
            may, and then there is no decision.
        warm_up: Wait for this many draws before more are launched, so that a provider can cache
            the prompt; 0 for none.
    """

    launch: Launch = "thrifty"
    order: Order = "draw"
    schedule: ScheduleKind = "greedy"
    seed: int = 0
    abstain_limit: int | Literal["auto"] | None = "auto"
    breaker: int = 5
    quorum: int = 1
    warm_up: int = 0

    def __post_init__(self) -> None:
        for name, choices in (("launch", get_args(Launch)), ("order", get_args(Order))):
            if getattr(self, name) not in choices:
                raise UsageError(
                    f"{name} must be one of {', '.join(choices)}, got {shown(getattr(self, name))}"
                )
        if self.schedule not in get_args(ScheduleKind):
            raise UsageError(
                f"schedule must be one of {', '.join(get_args(ScheduleKind))}, "
                f"got {shown(self.schedule)}"
            )
        for name, least in (("abstain_limit", 1), ("breaker", 1), ("quorum", 1), ("warm_up", 0)):
            value = getattr(self, name)
            if name == "abstain_limit" and value in (None, "auto"):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UsageError(
                    f"{name} must be a whole number of at least {least}, got {shown(value)}"
                )


class VotingEngine:
    """One vote on one question.

    Args:
        rule: When to stop.
        members: Members, or their weights alone. Weights are at least 0 and not all 0.
        answer: Says which answers mean the same; None takes equal values as the same.
        selector: Who wins in the end; None for the leader of the tally.
        settings: How the vote is run.
        left_out: Positions of members not to ask in this vote; see `Health`.
        usual: What replies usually are, per member, for rules that look at it; see `Health`.
        changes: Single settings by keyword, as ``seed=1``.

    Raises:
        UsageError: If there is no member, or a setting is out of its range.
    """

    def __init__(
        self,
        rule: StopRule,
        members: Sequence[Member[Any] | float] = (1.0,),
        *,
        answer: Answer | None = None,
        selector: Selector | None = None,
        settings: VoteSettings | None = None,
        left_out: Collection[int] = (),
        usual: Sequence[Usual] | None = None,
        **changes: Any,
    ) -> None:
        if not isinstance(rule, StopRule):
            raise UsageError(f"rule must be a StopRule, got {shown(rule)}")
        if not members:
            raise UsageError("an ensemble needs at least one member, got none")
        settings = settings or VoteSettings()
        self.settings = replace(settings, **changes) if changes else settings
        self.rule = rule
        full = [m if isinstance(m, Member) else Member(None, weight=m) for m in members]
        self.names = [m.name or str(i) for i, m in enumerate(full)]
        weights = [m.weight for m in full]
        self._ballot = ballot_for(
            answer,
            weights,
            stratified=self.settings.schedule != "independent",
            usual=usual if rule.wants_usual else None,
        )
        self._schedule = Schedule(
            self.settings.schedule, weights, costs=[m.cost for m in full], seed=self.settings.seed
        )
        parts = rule.rules if isinstance(rule, AnyOf) else (rule,)
        self._budgets = [part for part in parts if isinstance(part, BUDGETS)]
        self._selector = selector
        self._draws: list[Draw] = []
        self._outcomes: dict[int, Outcome] = {}
        self._counted: dict[int, AnswerValue | None] = {}
        self._next = 0
        self._failed = 0
        self._turns = [0] * len(full)
        self._failures_in_a_row = [0] * len(full)
        self._booked: list[tuple[Draw, Usage]] = []
        self._out: set[int] = set()
        self._verdict: Verdict | None = None
        for member in sorted(left_out):
            self._out.add(member)
            if not self._schedule.exclude(member):
                raise UsageError("all members are left out: nobody could be asked")
        self._abstain_limit = self._limit_of(answer)

    # -- for the driver -----------------------------------------------------------------------

    @property
    def tally(self) -> Tally:
        """What has been counted so far, of whole answers."""
        return self._ballot.tally

    @property
    def done(self) -> bool:
        """Whether the vote has ended; `ask` gives no more draws then."""
        return self._verdict is not None

    @property
    def in_flight(self) -> tuple[Draw, ...]:
        """Draws asked for and not told, in draw order. Once done, they may be given up."""
        return tuple(d for d in self._draws[self._first_open() :] if d.index not in self._outcomes)

    def ask(self, free_slots: int = 1) -> list[Draw]:
        """Return draws to start now, at most `free_slots`; you must tell each one once.

        An empty list means: nothing to start until something in flight has been told, or the
        vote is done.

        Raises:
            ProtocolMisuseError: If `free_slots` is negative.
        """
        if free_slots < 0:
            raise ProtocolMisuseError(f"free_slots must be at least 0, got {free_slots}")
        if self.done or free_slots == 0:
            return []
        draws = []
        for _ in range(self._launchable(free_slots)):
            member = self._schedule.next()
            draw = Draw(len(self._draws), member, self._turns[member])
            self._turns[member] += 1
            self._draws.append(draw)
            draws.append(draw)
        return draws

    def tell(self, draw: Draw, outcome: Outcome) -> None:
        """Take what came back from a draw, and count it when its turn has come.

        After the vote is done an outcome is only booked: it costs but does not count.

        Raises:
            ProtocolMisuseError: If the draw was not asked for, or was told before.
        """
        if not 0 <= draw.index < len(self._draws) or self._draws[draw.index] != draw:
            raise ProtocolMisuseError(f"{draw} was not asked for")
        if draw.index in self._outcomes:
            raise ProtocolMisuseError(f"{draw} has been told before")
        if not isinstance(outcome, Sample | Failure):
            raise ProtocolMisuseError(f"an outcome is a Sample or a Failure, got {shown(outcome)}")
        score = outcome.score if isinstance(outcome, Sample) else None
        if score is not None and not 0 <= score <= 1:
            raise ProtocolMisuseError(f"a score must lie in [0, 1], got {score!r}")
        self._outcomes[draw.index] = outcome
        if self.settings.order == "arrival":
            if not self.done:
                self._count(draw, outcome)
            return
        while not self.done and self._next in self._outcomes:
            index = self._next
            self._next += 1
            self._count(self._draws[index], self._outcomes[index])

    def book(self, draw: Draw, usage: Usage) -> None:
        """Book what a draw has cost beyond what was told: a reply after its time-out, say.

        Raises:
            ProtocolMisuseError: If the draw was not asked for.
        """
        if not 0 <= draw.index < len(self._draws) or self._draws[draw.index] != draw:
            raise ProtocolMisuseError(f"{draw} was not asked for")
        self._booked.append((draw, usage))

    def advance(self, seconds: float) -> None:
        """Tell the time since the first draw; rules on time may then fire."""
        self._ballot.advance(seconds)
        if not self.done and self.tally.n_samples:
            self._verdict = self._checked()

    def stop(self, reason: str) -> None:
        """End the vote from outside, with what has been counted."""
        if not self.done:
            self._verdict = Verdict(reason)

    # -- the vote -----------------------------------------------------------------------------

    def _first_open(self) -> int:
        return self._next if self.settings.order == "draw" else 0

    def _launchable(self, free: int) -> int:
        """Return how many draws to start, of at most `free`."""
        open_draws = [d for d in self._draws[self._first_open() :] if d.index not in self._counted]
        in_flight = sum(d.index not in self._outcomes for d in open_draws)
        if self.settings.warm_up and not self._counted:
            return max(0, min(free, self.settings.warm_up - in_flight))
        if self.settings.launch == "eager":
            # Draws that wait to be counted keep their slots: else many would start behind a slow one.
            return max(0, min(in_flight + free, EAGER_SLOTS) - len(open_draws))
        ahead = [d.member for d in open_draws] + self._schedule.peek(free)
        needed = min(self._ballot.needed(self.rule, ahead), self._needed_to_abstain())
        return max(0, min(free, needed - len(open_draws)))

    def _limit_of(self, answer: Answer | None) -> int | None:
        """Return after how many abstentions the vote ends while none has voted."""
        limit = self.settings.abstain_limit
        if limit != "auto":
            return limit
        if isinstance(self._selector, BestScore):
            return None  # replies without an answer may win
        if answer is None or not answer.expected:
            return 2
        first = self._ballot.needed(self.rule, self._schedule.peek(EAGER_SLOTS))
        return max(2, min(first, EAGER_SLOTS))

    def _needed_to_abstain(self) -> int:
        """Return how many abstentions would end the vote as one that cannot be voted on."""
        limit = self._abstain_limit
        if self.tally.n_votes or limit is None:
            return len(self._draws) + EAGER_SLOTS + 1  # cannot happen
        return limit - self.tally.n_abstained

    def _count(self, draw: Draw, outcome: Outcome) -> None:
        if isinstance(outcome, Failure):
            self._failed += 1
            self._counted[draw.index] = None
            self._ballot.fail()
            self._note_failure(draw.member, outcome)
            return
        self._failures_in_a_row[draw.member] = 0
        self._counted[draw.index] = self._ballot.count(outcome, draw.member)
        tally = self.tally
        limit = self._abstain_limit
        if not tally.n_votes and limit is not None and tally.n_abstained >= limit:
            self._verdict = Verdict(
                f"unvotable: {tally.n_abstained} replies without an answer", confidence=0.0
            )
        else:
            self._verdict = self._checked()

    def _checked(self) -> Verdict | None:
        """Return why to stop, or None. Short of the quorum only a budget may stop a vote."""
        verdict = self._ballot.check(self.rule)
        # Where replies without an answer may win, they make the quorum too.
        any_reply = self._abstain_limit is None
        heard = self.tally.n_samples if any_reply else self.tally.n_votes
        if verdict is None or heard >= self.settings.quorum:
            return verdict
        spent = (budget.check(self.tally) for budget in self._budgets)
        return next((found for found in spent if found is not None), None)

    def _note_failure(self, member: int, failure: Failure) -> None:
        """Leave a member out when asking it again cannot help; end the vote when none is left."""
        self._failures_in_a_row[member] += 1
        hopeless = failure.fatal or self._failures_in_a_row[member] >= self.settings.breaker
        if hopeless and member not in self._out:
            self._out.add(member)
            self._ballot.leave_out(member)
            if not self._schedule.exclude(member):
                self._verdict = Verdict(f"no member left: {self._failed} draws failed")

    # -- the result ---------------------------------------------------------------------------

    @property
    def causes(self) -> tuple[BaseException, ...]:
        """Errors of all failed draws so far, in draw order."""
        return tuple(
            outcome.error
            for _, outcome in sorted(self._outcomes.items())
            if isinstance(outcome, Failure) and not outcome.cancelled
        )

    def decision(self) -> Decision:
        """Return the result. May be called again after late outcomes, for the usage.

        Raises:
            ProtocolMisuseError: If the vote is not done.
            SamplingError: If fewer votes than the quorum were counted; it carries all causes.
        """
        if self._verdict is None:
            raise ProtocolMisuseError("the vote is not done: there is no decision yet")
        verdict, tally = self._verdict, self.tally
        unvotable = not tally.n_votes and tally.n_abstained > 0
        if not unvotable and tally.n_votes < self.settings.quorum:
            raise SamplingError(self._failure_message(verdict), self.causes)
        answer, member, winner, confidence = self._elected(verdict)
        usage = self._usage()
        counts = tally.counts
        ranked = sorted(counts, key=lambda a: (a != answer, -counts[a]))
        total = sum(counts.values())
        plain: dict[AnswerValue, int] = dict.fromkeys(ranked, 0)
        for value in tally.history:
            plain[value] += 1
        return Decision(
            answer=answer,
            winner=winner,
            winner_member=self.names[member],
            confidence=confidence,
            reason=verdict.reason + self._left_out(),
            votes=plain,
            shares={a: counts[a] / total for a in ranked},
            n_samples=tally.n_samples,
            n_failed=self._failed,
            n_abstained=tally.n_abstained,
            n_cancelled=len(self._draws) - tally.n_samples - self._failed,
            usage=sum(usage.values(), Usage()),
            usage_by_member=usage,
            seconds=tally.seconds,
            trail=tuple(
                Trace(d, self._outcomes.get(d.index), d.index in self._counted) for d in self._draws
            ),
        )

    def _elected(self, verdict: Verdict) -> tuple[AnswerValue | None, int, Sample, float]:
        """Return the answer, the member and the sample that win, and the confidence in them."""
        counted = [
            Candidate(self._draws[index], outcome, value)
            for index, value in self._counted.items()
            if isinstance(outcome := self._outcomes[index], Sample)
        ]
        if self._selector is None:
            selection = Selection(self._ballot.elected(verdict), confidence=verdict.confidence)
        else:
            selection = self._selector.select(counted, self.tally)
        answer, chosen, confidence = selection.answer, selection.candidate, selection.confidence
        if confidence is None:
            confidence = self._ballot.confidence(answer)
        if chosen is None and answer is None:
            chosen = counted[0]
        if chosen is not None:
            return answer, chosen.draw.member, chosen.sample, confidence
        votes = [(c.draw.member, c.sample) for c in counted if c.answer is not None]
        sample = self._ballot.represent(answer, votes)
        # A sample composed of several has the member whose reply it was made from.
        member = next((m for m, s in votes if s is sample or s.reply is sample.reply), votes[0][0])
        return answer, member, sample, confidence

    def _usage(self) -> dict[str, Usage]:
        usage = dict.fromkeys(self.names, Usage())
        for index, outcome in self._outcomes.items():
            name = self.names[self._draws[index].member]
            usage[name] = usage[name] + outcome.usage
        for draw, extra in self._booked:
            name = self.names[draw.member]
            usage[name] = usage[name] + extra
        return usage

    def _left_out(self) -> str:
        if not self._out:
            return ""
        return f" (left out: {', '.join(self.names[i] for i in sorted(self._out))})"

    def _failure_message(self, verdict: Verdict) -> str:
        causes = list(dict.fromkeys(hide_secrets(f"{type(c).__name__}: {c}") for c in self.causes))
        message = (
            f"no decision: {self.tally.n_votes} votes, at least {self.settings.quorum} wanted "
            f"({verdict.reason})"
        )
        return f"{message}; causes: {'; '.join(causes[:5])}" if causes else message

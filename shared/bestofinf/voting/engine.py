"""The voting engine: what to ask next, when to stop, and which answer wins.

Theory of operation
-------------------
The engine is a state machine without I/O. A driver asks it for draws, carries them out in any way
it likes, and tells it each outcome::

    engine = VotingEngine(rule, members=[1.0])
    while not engine.done:
        for draw in engine.ask(free_slots):      # empty: wait for what is in flight
            engine.tell(draw, sample_or_failure)  # in any order
    decision = engine.decision()

Rules for maintainers of this file:

1. Nothing here waits, reads a clock, logs or imports a model library. Time comes in by `advance`.
2. Outcomes are told in any order and *counted in draw order*: an outcome that arrives early is
   held back until all before it are in. Counting in order of arrival would favour short answers
   and fast members, and would break what the rules promise; `order="arrival"` asks for that.
3. The member of a draw depends on its index alone (and on members left out because they fail),
   so the counted votes are the same for every driver and every concurrency.
4. An illegal call raises `ProtocolMisuseError` and changes nothing.
5. Every draw ends as exactly one of: counted vote, abstention, failure, or not used.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property, reduce
from operator import add
from typing import Any

from bestofinf.answers.base import Answer
from bestofinf.border import error_text
from bestofinf.errors import ProtocolMisuseError, SamplingError, UsageError, shown
from bestofinf.records import (
    AnswerValue,
    Decision,
    Draw,
    Failure,
    Member,
    Outcome,
    Sample,
    Usage,
    Usual,
)
from bestofinf.rules.base import StopRule, Verdict
from bestofinf.rules.tally import Tally
from bestofinf.voting.abstentions import FEW, Abstentions
from bestofinf.voting.ballot import ballot_for
from bestofinf.voting.confidence import ConfidenceCalibration
from bestofinf.voting.ledger import Ledger
from bestofinf.voting.schedule import Schedule
from bestofinf.voting.selectors import BestScore, Selector, WeightedMajority
from bestofinf.voting.settings import VoteSettings

EAGER_SLOTS = 8  # beyond this, waste grows faster than latency falls (docs/rules.md)


class VotingEngine:
    """One vote on one question.

    Args:
        rule: When to stop.
        members: Members, or their weights alone. Weights are at least 0 and not all 0.
        answer: Says which answers mean the same; None takes equal values as the same.
        selector: Chooses the winner at the end; None for the leader of the tally.
        settings: How the vote is run.
        left_out: Positions of members not to ask in this vote; see `Health`.
        usual: Usual length and cost of replies, per member, for rules that use them; see `Health`.
        calibration: Turns the confidence of a decision into the chance that it is right. It is
            used if the rule ended the vote, no member was left out and whole answers were voted on.
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
        calibration: ConfidenceCalibration | None = None,
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
            seed=self.settings.seed,
        )
        kind, costs = self.settings.schedule_for(rule), [m.cost for m in full]
        self._schedule = Schedule(kind, weights, costs=costs, seed=self.settings.seed)
        self._least_chance = self.settings.least_chance
        self._selector = selector
        self._by_votes = selector is None or isinstance(selector, WeightedMajority)
        self._calibration = calibration
        self._ledger = Ledger(self.names)
        self._draws = self._ledger.draws
        self._next = 0
        self._failed = 0
        self._failures_in_a_row = [0] * len(full)
        self._out: set[int] = set()
        self._verdict: Verdict | None = None
        for member in sorted(left_out):
            self._out.add(member)
            if not self._schedule.exclude(member):
                raise UsageError("left_out has all members: at least one must be left to ask")
        auto = self.settings.abstain_limit == "auto"
        first = auto and answer is not None and answer.gives_up
        self._abstentions = Abstentions(self._limit_of(answer), first=first)

    # -- for the driver -----------------------------------------------------------------------

    @property
    def tally(self) -> Tally:
        """The tally of the whole answers counted so far."""
        return self._ballot.tally

    @property
    def abstain_limit(self) -> int | None:
        """Number of samples without an answer that end the vote while none has one; None: no limit."""
        return self._abstentions.limit

    @property
    def done(self) -> bool:
        """Whether the vote has ended; `ask` gives no more draws then."""
        return self._verdict is not None

    @property
    def in_flight(self) -> tuple[Draw, ...]:
        """Draws asked for and not told yet, in draw order. Once `done`, they may be cancelled."""
        return self._ledger.in_flight(self._first_open())

    def others(self, member: int, leaving: Collection[int] = ()) -> bool:
        """Return whether another member, not one about to leave, could still be asked instead."""
        return self._schedule.others(member, leaving)

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
        wanted = self._launchable(free_slots)
        return [self._ledger.ask(self._schedule.next()) for _ in range(wanted)]

    def tell(self, draw: Draw, outcome: Outcome) -> None:
        """Take the outcome of a draw, and count it once all earlier draws are counted.

        After the vote is done, the cost of an outcome is booked but it is not counted.

        Raises:
            ProtocolMisuseError: If the draw was not asked for, or was told before.
        """
        self._ledger.tell(draw, outcome)
        if self.settings.order == "arrival":
            if not self.done:
                self._count(draw, outcome)
            return
        ledger = self._ledger
        while not self.done and self._next in ledger.outcomes:
            index = self._next
            self._next += 1
            self._count(self._draws[index], ledger.outcomes[index])

    def book(self, draw: Draw, usage: Usage, *, unsent: int = 0) -> None:
        """Book a further cost of a draw that was told, such as of a reply after its time-out.

        Args:
            draw: A draw that was told.
            usage: The further cost.
            unsent: Number of requests that were reported but turned out never to be sent.

        Raises:
            ProtocolMisuseError: If the draw was not asked for.
        """
        self._ledger.book(draw, usage, unsent=unsent)

    def advance(self, seconds: float) -> None:
        """Tell the engine the seconds since the first draw; rules on time may then fire."""
        self._ballot.advance(seconds)
        if not self.done and self.tally.n_samples:
            self._verdict = self._checked()

    def stop(self, reason: str) -> None:
        """End the vote from outside, with the votes counted so far."""
        if not self.done:
            self._verdict = Verdict(reason)

    # -- the vote -----------------------------------------------------------------------------
    def _first_open(self) -> int:
        return self._next if self.settings.order == "draw" else 0

    def _launchable(self, free: int) -> int:
        """Return how many draws to start, of at most `free`."""
        open_draws = self._ledger.uncounted(self._first_open())
        if free == 1 and not open_draws:
            return 1  # a vote that is not done needs another draw
        in_flight = sum(d.index not in self._ledger.outcomes for d in open_draws)
        if self.settings.warm_up and not self._ledger.counted:
            free = max(0, min(free, self.settings.warm_up - in_flight))
        if not self._least_chance:
            # Draws that wait to be counted keep their slots; otherwise many would start behind a slow one.
            return max(0, min(in_flight + free, EAGER_SLOTS) - len(open_draws))
        ahead = [d.member for d in open_draws] + self._schedule.peek(free)
        if self._least_chance == 1:
            wanted = self._ballot.needed(self.rule, ahead)
        else:
            wanted = len(self._ballot.chances(self.rule, ahead, self._least_chance))
        wanted = max(1, wanted)  # a user's rule may return no chances
        if self._short > wanted:
            # The rule may stop on these votes already, but the quorum needs more of them.
            within = self._ballot.needed(self._budget, ahead) if self._budget else self._short
            wanted = max(wanted, min(self._short, within))
        wanted = min(wanted, self._needed_to_abstain())
        return max(0, min(free, wanted - len(open_draws)))

    def _limit_of(self, answer: Answer | None) -> int | None:
        """Return the number of abstentions that end a vote without votes; None for no limit."""
        limit = self.settings.abstain_limit
        if limit != "auto":
            return limit
        if isinstance(self._selector, BestScore):
            return None  # replies without an answer may win
        if answer is None or not answer.expected:
            return FEW
        first = self._ballot.needed(self.rule, self._schedule.peek(EAGER_SLOTS))
        return max(2, min(first, EAGER_SLOTS))

    def _needed_to_abstain(self) -> int:
        """Return how many further abstentions would end the vote without an answer."""
        needed = self._abstentions.needed(self.tally)
        return len(self._draws) + EAGER_SLOTS + 1 if needed is None else needed

    def _count(self, draw: Draw, outcome: Outcome) -> None:
        if isinstance(outcome, Failure):
            self._failed += 1
            self._ledger.counted[draw.index] = None
            self._ballot.fail()
            self._note_failure(draw.member, outcome)
            return
        self._failures_in_a_row[draw.member] = 0
        self._ledger.counted[draw.index] = self._ballot.count(outcome, draw.member)
        self._verdict = self._abstentions.check(outcome, self.tally) or self._checked()

    @cached_property
    def _budget(self) -> StopRule | None:
        # Computed when first needed: few votes need it, and it looks at all parts of the rule.
        return self.rule.budget()

    @property
    def _short(self) -> int:
        """Number of votes missing to the quorum; 0 or less if it is reached."""
        # If replies without an answer may win, they count towards the quorum as well.
        any_reply = self._abstentions.limit is None
        return self.settings.quorum - (self.tally.n_samples if any_reply else self.tally.n_votes)

    def _checked(self) -> Verdict | None:
        """Return why to stop, or None. Short of the quorum only a budget may stop a vote."""
        verdict = self._ballot.check(self.rule)
        if verdict is None or self._short <= 0:
            return verdict
        return self._budget.check(self.tally) if self._budget is not None else None

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
        return self._ledger.causes()

    def decision(self) -> Decision:
        """Return the result. Call it again after late outcomes to have their usage included.

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
        usage = self._ledger.usage()
        counts = tally.counts
        ranked = sorted(counts, key=lambda a: (a != answer, -counts[a]))
        total = sum(counts.values())
        plain: dict[AnswerValue, int] = dict.fromkeys(ranked, 0)
        for value in tally.history:
            plain[value] += 1
        decision = Decision(
            answer=answer,
            winner=winner,
            winner_member=self.names[member],
            confidence=confidence,
            reason=verdict.reason + self._tie(verdict) + self._left_out() + self._gap(),
            votes=plain,
            shares={a: counts[a] / total for a in ranked},
            n_samples=tally.n_samples,
            n_failed=self._failed,
            n_abstained=tally.n_abstained,
            n_cancelled=len(self._draws) - tally.n_samples - self._failed,
            usage=reduce(add, usage.values()),
            usage_by_member=usage,
            seconds=tally.seconds,
            trail=self._ledger.trail(),
        )
        return self._calibrated(decision)

    def _calibrated(self, decision: Decision) -> Decision:
        """Return the decision with its calibrated confidence, if the calibration applies to it."""
        learned = self._calibration is not None and self._by_votes and self._ballot.whole
        if not learned or self._out or self._ballot.check(self.rule) is None:
            return decision
        assert self._calibration is not None
        chance = self._calibration.of(decision)
        return replace(decision, confidence=chance, calibrated=True)

    def _elected(self, verdict: Verdict) -> tuple[AnswerValue | None, int, Sample, float]:
        """Return the answer, the member and the sample that win, and the confidence in them."""
        counted, chosen = self._ledger.candidates(), None
        if self._selector is None:
            elected = self._ballot.elected(verdict, self.rule)
            answer, confidence = elected.answer, elected.confidence
        else:
            selection = self._selector.select(counted, self.tally)
            answer, confidence = selection.answer, selection.confidence
            chosen = selection.candidate
        if confidence is None:
            confidence = self._ballot.confidence(answer)
        if chosen is None and answer is None:
            chosen = counted[0]
        if chosen is not None:
            return answer, chosen.draw.member, chosen.sample, confidence
        votes = [(c.draw.member, c.sample) for c in counted if c.answer is not None]
        sample = self._ballot.represent(answer, votes)
        # A sample composed of several replies has the member of the reply that it was based on.
        member = next((m for m, s in votes if s is sample or s.reply is sample.reply), votes[0][0])
        return answer, member, sample, confidence

    def _tie(self, verdict: Verdict) -> str:
        """Return in words that the winner is tied with other answers; "" if not, or if scores decide."""
        tie = self._ballot.tie() if self._by_votes else ""
        named = verdict.answer is not None or (tie and self.rule.elects(self.tally) is not None)
        return f" ({tie})" if tie and not named else ""

    def _left_out(self) -> str:
        if not self._out:
            return ""
        return f" (left out: {', '.join(self.names[i] for i in sorted(self._out))})"

    def _gap(self) -> str:
        gap = self.rule.gap(self.tally)
        return f" ({gap})" if gap else ""

    def _failure_message(self, verdict: Verdict) -> str:
        causes = list(dict.fromkeys(error_text(cause) for cause in self.causes))
        message = (
            f"no decision: {self.tally.n_votes} votes, at least {self.settings.quorum} wanted "
            f"({verdict.reason})"
        )
        return f"{message}; causes: {'; '.join(causes[:5])}" if causes else message

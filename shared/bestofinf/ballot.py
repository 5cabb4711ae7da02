"""A ballot: what is voted on in one vote, as a whole or part by part.

The engine counts samples into a ballot and asks it what a rule says; only the ballot knows
whether answers are one thing or have parts with a tally each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bestofinf.answers.base import Answer, PartedAnswer
from bestofinf.answers.classes import AnswerClasses
from bestofinf.records import AnswerValue, Sample
from bestofinf.rules.base import StopRule, Verdict
from bestofinf.rules.posterior import p_leader_is_mode
from bestofinf.tally import Tally, Usual


class Ballot:
    """Votes on whole answers.

    Args:
        answer: Says which answers are the same; None takes equal values as the same.
        weights: Weight per member.
        stratified: Whether members are strata of the tally.
        usual: What replies usually are, per member; None when not known.
    """

    def __init__(
        self,
        answer: Answer | None,
        weights: Sequence[float],
        *,
        stratified: bool,
        usual: Sequence[Usual] | None = None,
    ) -> None:
        self.tally = Tally(weights, stratified=stratified, usual=usual)
        self._answer = answer
        self._classes = AnswerClasses(answer) if answer is not None else None

    def count(self, sample: Sample, member: int) -> AnswerValue | None:
        """Count a sample; return the representative of its answer's class, None if it abstains."""
        value = sample.answer
        if value is not None and self._classes is not None:
            value = self._classes.place(value)
        _count(self.tally, value, sample, member)
        return value

    def fail(self) -> None:
        """Count a failed draw."""
        self.tally.fail()

    def leave_out(self, member: int) -> None:
        """Take note that a member is asked no more."""
        self.tally.leave_out(member)

    def advance(self, seconds: float) -> None:
        """Take the time since the first draw; it never runs backwards."""
        self.tally.seconds = max(self.tally.seconds, seconds)

    def check(self, rule: StopRule) -> Verdict | None:
        """Return what the rule says."""
        return rule.check(self.tally)

    def needed(self, rule: StopRule, ahead: Sequence[int]) -> int:
        """Return the fewest further votes with which the rule could stop."""
        return rule.needed(self.tally, ahead)

    def elected(self, verdict: Verdict) -> AnswerValue | None:
        """Return the winning answer; None without votes."""
        return verdict.answer if verdict.answer is not None else self.tally.leader

    def confidence(self, answer: AnswerValue | None) -> float:
        """Return the probability that the answer is the mode, under the rule of Best-of-∞."""
        return _confidence(self.tally, answer)

    def represent(self, answer: AnswerValue, samples: Sequence[tuple[int, Sample]]) -> Sample:
        """Return the sample to hand out for the winning answer.

        Args:
            answer: The winner.
            samples: Member and sample of everything counted that did not abstain, in draw order.

        Returns:
            A sample of the answer's class, of the heaviest member that gave it.
        """
        weights = self.tally.weights
        given = [(m, s) for m, s in samples if self._class_of(s) == answer]
        heaviest = max(weights[member] for member, _ in given)
        candidates = [s for m, s in given if weights[m] == heaviest]
        return self._answer.represent(candidates) if self._answer else candidates[0]

    def _class_of(self, sample: Sample) -> AnswerValue | None:
        if self._classes is None or sample.answer is None:
            return sample.answer
        return self._classes.place(sample.answer)


class PartedBallot(Ballot):
    """Votes part by part, with a tally for each part; see `PartedAnswer`."""

    def __init__(
        self,
        answer: PartedAnswer,
        weights: Sequence[float],
        *,
        stratified: bool,
        usual: Sequence[Usual] | None = None,
    ) -> None:
        super().__init__(answer, weights, stratified=stratified, usual=usual)
        self._parted = answer
        self._ballots = {
            name: Ballot(part, weights, stratified=stratified, usual=usual)
            for name, part in answer.parts.items()
        }

    def count(self, sample: Sample, member: int) -> AnswerValue | None:
        """Count a sample as a whole, for the report, and in each of its parts."""
        parts: Mapping[str, AnswerValue] = {}
        if sample.answer is not None:
            parts = self._parted.split(sample.answer)
        for name, ballot in self._ballots.items():
            value = parts.get(name)
            if value is not None and ballot._classes is not None:
                value = ballot._classes.place(value)
            _count(ballot.tally, value, sample, member)
        return super().count(sample, member)

    def fail(self) -> None:
        """Count a failed draw."""
        super().fail()
        for ballot in self._ballots.values():
            ballot.fail()

    def leave_out(self, member: int) -> None:
        """Take note that a member is asked no more."""
        super().leave_out(member)
        for ballot in self._ballots.values():
            ballot.leave_out(member)

    def advance(self, seconds: float) -> None:
        """Take the time since the first draw; it never runs backwards."""
        super().advance(seconds)
        for ballot in self._ballots.values():
            ballot.advance(seconds)

    def check(self, rule: StopRule) -> Verdict | None:
        """Return the joint verdict, once the rule stops on every part."""
        reasons = {}
        for name, ballot in self._ballots.items():
            verdict = ballot.check(rule)
            if verdict is None:
                return None
            reasons[name] = verdict.reason
        return Verdict("; ".join(f"{name}: {reason}" for name, reason in reasons.items()))

    def needed(self, rule: StopRule, ahead: Sequence[int]) -> int:
        """Return the largest need among the parts on which the rule would go on."""
        return max(
            (b.needed(rule, ahead) for b in self._ballots.values() if b.check(rule) is None),
            default=1,
        )

    def elected(self, verdict: Verdict) -> AnswerValue | None:
        """Return the answer made of the parts' leaders."""
        leaders = self._leaders()
        return self._parted.join(leaders) if leaders else None

    def confidence(self, answer: AnswerValue | None) -> float:
        """Return a lower bound: 1 less the sum of the parts' doubts (Bonferroni)."""
        doubts = (1 - b.confidence(b.tally.leader) for b in self._ballots.values())
        return max(0.0, 1 - sum(doubts))

    def represent(self, answer: AnswerValue, samples: Sequence[tuple[int, Sample]]) -> Sample:
        """Return a sample that says the winning parts, composed where none does."""
        return self._parted.compose(self._leaders(), [sample for _, sample in samples])

    def _leaders(self) -> dict[str, AnswerValue]:
        leaders = {name: ballot.tally.leader for name, ballot in self._ballots.items()}
        return {name: leader for name, leader in leaders.items() if leader is not None}


def ballot_for(
    answer: Answer | None,
    weights: Sequence[float],
    *,
    stratified: bool,
    usual: Sequence[Usual] | None = None,
) -> Ballot:
    """Return the ballot that an answer type calls for."""
    if isinstance(answer, PartedAnswer) and answer.parts:
        return PartedBallot(answer, weights, stratified=stratified, usual=usual)
    return Ballot(answer, weights, stratified=stratified, usual=usual)


def _count(tally: Tally, value: AnswerValue | None, sample: Sample, member: int) -> None:
    tally.spend(tokens=sample.usage.output_tokens or sample.tokens or 0, cost=sample.usage.cost)
    if sample.score is not None:
        tally.score(sample.score)
    if value is None:
        tally.abstain()
    else:
        tally.vote(value, member=member, tokens=sample.tokens)


def _confidence(tally: Tally, answer: AnswerValue | None) -> float:
    counts = tally.counts
    if answer is None or answer not in counts:
        return 0.0
    mine = counts[answer]
    others = [count for value, count in counts.items() if value != answer]
    if others and max(others) > mine:
        return 0.0
    return p_leader_is_mode([mine, *others])

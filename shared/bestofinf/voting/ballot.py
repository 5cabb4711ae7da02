"""A ballot: counts the answers of one vote, as wholes or part by part.

The engine counts samples into a ballot and asks it what a rule says. Only the ballot knows whether
answers are compared as wholes, with one tally, or have parts with a tally for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest

from bestofinf.answers.base import YES, Answer, PartedAnswer
from bestofinf.answers.classes import AnswerClasses
from bestofinf.records import AnswerValue, Sample, Usual
from bestofinf.rules.base import StopRule, Verdict
from bestofinf.rules.posterior import p_leader_is_mode
from bestofinf.rules.tally import Tally

MOST_RAISED = 200
"""Maximum number of parts in one vote; further parts of answers are ignored."""


class Ballot:
    """Votes on whole answers.

    Args:
        answer: Says which answers are the same; None takes equal values as the same.
        weights: Weight per member.
        stratified: Whether members are strata of the tally.
        usual: Usual length and cost of replies, per member; None if not known.
        seed: Decides ties that votes and lengths leave open.

    Attributes:
        whole: Whether answers are voted on as a whole.
    """

    whole = True

    def __init__(
        self,
        answer: Answer | None,
        weights: Sequence[float],
        *,
        stratified: bool,
        usual: Sequence[Usual] | None = None,
        seed: int = 0,
    ) -> None:
        self.tally = Tally(weights, stratified=stratified, usual=usual, seed=seed)
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
        """Record that a member is not asked any more."""
        self.tally.leave_out(member)

    def advance(self, seconds: float) -> None:
        """Set the seconds since the first draw; a time earlier than the last is ignored."""
        self.tally.seconds = max(self.tally.seconds, seconds)

    def check(self, rule: StopRule) -> Verdict | None:
        """Return what the rule says."""
        return rule.check(self.tally)

    def needed(self, rule: StopRule, ahead: Sequence[int]) -> int:
        """Return the fewest further votes with which the rule could stop."""
        return rule.needed(self.tally, ahead)

    def chances(self, rule: StopRule, ahead: Sequence[int], least: float) -> list[float]:
        """Return the chances that the next draws are needed; see `StopRule.chances`."""
        return rule.chances(self.tally, ahead, least)

    def elected(self, verdict: Verdict, rule: StopRule) -> Verdict:
        """Return the verdict with the winning answer; the answer is None if there are no votes."""
        if verdict.answer is not None:
            return verdict
        chosen = rule.elects(self.tally)
        if chosen is not None:
            return replace(chosen, reason=verdict.reason)
        return Verdict(verdict.reason, self._first(), verdict.confidence)

    def _first(self) -> AnswerValue | None:
        """Return the answer with most votes."""
        firm = self._firm()
        return max(firm, key=self._standing) if firm else self.tally.leader

    def _firm(self) -> list[AnswerValue]:
        """Return the tied answers that stay if others yield, as empty results do; [] if none yields."""
        if self._answer is None or not self._answer.executes:
            return []
        level = self.tally.level
        firm = [answer for answer in level if not self._answer.yields(answer)]
        return firm if len(firm) < len(level) else []

    def _standing(self, answer: AnswerValue) -> tuple[bool, int]:
        return answer == self.tally.leader, self.tally.lot(answer)

    def tie(self) -> str:
        """Return how many answers are tied, and what decides, in words; "" if there is no tie."""
        level = len(self.tally.level)
        if level < 2:
            return ""
        if self._firm():
            return f"tie of {level} answers, of which an empty one gives way"
        tied = len(self.tally.tied)
        ways = (["the shorter replies"] if tied < level else []) + (
            ["the seed"] if tied > 1 else []
        )
        return f"tie of {level} answers, decided by {' and '.join(ways)}"

    def confidence(self, answer: AnswerValue | None) -> float:
        """Return the probability that the answer is the mode, under the rule of Best-of-∞."""
        return _confidence(self.tally, answer)

    def represent(self, answer: AnswerValue, samples: Sequence[tuple[int, Sample]]) -> Sample:
        """Return the sample that the caller gets for the winning answer.

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

    whole = False

    def __init__(
        self,
        answer: PartedAnswer,
        weights: Sequence[float],
        *,
        stratified: bool,
        usual: Sequence[Usual] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(answer, weights, stratified=stratified, usual=usual, seed=seed)
        self._parted = answer
        self._made = partial(Ballot, weights=weights, stratified=stratified, usual=usual, seed=seed)
        self._ballots = {name: self._made(part) for name, part in answer.parts.items()}
        self._raised: set[str] = set()
        self._past: list[tuple[Sample, int] | None] = []  # None for a failed draw
        self._out: list[int] = []

    def count(self, sample: Sample, member: int) -> AnswerValue | None:
        """Count a sample as a whole, for the votes of the decision, and in each of its parts."""
        parts: Mapping[str, AnswerValue] = {}
        if sample.answer is not None:
            for name, part in self._parted.raised(sample.answer).items():
                if name not in self._ballots and len(self._raised) < MOST_RAISED:
                    self._raise(name, part)
            on_raised = self._parted.on_raised(sample.answer, self._raised)
            parts = {**self._parted.split(sample.answer), **on_raised}
        self._past.append((sample, member))
        for name, ballot in self._ballots.items():
            value = parts.get(name)
            if value is not None and ballot._classes is not None:
                value = ballot._classes.place(value)
            _count(ballot.tally, value, sample, member)
        return super().count(sample, member)

    def _raise(self, name: str, part: Answer) -> None:
        """Open the vote on a part that this answer is the first to have; earlier samples vote on it too."""
        ballot = self._ballots[name] = self._made(part)
        self._raised.add(name)
        for past in self._past:
            if past is None:
                ballot.fail()
            else:
                answer, vote = past[0].answer, None
                if answer is not None:
                    vote = self._parted.on_raised(answer, (name,)).get(name)
                _count(ballot.tally, vote, *past)
        for member in self._out:
            ballot.leave_out(member)
        ballot.advance(self.tally.seconds)

    def fail(self) -> None:
        """Count a failed draw."""
        super().fail()
        self._past.append(None)
        for ballot in self._ballots.values():
            ballot.fail()

    def leave_out(self, member: int) -> None:
        """Record that a member is not asked any more."""
        super().leave_out(member)
        self._out.append(member)
        for ballot in self._ballots.values():
            ballot.leave_out(member)

    def advance(self, seconds: float) -> None:
        """Set the seconds since the first draw; a time earlier than the last is ignored."""
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
            if name not in self._raised:
                reasons[name] = verdict.reason
        if self._raised:
            reasons["lists"] = f"{len(self._raised)} items, each decided"
        return Verdict("; ".join(f"{name}: {reason}" for name, reason in reasons.items()))

    def needed(self, rule: StopRule, ahead: Sequence[int]) -> int:
        """Return the largest need among the parts on which the rule would go on."""
        return max(
            (b.needed(rule, ahead) for b in self._ballots.values() if b.check(rule) is None),
            default=1,
        )

    def chances(self, rule: StopRule, ahead: Sequence[int], least: float) -> list[float]:
        """Return the largest chances among the parts on which the rule would go on."""
        chances = [
            ballot.chances(rule, ahead, least)
            for ballot in self._ballots.values()
            if ballot.check(rule) is None
        ]
        return list(map(max, zip_longest(*chances, fillvalue=0.0)))

    def elected(self, verdict: Verdict, rule: StopRule) -> Verdict:
        """Return the verdict with the answer made of what each part elects."""
        self._winners = self._elected_parts(rule)
        answer = self._parted.join(self._winners) if self._winners else None
        return replace(verdict, answer=answer)

    def tie(self) -> str:
        """Return the ties of the fixed parts in words; a part of some answers wins with half of the votes."""
        ties = {name: self._ballots[name].tie() for name in self._parted.parts}
        return "; ".join(f"{name}: {tie}" for name, tie in ties.items() if tie)

    def confidence(self, answer: AnswerValue | None) -> float:
        """Return a lower bound: 1 less the sum of the parts' doubts (Bonferroni)."""
        doubts = (1 - b.confidence(b.tally.leader) for b in self._ballots.values())
        return max(0.0, 1 - sum(doubts))

    def represent(self, answer: AnswerValue, samples: Sequence[tuple[int, Sample]]) -> Sample:
        """Return a sample with all winning parts; if no reply has all, one composed of several."""
        return self._parted.compose(self._winners, [sample for _, sample in samples])

    def _elected_parts(self, rule: StopRule) -> dict[str, AnswerValue]:
        winners = {}
        for name, ballot in self._ballots.items():
            chosen = rule.elects(ballot.tally)
            winner = ballot.tally.leader if chosen is None else chosen.answer
            if name in self._raised and YES in ballot.tally.level:
                winner = YES  # half of the votes are enough for a part that answers brought up
            if winner is not None:
                winners[name] = winner
        return winners


def ballot_for(
    answer: Answer | None,
    weights: Sequence[float],
    *,
    stratified: bool,
    usual: Sequence[Usual] | None = None,
    seed: int = 0,
) -> Ballot:
    """Return the ballot that an answer type calls for."""
    if isinstance(answer, PartedAnswer) and answer.parts:
        return PartedBallot(answer, weights, stratified=stratified, usual=usual, seed=seed)
    return Ballot(answer, weights, stratified=stratified, usual=usual, seed=seed)


def _count(tally: Tally, value: AnswerValue | None, sample: Sample, member: int) -> None:
    usage, known = sample.usage, sample.likelihood
    if known is not None:
        tally.told(value, known, member=member)
    tokens = usage.output_tokens or sample.tokens or 0
    tally.spend(tokens=tokens, cost=usage.cost, known=not usage.unmetered)
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

"""What a stopping rule is, and how rules are joined.

A rule looks at a tally and nothing else: no clock, no randomness, no memory. That makes the same
rule usable in a live vote, in a replay of recorded answers, and in a batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from itertools import zip_longest
from typing import ClassVar, Literal, TypeAlias

from bestofinf._arrays import Bools, Ints, np
from bestofinf.errors import UsageError, shown
from bestofinf.records import AnswerValue
from bestofinf.rules.chances import NOBODY, lattice
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays

MemberOrder: TypeAlias = Literal["greedy", "cascade"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's decision to stop.

    Attributes:
        reason: Which rule fired and on what, in a few words.
        answer: The answer to return; None for the tally's leader.
        confidence: Probability in [0, 1] that the answer is right; None for the posterior of the
            leader.
    """

    reason: str
    answer: AnswerValue | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """One possible sequence of the next votes.

    Attributes:
        first: The answer of the first vote.
        then: The answer of all further votes.
        silent: Positions of the members that abstain.
    """

    first: AnswerValue
    then: AnswerValue
    silent: frozenset[int] = frozenset()


class StopRule(ABC):
    """Decides from a tally whether to stop sampling.

    Subclasses are frozen dataclasses with a `name` and one method, `check`. Join rules with ``|``
    (stop when one of them fires) and ``&`` (when all do).
    """

    name: ClassVar[str]
    """Name on the command line and in reasons."""

    @property
    def wants_usual(self) -> bool:
        """Whether the rule uses the usual length and cost of replies; see `Tally.usual`."""
        return False

    @property
    def member_order(self) -> MemberOrder:
        """The order in which members are asked if the setting is ``auto``.

        See `bestofinf.voting.schedule.Schedule`.
        """
        return "greedy"

    @property
    def reads_replies(self) -> bool:
        """Whether the rule uses the probabilities of whole replies, which must then be only answers."""
        return False

    @abstractmethod
    def check(self, tally: Tally) -> Verdict | None:
        """Return why to stop now, or None to go on."""

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the fewest further votes after which the rule could stop.

        The number is a lower bound: whatever the next votes are, the rule does not fire earlier.
        So this many draws can be started at once, and none is wasted.

        Args:
            tally: Votes counted so far, with which the rule does not fire.
            ahead: Members of the next draws, in order; how far to look.

        Returns:
            A number from 1 to ``len(ahead) + 1``; the latter means "not within these draws".

        The default tries the rule's `courses`; for several members it first tries all sequences of
        up to three votes. Override it for rules that votes for the leader do not bring closer to
        firing.
        """
        best, least = len(ahead) + 1, 1
        if tally.stratified:
            soon = fewest_by_search(self, tally, ahead)
            if soon <= SEARCHED:
                return soon
            least = SEARCHED + 1
        for course in self.courses(tally, ahead):
            probe = tally.copy()
            answer = course.first
            for votes, member in enumerate(ahead[: best - 1], 1):
                if member in course.silent:
                    continue
                probe.vote(answer, member=member)
                answer = course.then
                if self.could_fire(probe, tally):
                    best = max(votes, least)
                    break
        return best

    def chances(self, tally: Tally, ahead: Sequence[int], least: float) -> list[float]:
        """Return the chances that the next draws are needed.

        Args:
            tally: Votes counted so far, with which the rule does not fire.
            ahead: Members of the next draws, in order; how far to look.
            least: Chances below this are not returned.

        Returns:
            The k-th number is the chance that the k-th draw of `ahead` is needed. The first is 1,
            they never rise, and the list ends before the first chance below `least`.

        The default uses the votes for the two leading answers (`bestofinf.rules.chances`).
        Override it for rules that use more than votes.
        """
        return lattice(lambda probe: self.check(probe) is not None, tally, tally, ahead, least)

    def courses(self, tally: Tally, ahead: Sequence[int]) -> list[Course]:
        """Return sequences of the next votes, one of which makes the rule fire first.

        With plain counts this is the sequence of votes for the leader. With several members there
        are two exceptions. If a member has always voted for the leader, its next vote helps a close
        rival more than the leader. And the first vote of a heavy member lowers the effective number
        of votes if only light members have voted before, so the rule may fire first if the
        heaviest members that have not voted yet abstain. Not all sequences can be tried: about one
        in a thousand random tallies has a faster one of more than three votes. The price of
        missing it is one wasted draw.
        """
        leader = tally.leader if tally.leader is not None else NOBODY
        if not tally.stratified:
            return [Course(leader, leader)]
        counts = tally.counts
        rivals = sorted(counts, key=counts.__getitem__, reverse=True)[:4]
        close = [a for a in rivals if a in (leader, tally.runner_up) or counts[a] > tally.c1 - 1]
        unheard = {member for member in ahead if not tally.member_votes[member]}
        by_weight = sorted(unheard, key=tally.weights.__getitem__)
        tails = [frozenset(by_weight[size:]) for size in range(len(by_weight), -1, -1)]
        return [Course(a, a, silent) for a in close or [leader] for silent in tails]

    def could_fire(self, probe: Tally, tally: Tally) -> bool:
        """Return whether the rule may fire on a probe, whatever lengths and scores the added votes have.

        Args:
            probe: The tally with further votes, whose lengths and scores are not known.
            tally: The tally without them.
        """
        return self.check(probe) is not None

    def check_many(self, tallies: TallyArrays) -> Bools | None:
        """Return in which rows the rule fires; None if it can only check one tally at a time.

        A rule that implements it must decide as its `check` does. It is called after every sample,
        from the first on.
        """
        return None

    def answers_many(self, tallies: TallyArrays) -> Ints:
        """Return the answer it names per row, where it fires; -1 where its verdict names none."""
        return np.full(len(tallies), -1)

    def elects(self, tally: Tally) -> Verdict | None:
        """Return the answer that the rule elects if another rule ends the vote; None for the leader."""
        return None

    def elects_many(self, tallies: TallyArrays) -> Ints | None:
        """Return the same per row, -1 where it is left to the tally; None leaves all rows to it."""
        return None

    def parts(self) -> Iterator[StopRule]:
        """Yield the single rules that a joined rule consists of, at any depth, in the order of its text.

        A rule that is not joined yields itself.
        """
        yield self

    def budget(self) -> StopRule | None:
        """Return the part of the rule that stops because of spending, whatever the votes are.

        None if there is no such part. A budget joined by ``&`` with a rule on votes is no such
        part, because it cannot stop a vote by itself.
        """
        return None

    def gap(self, tally: Tally) -> str:
        """Return in words which input of the rule was missing in a vote; "" if nothing was missing."""
        return ""

    def __or__(self, other: StopRule) -> StopRule:
        """Join: stop when either fires."""
        return AnyOf((self, other))

    def __and__(self, other: StopRule) -> StopRule:
        """Join: stop when both fire."""
        return AllOf((self, other))

    def __str__(self) -> str:
        """Return the rule as it is written on the command line."""
        settings = ",".join(
            f"{f.name}={getattr(self, f.name)}"
            for f in fields(self)  # type: ignore[arg-type]
            if getattr(self, f.name) != f.default
        )
        return f"{self.name}:{settings}" if settings else self.name


SEARCHED = 3  # number of next votes of which all sequences are tried


def fewest_by_search(rule: StopRule, tally: Tally, ahead: Sequence[int]) -> int:
    """Return the fewest of the next votes, up to `SEARCHED`, after which the rule can fire.

    Tries every sequence of votes for the three leading answers or a new one, and of abstentions.
    If the rule fires after none of them, the result is one more than the number tried.
    """
    layer = [tally]
    for votes, member in enumerate(ahead[:SEARCHED], 1):
        following = []
        for state in layer:
            ranked = sorted(state.counts, key=state.counts.__getitem__, reverse=True)[:3]
            silent = state.copy()
            silent.abstain()
            following.append(silent)
            for answer in (object(), *ranked):
                probe = state.copy()
                probe.vote(answer, member=member)
                following.append(probe)
        if any(rule.could_fire(probe, tally) for probe in following):
            return votes
        layer = following
    return min(SEARCHED, len(ahead)) + 1


@dataclass(frozen=True)
class _Joined(StopRule):
    """Several rules joined to one. A part joined in the same way is flattened: ``|`` holds no ``|``."""

    rules: tuple[StopRule, ...]

    def __post_init__(self) -> None:
        flat: list[StopRule] = []
        for rule in self.rules:
            if not isinstance(rule, StopRule):
                raise UsageError(f"rules are joined with rules, got {shown(rule)}")
            flat.extend(rule.rules if isinstance(rule, type(self)) else (rule,))
        if not flat:
            raise UsageError(f"{type(self).__name__} needs at least one rule, got none")
        object.__setattr__(self, "rules", tuple(flat))

    @property
    def wants_usual(self) -> bool:
        """Whether one of its rules does."""
        return any(rule.wants_usual for rule in self.rules)

    @property
    def member_order(self) -> MemberOrder:
        """The order of the first of its rules that wants another than the usual one."""
        orders = (rule.member_order for rule in self.rules)
        return next((order for order in orders if order != "greedy"), "greedy")

    @property
    def reads_replies(self) -> bool:
        """Whether one of its rules does."""
        return any(rule.reads_replies for rule in self.rules)

    def elects(self, tally: Tally) -> Verdict | None:
        """Return whom the first of its rules elects that elects anybody."""
        found = (rule.elects(tally) for rule in self.rules)
        return next((verdict for verdict in found if verdict is not None), None)

    def elects_many(self, tallies: TallyArrays) -> Ints | None:
        """Return whom the first of its rules elects that elects anybody."""
        known = [own for rule in self.rules if (own := rule.elects_many(tallies)) is not None]
        return (
            reduce(lambda first, then: np.where(first < 0, then, first), known) if known else None
        )

    def parts(self) -> Iterator[StopRule]:
        """Yield the single rules within, at any depth."""
        for rule in self.rules:
            yield from rule.parts()

    def gap(self, tally: Tally) -> str:
        """Return what the rules within could not see."""
        return "; ".join(filter(None, (rule.gap(tally) for rule in self.rules)))


@dataclass(frozen=True)
class AnyOf(_Joined):
    """Stops as soon as one of its rules does; the first in order that fires is named."""

    name: ClassVar[str] = "any"

    def budget(self) -> StopRule | None:
        """Return its rules' budgets, of which any may stop."""
        budgets = tuple(found for rule in self.rules if (found := rule.budget()) is not None)
        return AnyOf(budgets) if budgets else None

    def check(self, tally: Tally) -> Verdict | None:
        """Return the first verdict, or None."""
        for rule in self.rules:
            verdict = rule.check(tally)
            if verdict is not None:
                return verdict
        return None

    def check_many(self, tallies: TallyArrays) -> Bools | None:
        """Return where one of the rules fires."""
        fired = [rule.check_many(tallies) for rule in self.rules]
        known = [rows for rows in fired if rows is not None]
        return np.logical_or.reduce(known) if len(known) == len(fired) else None

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the least of the rules' needs."""
        return min(rule.needed(tally, ahead) for rule in self.rules)

    def chances(self, tally: Tally, ahead: Sequence[int], least: float) -> list[float]:
        """Return the least of the rules' chances, draw by draw."""
        chances = [rule.chances(tally, ahead, least) for rule in self.rules]
        return list(map(min, zip(*chances, strict=False)))

    def __str__(self) -> str:
        """Return the rules joined as on the command line."""
        return "|".join(map(str, self.rules))


@dataclass(frozen=True)
class AllOf(_Joined):
    """Stops when all of its rules would; the reasons are joined.

    The answer and the confidence are those of the last rule that names one.
    """

    name: ClassVar[str] = "all"

    def budget(self) -> StopRule | None:
        """Return its rules' budgets, where every rule has one."""
        budgets = tuple(found for rule in self.rules if (found := rule.budget()) is not None)
        return AllOf(budgets) if len(budgets) == len(self.rules) else None

    def check(self, tally: Tally) -> Verdict | None:
        """Return the joint verdict, or None while one rule wants to go on."""
        verdicts = []
        for rule in self.rules:
            verdict = rule.check(tally)
            if verdict is None:
                return None
            verdicts.append(verdict)
        answers = [v.answer for v in verdicts if v.answer is not None]
        confidences = [v.confidence for v in verdicts if v.confidence is not None]
        return Verdict(
            " and ".join(v.reason for v in verdicts),
            answer=answers[-1] if answers else None,
            confidence=confidences[-1] if confidences else None,
        )

    def check_many(self, tallies: TallyArrays) -> Bools | None:
        """Return where all of the rules fire."""
        fired = [rule.check_many(tallies) for rule in self.rules]
        known = [rows for rows in fired if rows is not None]
        return np.logical_and.reduce(known) if len(known) == len(fired) else None

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the largest need among the rules that would not stop now."""
        waiting = [rule for rule in self.rules if rule.check(tally) is None]
        return max((rule.needed(tally, ahead) for rule in waiting), default=1)

    def chances(self, tally: Tally, ahead: Sequence[int], least: float) -> list[float]:
        """Return the largest of the chances of the rules that would not stop now."""
        waiting = [rule for rule in self.rules if rule.check(tally) is None]
        chances = [rule.chances(tally, ahead, least) for rule in waiting]
        return list(map(max, zip_longest(*chances, fillvalue=0.0)))

    def __str__(self) -> str:
        """Return the rules joined with ``&``, alternatives in parentheses."""
        return "&".join(f"({r})" if isinstance(r, AnyOf) else str(r) for r in self.rules)

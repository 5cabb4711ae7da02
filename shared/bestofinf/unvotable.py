"""Replies that cannot be voted on, such as free text: which of them is given."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from bestofinf.answers import Selection, UniversalSelfConsistency
from bestofinf.answers.judge import Ask
from bestofinf.drivers import avote, vote
from bestofinf.engine import VotingEngine
from bestofinf.errors import SamplingError, UsageError, shown
from bestofinf.hiding import hide_secrets
from bestofinf.policy import FailurePolicy
from bestofinf.records import Decision, Draw, Member, Sample, Usage
from bestofinf.rules.budgets import FixedSamples
from bestofinf.selectors import Selector

Way: TypeAlias = Literal["first", "medoid", "choose", "error"]
WAYS: tuple[Way, ...] = get_args(Way)

SEVERAL = 8
"""Replies to choose among, as in the experiments on Universal Self-Consistency."""


@dataclass(frozen=True)
class Unvotable:
    """What to give where no reply could be voted on.

    Attributes:
        way: The ``first`` reply; the ``medoid``, which is the one nearest to the others in its
            words; the one that a model is asked to ``choose``; or an ``error``.
        chooser: Who chooses: a model, or a selector that knows whom to ask. None leaves it to the
            heaviest member that has replied, the first of equals.
    """

    way: Way = "first"
    chooser: Member[Any] | UniversalSelfConsistency | None = None

    @classmethod
    def of(
        cls, given: Any, model: Callable[[Any], Member[Any]], *, abstain: bool = False
    ) -> Unvotable:
        """Return what settings mean.

        Args:
            given: A way by its name, a `UniversalSelfConsistency`, or a model that chooses.
            model: Reads a model as users give it.
            abstain: The other name of ``error``.

        Raises:
            UsageError: If it is none of these, or contradicts `abstain`.
        """
        found = cls._read(given, model)
        if abstain and found.several:
            raise UsageError(
                f"abstain raises where on_unvotable={found.way!r} gives a reply: take one of them"
            )
        return cls("error") if abstain else found

    @classmethod
    def _read(cls, given: Any, model: Callable[[Any], Member[Any]]) -> Unvotable:
        if isinstance(given, str) and given in WAYS:
            return cls(given)
        if isinstance(given, UniversalSelfConsistency):
            return cls("choose", given)
        wanted = (
            f"on_unvotable must be one of {', '.join(WAYS)}, a model that chooses, or a "
            "UniversalSelfConsistency"
        )
        if given is None or (isinstance(given, str) and ":" not in given):
            raise UsageError(f"{wanted}, got {shown(given)}")
        try:
            return cls("choose", model(given))
        except UsageError as error:
            raise UsageError(f"{wanted}: {error}") from error

    def change(self, given: Mapping[str, Any], model: Callable[[Any], Member[Any]]) -> Unvotable:
        """Return this, changed by what came with a call: ``on_unvotable``, ``abstain`` or both."""
        if "on_unvotable" in given:
            return self.of(given["on_unvotable"], model, abstain=bool(given.get("abstain")))
        if "abstain" not in given or bool(given["abstain"]) == (self.way == "error"):
            return self
        return Unvotable("error" if given["abstain"] else "first")

    def __str__(self) -> str:
        """Return the way, and who chooses where that is given."""
        if self.chooser is None:
            return self.way
        name = self.chooser.name if isinstance(self.chooser, Member) else "UniversalSelfConsistency"
        return f"{self.way}:{name}"

    @property
    def several(self) -> bool:
        """Whether it takes several replies to tell which is given."""
        return self.way in ("medoid", "choose")


def is_unvoted(decision: Decision, selector: Selector | None) -> bool:
    """Return whether a decision gives its first reply for want of any vote.

    A reply that a selector has chosen, by its score say, was not given for that.
    """
    if decision.answer is not None or decision.votes:
        return False
    replies = _counted(decision)
    if not replies or decision.winner is not replies[0][1]:
        return False
    return selector is None or all(sample.score is None for _, sample in replies)


def medoid(texts: Sequence[str]) -> int:
    """Return the place of the text that has most words in common with the others.

    Likeness of two texts is Dice's coefficient of their sets of words; the first of equals.
    """
    words = [frozenset(re.findall(r"\w+", text.lower())) for text in texts]

    def likeness(place: int) -> float:
        return sum(_dice(words[place], other) for i, other in enumerate(words) if i != place)

    return max(range(len(texts)), key=likeness)


def nearest(decision: Decision) -> Decision:
    """Return the decision with the medoid of its replies that have a text as the winner."""
    samples = [sample for _, sample in _counted(decision) if _text(sample).strip()]
    if not samples:
        return decision
    sample = samples[medoid([_text(sample) for sample in samples])]
    note = f"the medoid of {len(samples)}" if len(samples) > 1 else "the only reply with a text"
    return _won_by(decision, sample, note)


@dataclass(frozen=True)
class Settled:
    """What became of a decision without any vote.

    Attributes:
        decision: With the reply to give as its winner; its reason says which it is.
        asked: What a chooser said, with what that has cost. The decision's usage holds it too.
    """

    decision: Decision
    asked: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class Unvoted:
    """A decision without any vote, and how one of its replies is to be given.

    A request to a chooser that fails is treated as one to a member, with retries and time-outs;
    where it brings no choice the first reply stays.

    Attributes:
        decision: See `is_unvoted`.
        unvotable: Which reply is wanted.
        members: The members, in their order.
        question: Gives what was asked, as text.
        policy: What happens when a request fails.
    """

    decision: Decision
    unvotable: Unvotable
    members: Sequence[Member[Any]]
    question: Callable[[], str]
    policy: FailurePolicy

    def settled(self, ask: Callable[[Member[Any], str], Sample]) -> Settled:
        """Return the decision with the reply that is wanted.

        Args:
            ask: Asks a model, where one is to choose.
        """
        if not self._is_choice:
            return Settled(self._without_asking())
        asked: list[Sample] = []

        def said(prompt: str) -> tuple[str, Usage]:
            asked.append(ask(self._member, prompt))
            return _said(asked[-1])

        choice = _Choice(self.decision, self._selector(said), self.question)
        try:
            made = vote(_engine(), choice.once, concurrency=1, policy=self._policy)
        except SamplingError as error:
            return Settled(self._unchosen(error), tuple(asked))
        return Settled(self._chosen(choice, made), tuple(asked))

    async def asettled(self, ask: Callable[[Member[Any], str], Awaitable[Sample]]) -> Settled:
        """Do the same in the running event loop."""
        if not self._is_choice:
            return Settled(self._without_asking())
        asked: list[Sample] = []

        async def said(prompt: str) -> tuple[str, Usage]:
            asked.append(await ask(self._member, prompt))
            return _said(asked[-1])

        choice = _Choice(self.decision, self._selector(said), self.question)
        try:
            made = await avote(_engine(), choice.aonce, concurrency=1, policy=self._policy)
        except SamplingError as error:
            return Settled(self._unchosen(error), tuple(asked))
        return Settled(self._chosen(choice, made), tuple(asked))

    @property
    def _is_choice(self) -> bool:
        """Whether there is anything to ask a model about."""
        texts = [sample for _, sample in _counted(self.decision) if _text(sample).strip()]
        return self.unvotable.way == "choose" and len(texts) > 1

    def _without_asking(self) -> Decision:
        return nearest(self.decision) if self.unvotable.several else self.decision

    @property
    def _member(self) -> Member[Any]:
        """Who chooses: the model given, else the heaviest member that has replied."""
        chooser = self.unvotable.chooser
        if isinstance(chooser, Member):
            return chooser
        replied = sorted({draw.member for draw, _ in _counted(self.decision)})
        return max((self.members[i] for i in replied), key=lambda member: member.weight)

    def _selector(self, said: Ask) -> UniversalSelfConsistency:
        chooser = self.unvotable.chooser
        if isinstance(chooser, UniversalSelfConsistency):
            return chooser
        return UniversalSelfConsistency(said)

    @property
    def _name(self) -> str:
        chooser = self.unvotable.chooser
        return "chooser" if isinstance(chooser, UniversalSelfConsistency) else self._member.name

    @property
    def _policy(self) -> FailurePolicy:
        """The policy with what is left of the time for the whole question."""
        if self.policy.deadline is None:
            return self.policy
        left = max(self.policy.deadline - self.decision.seconds, 1e-3)
        return replace(self.policy, deadline=left, on_deadline="raise")

    def _chosen(self, choice: _Choice, made: Decision) -> Decision:
        """Return the decision with the choice, and with what choosing has taken."""
        decision, selection = self.decision, choice.selection
        if selection is None:
            return decision
        spent = decision.usage_by_member.get(self._name, Usage()) + made.usage
        decision = replace(
            decision,
            seconds=decision.seconds + made.seconds,
            usage=decision.usage + made.usage,
            usage_by_member={**decision.usage_by_member, self._name: spent},
        )
        return _won_by(decision, selection.sample, selection.note)

    def _unchosen(self, error: SamplingError) -> Decision:
        """Return the decision with the first reply, and why it is that."""
        cause = error.causes[0] if error.causes else error
        why = hide_secrets(f"{type(cause).__name__}: {cause}")
        reason = f"{self.decision.reason}; the first: {self._name} made no choice ({why})"
        return replace(self.decision, reason=reason)


class _Choice:
    """A choice among the replies of a decision, made in a vote of a single draw."""

    def __init__(
        self, decision: Decision, selector: UniversalSelfConsistency, question: Callable[[], str]
    ) -> None:
        self._samples = [sample for _, sample in _counted(decision)]
        self._selector = selector
        self._question = question
        self.selection: Selection | None = None

    def once(self, draw: Draw) -> Sample:
        found = self._selector.select_blocking(self._samples, question=self._question())
        return self._noted(found)

    async def aonce(self, draw: Draw) -> Sample:
        found = await self._selector.select(self._samples, question=self._question())
        return self._noted(found)

    def _noted(self, selection: Selection) -> Sample:
        self.selection = selection
        return Sample(None, usage=selection.usage)


def _engine() -> VotingEngine:
    return VotingEngine(FixedSamples(1), abstain_limit=None, breaker=1)


def _said(sample: Sample) -> tuple[str, Usage]:
    return _text(sample), sample.usage


def _won_by(decision: Decision, winner: Sample, note: str) -> Decision:
    draws = {id(sample): draw for draw, sample in _counted(decision)}
    names = list(decision.usage_by_member)  # in the members' order
    return replace(
        decision,
        winner=winner,
        winner_member=names[draws[id(winner)].member],
        reason=f"{decision.reason}; {note}",
    )


def _counted(decision: Decision) -> list[tuple[Draw, Sample]]:
    return [
        (line.draw, line.outcome)
        for line in decision.trail
        if line.counted and isinstance(line.outcome, Sample)
    ]


def _text(sample: Sample) -> str:
    return sample.reply.text if sample.reply is not None else ""


def _dice(first: frozenset[str], second: frozenset[str]) -> float:
    total = len(first) + len(second)
    return 2 * len(first & second) / total if total else 1.0

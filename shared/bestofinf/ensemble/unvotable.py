"""Replies that cannot be voted on, such as free text: which of them to return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from bestofinf.answers import Selection, UniversalSelfConsistency, strip_thoughts
from bestofinf.answers.asking import Ask
from bestofinf.answers.meaning import medoid
from bestofinf.border import error_text
from bestofinf.drivers import avote, vote
from bestofinf.ensemble.client import Flow, Step, arun, run
from bestofinf.ensemble.meaning import MeaningVote, Nearness
from bestofinf.errors import SamplingError, UsageError, shown
from bestofinf.policy import FailurePolicy
from bestofinf.records import Decision, Draw, Member, Sample, Usage
from bestofinf.rules.budgets import FixedSamples
from bestofinf.voting.engine import VotingEngine
from bestofinf.voting.selectors import Selector

Way: TypeAlias = Literal["first", "medoid", "choose", "vote", "error"]
WAYS: tuple[Way, ...] = get_args(Way)

SEVERAL = 8
"""Number of replies to choose among, as in the experiments of Universal Self-Consistency (arXiv
2311.17311)."""


@dataclass(frozen=True)
class Unvotable:
    """Which reply to return if none could be voted on.

    Attributes:
        way: ``first``: the first reply. ``medoid``: the reply nearest to the others in its
            words. ``choose``: the reply that a model chooses. ``vote``: a reply with the meaning
            that wins a vote on meanings, or the first if there is none. ``error``: none.
        chooser: The model that chooses or compares meanings, or a selector that has one. None takes
            the member with the largest weight (for ``choose`` of those that have replied), the
            first of equals.
        nearness: Embeddings, so that the judge is not asked about texts that are far apart; for
            ``vote`` only.
    """

    way: Way = "first"
    chooser: Member[Any] | UniversalSelfConsistency | None = None
    nearness: Nearness | None = None

    @classmethod
    def of(cls, given: Any, model: Callable[[Any], Member[Any]]) -> Unvotable:
        """Return the policy for a value of the setting ``on_unvotable``.

        Args:
            given: The name of a way, a `UniversalSelfConsistency`, a `MeaningVote`, or a model that
                chooses.
            model: Turns a model as users give it into a member.

        Raises:
            UsageError: If it is none of these.
        """
        if isinstance(given, str) and given in WAYS:
            return cls(given)
        if isinstance(given, UniversalSelfConsistency):
            return cls("choose", given)
        if isinstance(given, MeaningVote):
            return cls("vote", None if given.judge is None else model(given.judge), given.nearness)
        wanted = (
            f"on_unvotable must be one of {', '.join(WAYS)}, a model that chooses, a MeaningVote, "
            "or a UniversalSelfConsistency"
        )
        if given is None or (isinstance(given, str) and ":" not in given):
            raise UsageError(f"{wanted}, got {shown(given)}")
        try:
            return cls("choose", model(given))
        except UsageError as error:
            raise UsageError(f"{wanted}: {error}") from error

    def __str__(self) -> str:
        """Return the way, with the name of the chooser if there is one: ``choose:gpt-5``."""
        if self.chooser is None:
            return self.way
        name = self.chooser.name if isinstance(self.chooser, Member) else "UniversalSelfConsistency"
        return f"{self.way}:{name}"

    @property
    def several(self) -> bool:
        """Whether several replies are needed to choose one."""
        return self.way in ("medoid", "choose")


def is_unvoted(decision: Decision, selector: Selector | None) -> bool:
    """Return whether the winner is the first reply, because none could be voted on.

    This is false if a selector chose the reply, for instance by its score.
    """
    if decision.answer is not None or decision.votes:
        return False
    replies = _counted(decision)
    if not replies or decision.winner is not replies[0][1]:
        return False
    return selector is None or all(sample.score is None for _, sample in replies)


def nearest(decision: Decision) -> Decision:
    """Return the decision with the medoid of its replies that have a text as the winner."""
    samples = [sample for _, sample in _counted(decision) if _text(sample).strip()]
    if not samples:
        return decision
    sample = samples[medoid([_text(sample) for sample in samples])]
    note = f"the medoid of {len(samples)}" if len(samples) > 1 else "the only reply with a text"
    return _won_by(decision, sample, note)


@dataclass(frozen=True)
class Resolved:
    """How a decision without any vote was resolved.

    Attributes:
        decision: The decision, with the reply to return as its winner; its reason says which.
        asked: The replies of a chooser, with their cost, which is also in the decision's usage.
    """

    decision: Decision
    asked: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class Unvoted:
    """A decision without any vote, and how to choose one of its replies.

    Requests to a chooser have the retries and time-outs of requests to a member. If they give no
    choice, the first reply remains the winner.

    Attributes:
        decision: The decision; see `is_unvoted`.
        unvotable: The policy that says which reply to choose.
        members: The members, in their order.
        question: Returns the question as text.
        policy: What happens when a request fails.
    """

    decision: Decision
    unvotable: Unvotable
    members: Sequence[Member[Any]]
    question: Callable[[], str]
    policy: FailurePolicy

    def resolve(self, ask: Callable[[Member[Any], str], Flow[Sample]]) -> Flow[Resolved]:
        """Return the decision with the reply that the policy chooses.

        Args:
            ask: Sends a prompt to a model that chooses.
        """
        if not self._is_choice:
            return Resolved(self._without_asking())
        asked: list[Sample] = []
        chosen: list[Selection] = []

        def answer(prompt: str) -> Flow[tuple[str, Usage]]:
            sample = yield from ask(self._member, prompt)
            asked.append(sample)
            return _text(sample), sample.usage

        def choose() -> Flow[Sample]:
            samples = [sample for _, sample in _counted(self.decision)]
            question = self.question()
            selection: Selection = yield Step(
                lambda: self._selector(lambda prompt: run(answer(prompt))).select_blocking(
                    samples, question=question
                ),
                lambda: self._selector(lambda prompt: arun(answer(prompt))).select(
                    samples, question=question
                ),
            )
            chosen.append(selection)
            return Sample(None, usage=selection.usage)

        engine = VotingEngine(FixedSamples(1), abstain_limit=None, breaker=1)  # retries, time-outs
        options: dict[str, Any] = {"concurrency": 1, "policy": self._policy}
        try:
            made = yield Step(
                lambda: vote(engine, lambda draw: run(choose()), **options),
                lambda: avote(engine, lambda draw: arun(choose()), **options),
            )
        except SamplingError as error:
            return Resolved(self._unchosen(error), tuple(asked))
        return Resolved(self._chosen(chosen[-1], made), tuple(asked))

    @property
    def _is_choice(self) -> bool:
        """Whether a model must be asked: it chooses, and there are several texts."""
        texts = [sample for _, sample in _counted(self.decision) if _text(sample).strip()]
        return self.unvotable.way == "choose" and len(texts) > 1

    def _without_asking(self) -> Decision:
        return nearest(self.decision) if self.unvotable.several else self.decision

    @property
    def _member(self) -> Member[Any]:
        """The model that chooses: the given one, else the heaviest member that has replied."""
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
        """The policy, whose deadline is the time that is left for the question."""
        if self.policy.deadline is None:
            return self.policy
        left = max(self.policy.deadline - self.decision.seconds, 1e-3)
        return replace(self.policy, deadline=left, on_deadline="raise")

    def _chosen(self, selection: Selection, made: Decision) -> Decision:
        """Return the decision with the choice, and with the cost of choosing."""
        decision = self.decision
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
        why = error_text(cause)
        reason = f"{self.decision.reason}; the first: {self._name} made no choice ({why})"
        return replace(self.decision, reason=reason)


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
    """Return the text of a reply without its thoughts."""
    return strip_thoughts(sample.reply.text) if sample.reply is not None else ""

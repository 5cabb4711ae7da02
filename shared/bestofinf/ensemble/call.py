"""One call of an ensemble: from the question to the reply that is returned."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bestofinf._concurrency.endings import finished
from bestofinf.answers.base import Answer
from bestofinf.answers.meaning import entropy
from bestofinf.drivers import avote, vote
from bestofinf.drivers.common import Observer
from bestofinf.ensemble.acceptance import Acceptance, escalated_trace
from bestofinf.ensemble.client import Client, Flow, NoObjectError, Step, arun, run
from bestofinf.ensemble.escalation import escalated
from bestofinf.ensemble.meaning import AskMember, by_meaning
from bestofinf.ensemble.plan import VotePlan
from bestofinf.ensemble.sampler import Sampler
from bestofinf.ensemble.state import EnsembleState
from bestofinf.ensemble.trace import Trace, trace
from bestofinf.ensemble.unvotable import Unvoted, is_unvoted
from bestofinf.errors import SamplingError
from bestofinf.records import Decision, Draw, Failure, Outcome, Reply, Sample
from bestofinf.records.display import Brief
from bestofinf.scorers import Scorer
from bestofinf.voting.engine import VotingEngine


@dataclass(frozen=True, repr=False)
class Result(Brief):
    """The result of one call.

    Attributes:
        winner: The sample that is returned; None if there is none.
        samples: All samples that arrived, in draw order, then those of requests outside the vote.
        decision: The decision of the vote; None if the vote failed and another model was asked.
        told: The trace of the call, as plain JSON values.
    """

    winner: Sample | None
    samples: Sequence[Sample]
    decision: Decision | None
    told: Trace

    @property
    def reply(self) -> Reply:
        """The reply that is returned; an empty one if there is none."""
        return (self.winner.reply if self.winner is not None else None) or Reply()


@dataclass
class Call:
    """One call: everything that is known when it begins.

    A driver runs the vote. Then the decision is checked: if it is not accepted, another model is
    asked (escalation), and if it has no vote, one of its replies is chosen as `Unvotable` says.

    Attributes:
        client: The framework's client.
        question: The question for the members, in the framework's form.
        plan: How the ensemble votes.
        acceptance: Conditions of the decision, and the model to ask if they are not met.
        state: What the ensemble keeps between calls.
        scorer: Scores replies; None for no scores.
        per_request: Number of samples that one request asks for, at least 1.
        observers: Called with every outcome as it arrives.
        tools: Argument schema of each tool that the question offers, by name.
        incapable: Positions of members that cannot be asked this question.
        details: Further keys of the trace.
    """

    client: Client
    question: Any
    plan: VotePlan[Any]
    acceptance: Acceptance
    state: EnsembleState
    scorer: Scorer | None = None
    per_request: int = 1
    observers: Sequence[Observer] = ()
    tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    incapable: Collection[int] = frozenset()
    details: Mapping[str, Any] = field(default_factory=dict)

    def run(self) -> Result:
        """Vote with threads."""
        return run(self.flow())

    async def arun(self) -> Result:
        """Vote with tasks."""
        return await arun(self.flow())

    def flow(self) -> Flow[Result]:
        """Vote, then conclude.

        Raises:
            SamplingError: If too few members answered, the deadline passed, or the decision was
                not accepted, and there is no model to escalate to or it fails.
        """
        sampler = self.sampler()
        decision: Decision | None = None
        failure: SamplingError | None = None
        try:
            decision = yield Step(lambda: self._vote(sampler), lambda: self._avote(sampler))
        except SamplingError as error:
            failure = error
        return (yield from self.conclude(sampler, decision, failure))

    def sampler(self) -> Sampler:
        """Return the object that asks the members of this call."""
        return Sampler(
            self.client,
            self.question,
            self.plan.members,
            self.state.limits,
            scorer=self.scorer,
            per_request=self.per_request,
        )

    def conclude(
        self, sampler: Sampler, decision: Decision | None, error: SamplingError | None = None
    ) -> Flow[Result]:
        """Return the result of a vote that has ended.

        Args:
            sampler: The sampler of the vote.
            decision: The decision; None if there is none.
            error: The reason why there is none.

        Raises:
            SamplingError: `error`, or a `NoConsensusError`, if there is no model to escalate to or
                it fails.
        """
        try:
            decision, unvoted = self._accepted(decision, error)
        except SamplingError as cause:
            higher = self.acceptance.higher(cause)
            asked = escalated(lambda: sampler.ask(higher), higher, self.plan.policy, cause)
            sample = yield from asked
            told = escalated_trace(sample, higher.name, decision, cause, self.names)
            return Result(
                sample, [*_samples(decision), sample], decision, Trace(told, **self.details)
            )
        if unvoted is None:
            return self._won(decision, ())
        resolved = yield from unvoted.resolve(sampler.choose)
        return self._won(resolved.decision, resolved.asked)

    @cached_property
    def text(self) -> str:
        """The question as text."""
        return self.client.text(self.question)

    @cached_property
    def answer(self) -> Answer:
        """The plan's answer type, bound to the question and its tools."""
        answer = self.plan.answer
        if self.tools:
            answer = answer.for_tools(self.tools)
        needs_none = type(answer).for_question is Answer.for_question
        return answer if needs_none else answer.for_question(self.text)

    @property
    def votes_on_meaning(self) -> bool:
        """Whether free text votes by its meaning."""
        return self.acceptance.unvotable.way == "vote"

    @cached_property
    def names(self) -> list[str]:
        """Names of the members, in their order."""
        return [member.name for member in self.plan.members]

    def _vote(self, sampler: Sampler) -> Decision:
        engine, options = self._engine(lambda *asked: run(sampler.choose(*asked)))
        return vote(engine, lambda draw: run(sampler.draw(draw)), **options)

    async def _avote(self, sampler: Sampler) -> Decision:
        engine, options = self._engine(lambda *asked: arun(sampler.choose(*asked)))
        try:
            return await avote(engine, lambda draw: arun(sampler.draw(draw)), **options)
        finally:
            if sampler.per_request > 1:
                await finished(sampler.aclose())

    def _engine(self, ask: AskMember) -> tuple[VotingEngine, dict[str, Any]]:
        """Return a new engine, and the further arguments of the driver."""
        plan, health = self.plan, self.state.health
        answer = self.answer
        if self.votes_on_meaning:
            answer = by_meaning(
                answer, self.acceptance.unvotable, plan.members, ask, self.text, plan.policy
            )
        out = health.left_out().union(self.incapable)
        engine = plan.engine(
            answer=answer,
            left_out=out if len(out) < len(plan.members) else self.incapable,
            usual=health.usual(),
        )
        return engine, {
            "concurrency": plan.slots,
            "answer": answer,
            "policy": plan.policy,
            "observer": self._observe,
        }

    def _observe(self, engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
        if not (isinstance(outcome, Failure) and isinstance(outcome.error, NoObjectError)):
            self.state.health.record(draw, outcome, engine)
        for observer in self.observers:
            observer(engine, draw, outcome)

    def _accepted(
        self, decision: Decision | None, error: SamplingError | None
    ) -> tuple[Decision, Unvoted | None]:
        """Return an accepted decision, and the object that resolves it if it has no vote."""
        if decision is None:
            raise error or SamplingError("there is no decision")
        unvoted = is_unvoted(decision, self.plan.selector)
        self.acceptance.check(decision, unvoted=unvoted)
        if not unvoted:
            return decision, None
        plan, wanted = self.plan, self.acceptance.unvotable
        return decision, Unvoted(decision, wanted, plan.members, lambda: self.text, plan.policy)

    def _won(self, decision: Decision, asked: Sequence[Sample]) -> Result:
        samples = [*_samples(decision), *asked]
        told = trace(decision, self.names)
        told.update(self.details)
        if self.votes_on_meaning:
            told["entropy"] = entropy(decision.shares)
        return Result(decision.winner, samples, decision, told)


def _samples(decision: Decision | None) -> list[Sample]:
    """Return all samples of a decision's trail, counted or not, in draw order."""
    trail = decision.trail if decision is not None else ()
    return [line.outcome for line in trail if isinstance(line.outcome, Sample)]

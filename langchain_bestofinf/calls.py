"""One call of an ensemble: from the question to the reply that won."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import AIMessage

from bestofinf.consensus import Consensus, escalated_trace
from bestofinf.drivers import avote, vote
from bestofinf.drivers.common import Observer
from bestofinf.engine import VotingEngine
from bestofinf.errors import SamplingError
from bestofinf.health import Health
from bestofinf.plan import VotePlan
from bestofinf.records import Decision, Draw, Outcome, Reply, Sample
from bestofinf.scorers import Scorer
from bestofinf.slots import Slots
from bestofinf.trace import trace
from bestofinf.unvotable import Unvoted, is_unvoted
from langchain_bestofinf.cache import SampleCacheMode
from langchain_bestofinf.callbacks import SampleRuns
from langchain_bestofinf.cancelling import finished
from langchain_bestofinf.members import Asked
from langchain_bestofinf.messages import (
    TRACE_KEY,
    Structured,
    finished_samples,
    message_in,
    messages_in,
    own_id,
    read_output,
    summed_usage,
)
from langchain_bestofinf.sampling import Higher, Question, Sampler
from langchain_bestofinf.streaming import Progress

PARSED_KEY = "bestofinf_parsed"
"""Where the winner's structured output stands in a message's `additional_kwargs`, on its way."""


@dataclass(frozen=True)
class Result:
    """What came of one call.

    Attributes:
        winner: The sample that is handed out.
        samples: All samples that came in, whoever gave them.
        told: The decision as plain JSON values.
    """

    winner: Sample | None
    samples: Sequence[Sample]
    told: dict[str, Any]


@dataclass
class EnsembleCall:
    """One call: everything that is known when it begins."""

    plan: VotePlan[Any]
    asked: Sequence[Asked]
    question: Question
    manager: BaseRunManager | None
    consensus: Consensus[Higher]
    health: Health
    slots: Slots
    scorer: Scorer | None = None
    per_request: int = 1
    read: Callable[[Any], Reply] = read_output
    cache: SampleCacheMode = "indexed"

    def run(self, runs: SampleRuns) -> Result:
        """Vote with threads."""
        sampler = self.sampler(runs)
        progress = Progress(self.manager, self._names)
        try:
            decision = vote(
                self.plan.engine(left_out=self.health.left_out(), usual=self.health.usual()),
                sampler.sample,
                concurrency=self.plan.concurrency,
                answer=self.plan.answer,
                policy=self.plan.policy,
                observer=self._observer(progress.send if progress.wanted else None),
            )
        except SamplingError as error:
            return self.concluded(sampler, None, error)
        return self.concluded(sampler, decision)

    async def arun(self, runs: SampleRuns) -> Result:
        """Vote with tasks."""
        sampler = self.sampler(runs)
        progress = Progress(self.manager, self._names)
        decision: Decision | None = None
        failure: SamplingError | None = None
        try:
            decision = await avote(
                self.plan.engine(left_out=self.health.left_out(), usual=self.health.usual()),
                sampler.asample,
                concurrency=self.plan.concurrency,
                answer=self.plan.answer,
                policy=self.plan.policy,
                observer=self._observer(progress.asend if progress.wanted else None),
            )
        except SamplingError as error:
            failure = error
        finally:
            await finished(_closed(sampler, progress))
        return await self.aconcluded(sampler, decision, failure)

    def concluded(
        self, sampler: Sampler, decision: Decision | None, error: SamplingError | None = None
    ) -> Result:
        """Return the winner of a vote that has ended, or what the model above the ensemble says.

        Raises:
            SamplingError: The error given, or a lack of consensus, where there is no such model.
        """
        try:
            decision, unvoted = self._standing(decision, error)
        except SamplingError as cause:
            higher = self.consensus.higher(cause)
            sample = copy_context().run(sampler.escalate, higher)
            return escalated(sample, higher.name, decision, cause, self._names)
        if unvoted is None:
            return won(decision, self._names)
        given = unvoted.settled(sampler.choose)
        return won(given.decision, self._names, given.asked)

    async def aconcluded(
        self, sampler: Sampler, decision: Decision | None, error: SamplingError | None = None
    ) -> Result:
        """Do the same in the running event loop."""
        try:
            decision, unvoted = self._standing(decision, error)
        except SamplingError as cause:
            higher = self.consensus.higher(cause)
            sample = await asyncio.ensure_future(sampler.aescalate(higher))
            return escalated(sample, higher.name, decision, cause, self._names)
        if unvoted is None:
            return won(decision, self._names)
        given = await unvoted.asettled(sampler.achoose)
        return won(given.decision, self._names, given.asked)

    def _standing(
        self, decision: Decision | None, error: SamplingError | None
    ) -> tuple[Decision, Unvoted | None]:
        """Return a decision that stands, and what is to become of it if it has no vote at all."""
        if decision is None:
            raise error or SamplingError("there is no decision")
        unvoted = is_unvoted(decision, self.plan.selector)
        self.consensus.check(decision, unvoted=unvoted)
        if not unvoted:
            return decision, None
        plan, wanted = self.plan, self.consensus.unvotable
        return decision, Unvoted(decision, wanted, plan.members, self.question.prompt, plan.policy)

    @property
    def _names(self) -> list[str]:
        return [member.name for member in self.plan.members]

    def sampler(self, runs: SampleRuns) -> Sampler:
        """Return who asks the members, with samples as runs beneath these."""
        return Sampler(
            self.plan.members,
            self.asked,
            self.question,
            runs,
            slots=self.slots,
            scorer=self.scorer,
            per_request=self.per_request,
            read=self.read,
            cache=self.cache,
        )

    def _observer(self, send: Observer | None) -> Observer:
        def observe(engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
            self.health.record(draw, outcome)
            if send is not None:
                send(engine, draw, outcome)

        return observe


async def _closed(sampler: Sampler, progress: Progress) -> None:
    await sampler.aclose()
    await progress.drain()


def won(decision: Decision, names: Sequence[str], asked: Sequence[Sample] = ()) -> Result:
    """Return the winner of a vote.

    Args:
        decision: What was decided.
        names: Names of the members.
        asked: What a chooser said beside the members.
    """
    samples = [*finished_samples(decision), *asked]
    return Result(decision.winner, samples, trace(decision, names))


def escalated(
    sample: Sample,
    name: str,
    decision: Decision | None,
    error: SamplingError,
    names: Sequence[str],
) -> Result:
    """Return what was said by the model that was asked where the vote found no consensus."""
    samples = finished_samples(decision) if decision is not None else []
    told = escalated_trace(sample, name, decision, error, names)
    return Result(sample, [*samples, sample], told)


def winning_message(result: Result) -> AIMessage:
    """Return the winner's message with the decision and the usage of all samples."""
    reply = (result.winner.reply if result.winner is not None else None) or Reply()
    # An answer composed of several replies' fields has no message of its own.
    message = message_in(reply) or AIMessage(reply.text)
    kwargs = message.additional_kwargs
    if isinstance(reply.native, Structured):
        kwargs = {**kwargs, PARSED_KEY: reply.native}
    elif reply.parsed is not None:
        kwargs = {**kwargs, PARSED_KEY: Structured(message, reply.parsed)}
    return message.model_copy(
        update={
            "id": own_id(message),
            "additional_kwargs": kwargs,
            "usage_metadata": summed_usage(messages_in(result.samples)),
            "response_metadata": {**message.response_metadata, TRACE_KEY: result.told},
        }
    )

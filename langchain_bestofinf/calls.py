"""One call of an ensemble: from the question to the reply that won."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import AIMessage

from bestofinf.drivers import avote, vote
from bestofinf.drivers.common import Observer
from bestofinf.engine import VotingEngine
from bestofinf.errors import NoConsensusError, SamplingError, UsageError
from bestofinf.health import Health
from bestofinf.plan import VotePlan
from bestofinf.records import Decision, Draw, Outcome, Reply, Sample, Usage
from bestofinf.scorers import Scorer
from bestofinf.trace import trace
from langchain_bestofinf.callbacks import SampleRuns
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
from langchain_bestofinf.slots import Slots
from langchain_bestofinf.streaming import Progress

PARSED_KEY = "bestofinf_parsed"
"""Where the winner's structured output stands in a message's `additional_kwargs`, on its way."""


@dataclass(frozen=True)
class Consensus:
    """What a decision must have to stand.

    Attributes:
        demanded: Whether a decision may be refused at all.
        min_confidence: Least confidence.
        escalate_to: Asked instead where there is no consensus; None raises.
    """

    demanded: bool = False
    min_confidence: float = 0.0
    escalate_to: Higher | None = None

    @classmethod
    def of(cls, abstain: Any, min_confidence: Any, escalate_to: Higher | None) -> Consensus:
        """Return what settings demand.

        Raises:
            UsageError: If the confidence is no number in [0, 1].
        """
        least = min_confidence
        if isinstance(least, bool) or not isinstance(least, int | float) or not 0 <= least <= 1:
            raise UsageError(f"min_confidence must lie in [0, 1], got {least!r}")
        demanded = bool(abstain) or least > 0 or escalate_to is not None
        return cls(demanded, float(least), escalate_to)

    def check(self, decision: Decision) -> None:
        """Refuse a decision that does not stand.

        Raises:
            NoConsensusError: If nothing could be voted on, or the confidence is too low.
        """
        if not self.demanded:
            return
        if decision.answer is None:
            raise NoConsensusError(f"no consensus: no reply could be voted on ({decision.reason})")
        if decision.confidence < self.min_confidence:
            raise NoConsensusError(
                f"no consensus: confidence {decision.confidence:.3f} in "
                f"{str(decision.answer)[:80]!r}, at least {self.min_confidence:g} wanted "
                f"({decision.reason})"
            )


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
    consensus: Consensus
    health: Health
    slots: Slots
    scorer: Scorer | None = None
    per_request: int = 1
    read: Callable[[Any], Reply] = read_output

    def run(self, runs: SampleRuns) -> Result:
        """Vote with threads."""
        sampler = self._sampler(runs)
        progress = Progress(self.manager, self._names)
        decision: Decision | None = None
        try:
            decision = vote(
                self.plan.engine(left_out=self.health.left_out()),
                sampler.sample,
                concurrency=self.plan.concurrency,
                answer=self.plan.answer,
                policy=self.plan.policy,
                observer=self._observer(progress.send if progress.wanted else None),
            )
            self.consensus.check(decision)
        except SamplingError as error:
            higher = self._higher(error)
            sample = copy_context().run(sampler.escalate, higher)
            return escalated(sample, higher.name, decision, error, self._names)
        return won(decision, self._names)

    async def arun(self, runs: SampleRuns) -> Result:
        """Vote with tasks."""
        sampler = self._sampler(runs)
        progress = Progress(self.manager, self._names)
        decision: Decision | None = None
        try:
            try:
                decision = await avote(
                    self.plan.engine(left_out=self.health.left_out()),
                    sampler.asample,
                    concurrency=self.plan.concurrency,
                    answer=self.plan.answer,
                    policy=self.plan.policy,
                    observer=self._observer(progress.asend if progress.wanted else None),
                )
            finally:
                await sampler.aclose()
                await progress.drain()
            self.consensus.check(decision)
        except SamplingError as error:
            higher = self._higher(error)
            sample = await asyncio.ensure_future(sampler.aescalate(higher))
            return escalated(sample, higher.name, decision, error, self._names)
        return won(decision, self._names)

    @property
    def _names(self) -> list[str]:
        return [member.name for member in self.plan.members]

    def _sampler(self, runs: SampleRuns) -> Sampler:
        return Sampler(
            self.plan.members,
            self.asked,
            self.question,
            runs,
            slots=self.slots,
            scorer=self.scorer,
            per_request=self.per_request,
            read=self.read,
        )

    def _observer(self, send: Observer | None) -> Observer:
        def observe(engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
            self.health.record(draw, outcome)
            if send is not None:
                send(engine, draw, outcome)

        return observe

    def _higher(self, error: SamplingError) -> Higher:
        """Return whom to escalate to, or raise the error."""
        if self.consensus.escalate_to is not None:
            return self.consensus.escalate_to
        if error.causes:
            raise error from error.causes[0]
        raise error


def won(decision: Decision, names: Sequence[str]) -> Result:
    """Return the winner of a vote."""
    return Result(decision.winner, finished_samples(decision), trace(decision, names))


def escalated(
    sample: Sample,
    name: str,
    decision: Decision | None,
    error: SamplingError,
    names: Sequence[str],
) -> Result:
    """Return what was said by the model that was asked where the vote found no consensus."""
    samples = finished_samples(decision) if decision is not None else []
    told = trace(decision or _nothing(str(error)), names)
    told |= {"winner_member": name, "reason": f"escalated: {error}", "escalated": True}
    usage = sample.usage
    told["usage_by_member"][name] = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost": usage.cost,
        "calls": usage.calls,
    }
    return Result(sample, [*samples, sample], told)


def _nothing(reason: str) -> Decision:
    return Decision(
        answer=None,
        winner=None,
        winner_member=None,
        confidence=0.0,
        reason=reason,
        votes={},
        shares={},
        n_samples=0,
        n_failed=0,
        n_abstained=0,
        n_cancelled=0,
        usage=Usage(),
        usage_by_member={},
        seconds=0.0,
        trail=(),
    )


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

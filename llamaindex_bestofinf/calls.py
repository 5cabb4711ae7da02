"""One call of an ensemble: from the question to the reply that won."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms.llm import LLM

from bestofinf.consensus import Consensus, escalated_trace
from bestofinf.drivers import avote, vote
from bestofinf.drivers.common import Observer
from bestofinf.engine import VotingEngine
from bestofinf.errors import SamplingError
from bestofinf.hiding import hide_secrets
from bestofinf.plan import VotePlan
from bestofinf.records import Decision, Draw, Failure, Outcome, Reply, Sample
from bestofinf.scorers import Scorer
from bestofinf.trace import trace
from bestofinf.unvotable import Unvoted, is_unvoted
from llamaindex_bestofinf.reporting import CallReport
from llamaindex_bestofinf.sampling import Question, Sampler
from llamaindex_bestofinf.settings import Standing


class NoObjectError(SamplingError):
    """A member's reply holds no object of the class asked for. Says nothing about its health."""


@dataclass(frozen=True)
class Result:
    """What came of one call.

    Attributes:
        reply: What is handed out.
        told: The decision as plain JSON values.
    """

    reply: Reply
    told: dict[str, Any]


@dataclass
class EnsembleCall:
    """One call: everything that is known when it begins.

    Attributes:
        kind: The method called.
        plan: How the ensemble votes.
        question: What the members are asked.
        consensus: What the decision must have.
        standing: What the ensemble keeps between calls.
        manager: Its callback manager.
        scorer: Scores replies.
        incapable: Positions of members that cannot be asked this.
        tools: The tools offered, as they are reported.
    """

    kind: str
    plan: VotePlan[LLM]
    question: Question
    consensus: Consensus[tuple[str, LLM]]
    standing: Standing
    manager: CallbackManager
    scorer: Scorer | None = None
    incapable: frozenset[int] = frozenset()
    tools: Sequence[Any] = ()
    call_id: str = field(default_factory=lambda: uuid4().hex)

    def run(self, watch: Observer | None = None) -> Result:
        """Vote with threads."""
        report = self._report()
        decision: Decision | None = None
        with self._traced(), _told_of(report):
            sampler = self._sampler()
            try:
                decision = vote(
                    self._engine(),
                    sampler.sample,
                    concurrency=self.plan.concurrency,
                    answer=self.plan.answer,
                    policy=self.plan.policy,
                    observer=self._observer(report, watch),
                )
                unvoted = self._unvoted(decision)
            except SamplingError as error:
                name, model = self.consensus.higher(error)
                sample = copy_context().run(sampler.escalate, name, model)
                result = self._escalated(sample, name, decision, error)
            else:
                if unvoted is not None:
                    decision = unvoted.settled(sampler.choose).decision
                result = self._won(decision)
        report.end(decision, result.told)
        return result

    async def arun(self, watch: Observer | None = None) -> Result:
        """Vote with tasks."""
        report = self._report()
        decision: Decision | None = None
        with self._traced(), _told_of(report):
            sampler = self._sampler()
            try:
                decision = await avote(
                    self._engine(),
                    sampler.asample,
                    concurrency=self.plan.concurrency,
                    answer=self.plan.answer,
                    policy=self.plan.policy,
                    observer=self._observer(report, watch),
                )
                unvoted = self._unvoted(decision)
            except SamplingError as error:
                name, model = self.consensus.higher(error)
                # A task, for its own context: the tags of a sample are not taken back.
                sample = await asyncio.ensure_future(sampler.aescalate(name, model))
                result = self._escalated(sample, name, decision, error)
            else:
                if unvoted is not None:
                    decision = (await unvoted.asettled(sampler.achoose)).decision
                result = self._won(decision)
        report.end(decision, result.told)
        return result

    @property
    def _names(self) -> list[str]:
        return [member.name for member in self.plan.members]

    def _report(self) -> CallReport:
        report = CallReport(self.call_id, self.kind, self.plan)
        if report.heard:
            report.start(self.question.shown(), self.tools)
        return report

    def _engine(self) -> VotingEngine:
        out = self.standing.health.left_out() | self.incapable
        return self.plan.engine(
            left_out=out if len(out) < len(self._names) else self.incapable,
            usual=self.standing.health.usual(),
        )

    def _sampler(self) -> Sampler:
        return Sampler(
            self.plan.members,
            self.question,
            self.call_id,
            clients=self.standing.clients,
            slots=self.standing.slots,
            manager=self.manager,
            scorer=self.scorer,
        )

    @contextmanager
    def _traced(self) -> Iterator[None]:
        """Hold the older callbacks' trace open, so that samples do not begin one each."""
        if not self.manager.handlers:
            yield
            return
        with self.manager.as_trace(self.kind):
            yield

    def _observer(self, report: CallReport, watch: Observer | None) -> Observer:
        health = self.standing.health

        def observe(engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
            if not (isinstance(outcome, Failure) and isinstance(outcome.error, NoObjectError)):
                health.record(draw, outcome)
            if report.heard:
                report.observe(engine, draw, outcome)
            if watch is not None:
                watch(engine, draw, outcome)

        return observe

    def _unvoted(self, decision: Decision) -> Unvoted | None:
        """Refuse a decision that does not stand; return what becomes of one without any vote."""
        unvoted = is_unvoted(decision, self.plan.selector)
        self.consensus.check(decision, unvoted=unvoted)
        if not unvoted:
            return None
        plan, wanted = self.plan, self.consensus.unvotable
        return Unvoted(decision, wanted, plan.members, self.question.text, plan.policy)

    def _won(self, decision: Decision) -> Result:
        return self._result(decision.winner, trace(decision, self._names))

    def _escalated(
        self, sample: Sample, name: str, decision: Decision | None, error: SamplingError
    ) -> Result:
        return self._result(sample, escalated_trace(sample, name, decision, error, self._names))

    def _result(self, winner: Sample | None, told: dict[str, Any]) -> Result:
        told |= {"call_id": self.call_id, "kind": self.kind, "rule": str(self.plan.rule)}
        return Result((winner.reply if winner is not None else None) or Reply(), told)


@contextmanager
def _told_of(report: CallReport) -> Iterator[None]:
    """Report a call that ends by an exception."""
    try:
        yield
    except BaseException as error:
        told = {"answer": None, "reason": hide_secrets(f"failed: {type(error).__name__}: {error}")}
        report.end(None, {**told, "samples": []})
        raise

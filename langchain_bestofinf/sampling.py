"""One vote's samples: members are asked, and what they say becomes samples."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, get_buffer_string
from langchain_core.runnables import RunnableConfig
from langsmith.run_helpers import tracing_context

from bestofinf.alike import Alike
from bestofinf.records import Draw, Member, Reply, Sample, Usage
from bestofinf.scorers import Score, Scorer
from bestofinf.slots import Slots
from langchain_bestofinf.cache import (
    SampleCacheMode,
    guarded,
    needs_guard,
    sampling_hits,
    sampling_turns,
)
from langchain_bestofinf.callbacks import HIDDEN_TAGS, SampleRuns
from langchain_bestofinf.members import Asked
from langchain_bestofinf.messages import message_in, read_output, usage_of
from langchain_bestofinf.several import AsyncShared, Shared, agenerated, generated

ESCALATION_TAG = "bestofinf:escalation"
CHOICE_TAG = "bestofinf:choice"


@dataclass(frozen=True)
class Question:
    """What every member is asked.

    Attributes:
        input: Messages, or whatever a wrapped chain takes.
        kwargs: Arguments for every call.
        prompt: The question as text, for a scorer.
    """

    input: Any
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    prompt: Callable[[], str] = lambda: ""


def chat_question(
    messages: list[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
) -> Question:
    """Return the question for chat models."""
    given = {"stop": stop, **kwargs} if stop is not None else dict(kwargs)
    return Question(messages, given, lambda: get_buffer_string(messages))


@dataclass(frozen=True)
class Higher:
    """Whom to ask where the vote finds no consensus.

    Attributes:
        name: Name in the trace.
        asked: How it is asked.
    """

    name: str
    asked: Asked


class Sampler:
    """Asks the members of one vote.

    Args:
        members: The members, in the engine's order.
        asked: How each is asked.
        question: What they are asked.
        runs: Where their runs belong.
        slots: Limits on requests in flight.
        scorer: Scores replies; None for no scores.
        per_request: Samples that one request asks for.
        read: From what a member gives to a reply.
        cache: What becomes of a cache of models that are asked beside the members.
    """

    def __init__(
        self,
        members: Sequence[Member[Any]],
        asked: Sequence[Asked],
        question: Question,
        runs: SampleRuns,
        *,
        slots: Slots,
        scorer: Scorer | None = None,
        per_request: int = 1,
        read: Callable[[Any], Reply] = read_output,
        cache: SampleCacheMode = "indexed",
    ) -> None:
        self._members = members
        self._asked = asked
        self._question = question
        self._runs = runs
        self._slots = slots
        self._scorer = scorer
        self._per_request = per_request
        self._read = read
        self._cache = cache
        self._turns = sampling_turns.get()
        self._alike = Alike([member.name for member in members])
        self._shared = Shared(per_request)
        self._ashared = AsyncShared(per_request)

    async def asample(self, draw: Draw) -> Sample:
        """Ask the draw's member once, in the current task."""
        member, asked = self._members[draw.member], self._asked[draw.member]
        if self._per_request > 1:
            sample = await self._ashared.take(
                draw.member, lambda: self._arequest(draw, member, asked)
            )
        elif self._slots.limited(draw.member):
            async with self._slots.ataken(draw.member):
                sample = await self._aask(member, asked, self._begin(draw, member))
        else:
            sample = await self._aask(member, asked, self._begin(draw, member))
        self._alike.note(draw.member, sample)
        if self._scorer is None or sample.reply is None:
            return sample
        return scored(sample, await self._scorer.ascore(self._question.prompt(), sample.reply))

    def sample(self, draw: Draw) -> Sample:
        """Ask the draw's member once, in the current thread."""
        member, asked = self._members[draw.member], self._asked[draw.member]
        if self._per_request > 1:
            sample = self._shared.take(draw.member, lambda: self._request(draw, member, asked))
        else:
            with self._slots.taken(draw.member):
                sample = self._ask(member, asked, self._begin(draw, member))
        self._alike.note(draw.member, sample)
        if self._scorer is None or sample.reply is None:
            return sample
        return scored(sample, self._scorer.score(self._question.prompt(), sample.reply))

    async def aescalate(self, higher: Higher) -> Sample:
        """Ask the model above the ensemble, in the current task."""
        config = self._beside([ESCALATION_TAG])
        return await self._aask(Member(None, name=higher.name), self._kept(higher.asked), config)

    def escalate(self, higher: Higher) -> Sample:
        """Ask the model above the ensemble, in the current context."""
        config = self._beside([ESCALATION_TAG])
        return self._ask(Member(None, name=higher.name), self._kept(higher.asked), config)

    async def achoose(self, chooser: Member[Any], prompt: str) -> Sample:
        """Ask a model which of several replies to take, in the current task."""
        config = self._beside([*HIDDEN_TAGS, CHOICE_TAG])
        return await self._aask(chooser, self._plainly(chooser), config, _choice(prompt))

    def choose(self, chooser: Member[Any], prompt: str) -> Sample:
        """Ask a model which of several replies to take, in the current context."""
        config = self._beside([*HIDDEN_TAGS, CHOICE_TAG])
        return self._ask(chooser, self._plainly(chooser), config, _choice(prompt))

    def _beside(self, tags: Sequence[str]) -> RunnableConfig:
        """Enter the run of a request that is no sample."""
        sampling_hits.set([])
        return self._runs.enter(tags, {})

    def _plainly(self, member: Member[Any]) -> Asked:
        """Return how a member is asked without the tools or the schema of this question."""
        chains = any(asked.counts_runs for asked in self._asked)
        return self._kept(Asked(member.model, counts_runs=chains))

    def _kept(self, asked: Asked) -> Asked:
        """Return how a model is asked, with a cache in use that tells what it has answered."""
        if not needs_guard(asked.model):
            return asked
        return replace(asked, model=guarded(asked.model, self._cache))

    async def aclose(self) -> None:
        """Cancel requests that no draw waits for any more, and wait until they are gone."""
        await self._ashared.aclose()

    def _begin(self, draw: Draw, member: Member[Any]) -> RunnableConfig:
        sampling_turns.set((*self._turns, draw.turn))
        sampling_hits.set([])
        return self._runs.sample(draw, member)

    # -- one sample a request -----------------------------------------------------------------

    async def _aask(
        self,
        member: Member[Any],
        asked: Asked,
        config: RunnableConfig,
        question: Question | None = None,
    ) -> Sample:
        question = question or self._question
        start = time.monotonic()
        try:
            kwargs = {**question.kwargs, **member.call_kwargs}
            output = await asked.model.ainvoke(question.input, config, **kwargs)
        except asyncio.CancelledError as error:
            await self._runs.cancelled(config, error)
            raise
        return self._sample(member, asked, output, time.monotonic() - start, config)

    def _ask(
        self,
        member: Member[Any],
        asked: Asked,
        config: RunnableConfig,
        question: Question | None = None,
    ) -> Sample:
        question = question or self._question
        start = time.monotonic()
        kwargs = {**question.kwargs, **member.call_kwargs}
        output = asked.model.invoke(question.input, config, **kwargs)
        return self._sample(member, asked, output, time.monotonic() - start, config)

    def _kwargs(self, member: Member[Any]) -> dict[str, Any]:
        return {**self._question.kwargs, **member.call_kwargs}

    def _sample(
        self,
        member: Member[Any],
        asked: Asked,
        output: Any,
        seconds: float,
        config: RunnableConfig | None = None,
    ) -> Sample:
        if asked.parser is not None:
            with tracing_context(enabled=False):  # a local parser is no step worth a run
                output = asked.parser.invoke({"raw": output}, {"callbacks": []})
        reply = self._read(output)
        if asked.counts_runs and config is not None:
            spent = self._runs.spent(config)
            usage = member.charge(spent.input_tokens, spent.output_tokens)
            usage = replace(usage, calls=spent.calls)
        else:
            usage = usage_of(message_in(reply), member)
        tokens = usage.output_tokens or None
        hits = len(sampling_hits.get() or ())
        if hits and (not asked.counts_runs or hits == usage.calls):
            usage = Usage()  # all of it came from a cache
        return Sample(None, reply=reply, usage=usage, tokens=tokens, seconds=seconds)

    # -- several samples a request ------------------------------------------------------------

    async def _arequest(self, draw: Draw, member: Member[Any], asked: Asked) -> list[Sample]:
        config = self._begin(draw, member)
        start = time.monotonic()
        kwargs = {**self._kwargs(member), "n": self._per_request}
        async with self._slots.ataken(draw.member):
            try:
                outputs = await agenerated(asked.model, self._question.input, config, kwargs)
            except asyncio.CancelledError as error:
                await self._runs.cancelled(config, error)
                raise
        return self._samples(member, asked, outputs, time.monotonic() - start)

    def _request(self, draw: Draw, member: Member[Any], asked: Asked) -> list[Sample]:
        config = self._begin(draw, member)
        start = time.monotonic()
        kwargs = {**self._kwargs(member), "n": self._per_request}
        with self._slots.taken(draw.member):
            outputs = generated(asked.model, self._question.input, config, kwargs)
        return self._samples(member, asked, outputs, time.monotonic() - start)

    def _samples(
        self, member: Member[Any], asked: Asked, outputs: Sequence[Any], seconds: float
    ) -> list[Sample]:
        samples = [self._sample(member, asked, output, seconds) for output in outputs]
        # The request was one call, whatever it brought.
        return [
            replace(sample, usage=replace(sample.usage, calls=sample.usage.calls * (place == 0)))
            for place, sample in enumerate(samples)
        ]


def _choice(prompt: str) -> Question:
    return Question([HumanMessage(prompt)], {}, lambda: prompt)


def scored(sample: Sample, found: Score) -> Sample:
    """Return the sample with its score and what scoring has cost."""
    return replace(
        sample,
        score=found.value,
        usage=sample.usage + found.usage,
        note=sample.note or (found.note if found.value is None else ""),
    )

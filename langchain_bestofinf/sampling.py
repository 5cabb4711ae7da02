"""One vote's samples: members are asked, and what they say becomes samples."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from langchain_core.messages import BaseMessage, get_buffer_string
from langchain_core.runnables import RunnableConfig
from langsmith.run_helpers import tracing_context

from bestofinf.errors import UsageError
from bestofinf.records import Draw, Member, Reply, Sample, Usage
from langchain_bestofinf.cache import sampling_turn
from langchain_bestofinf.callbacks import SampleRuns
from langchain_bestofinf.members import Asked
from langchain_bestofinf.messages import message_in, read_output, usage_of

ESCALATION_TAG = "bestofinf:escalation"


class Scorer(Protocol):
    """Scores a reply."""

    def score(
        self, prompt: str, reply: Reply
    ) -> tuple[float | None, Usage] | Awaitable[tuple[float | None, Usage]]:
        """Return a score in [0, 1], or None, and what scoring has cost."""


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
        scorer: Scores replies; None for no scores.
        read: From what a member gives to a reply.
    """

    def __init__(
        self,
        members: Sequence[Member[Any]],
        asked: Sequence[Asked],
        question: Question,
        runs: SampleRuns,
        *,
        scorer: Scorer | None = None,
        read: Callable[[Any], Reply] | None = None,
    ) -> None:
        self._members = members
        self._asked = asked
        self._question = question
        self._runs = runs
        self._scorer = scorer
        self._read = read or read_output

    async def asample(self, draw: Draw) -> Sample:
        """Ask the draw's member once, in the current task."""
        member, config = self._begin(draw)
        sample = await self._aask(member, self._asked[draw.member], config)
        return await ascored(sample, self._scorer, self._question)

    def sample(self, draw: Draw) -> Sample:
        """Ask the draw's member once, in the current thread."""
        member, config = self._begin(draw)
        sample = self._ask(member, self._asked[draw.member], config)
        return scored(sample, self._scorer, self._question)

    async def aescalate(self, higher: Higher) -> Sample:
        """Ask the model above the ensemble, in the current task."""
        config = self._runs.enter([ESCALATION_TAG], {})
        return await self._aask(Member(None, name=higher.name), higher.asked, config)

    def escalate(self, higher: Higher) -> Sample:
        """Ask the model above the ensemble, in the current context."""
        config = self._runs.enter([ESCALATION_TAG], {})
        return self._ask(Member(None, name=higher.name), higher.asked, config)

    def _begin(self, draw: Draw) -> tuple[Member[Any], RunnableConfig]:
        member = self._members[draw.member]
        sampling_turn.set(draw.turn)
        return member, self._runs.sample(draw, member)

    async def _aask(self, member: Member[Any], asked: Asked, config: RunnableConfig) -> Sample:
        start = time.monotonic()
        try:
            output = await asked.model.ainvoke(self._question.input, config, **self._kwargs(member))
        except asyncio.CancelledError as error:
            await self._runs.cancelled(config, error)
            raise
        return self._sample(member, asked, output, time.monotonic() - start)

    def _ask(self, member: Member[Any], asked: Asked, config: RunnableConfig) -> Sample:
        start = time.monotonic()
        output = asked.model.invoke(self._question.input, config, **self._kwargs(member))
        return self._sample(member, asked, output, time.monotonic() - start)

    def _kwargs(self, member: Member[Any]) -> dict[str, Any]:
        return {**self._question.kwargs, **member.call_kwargs}

    def _sample(self, member: Member[Any], asked: Asked, output: Any, seconds: float) -> Sample:
        if asked.parser is not None:
            with tracing_context(enabled=False):  # a local parser is no step worth a run
                output = asked.parser.invoke({"raw": output}, {"callbacks": []})
        reply = self._read(output)
        usage = usage_of(message_in(reply), member)
        return Sample(
            None, reply=reply, usage=usage, tokens=usage.output_tokens or None, seconds=seconds
        )


async def ascored(sample: Sample, scorer: Scorer | None, question: Question) -> Sample:
    """Return the sample with its score and what scoring has cost."""
    if scorer is None or sample.reply is None:
        return sample
    found = scorer.score(question.prompt(), sample.reply)
    score, usage = await found if inspect.isawaitable(found) else found
    return replace(sample, score=score, usage=sample.usage + usage)


def scored(sample: Sample, scorer: Scorer | None, question: Question) -> Sample:
    """Do the same from blocking code."""
    if scorer is None or sample.reply is None:
        return sample
    found = scorer.score(question.prompt(), sample.reply)
    if inspect.isawaitable(found):
        if inspect.iscoroutine(found):
            found.close()
        raise UsageError("this scorer is asynchronous: use ainvoke, astream or abatch")
    score, usage = found
    return replace(sample, score=score, usage=sample.usage + usage)

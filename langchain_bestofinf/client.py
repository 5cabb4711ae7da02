"""The `Client` for LangChain, which asks chat models and chains and reads their outputs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langsmith.run_helpers import tracing_context

from bestofinf.border import BROKEN_OFF
from bestofinf.ensemble import Flow, Reading, Step, arun, run
from bestofinf.records import Draw, Member, Reply
from langchain_bestofinf.cache import (
    SampleCacheMode,
    guarded,
    needs_guard,
    sampling_hits,
    sampling_turns,
)
from langchain_bestofinf.callbacks import HIDDEN_TAGS, SampleRuns
from langchain_bestofinf.members import Asked
from langchain_bestofinf.memory import Memory, Remembered, with_memory
from langchain_bestofinf.messages import as_text, read_output, reading_of, tells_all
from langchain_bestofinf.several import generated

ESCALATION_TAG = "bestofinf:escalation"
CHOICE_TAG = "bestofinf:choice"


@dataclass(frozen=True)
class Question:
    """A question for the members.

    Attributes:
        input: Messages, or the input of a wrapped chain.
        kwargs: Arguments for every call.
        prompt: The question as text.
        is_choice: Whether a model is asked to choose among replies or to compare them.
    """

    input: Any
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    prompt: Callable[[], str] = lambda: ""
    is_choice: bool = False


def chat_question(
    messages: list[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
) -> Question:
    """Return the question for chat models."""
    given = {"stop": stop, **kwargs} if stop is not None else dict(kwargs)
    return Question(messages, given, lambda: as_text(messages))


class Request(NamedTuple):
    """One request: how a model is asked, and under which run."""

    asked: Asked
    input: Any
    config: RunnableConfig
    kwargs: dict[str, Any]
    is_several: bool
    memories: list[Memory] = []  # noqa: RUF012  (never changed here)


def _instructed(given: Any, system: str | None) -> Any:
    """Return messages with a member's own instructions, unless they begin with some."""
    if system is None or not isinstance(given, list) or not given:
        return given
    first = given[0]
    instructed = not isinstance(first, BaseMessage) or first.type in ("system", "developer")
    return given if instructed else [SystemMessage(system), *given]


@dataclass(frozen=True)
class LangChainClient:
    """Asks the members of one call, with a run for each request.

    Attributes:
        asked: How each member is asked.
        runs: The runs of the call.
        per_request: Number of samples that one request asks for.
        reply: Turns the output of a member into a reply.
        history: Function of the question's messages and a member, which returns the messages for
            the member; None for all.
        cache: How to treat the caches of models that are not members.
        turns: Numbers of the samples in the votes that surround this one.
    """

    asked: Sequence[Asked]
    runs: SampleRuns
    per_request: int = 1
    reply: Callable[[Any], Reply] = read_output
    history: Callable[[Any, Member[Any]], Any] | None = None
    cache: SampleCacheMode = "indexed"
    turns: tuple[int, ...] = field(default_factory=sampling_turns.get)

    def request(self, question: Question, member: Member[Any], draw: Draw | None) -> Request:
        """Return a request under a run that the current context has entered."""
        sampling_hits.set([])
        kwargs = {**question.kwargs, **member.options}
        given = question.input if self.history is None else self.history(question.input, member)
        given = _instructed(given, member.system)
        if draw is None:
            asked, tags = self._besides(question, member)
            return Request(asked, given, self.runs.enter(tags, {}), kwargs, False)
        sampling_turns.set((*self.turns, draw.turn))
        config = self.runs.sample(draw, member)
        several = self.per_request > 1
        if several:
            kwargs["n"] = self.per_request
        asked = self.asked[draw.member]
        tells_all.set(not asked.counts_runs)
        memories: list[Memory] = []
        if asked.remembers:
            model, memories = with_memory(asked.model, self.runs.configurable)
            asked = replace(asked, model=model)
        return Request(asked, given, config, kwargs, several, memories)

    def _besides(self, question: Question, member: Member[Any]) -> tuple[Asked, list[str]]:
        """Return how a model is asked outside the vote, and the tags of its run."""
        if question.is_choice:
            # Without the tools or the schema that the members have for this question.
            chains = any(asked.counts_runs for asked in self.asked)
            asked, tags = Asked(member.model, counts_runs=chains), [*HIDDEN_TAGS, CHOICE_TAG]
        else:
            asked, tags = member.model, [ESCALATION_TAG]
        if needs_guard(asked.model):
            asked = replace(asked, model=guarded(asked.model, self.cache))
        return asked, tags

    def send(self, member: Member[Any], request: Request) -> Any:
        """Invoke the member's model or chain."""
        return run(_sent(request))

    async def asend(self, member: Member[Any], request: Request) -> Any:
        """Invoke the member's model or chain in the running event loop."""
        try:
            return await arun(_sent(request))
        except asyncio.CancelledError as error:
            await self.runs.cancelled(request.config, error)
            raise

    def read(self, member: Member[Any], output: tuple[Request, Any]) -> Reading:
        """Return the output of a member as a reply, with the usage of its message or its runs."""
        request, found = output
        asked = request.asked
        reply = self.reply(found)
        if request.memories:
            reply = replace(reply, native=Remembered(reply.native, request.memories))
        hits = len(sampling_hits.get() or ())
        if asked.counts_runs:
            if self.runs.broken_off(request.config):
                reply = replace(reply, finish_reason=BROKEN_OFF)
            spent = self.runs.spent(request.config)
            cached = 0 < hits == spent.calls
            read, written = spent.input_tokens, spent.output_tokens
            return Reading(reply, read, written, spent.calls, None, cached, spent.unmetered)
        return reading_of(reply)._replace(cached=hits > 0)

    def choice(self, prompt: str) -> Question:
        """Return a prompt as a question, for a model that chooses among replies."""
        return Question([HumanMessage(prompt)], {}, lambda: prompt, is_choice=True)

    def text(self, question: Question) -> str:
        """Return the question as text."""
        return question.prompt()


def _sent(request: Request) -> Flow[Any]:
    """Invoke the model or chain, and return the output or outputs, each with the request."""
    asked, given, config, kwargs, several, _ = request
    model = asked.model
    if not several:
        output = yield Step(
            lambda: model.invoke(given, config, **kwargs),
            lambda: model.ainvoke(given, config, **kwargs),
        )
        return request, (yield from _parsed(asked, output))
    found = []
    for output in (yield from generated(model, given, config, kwargs)):
        parsed = yield from _parsed(asked, output)
        found.append((request, parsed))
    return found


def _parsed(asked: Asked, output: Any) -> Flow[Any]:
    """Return a member's output with the parsed object, if it has a parser."""
    if (parser := asked.parser) is None:
        return output
    given: tuple[Any, RunnableConfig] = {"raw": output}, {"callbacks": []}
    with tracing_context(enabled=False):  # a local parser is no step worth a run
        return (yield Step(lambda: parser.invoke(*given), lambda: parser.ainvoke(*given)))

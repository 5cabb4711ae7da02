"""A chat model that decides each answer by a vote of its members."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, Self, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, LLMResult
from langchain_core.outputs.chat_generation import merge_chat_generation_chunks
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from pydantic import BaseModel
from typing_extensions import override

from bestofinf.batches import Budget, in_order
from bestofinf.ensemble import (
    Item,
    Step,
    Stream,
    astream,
    finished,
    shared_out,
    split_settings,
    stream,
)
from langchain_bestofinf.batching import Batch, each_by_itself
from langchain_bestofinf.callbacks import SampleRuns
from langchain_bestofinf.calls import EnsembleCall
from langchain_bestofinf.members import Asked, ChatRunnable
from langchain_bestofinf.model import EnsembleModel
from langchain_bestofinf.serializing import loadable
from langchain_bestofinf.settings import configured, configuring
from langchain_bestofinf.streaming import replayed
from langchain_bestofinf.structured import answer_for, handed_out, with_schema
from langchain_bestofinf.tools import described, with_tools


@loadable
class AdaptiveEnsembleChat(EnsembleModel):
    """A chat model that asks its members, lets their answers vote, and returns a winning reply.

    Use it in place of any chat model: in chains, agents and graphs, with tools, structured
    output, streams, batches and tracing. The message is the winning member's own. The trace of
    the vote is in ``message.response_metadata["bestofinf"]``.

    ```python
    model = AdaptiveEnsembleChat(members=["openai:gpt-5-mini", ChatAnthropic(...)])
    message = model.invoke("What is 17 * 23?")
    message.response_metadata["bestofinf"]["confidence"]
    ```

    Single settings can be changed for a call: ``model.invoke(x, max_samples=5)``,
    ``model.bind(rule="fast")`` or ``config={"configurable": {"bestofinf": {"rule": "fast"}}}``.

    Attributes:
        members: One chat model, or a list of chat models, ``"provider:model"`` texts, pairs of
            either and its weight, or `bestofinf.Member` objects with a weight and a name.
        cache: Cache of decisions; by default there is none, because each sample is cached. Equal
            ensembles share a decision, also in later runs of a program. Ensembles with a function
            or an object of a class of your own share it only if that is the same object.
        temperature: Sent to every member with every call; None keeps the members' own.
        max_tokens: Sent to every member with every call; None keeps the members' own.
        stop: Texts at which a reply ends, sent to every member; None keeps the members' own.
        streaming: False makes `stream` yield the answer as one chunk.
        samples_per_request: Number of samples that one request asks for (``n=``), if all members
            support it. A request cannot be stopped after some of its samples.
        history_filter: Function of the messages of a call and a member, which returns the messages
            for the member. None removes the blocks of other providers' built-in tools if members
            are of several providers.
        sample_cache: ``indexed`` keeps the samples of a vote apart in LangChain's cache;
            ``off`` asks the members without a cache.

    The other attributes are those of `EnsembleSettings`.
    """

    # -- streams ------------------------------------------------------------------------------

    @override
    def _should_stream(self, *, async_api: bool, run_manager: Any = None, **kwargs: Any) -> bool:
        # In other calls `_generate` itself sends chunks to handlers that stream: LangChain would
        # call `_stream` without the run, and samples would have no parent.
        return run_manager is None and not self._streaming_disabled(**kwargs)

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        runs = self._runs(run_manager, asynchronous=False)
        return stream(self._chunks(self._call(messages, stop, runs, kwargs), runs))

    @override
    def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        runs = self._runs(run_manager, asynchronous=True)
        return astream(self._chunks(self._call(messages, stop, runs, kwargs), runs))

    def _chunks(self, call: EnsembleCall, runs: SampleRuns) -> Stream[ChatGenerationChunk]:
        message = yield from self._voted(call, runs)
        for chunk in replayed(message, message.id):
            yield Item(chunk)
        yield runs.end(message)

    @override
    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Vote, then replay the winning message as chunks that add up to it."""
        return stream(self._replay(input, config, stop, kwargs, asynchronous=False))

    @override
    def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Vote, then replay the winning message as chunks that add up to it."""
        return astream(self._replay(input, config, stop, kwargs, asynchronous=True))

    def _replay(
        self, input: Any, config: Any, stop: Any, kwargs: dict[str, Any], *, asynchronous: bool
    ) -> Stream[AIMessageChunk]:
        """Begin a run, vote, replay the winning message, and end the run."""
        config = ensure_config(config)
        kwargs = {**configured(config), **kwargs}
        if self._streaming_disabled(**{**kwargs, "stream": True}):
            given = {"input": input, "config": config, "stop": stop, **kwargs}
            yield Item((yield Step(partial(self.invoke, **given), partial(self.ainvoke, **given))))
            return
        messages = self._convert_input(input).to_messages()
        run = yield self._begin(messages, config, stop, kwargs)
        kwargs.pop("ls_structured_output_format", None)
        chunks: list[ChatGenerationChunk] = []
        try:
            if (limiter := self.rate_limiter) is not None:
                yield Step(
                    lambda: limiter.acquire(blocking=True), lambda: limiter.aacquire(blocking=True)
                )
            with configuring(config):
                runs = self._runs(run, asynchronous=asynchronous)
                message = yield from self._voted(self._call(messages, stop, runs, kwargs), runs)
            for chunk in replayed(message, message.id):
                told = partial(run.on_llm_new_token, str(chunk.message.text), chunk=chunk)
                yield Step(told, told)
                chunks.append(chunk)
                yield Item(cast("AIMessageChunk", chunk.message))
            yield runs.end(message)
        except BaseException as error:
            yield _ended(partial(run.on_llm_error, error, response=_result(chunks)))
            raise
        yield _ended(partial(run.on_llm_end, _result(chunks)))

    # -- batches ------------------------------------------------------------------------------

    @override
    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        budget: Budget | float | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Answer many questions, under one budget where one is given.

        Args:
            inputs: The questions.
            config: Configuration for all questions, or one for each. ``max_concurrency`` limits
                the requests in flight.
            return_exceptions: Return the error of a question as its answer instead of raising it.
            budget: Total over all questions, of which each gets at least one sample; a number is
                a number of samples. Use it with a thorough rule, such as ``exhaustive``.
            kwargs: Settings and arguments as for `invoke`.

        Raises:
            UsageError: If there is a budget and the rule does not value the next sample.
        """
        given = {"return_exceptions": return_exceptions, "budget": budget, **kwargs}
        return in_order(self.batch_as_completed(inputs, config, **given))

    @override
    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        budget: Budget | float | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Do the same in the running event loop."""
        if budget is None:
            return await super().abatch(
                inputs, config, return_exceptions=return_exceptions, **kwargs
            )
        asked = Batch(self, inputs, config, budget, kwargs).questions
        found = asked.arun(return_exceptions=return_exceptions)
        return in_order([pair async for pair in found])  # type: ignore[misc]

    @override
    def batch_as_completed(
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        budget: Budget | float | None = None,
        **kwargs: Any,
    ) -> Iterator[tuple[int, Any]]:
        """Yield the position and the message of each question as it is decided; see `batch`."""
        if budget is None:
            ask = partial(self.invoke, **kwargs)
            yield from each_by_itself(ask, inputs, config, return_exceptions)
            return
        asked = Batch(self, inputs, config, budget, kwargs).questions
        yield from asked.run(return_exceptions=return_exceptions)

    @override
    async def abatch_as_completed(
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        budget: Budget | float | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, Any]]:
        """Do the same in the running event loop."""
        if budget is None:
            found = super().abatch_as_completed(  # type: ignore[call-overload]
                inputs, config, return_exceptions=return_exceptions, **kwargs
            )
        else:
            asked = Batch(self, inputs, config, budget, kwargs).questions
            found = asked.arun(return_exceptions=return_exceptions)
        async with aclosing(found):
            async for pair in found:
                yield pair

    # -- tools and structured output ----------------------------------------------------------

    @override
    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools to every member; the vote is on the calls, before any tool runs.

        Args:
            tools: As for any chat model.
            tool_choice: As for any chat model; the members must all understand it.
            kwargs: For the members' `bind_tools`, or settings of the ensemble.

        Raises:
            UsageError: If a member cannot call tools, or gets none of them, because a provider's
                built-in tools are bound only to its models.
        """
        settings, rest = split_settings(kwargs)
        if tool_choice is not None:
            rest["tool_choice"] = tool_choice
        tools = list(tools)
        given = shared_out(tools, self._families)
        copy = self._asking(lambda name, model: with_tools(name, model, given[name], **rest))
        copy._bound = {**rest, "tools": described(tools, copy._asked)}
        return copy.bind(**copy._bound, **settings)

    @override
    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Ask every member for an object of a schema; the vote is on the objects.

        Args:
            schema: As for any chat model.
            include_raw: Return a mapping with the winner's message, object and parsing error.
            kwargs: For the members' `with_structured_output`, or settings of the ensemble, such as
                ``answer=JsonAnswer(fields=[...])`` to vote on each field.

        Raises:
            UsageError: If a member does not support the schema.
        """
        settings, rest = split_settings(kwargs)
        copy = self._asking(lambda name, model: with_schema(name, model, schema, **rest))
        copy._auto = answer_for(schema)
        copy._objects = True
        copy.cache = False  # the object would not survive a cache that writes text
        shown = {"kwargs": {"method": "function_calling", **rest}, "schema": schema}
        bound = copy.bind(ls_structured_output_format=shown, **settings)
        return bound | handed_out(include_raw=include_raw)

    def _asking(self, bind: Callable[[str, ChatRunnable], Asked]) -> Self:
        """Return a copy whose members, and the model that it escalates to, are bound differently.

        Tools or a schema of an earlier binding are not kept, as with any chat model.
        """
        copy = self.model_copy()
        copy._asked = [bind(member.name, member.model) for member in self._members]
        if self._plain_higher is not None:
            higher = self._plain_higher
            copy._higher = replace(higher, model=bind(higher.name, higher.model.model))
        copy._bound = {}
        copy._cached = None
        copy._renew()
        return copy


def _ended(tell: Callable[[], Any]) -> Step:
    """Return the step that ends a run, even if the task is cancelled meanwhile."""
    return Step(tell, lambda: finished(tell()))


def _result(chunks: list[ChatGenerationChunk]) -> LLMResult:
    merged = merge_chat_generation_chunks(chunks)
    return LLMResult(generations=[[merged]] if merged is not None else [])

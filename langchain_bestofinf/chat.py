"""A chat model that asks its members until the answer is settled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Self

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import _format_ls_structured_output
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.outputs.chat_generation import merge_chat_generation_chunks
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from pydantic import BaseModel
from typing_extensions import override

from bestofinf.answers import AutoAnswer, ToolCallsAnswer
from bestofinf.pool import Budget
from bestofinf.settings import Kept, split_settings
from langchain_bestofinf.batching import Batch
from langchain_bestofinf.callbacks import SampleRuns
from langchain_bestofinf.cancelling import begun, finished
from langchain_bestofinf.members import (
    Asked,
    ChatRunnable,
)
from langchain_bestofinf.model import EnsembleModel
from langchain_bestofinf.serializing import loadable
from langchain_bestofinf.settings import configured
from langchain_bestofinf.streaming import replayed
from langchain_bestofinf.structured import answer_for, handed_out, with_schema
from langchain_bestofinf.tools import described, schemas_of, with_tools


@loadable
class AdaptiveEnsembleChat(EnsembleModel):
    """A chat model that asks its members until the answer is settled, and gives that answer.

    It stands wherever a chat model does: in chains, agents and graphs, with tools, structured
    output, streams, batches and tracing. The message is the winning member's own; how it won is
    in ``message.response_metadata["bestofinf"]``, and ``usage_metadata`` is that of all samples.

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
        cache: Of decisions; none by default, because samples are cached each by itself.
        temperature: Sent to every member with every call; None leaves the members' own.
        max_tokens: Likewise.
        stop: Likewise.
        streaming: False makes `stream` give the answer in one piece.
        samples_per_request: Samples that one request asks for (``n=``), where all members offer
            it. Nothing can be stopped within a request.
        sample_cache: ``indexed`` keeps the samples of a vote apart in LangChain's cache;
            ``off`` asks the members without one.

    The other attributes are those of `EnsembleSettings`.
    """

    # -- streams ------------------------------------------------------------------------------

    @override
    def _should_stream(self, *, async_api: bool, run_manager: Any = None, **kwargs: Any) -> bool:
        # Within a call that is no stream, `_generate` itself sends the chunks to whoever listens:
        # LangChain would call `_stream` without the run, and samples would have no parent.
        return run_manager is None and not self._streaming_disabled(**kwargs)

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        runs = SampleRuns(run_manager, self.sample_callbacks, asynchronous=False)
        call = self._call(messages, stop, run_manager, kwargs)
        message = self._message(call.run(runs), run_manager)
        yield from replayed(message, message.id)
        runs.finish(ChatResult(generations=[ChatGeneration(message=message)]))

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        runs = SampleRuns(run_manager, self.sample_callbacks, asynchronous=True)
        call = self._call(messages, stop, run_manager, kwargs)
        message = self._message(await call.arun(runs), run_manager)
        for chunk in replayed(message, message.id):
            yield chunk
        await runs.afinish(ChatResult(generations=[ChatGeneration(message=message)]))

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
        config = ensure_config(config)
        kwargs = {**configured(config), **kwargs}
        if self._streaming_disabled(**{**kwargs, "stream": True}):
            yield self.invoke(input, config, stop=stop, **kwargs)  # type: ignore[misc]
            return
        messages = self._convert_input(input).to_messages()
        configure, start = self._opening(config, stop, kwargs)
        (run,) = CallbackManager.configure(*configure).on_chat_model_start(
            self._serialized, [messages], **start
        )
        chunks: list[ChatGenerationChunk] = []
        try:
            if self.rate_limiter is not None:
                self.rate_limiter.acquire(blocking=True)
            for chunk in self._stream(messages, stop, run, **kwargs):
                run.on_llm_new_token(str(chunk.message.text), chunk=chunk)
                chunks.append(chunk)
                yield _message(chunk)
        except BaseException as error:
            run.on_llm_error(error, response=_result(chunks))
            raise
        run.on_llm_end(_result(chunks))

    @override
    async def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Vote, then replay the winning message as chunks that add up to it."""
        config = ensure_config(config)
        kwargs = {**configured(config), **kwargs}
        if self._streaming_disabled(**{**kwargs, "stream": True}):
            yield await self.ainvoke(input, config, stop=stop, **kwargs)  # type: ignore[misc]
            return
        messages = self._convert_input(input).to_messages()
        configure, start = self._opening(config, stop, kwargs)
        run = await begun(
            AsyncCallbackManager.configure(*configure).on_chat_model_start(
                self._serialized, [messages], **start
            )
        )
        chunks: list[ChatGenerationChunk] = []
        try:
            if self.rate_limiter is not None:
                await self.rate_limiter.aacquire(blocking=True)
            async for chunk in self._astream(messages, stop, run, **kwargs):
                await run.on_llm_new_token(str(chunk.message.text), chunk=chunk)
                chunks.append(chunk)
                yield _message(chunk)
        except BaseException as error:
            await finished(run.on_llm_error(error, response=_result(chunks)))
            raise
        await finished(run.on_llm_end(_result(chunks)))

    def _opening(
        self, config: RunnableConfig, stop: list[str] | None, kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments to configure callbacks and to start the run of a stream.

        LangChain's own `stream` does the same but keeps the run to itself, and samples could
        not become its children.
        """
        given = kwargs.pop("ls_structured_output_format", None)
        params = self._get_invocation_params(stop=stop, **kwargs)
        described = self._get_ls_params_with_defaults(stop=stop, **kwargs)
        configure = (
            config.get("callbacks"),
            self.callbacks,
            self.verbose,
            config.get("tags"),
            self.tags,
            {**(config.get("metadata") or {}), **described},
            self.metadata,
        )
        start = {
            "invocation_params": params,
            "options": {"stop": stop, **_format_ls_structured_output(given)},
            "name": config.get("run_name"),
            "run_id": config.get("run_id"),
            "batch_size": 1,
        }
        return configure, start

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
            config: For all, or one for each. ``max_concurrency`` limits the requests in flight.
            return_exceptions: Put the error of a question in its place instead of raising it.
            budget: Total over all questions, of which each gets at least one sample; a number is
                a number of samples. Take a thorough rule with it, such as ``exhaustive``.
            kwargs: As for `invoke`.

        Raises:
            UsageError: If the rule cannot say where the next sample helps most.
        """
        if budget is None:
            return super().batch(inputs, config, return_exceptions=return_exceptions, **kwargs)
        found = dict(Batch.of(self, inputs, config, budget, kwargs).run(return_exceptions))
        return [found[place] for place in range(len(inputs))]  # type: ignore[misc]

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
        batch = Batch.of(self, inputs, config, budget, kwargs)
        found = {place: message async for place, message in batch.arun(return_exceptions)}
        return [found[place] for place in range(len(inputs))]  # type: ignore[misc]

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
        """Yield the place and the message of each question as it settles; see `batch`."""
        if budget is None:
            yield from super().batch_as_completed(  # type: ignore[call-overload]
                inputs, config, return_exceptions=return_exceptions, **kwargs
            )
            return
        yield from Batch.of(self, inputs, config, budget, kwargs).run(return_exceptions)

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
            found = Batch.of(self, inputs, config, budget, kwargs).arun(return_exceptions)
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
            UsageError: If a member cannot call tools.
        """
        settings, rest = split_settings(kwargs)
        if tool_choice is not None:
            rest["tool_choice"] = tool_choice
        tools = list(tools)
        copy = self._asking(lambda name, model: with_tools(name, model, tools, **rest))
        copy._bound = {**rest, "tools": described(tools, copy._asked)}
        answer = self.plan().answer
        if isinstance(answer, AutoAnswer):
            calls = ToolCallsAnswer(schemas=schemas_of(copy._bound["tools"]))
            copy._auto = AutoAnswer(calls=calls, math=answer.math)
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
            include_raw: Give the winner's message, object and parsing error.
            kwargs: For the members' `with_structured_output`, or settings of the ensemble, as
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
        """Return a copy that asks its members, and whom it escalates to, in another way."""
        copy = self.model_copy()
        copy._asked = [
            bind(member.name, asked.model)
            for member, asked in zip(self._members, self._asked, strict=True)
        ]
        if self._higher is not None:
            higher = self._higher
            copy._higher = replace(higher, asked=bind(higher.name, higher.asked.model))
        copy._cached = None
        copy._planned = Kept()
        return copy


def _message(chunk: ChatGenerationChunk) -> AIMessageChunk:
    message = chunk.message
    if not isinstance(message, AIMessageChunk):
        raise TypeError(f"a chunk holds an AIMessageChunk, got {type(message).__name__}")
    return message


def _result(chunks: list[ChatGenerationChunk]) -> LLMResult:
    merged = merge_chat_generation_chunks(chunks)
    return LLMResult(generations=[[merged]] if merged is not None else [])

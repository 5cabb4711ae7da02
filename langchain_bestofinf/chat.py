"""A chat model that asks its members until the answer is settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self, cast

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.language_models.chat_models import _format_ls_structured_output
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.outputs.chat_generation import merge_chat_generation_chunks
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from langchain_core.utils.utils import LC_ID_PREFIX
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr
from typing_extensions import override

from bestofinf.errors import UsageError
from bestofinf.records import Member
from langchain_bestofinf.alike import warn_of_fixed
from langchain_bestofinf.cache import SampleCacheMode, guarded, needs_guard
from langchain_bestofinf.callbacks import SampleRuns, is_streaming
from langchain_bestofinf.calls import ChatCall, Consensus
from langchain_bestofinf.members import (
    Asked,
    ChatRunnable,
    chat_model,
    common_profile,
    innermost,
    model_name,
    resolve_members,
)
from langchain_bestofinf.sampling import Higher, chat_question
from langchain_bestofinf.settings import CONSENSUS, EnsembleSettings, configured, split_settings
from langchain_bestofinf.several import check_several
from langchain_bestofinf.streaming import replayed
from langchain_bestofinf.structured import handed_out, with_schema
from langchain_bestofinf.tools import described, with_tools


class AdaptiveEnsembleChat(EnsembleSettings, BaseChatModel):
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
        members: Chat models, ``"provider:model"`` texts, or `bestofinf.Member` objects with a
            weight and a name around either.
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

    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] | None = None
    streaming: bool = True
    samples_per_request: int = Field(default=1, ge=1)
    sample_cache: SampleCacheMode = "indexed"

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    _asked: list[Asked] = PrivateAttr(default_factory=list)
    _higher: Higher | None = PrivateAttr(default=None)
    _bound: dict[str, Any] = PrivateAttr(default_factory=dict)
    _cached: list[Asked] | None = PrivateAttr(default=None)

    def __init__(self, members: Any = None, /, **kwargs: Any) -> None:
        if members is not None:
            kwargs["members"] = members
        super().__init__(**kwargs)
        self._asked = [Asked(member.model) for member in self._members]
        if self.profile is None:
            models = [member.model for member in self._members]
            self.profile = cast("ModelProfile | None", common_profile(models))
        if self.samples_per_request > 1:
            for member in self._members:
                check_several(member.name, member.model)
        warn_of_fixed(self._members, self.max_samples)
        if self.escalate_to is not None:
            model = chat_model(self.escalate_to)
            self._higher = Higher(model_name(model), Asked(model))

    def _resolved(self) -> tuple[Member[Any], ...]:
        return resolve_members(self.members)

    # -- what LangChain asks about a model ----------------------------------------------------

    @property
    def _llm_type(self) -> str:
        return "bestofinf"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        plan = self.plan()
        return {
            "members": {member.name: member.weight for member in plan.members},
            "rule": str(plan.rule),
            "answer": self.answer if isinstance(self.answer, str) else repr(self.answer),
            "max_samples": plan.max_samples,
            "launch": self.launch,
            "order": self.order,
            "schedule": self.schedule,
            "seed": self.seed,
            "min_confidence": self.min_confidence,
            "abstain": self.abstain,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }

    @override
    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """Return the key of the ensemble's own cache entries: all that makes up its answers."""
        models = [innermost(asked.model) for asked in self._asked]
        members = [m._get_llm_string(stop=stop) for m in models if m is not None]
        settings = sorted({**self._identifying_params, **kwargs, "stop": stop}.items(), key=str)
        return f"bestofinf---{settings}---{members}"

    @override
    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = "bestofinf"
        params.setdefault("ls_model_name", "+".join(self.member_names))
        return params

    @override
    def get_num_tokens(self, text: str) -> int:
        """Return the number of tokens as the first member counts them."""
        return self._first.get_num_tokens(text)

    @override
    def get_token_ids(self, text: str) -> list[int]:
        """Return the tokens as the first member divides the text."""
        return self._first.get_token_ids(text)

    @override
    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Any = None) -> int:
        """Return the number of tokens as the first member counts them."""
        return self._first.get_num_tokens_from_messages(messages, tools=tools)

    @property
    def _first(self) -> BaseChatModel:
        model = innermost(self._asked[0].model)
        if model is None:
            raise UsageError(f"member {self.member_names[0]!r} does not count tokens")
        return model

    # -- one call -----------------------------------------------------------------------------

    @override
    def invoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Vote, and return the winning message."""
        kwargs = {**configured(ensure_config(config)), **kwargs}
        return super().invoke(input, config, stop=stop, **kwargs)

    @override
    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Vote, and return the winning message."""
        kwargs = {**configured(ensure_config(config)), **kwargs}
        return await super().ainvoke(input, config, stop=stop, **kwargs)

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        runs = SampleRuns(run_manager, self.sample_callbacks, asynchronous=False)
        message = self._identified(
            self._call(messages, stop, run_manager, kwargs).run(runs), run_manager
        )
        if run_manager is not None and _forwards(run_manager):
            for chunk in replayed(message, message.id):
                run_manager.on_llm_new_token(str(chunk.message.text), chunk=chunk)
        result = ChatResult(generations=[ChatGeneration(message=message)])
        runs.finish(result)
        return result

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        runs = SampleRuns(run_manager, self.sample_callbacks, asynchronous=True)
        try:
            call = self._call(messages, stop, run_manager, kwargs)
            message = self._identified(await call.arun(runs), run_manager)
        except asyncio.CancelledError as error:
            await runs.abandon(error)
            raise
        if run_manager is not None and _forwards(run_manager):
            for chunk in replayed(message, message.id):
                await run_manager.on_llm_new_token(str(chunk.message.text), chunk=chunk)
        result = ChatResult(generations=[ChatGeneration(message=message)])
        await runs.afinish(result)
        return result

    def _call(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        manager: BaseRunManager | None,
        kwargs: Mapping[str, Any],
    ) -> ChatCall:
        settings, rest = split_settings(kwargs)
        demanded = {name: settings.pop(name) for name in CONSENSUS if name in settings}
        consensus = self._consensus(demanded)
        standing = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        given = {name: value for name, value in standing.items() if value is not None}
        # What tools were bound with stands in the members already; it is here for the trace.
        given |= {k: v for k, v in rest.items() if self._bound.get(k, _UNBOUND) is not v}
        if len(self._asked) > 1 and "model" in given:
            raise UsageError(
                f"an ensemble of {len(self._asked)} members has no single model to replace by "
                f"{given['model']!r}"
            )
        plan = self.plan(**settings)
        return ChatCall(
            plan=plan,
            asked=self._asked_now(),
            question=chat_question(messages, stop or self.stop, given),
            manager=manager,
            sample_callbacks=self.sample_callbacks,
            consensus=consensus,
            health=self._health,
            slots=self._slots,
            scorer=self._scorer,
            per_request=self.samples_per_request,
        )

    def _consensus(self, changes: Mapping[str, Any]) -> Consensus:
        abstain = changes.get("abstain", self.abstain)
        least = changes.get("min_confidence", self.min_confidence)
        if isinstance(least, bool) or not isinstance(least, int | float) or not 0 <= least <= 1:
            raise UsageError(f"min_confidence must lie in [0, 1], got {least!r}")
        demanded = bool(abstain) or least > 0 or self._higher is not None
        return Consensus(demanded, float(least), self._higher)

    def _asked_now(self) -> list[Asked]:
        """Return how members are asked, with caches that keep samples apart where there are any."""
        if not any(needs_guard(asked.model) for asked in self._asked):
            return self._asked
        if self._cached is None:
            self._cached = [
                replace(asked, model=guarded(asked.model, self.sample_cache))
                for asked in self._asked
            ]
        return self._cached

    def _identified(self, message: AIMessage, manager: BaseRunManager | None) -> AIMessage:
        """Return the message with the id of the ensemble's run, in the wanted version."""
        changes: dict[str, Any] = {}
        if message.id is None and manager is not None:
            changes["id"] = f"{LC_ID_PREFIX}-{manager.run_id}"
        if self.output_version == "v1":
            changes["content"] = message.content_blocks
            changes["response_metadata"] = {**message.response_metadata, "output_version": "v1"}
        return message.model_copy(update=changes) if changes else message

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
        message = self._identified(call.run(runs), run_manager)
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
        message = self._identified(await call.arun(runs), run_manager)
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
        (run,) = await AsyncCallbackManager.configure(*configure).on_chat_model_start(
            self._serialized, [messages], **start
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
            await run.on_llm_error(error, response=_result(chunks))
            raise
        await run.on_llm_end(_result(chunks))

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
        copy._bound = {**rest, "tools": described(tools)}
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
        return copy


_UNBOUND = object()


def _forwards(manager: BaseRunManager) -> bool:
    return any(is_streaming(handler) for handler in manager.handlers)


def _message(chunk: ChatGenerationChunk) -> AIMessageChunk:
    message = chunk.message
    if not isinstance(message, AIMessageChunk):
        raise TypeError(f"a chunk holds an AIMessageChunk, got {type(message).__name__}")
    return message


def _result(chunks: list[ChatGenerationChunk]) -> LLMResult:
    merged = merge_chat_generation_chunks(chunks)
    return LLMResult(generations=[[merged]] if merged is not None else [])

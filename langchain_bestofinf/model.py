"""The ensemble as a chat model: how it describes itself, and what happens in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, cast

from langchain_core.caches import BaseCache
from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.language_models.chat_models import _format_ls_structured_output
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.utils.utils import LC_ID_PREFIX
from pydantic import ConfigDict, Field, PrivateAttr
from typing_extensions import override

from bestofinf.answers import tool_schemas
from bestofinf.ensemble import (
    EnsembleFields,
    Flow,
    Line,
    Result,
    Step,
    arun,
    cancelled_within,
    may_be_cancelled,
    run,
    split_settings,
    warn_of_fixed,
)
from bestofinf.errors import UsageError
from bestofinf.records import Member
from langchain_bestofinf.cache import SampleCacheMode
from langchain_bestofinf.callbacks import SampleRuns, begun, is_streaming
from langchain_bestofinf.calls import EnsembleCall, usage_of_all, winning_message
from langchain_bestofinf.client import LangChainClient, chat_question
from langchain_bestofinf.history import family_of, readable
from langchain_bestofinf.keys import decision_key
from langchain_bestofinf.members import (
    Asked,
    chat_model,
    common_profile,
    innermost,
    model_name,
    resolve_members,
)
from langchain_bestofinf.messages import tells_all, with_text
from langchain_bestofinf.settings import EnsembleSettings, configured, configuring
from langchain_bestofinf.several import check_several, warn_of_lost
from langchain_bestofinf.streaming import replayed

_IDENTIFYING = (
    *("waiting", "launch", "order", "schedule", "seed", "min_confidence", "coverage"),
    *("temperature", "max_tokens"),
)
_UNTOLD = frozenset(
    # Told by what they have become: the members, the weights and the other models.
    {"members", "weights", "prices", "escalate_to", "on_unvotable"}
    # Who is told of a call and how, which changes nothing in what is returned.
    | {"cache", "callbacks", "verbose", "tags", "metadata", "name", "profile", "sample_callbacks"}
    | {"streaming", "disable_streaming", "rate_limiter", "custom_get_token_ids"}
)
"""Fields that are no part of the key of a cached decision."""

_UNBOUND = object()


class EnsembleModel(EnsembleSettings, BaseChatModel):
    """Base of `AdaptiveEnsembleChat`: its description for LangChain, and a single call."""

    # Each sample is cached; a cache of decisions would return an old one after a change of rule.
    cache: BaseCache | bool | None = Field(default=False, exclude=True)
    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] | None = None
    streaming: bool = True
    samples_per_request: int = Field(default=1, ge=1)
    history_filter: Any = Field(default=None, exclude=True)
    sample_cache: SampleCacheMode = "indexed"

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    _single_member: ClassVar[tuple[type, ...]] = (Runnable, Member)

    _families: dict[str, str] = PrivateAttr(default_factory=dict)
    _bound: dict[str, Any] = PrivateAttr(default_factory=dict)
    _plain_higher: Member[Asked] | None = PrivateAttr(default=None)  # before tools were bound
    _description: dict[str, Any] | None = PrivateAttr(default=None)

    def __init__(self, members: Any = None, /, **kwargs: Any) -> None:
        EnsembleFields.__init__(self, members, **kwargs)
        self._asked = [Asked(member.model) for member in self._members]
        self._families = {member.name: family_of(member.model) for member in self._members}
        self._plain_higher = self._higher
        if self._higher is not None:
            self._families[self._higher.name] = family_of(self._higher.model.model)
        if self.profile is None:
            models = [member.model for member in self._members]
            self.profile = cast("ModelProfile | None", common_profile(models))
        for member in self._members:
            if self.samples_per_request > 1:
                check_several(member.name, member.model)
            else:
                warn_of_lost(member.name, member.model)
        warn_of_fixed(self._members, self.max_samples, innermost=innermost)

    def _read_members(self, given: Any) -> tuple[Member[Any], ...]:
        return resolve_members(given)

    def _read_higher(self, given: Any) -> Member[Any]:
        model = chat_model(given)
        return Member(Asked(model), name=model_name(model))

    # -- what LangChain asks about a model ----------------------------------------------------

    @property
    def _serialized(self) -> dict[str, Any]:
        # LangChain's own is kept among the fields that it goes through to make it, so that threads
        # that make it at the same time fail.
        if self._description is None:
            self._description = dumpd(self)
        return self._description

    def _forget_description(self) -> None:
        self._description = None

    @property
    def _llm_type(self) -> str:
        return "bestofinf"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        plan = self.plan()
        return {
            "members": {member.name: member.weight for member in plan.members},
            "rule": plan.written,
            "answer": self.answer if isinstance(self.answer, str) else repr(self.answer),
            "selector": self.selector if isinstance(self.selector, str) else repr(self.selector),
            "max_samples": plan.max_samples,
            "on_unvotable": str(self.unvotable()),
            **{name: getattr(self, name) for name in _IDENTIFYING},
        }

    @override
    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """Return the key of cached decisions, which contains all settings that affect an answer."""
        told = {
            **{
                name: getattr(self, name) for name in type(self).model_fields if name not in _UNTOLD
            },
            "members": self._members,
            "weights": self.weight_by_member,
            "asked": self._asked,
            "escalate_to": self._higher,
            "on_unvotable": self.unvotable(),
            "auto": self._auto,
            "kind": type(self),
            "usage": "all" if tells_all.get() else self.usage,
            "given": kwargs,
            "stop": stop,
        }
        return f"bestofinf---{decision_key(told, stop or self.stop)}"

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
            raise UsageError(
                f"the first member counts tokens, and {self.member_names[0]!r} has no chat model "
                "that can: put another member first"
            )
        return model

    # -- one call -----------------------------------------------------------------------------

    def _begin(
        self,
        messages: list[BaseMessage],
        config: RunnableConfig,
        stop: list[str] | None,
        kwargs: Mapping[str, Any],
    ) -> Step:
        """Return the step that begins the run of a stream, or of a question in a batch.

        LangChain's own `stream` does the same but keeps the run to itself, and samples could
        not become its children.
        """
        kwargs = dict(kwargs)
        given = kwargs.pop("ls_structured_output_format", None)
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
        start: dict[str, Any] = {
            "serialized": self._serialized,
            "messages": [messages],
            "invocation_params": self._get_invocation_params(stop=stop, **kwargs),
            "options": {"stop": stop, **_format_ls_structured_output(given)},
            "name": config.get("run_name"),
            "run_id": config.get("run_id"),
            "batch_size": 1,
        }
        return Step(
            lambda: CallbackManager.configure(*configure).on_chat_model_start(**start)[0],
            lambda: begun(AsyncCallbackManager.configure(*configure).on_chat_model_start(**start)),
        )

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
        config = ensure_config(config)
        kwargs = {**configured(config), **kwargs}
        with configuring(config):
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
        config = ensure_config(config)
        kwargs = {**configured(config), **kwargs}
        with configuring(config):
            return await super().ainvoke(input, config, stop=stop, **kwargs)

    @override
    async def agenerate(self, messages: list[list[BaseMessage]], *given: Any, **kwargs: Any) -> Any:
        """Vote on each question, and return the results. A cancelled call ends its open runs."""
        return await cancelled_within(super().agenerate(messages, *given, **kwargs))

    @override
    async def _agenerate_with_cache(self, *given: Any, **kwargs: Any) -> ChatResult:
        return await may_be_cancelled(super()._agenerate_with_cache(*given, **kwargs))

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return run(self._generation(messages, stop, run_manager, kwargs, asynchronous=False))

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await arun(self._generation(messages, stop, run_manager, kwargs, asynchronous=True))

    def _generation(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        manager: Any,
        kwargs: Mapping[str, Any],
        *,
        asynchronous: bool,
    ) -> Flow[ChatResult]:
        """Vote, send the winner's chunks to handlers that stream, and end the run."""
        runs = self._runs(manager, asynchronous=asynchronous)
        call = self._call(messages, stop, runs, kwargs)
        try:
            message = yield from self._voted(call, runs)
        except asyncio.CancelledError as error:
            yield Step(lambda: None, partial(runs.abandon, error))
            raise
        if manager is not None and any(map(is_streaming, manager.handlers)):
            for chunk in replayed(message, message.id):
                tell = partial(manager.on_llm_new_token, str(chunk.message.text), chunk=chunk)
                yield Step(tell, tell)
        yield runs.end(message)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _voted(self, call: EnsembleCall, runs: SampleRuns) -> Flow[AIMessage]:
        """Vote, and return the winning message."""
        return self._message((yield Step(call.run, call.arun)), runs)

    def _runs(self, manager: Any, *, asynchronous: bool, config: Any = None) -> SampleRuns:
        """Return the runs of one call."""
        asked = self._asked if self._higher is None else [*self._asked, self._higher.model]
        return SampleRuns(
            manager,
            self.sample_callbacks,
            asynchronous=asynchronous,
            counting=any(one.counts_runs for one in asked),
            config=config,
        )

    def _call(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        runs: SampleRuns,
        kwargs: Mapping[str, Any],
        line: Line | None = None,
    ) -> EnsembleCall:
        settings, rest = split_settings(kwargs)
        standing = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        given = {name: value for name, value in standing.items() if value is not None}
        # The members have the arguments of `bind_tools` already; here they are for the trace.
        given |= {k: v for k, v in rest.items() if self._bound.get(k, _UNBOUND) is not v}
        if len(self._asked) > 1 and "model" in given:
            raise UsageError(
                f"model={given['model']!r} cannot be given with a call of an ensemble of "
                f"{len(self._asked)} members: change the members instead"
            )
        client = LangChainClient(
            self._guarded_members(self.sample_cache),
            runs,
            per_request=self.samples_per_request,
            history=self.history_filter or readable(self._families),
            cache=self.sample_cache,
        )
        return self._made_call(
            client,
            chat_question(messages, stop or self.stop, given),
            settings,
            line=line,
            per_request=self.samples_per_request,
            tools=tool_schemas(rest.get("tools") or ()),
        )

    def _message(self, result: Result, runs: SampleRuns) -> AIMessage:
        """Return the winning message with the id of the run, in the form of `output_version`."""
        usage = "all" if tells_all.get() else self.usage
        message, manager = winning_message(result, usage=usage, detail=self.trace), runs.manager
        runs.settle(result.told, usage_of_all(result))
        if self.strip_thoughts:
            message = with_text(message, self.shown)
        changes: dict[str, Any] = {}
        if message.id is None and manager is not None:
            changes["id"] = f"{LC_ID_PREFIX}-{manager.run_id}"
        if self.output_version == "v1":
            changes["content"] = message.content_blocks
            changes["response_metadata"] = {**message.response_metadata, "output_version": "v1"}
        return message.model_copy(update=changes) if changes else message

"""The ensemble as a chat model: how it describes itself, and what happens in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from langchain_core.caches import BaseCache
from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.utils.utils import LC_ID_PREFIX
from pydantic import ConfigDict, Field, PrivateAttr
from typing_extensions import override

from bestofinf.alike import warn_of_fixed
from bestofinf.errors import UsageError
from bestofinf.records import Member
from bestofinf.settings import demands, split_settings
from langchain_bestofinf.cache import SampleCacheMode, guarded, needs_guard
from langchain_bestofinf.callbacks import SampleRuns, is_streaming
from langchain_bestofinf.calls import EnsembleCall, Result, winning_message
from langchain_bestofinf.cancelling import cancelled_within, may_be_cancelled
from langchain_bestofinf.members import (
    Asked,
    chat_model,
    common_profile,
    innermost,
    model_name,
    resolve_members,
)
from langchain_bestofinf.sampling import Higher, chat_question
from langchain_bestofinf.settings import EnsembleSettings, configured
from langchain_bestofinf.several import check_several
from langchain_bestofinf.streaming import replayed


class EnsembleModel(EnsembleSettings, BaseChatModel):
    """What makes an ensemble a chat model: its description and a single call."""

    # The samples are cached, each by itself; a cache of decisions would hide a change of rule.
    cache: BaseCache | bool | None = Field(default=False, exclude=True)
    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] | None = None
    streaming: bool = True
    samples_per_request: int = Field(default=1, ge=1)
    sample_cache: SampleCacheMode = "indexed"

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    _asked: list[Asked] = PrivateAttr(default_factory=list)
    _higher: Higher | None = PrivateAttr(default=None)
    _bound: dict[str, Any] = PrivateAttr(default_factory=dict)
    _cached: list[Asked] | None = PrivateAttr(default=None)

    def __init__(self, members: Any = None, /, **kwargs: Any) -> None:
        if members is not None:
            kwargs["members"] = members
        if isinstance(kwargs.get("members"), Runnable | Member):
            kwargs["members"] = [kwargs["members"]]
        super().__init__(**kwargs)
        self._asked = [Asked(member.model) for member in self._members]
        if self.profile is None:
            models = [member.model for member in self._members]
            self.profile = cast("ModelProfile | None", common_profile(models))
        if self.samples_per_request > 1:
            for member in self._members:
                check_several(member.name, member.model)
        warn_of_fixed(self._members, self.max_samples, innermost=innermost)
        if self.escalate_to is not None:
            model = chat_model(self.escalate_to)
            self._higher = Higher(model_name(model), Asked(model))

    def _resolved(self) -> tuple[Member[Any], ...]:
        return resolve_members(self.members)

    def _chooser(self, given: Any) -> Member[Any]:
        return resolve_members([given])[0]

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
            "selector": self.selector if isinstance(self.selector, str) else repr(self.selector),
            "max_samples": plan.max_samples,
            "launch": self.launch,
            "order": self.order,
            "schedule": self.schedule,
            "seed": self.seed,
            "min_confidence": self.min_confidence,
            "on_unvotable": str(self.unvotable()),
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
    async def agenerate(self, messages: list[list[BaseMessage]], *given: Any, **kwargs: Any) -> Any:
        """Vote, and return the winners. A cancelled call ends the runs that it has begun."""
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
        runs = SampleRuns(run_manager, self.sample_callbacks, asynchronous=False)
        message = self._message(
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
            message = self._message(await call.arun(runs), run_manager)
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
    ) -> EnsembleCall:
        settings, rest = split_settings(kwargs)
        key = manager.run_id if manager is not None else None
        plan, consensus = demands(self, settings, key, self._higher)
        standing = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        given = {name: value for name, value in standing.items() if value is not None}
        # What tools were bound with stands in the members already; it is here for the trace.
        given |= {k: v for k, v in rest.items() if self._bound.get(k, _UNBOUND) is not v}
        if len(self._asked) > 1 and "model" in given:
            raise UsageError(
                f"an ensemble of {len(self._asked)} members has no single model to replace by "
                f"{given['model']!r}"
            )
        return EnsembleCall(
            plan=plan,
            asked=self._asked_now(),
            question=chat_question(messages, stop or self.stop, given),
            manager=manager,
            consensus=consensus,
            health=self._health,
            slots=self._slots,
            scorer=self._scorer,
            per_request=self.samples_per_request,
            cache=self.sample_cache,
        )

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

    def _message(self, result: Result, manager: BaseRunManager | None) -> AIMessage:
        """Return the winning message with the id of the ensemble's run, in the wanted version."""
        message = winning_message(result)
        changes: dict[str, Any] = {}
        if message.id is None and manager is not None:
            changes["id"] = f"{LC_ID_PREFIX}-{manager.run_id}"
        if self.output_version == "v1":
            changes["content"] = message.content_blocks
            changes["response_metadata"] = {**message.response_metadata, "output_version": "v1"}
        return message.model_copy(update=changes) if changes else message


_UNBOUND = object()


def _forwards(manager: BaseRunManager) -> bool:
    return any(is_streaming(handler) for handler in manager.handlers)

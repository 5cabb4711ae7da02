"""Any chain as a member: ``prompt | model | parser`` as a whole becomes one vote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForChainRun,
    CallbackManager,
    CallbackManagerForChainRun,
)
from langchain_core.globals import get_llm_cache
from langchain_core.messages import AIMessage, BaseMessage, get_buffer_string
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.base import coerce_to_runnable
from langchain_core.runnables.config import ensure_config
from langchain_core.runnables.utils import get_unique_config_specs
from langchain_core.utils.pydantic import TypeBaseModel
from pydantic import ConfigDict, PrivateAttr
from typing_extensions import override

from bestofinf.errors import UsageError
from bestofinf.plan import unique_names
from bestofinf.records import Member, Reply
from bestofinf.settings import demands, split_settings
from bestofinf.unvotable import Unvotable
from langchain_bestofinf.cache import guarded
from langchain_bestofinf.callbacks import SampleRuns
from langchain_bestofinf.calls import EnsembleCall, Result
from langchain_bestofinf.cancelling import cancelled_within, may_be_cancelled
from langchain_bestofinf.members import Asked, innermost, resolve_members
from langchain_bestofinf.messages import TRACE_KEY, reply_of
from langchain_bestofinf.sampling import Higher, Question
from langchain_bestofinf.serializing import loadable
from langchain_bestofinf.settings import EnsembleSettings, configured

DECISION_EVENT = "bestofinf.decision"


@loadable
class AdaptiveEnsemble(EnsembleSettings, RunnableSerializable[Any, Any]):
    """Runs a chain several times, until its output is settled, and gives that output.

    ```python
    chain = AdaptiveEnsemble(prompt | model | parser)
    chain.invoke({"question": "..."})
    ```

    Input and output are those of the chain, with their types. Text is voted on as a chat model's
    reply is, messages too; any other output is voted on as a JSON value. Handlers get the custom
    event ``bestofinf.decision`` with the trace of every vote.

    Attributes:
        members: One chain or several: runnables, functions, or `bestofinf.Member` objects.
        include_trace: Give ``{"output": ..., "bestofinf": trace}`` in place of the output.

    The other attributes are those of `EnsembleSettings`; ``on_unvotable`` wants a model to choose.
    By default all handlers see the samples, as they see every step of a chain; streams do not.
    """

    sample_callbacks: Any = "all"
    include_trace: bool = False

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    _guarded: list[Runnable[Any, Any]] = PrivateAttr(default_factory=list)

    def __init__(self, members: Any = None, /, **kwargs: Any) -> None:
        if members is not None:
            kwargs["members"] = members if isinstance(members, list | tuple) else [members]
        super().__init__(**kwargs)

    def _resolved(self) -> tuple[Member[Any], ...]:
        return unique_names([_chain(item) for item in self.members])

    def _chooser(self, given: Any) -> Member[Any]:
        model = given.model if isinstance(given, Member) else given
        if isinstance(given, str) or innermost(model) is not None:
            return resolve_members([given])[0]
        return unique_names([_chain(given)])[0]

    @override
    def unvotable(self, **given: Any) -> Unvotable:
        """Return what is given where no output could be voted on; no chain chooses by itself."""
        found = super().unvotable(**given)
        if found.way == "choose" and found.chooser is None:
            raise UsageError(
                "a chain cannot choose among replies: give the model that is to, as on_unvotable"
            )
        return found

    @property
    def _chains(self) -> list[Runnable[Any, Any]]:
        return [member.model for member in self._members]

    # -- types: those of the chain ------------------------------------------------------------

    @property
    @override
    def InputType(self) -> Any:
        """Return what the chain takes."""
        return self._chains[0].InputType

    @property
    @override
    def OutputType(self) -> Any:
        """Return what the chain gives."""
        return self._chains[0].OutputType

    @override
    def get_input_schema(self, config: RunnableConfig | None = None) -> TypeBaseModel:
        """Return the schema of what the chain takes."""
        return self._chains[0].get_input_schema(config)

    @override
    def get_output_schema(self, config: RunnableConfig | None = None) -> TypeBaseModel:
        """Return the schema of what the chain gives."""
        if self.include_trace:
            return super().get_output_schema(config)
        return self._chains[0].get_output_schema(config)

    @property
    @override
    def config_specs(self) -> list[Any]:
        """Return what can be configured in the chains."""
        return get_unique_config_specs(
            spec for chain in self._chains for spec in chain.config_specs
        )

    # -- calls --------------------------------------------------------------------------------

    @override
    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Vote, and return the winning output."""
        given = {**configured(ensure_config(config)), **kwargs}
        return self._call_with_config(self._voted, input, config, **given)

    @override
    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Vote, and return the winning output."""
        given = {**configured(ensure_config(config)), **kwargs}
        return await cancelled_within(self._acall_with_config(self._avoted, input, config, **given))

    def _voted(self, input: Any, run_manager: CallbackManagerForChainRun, **kwargs: Any) -> Any:
        runs = SampleRuns(run_manager, self.sample_callbacks, asynchronous=False, counting=True)
        result = self._call(input, run_manager, kwargs).run(runs)
        CallbackManager(
            handlers=run_manager.handlers, tags=run_manager.tags, metadata=run_manager.metadata
        ).on_custom_event(
            DECISION_EVENT, {**result.told, "prompt": as_text(input)}, run_id=run_manager.run_id
        )
        return self._output(result)

    async def _avoted(
        self, input: Any, run_manager: AsyncCallbackManagerForChainRun, **kwargs: Any
    ) -> Any:
        runs = SampleRuns(run_manager, self.sample_callbacks, asynchronous=True, counting=True)
        result = await may_be_cancelled(self._call(input, run_manager, kwargs).arun(runs))
        await AsyncCallbackManager(
            handlers=run_manager.handlers, tags=run_manager.tags, metadata=run_manager.metadata
        ).on_custom_event(
            DECISION_EVENT, {**result.told, "prompt": as_text(input)}, run_id=run_manager.run_id
        )
        return self._output(result)

    def _call(self, input: Any, manager: Any, kwargs: Mapping[str, Any]) -> EnsembleCall:
        settings, rest = split_settings(kwargs)
        higher = None
        if self.escalate_to is not None:
            chain = coerce_to_runnable(self.escalate_to)
            higher = Higher(chain.get_name(), Asked(chain, counts_runs=True))
        plan, consensus = demands(self, settings, manager.run_id, higher)
        return EnsembleCall(
            plan=plan,
            asked=self._asked_now(),
            question=Question(input, rest, lambda: as_text(input)),
            manager=manager,
            consensus=consensus,
            health=self._health,
            slots=self._slots,
            scorer=self._scorer,
            read=read_value,
        )

    def _asked_now(self) -> list[Asked]:
        """Return how chains are asked: with a cache in use, so that it keeps samples apart."""
        chains = self._chains
        if get_llm_cache() is not None:
            self._guarded = self._guarded or [guarded(chain) for chain in chains]
            chains = self._guarded
        return [Asked(chain, counts_runs=True) for chain in chains]

    def _output(self, result: Result) -> Any:
        reply = (result.winner.reply if result.winner is not None else None) or Reply()
        if isinstance(reply.native, Value):
            value = reply.native.value
        else:  # composed of several outputs
            value = reply.parsed if reply.parsed is not None else reply.text
        return {"output": value, TRACE_KEY: result.told} if self.include_trace else value


@dataclass(frozen=True, slots=True)
class Value:
    """A chain's output as it came."""

    value: Any


def read_value(output: Any) -> Reply:
    """Return any output of a chain as a reply."""
    native = Value(output)
    if isinstance(output, AIMessage):
        return replace(reply_of(output), native=native)
    if output is None or isinstance(output, str):
        return Reply(text=output or "", native=native)
    return Reply(parsed=output, native=native)


def as_text(input: Any) -> str:
    """Return what a chain was asked as text."""
    if isinstance(input, str):
        return input
    if isinstance(input, PromptValue):
        return input.to_string()
    if isinstance(input, list) and all(isinstance(item, BaseMessage) for item in input):
        return get_buffer_string(input)
    return json.dumps(input, default=str, ensure_ascii=False, sort_keys=True)


def _chain(item: Any) -> Member[Any]:
    if isinstance(item, Mapping) and "model" in item:
        item = Member(**{**item, "price": tuple(item.get("price", (0.0, 0.0)))})
    if isinstance(item, tuple) and len(item) == 2:
        item = Member(item[0], weight=item[1])
    member = item if isinstance(item, Member) else Member(item)
    try:
        chain = coerce_to_runnable(member.model)
    except TypeError as error:
        raise UsageError(f"a member must be a runnable or a function: {error}") from error
    return replace(member, model=chain, name=member.name or chain.get_name())

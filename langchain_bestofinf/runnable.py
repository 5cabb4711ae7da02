"""An ensemble whose members are chains: a vote on the outputs of ``prompt | model | parser``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForChainRun,
    CallbackManager,
    CallbackManagerForChainRun,
)
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.base import coerce_to_runnable
from langchain_core.runnables.config import ensure_config
from langchain_core.runnables.utils import get_unique_config_specs
from langchain_core.utils.pydantic import TypeBaseModel
from pydantic import ConfigDict
from typing_extensions import override

from bestofinf.batches import in_order
from bestofinf.ensemble import (
    Flow,
    Result,
    Step,
    Unvotable,
    arun,
    cancelled_within,
    may_be_cancelled,
    read_members,
    run,
    shown_trace,
    split_settings,
)
from bestofinf.errors import UsageError
from bestofinf.records import Member, Reply
from langchain_bestofinf.batching import each_by_itself
from langchain_bestofinf.callbacks import SampleRuns
from langchain_bestofinf.calls import EnsembleCall
from langchain_bestofinf.client import LangChainClient, Question
from langchain_bestofinf.members import Asked, innermost, resolve_members
from langchain_bestofinf.memory import Memory, Remembered, check_memory, remembers
from langchain_bestofinf.messages import TRACE_KEY, as_text, with_text
from langchain_bestofinf.outputs import Value, named_fields, read_value
from langchain_bestofinf.serializing import loadable
from langchain_bestofinf.settings import EnsembleSettings, configured

DECISION_EVENT = "bestofinf.decision"


@loadable
class AdaptiveEnsemble(EnsembleSettings, RunnableSerializable[Any, Any]):
    """Runs a chain until its output is decided by a vote, and returns that output.

    ```python
    chain = AdaptiveEnsemble(prompt | model | parser)
    chain.invoke({"question": "..."})
    ```

    Input and output are those of the chain, with their types. Text is voted on as a chat model's
    reply is, messages too; of the state of an agent or graph its last message, or its structured
    response. Any other output is voted on as a JSON value, in which messages have no metadata and
    neither they nor documents have ids. Handlers get the custom event ``bestofinf.decision`` with
    the trace of every vote.

    Attributes:
        members: One chain or several: runnables, functions, or `bestofinf.Member` objects.
        include_trace: Return ``{"output": ..., "bestofinf": trace}`` instead of the output.

    The other attributes are those of `EnsembleSettings`; to choose a reply, ``on_unvotable`` needs
    a model. By default all handlers see the samples, as they see every step of a chain, except
    handlers that forward a stream.

    If the chain has a memory (a graph with a checkpointer, `RunnableWithMessageHistory`), every
    sample continues the thread from the same state, and the thread keeps only the winner's turn.
    """

    sample_callbacks: Any = "all"
    include_trace: bool = False

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    def __init__(self, members: Any = None, /, **kwargs: Any) -> None:
        if members is not None:
            kwargs["members"] = members if isinstance(members, list | tuple) else [members]
        super().__init__(**kwargs)
        self._asked = [
            Asked(chain, counts_runs=True, remembers=remembers(chain)) for chain in self._chains
        ]

    def _read_members(self, given: Any) -> tuple[Member[Any], ...]:
        return read_members(given, _chain, "runnables")

    def _read_higher(self, given: Any) -> Member[Any]:
        chain, name = _chain(given)
        return Member(Asked(chain, counts_runs=True), name=name)

    def _read_chooser(self, given: Any) -> Member[Any]:
        model = given.model if isinstance(given, Member) else given
        if isinstance(given, str) or innermost(model) is not None:
            return resolve_members([given])[0]
        return super()._read_chooser(given)

    @override
    def unvotable(self, **given: Any) -> Unvotable:
        """Return the policy for outputs that cannot be voted on.

        Raises:
            UsageError: If a model must choose or compare and none is given: a chain cannot.
        """
        found = super().unvotable(**given)
        if found.way in ("choose", "vote") and found.chooser is None:
            raise UsageError(
                "a chain cannot choose among replies or compare them: give a model for it, "
                "on_unvotable=model or MeaningVote(model)"
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

    @override
    def batch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """Vote on many inputs, each by itself."""
        given = {"return_exceptions": return_exceptions, **kwargs}
        return in_order(self.batch_as_completed(inputs, config, **given))

    @override
    def batch_as_completed(
        self,
        inputs: Sequence[Any],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> Iterator[tuple[int, Any]]:
        """Yield the position and the output of each input as it is decided."""
        ask = partial(self.invoke, **kwargs)
        return each_by_itself(ask, inputs, config, return_exceptions)

    def _voted(self, input: Any, run_manager: CallbackManagerForChainRun, **kwargs: Any) -> Any:
        return run(self._vote(input, run_manager, kwargs, CallbackManager))

    async def _avoted(
        self, input: Any, run_manager: AsyncCallbackManagerForChainRun, **kwargs: Any
    ) -> Any:
        return await arun(self._vote(input, run_manager, kwargs, AsyncCallbackManager))

    def _vote(self, input: Any, manager: Any, kwargs: Mapping[str, Any], kind: Any) -> Flow[Any]:
        asynchronous = kind is AsyncCallbackManager
        runs = SampleRuns(manager, self.sample_callbacks, asynchronous=asynchronous, counting=True)
        call = self._call(input, runs, kwargs)
        result = yield Step(call.run, lambda: may_be_cancelled(call.arun()))
        for memory in _memories(result):
            yield Step(memory.keep, memory.akeep)
        prompt = as_text(input)
        for whole in (True, False):
            told = result.told if whole else shown_trace(result.told, self.trace)
            those = [h for h in manager.handlers if getattr(h, "wants_trace", False) is whole]
            events = kind(handlers=those, tags=manager.tags, metadata=manager.metadata)
            data = {**(told or {}), "prompt": prompt}
            tell = partial(events.on_custom_event, DECISION_EVENT, data, run_id=manager.run_id)
            if those and told is not None:
                yield Step(tell, tell)
        return self._output(result)

    def _call(self, input: Any, runs: SampleRuns, kwargs: Mapping[str, Any]) -> EnsembleCall:
        settings, rest = split_settings(kwargs)
        if runs.resumed.waits:
            settings = {**settings, "concurrency": 1}
        members = self._guarded_members()
        for member in members:
            if member.remembers:
                check_memory(member.model, runs.configurable)
        fields = named_fields(settings.get("answer", self.answer))
        read = partial(read_value, given=input, fields=fields)
        client = LangChainClient(members, runs, reply=read)
        return self._made_call(client, Question(input, rest, lambda: as_text(input)), settings)

    def _output(self, result: Result) -> Any:
        reply = result.reply
        native = _native(reply)
        if isinstance(native, Value):
            value = native.value
        else:  # composed of several outputs
            value = reply.parsed if reply.parsed is not None else reply.text
            outputs = [_native(sample.reply) for sample in result.samples if sample.reply]
            around = next((one for one in outputs if isinstance(one, Value) and one.key), None)
            value = value if around is None else around.saying(value)
        if isinstance(value, str):
            value = self.shown(value)
        elif isinstance(value, AIMessage) and self.strip_thoughts:
            value = with_text(value, self.shown)
        return (
            {"output": value, TRACE_KEY: shown_trace(result.told, self.trace)}
            if self.include_trace
            else value
        )


def _native(reply: Reply) -> Any:
    """Return the output that a reply was made of, without its memories."""
    return reply.native.native if isinstance(reply.native, Remembered) else reply.native


def _memories(result: Result) -> Sequence[Memory]:
    """Return the winner's memories; of an answer composed of several, those of the first."""
    found = [sample.reply.native for sample in result.samples if sample.reply is not None]
    remembered = [one for one in [result.reply.native, *found] if isinstance(one, Remembered)]
    return remembered[0].memories if remembered else ()


def _chain(given: Any) -> tuple[Runnable[Any, Any], str]:
    try:
        chain = coerce_to_runnable(given)
    except TypeError as error:
        raise UsageError(f"a member must be a runnable or a function: {error}") from error
    return chain, chain.get_name()

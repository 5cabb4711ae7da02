"""Runs of samples as children of the ensemble's run: which handlers see them, and how they end.

A handler that traces or adds up usage sees every sample as a child run, and the ensemble's
own run without usage, so that no token is counted twice. Every other handler sees the same as for a
single model: one run, with the usage of all samples. Handlers that forward a stream see the message
as it is returned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias, cast
from uuid import UUID

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    BaseCallbackHandler,
    BaseCallbackManager,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers._streaming import _StreamingCallbackHandler, _V2StreamingCallbackHandler
from langchain_core.tracers.base import AsyncBaseTracer, BaseTracer

from bestofinf.border import BROKEN_OFF
from bestofinf.ensemble import Step, finished
from bestofinf.records import Draw, Member, Usage
from langchain_bestofinf.following import Ended, Followed, Muted, is_told_in_threads
from langchain_bestofinf.graphs import Resumed
from langchain_bestofinf.messages import TRACE_KEY, ending_of, usage_in

SAMPLE_TAG = "bestofinf:sample"

SampleCallbacks: TypeAlias = Literal["tracers", "all", "none"]

_TRACING = frozenset({"langfuse", "mlflow", "opik"})
"""Packages of tracing products whose handlers are no tracers by LangChain's class."""

HIDDEN_TAGS = [SAMPLE_TAG, "nostream"]  # langgraph leaves runs tagged nostream out of its stream
_OWN_CONFIG = frozenset({"callbacks", "run_id", "run_name", "tags", "metadata"})


def is_streaming(handler: BaseCallbackHandler) -> bool:
    """Return whether a handler forwards tokens to a user's stream, where samples would leak."""
    return isinstance(handler, _StreamingCallbackHandler | _V2StreamingCallbackHandler)


def sees_samples(handler: BaseCallbackHandler, mode: SampleCallbacks) -> bool:
    """Return whether samples are reported to a handler.

    With ``tracers`` they are reported to LangChain's tracers and usage counters, to the handlers of
    tracing products, and to handlers with a true attribute ``sees_samples``. They are never
    reported to handlers that forward a stream.
    """
    from langchain_core.callbacks import UsageMetadataCallbackHandler  # brings LangSmith's tracer

    if mode == "none" or is_streaming(handler) or isinstance(handler, _SampleWatch):
        return False
    return (
        mode == "all"
        or isinstance(handler, BaseTracer | AsyncBaseTracer | UsageMetadataCallbackHandler)
        or type(handler).__module__.partition(".")[0] in _TRACING
        or bool(getattr(handler, "sees_samples", False))
    )


async def begun(
    beginning: Coroutine[Any, Any, Sequence[AsyncCallbackManagerForLLMRun]],
) -> AsyncCallbackManagerForLLMRun:
    """Begin a run. If that is cancelled, the run is ended again."""
    task = asyncio.ensure_future(beginning)
    try:
        (run,) = await finished(task)
    except asyncio.CancelledError as error:
        for run in task.result():
            await finished(run.on_llm_error(error, response=LLMResult(generations=[])))
        raise
    return run


class SampleRuns:
    """The runs of one ensemble call.

    Args:
        manager: Manager of the ensemble's run; None if LangChain gives none.
        mode: Which handlers see samples.
        asynchronous: Whether samples run in tasks.
        counting: Whether `spent` will be called.
        config: The caller's configuration; None takes that of the context.
    """

    def __init__(
        self,
        manager: BaseRunManager | None,
        mode: SampleCallbacks,
        *,
        asynchronous: bool,
        counting: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self._counting = counting
        self._told: Mapping[str, Any] = {}
        self._total: UsageMetadata | None = None
        around = var_child_runnable_config.get() or {} if config is None else config
        self.configurable: dict[str, Any] = dict(around.get("configurable") or {})
        self.resumed = Resumed(self.configurable)
        self.manager = manager
        self.asynchronous = asynchronous
        handlers = manager.handlers if manager is not None else []
        self.watchers = [h for h in handlers if sees_samples(h, mode)]
        # Not removed but muted: some handlers attach themselves to every run that lacks them.
        self._muted = [
            Muted.of(h) for h in handlers if h not in self.watchers and not is_streaming(h)
        ]
        self._children = (AsyncCallbackManager if asynchronous else CallbackManager)(
            handlers=[], parent_run_id=manager.run_id if manager is not None else None
        )
        self._children.set_handlers([*self.watchers, *self._muted])
        if manager is not None:
            # Place in a sequence and the model's own description are not the samples'.
            tags = [tag for tag in manager.inheritable_tags if not tag.startswith("seq:step")]
            self._children.add_tags(tags)
        given = manager.inheritable_metadata if manager is not None else {}
        self._metadata = {k: v for k, v in given.items() if not k.startswith("ls_")}

    # -- one sample ---------------------------------------------------------------------------

    def enter(self, tags: Sequence[str], metadata: Mapping[str, Any]) -> RunnableConfig:
        """Make the current context that of a child run, and return the configuration for it.

        Call it in the sample's own task or copied context. Inside a graph or agent the
        context has the outer run's configuration, and a binding merges it with the one that it is
        given. Without this method the outer parent would win, and the sample would be the
        ensemble's sibling.
        """
        children = self._children
        if self.watchers or self._counting:
            children = children.copy()
            watchers = [
                Followed.of(h) if self.asynchronous and is_told_in_threads(h) else h
                for h in self.watchers
            ]
            children.set_handlers([*watchers, *self._muted, _SampleWatch()])
        outer = var_child_runnable_config.get() or {}
        inner = {key: value for key, value in outer.items() if key not in _OWN_CONFIG}
        configurable = {**self.configurable, **self.resumed.changes()}
        inner |= {"callbacks": children, **({"configurable": configurable} if configurable else {})}
        var_child_runnable_config.set(cast("RunnableConfig", inner))
        from langchain_core.tracers.context import _configure_hooks  # brings LangSmith's tracer

        for variable, *_ in _configure_hooks:
            handler = variable.get()
            # Such a handler adds itself to every run in its context, the samples' as well.
            if handler is not None and not any(handler is h for h in children.handlers):
                variable.set(None)
        return {
            "callbacks": children,
            "tags": [*tags],
            "metadata": {**self._metadata, **metadata},
        }

    def sample(self, draw: Draw, member: Member[Any]) -> RunnableConfig:
        """Enter the child run of a draw."""
        return self.enter(
            HIDDEN_TAGS,
            {
                "bestofinf_sample": draw.index,
                "bestofinf_member": member.name,
                "bestofinf_weight": member.weight,
            },
        )

    def spent(self, config: RunnableConfig) -> Usage:
        """Return the usage of the models within one sample so far."""
        return sum((watch.usage for watch in _watches(config)), Usage())

    def broken_off(self, config: RunnableConfig) -> bool:
        """Return whether the stream of a model within one sample ended before its reply did."""
        return any(watch.broken_off for watch in _watches(config))

    async def cancelled(self, config: RunnableConfig, error: BaseException) -> None:
        """End the runs that a cancelled sample has left open, because LangChain does not."""
        callbacks = config.get("callbacks")
        if isinstance(callbacks, AsyncCallbackManager):
            await finished(self._close(callbacks.handlers, error))

    async def _close(self, handlers: Sequence[Any], error: BaseException) -> None:
        followed = [handler for handler in handlers if type(handler) is Followed]
        await asyncio.gather(*(handler.close(error) for handler in followed))
        for watch in handlers:
            if isinstance(watch, _SampleWatch):
                for run_id, parent in list(watch.open.items()):
                    await AsyncCallbackManagerForLLMRun(
                        run_id=run_id,
                        handlers=[h for h in self.watchers if not is_told_in_threads(h)],
                        inheritable_handlers=[],
                        parent_run_id=parent,
                    ).on_llm_error(error, response=LLMResult(generations=[]))

    # -- the ensemble's own run ---------------------------------------------------------------

    def settle(self, told: Mapping[str, Any], usage: UsageMetadata | None) -> None:
        """Store the result of the call for `finish`.

        Args:
            told: The full trace.
            usage: Usage of all samples.
        """
        self._told, self._total = told, usage

    def finish(self, message: AIMessage) -> None:
        """End the ensemble's run for the handlers that get another message than the caller.

        Handlers that have seen the samples get a message without usage; all others, except those
        that forward a stream, get the usage of all samples.
        """
        if isinstance(self.manager, CallbackManagerForLLMRun):
            for manager, told in self._ends(self.manager, message):
                manager.on_llm_end(told)

    async def afinish(self, message: AIMessage) -> None:
        """Do the same in the running event loop."""
        if isinstance(self.manager, AsyncCallbackManagerForLLMRun):
            for manager, told in self._ends(self.manager, message):
                await finished(manager.on_llm_end(told))

    def end(self, message: AIMessage) -> Step:
        """Return the step that ends the ensemble's run; see `finish`."""
        return Step(partial(self.finish, message), partial(self.afinish, message))

    async def abandon(self, error: BaseException) -> None:
        """End the ensemble's run when it is cancelled, because LangChain does not."""
        if isinstance(self.manager, AsyncCallbackManagerForLLMRun):
            try:
                await finished(self.manager.on_llm_error(error, response=LLMResult(generations=[])))
            finally:
                self.manager.handlers = []  # should LangChain do it, it is not done twice

    def _ends(self, manager: Any, message: AIMessage) -> list[tuple[Any, LLMResult]]:
        """Return managers that end the run for groups of handlers, and the result for each group."""
        groups: dict[tuple[bool, bool], list[BaseCallbackHandler]] = {}
        left = []
        for handler in manager.handlers:
            if is_streaming(handler):
                left.append(handler)
            else:
                group = handler in self.watchers, bool(getattr(handler, "wants_trace", False))
                groups.setdefault(group, []).append(handler)
        manager.handlers = [*left, *(Ended.of(h) for told in groups.values() for h in told)]
        ends = []
        for (counted, traced), handlers in groups.items():
            changes: dict[str, Any] = {"usage_metadata": None if counted else self._total}
            if traced:
                metadata = {**message.response_metadata, TRACE_KEY: self._told}
                changes["response_metadata"] = metadata
            generation = ChatGeneration(message=message.model_copy(update=changes))
            own = type(manager)(
                run_id=manager.run_id,
                handlers=handlers,
                inheritable_handlers=[],
                parent_run_id=manager.parent_run_id,
                tags=manager.tags,
                metadata=manager.metadata,
            )
            ends.append((own, LLMResult(generations=[[generation]])))
        return ends


class _SampleWatch(BaseCallbackHandler):
    """Records which model runs of one sample are open, and the usage of those that have ended."""

    run_inline = True

    def __init__(self) -> None:
        self.open: dict[UUID, UUID | None] = {}
        self.usage = Usage()
        self.broken_off = False

    def on_chat_model_start(self, *asked: Any, run_id: UUID, **about: Any) -> None:
        self.open[run_id] = about.get("parent_run_id")

    def on_llm_start(self, *asked: Any, run_id: UUID, **about: Any) -> None:
        self.open[run_id] = about.get("parent_run_id")

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        self.open.pop(run_id, None)
        self.usage += usage_in(response)
        for generation in response.generations[0][:1]:
            message = getattr(generation, "message", None)
            if isinstance(message, AIMessage) and ending_of(message) == BROKEN_OFF:
                self.broken_off = True

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.open.pop(run_id, None)
        self.usage += Usage(calls=1)


def _watches(config: RunnableConfig) -> list[_SampleWatch]:
    callbacks = config.get("callbacks")
    handlers = callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else []
    return [handler for handler in handlers if isinstance(handler, _SampleWatch)]

"""Runs of samples beneath the run of their ensemble: who sees them, and how they are closed.

A handler that traces or adds up usage sees every sample as a child run, and sees the ensemble's
own run end without usage, so that no token is counted twice. Every other handler sees what it
would see of a single model: one run, with the usage of all samples.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast
from uuid import UUID

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    BaseCallbackHandler,
    BaseCallbackManager,
    CallbackManager,
    CallbackManagerForLLMRun,
    UsageMetadataCallbackHandler,
)
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult, LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers._streaming import _StreamingCallbackHandler, _V2StreamingCallbackHandler
from langchain_core.tracers.base import AsyncBaseTracer, BaseTracer
from langchain_core.tracers.context import _configure_hooks

from bestofinf.records import Draw, Member, Usage
from langchain_bestofinf.cancelling import finished
from langchain_bestofinf.following import Followed, is_told_in_threads

SAMPLE_TAG = "bestofinf:sample"

SampleCallbacks: TypeAlias = Literal["tracers", "all", "none"]
LLMRun: TypeAlias = CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun

HIDDEN_TAGS = [SAMPLE_TAG, "nostream"]  # langgraph leaves runs tagged nostream out of its stream
_OWN_CONFIG = frozenset({"callbacks", "run_id", "run_name", "tags", "metadata"})


def is_streaming(handler: BaseCallbackHandler) -> bool:
    """Return whether a handler forwards tokens to a user's stream, where samples would leak."""
    return isinstance(handler, _StreamingCallbackHandler | _V2StreamingCallbackHandler)


def sees_samples(handler: BaseCallbackHandler, mode: SampleCallbacks) -> bool:
    """Return whether samples are reported to a handler.

    With ``tracers``: tracers, LangChain's usage counters, and handlers that have an attribute
    ``sees_samples`` that is true. Never to handlers that forward a stream.
    """
    if mode == "none" or is_streaming(handler):
        return False
    return (
        mode == "all"
        or isinstance(handler, BaseTracer | AsyncBaseTracer | UsageMetadataCallbackHandler)
        or bool(getattr(handler, "sees_samples", False))
    )


class SampleRuns:
    """The runs of one ensemble call.

    Args:
        manager: The ensemble's run; None when LangChain gives none.
        mode: Which handlers see samples.
        asynchronous: Whether samples run in tasks.
        counting: Whether `spent` will be asked for.
    """

    def __init__(
        self,
        manager: BaseRunManager | None,
        mode: SampleCallbacks,
        *,
        asynchronous: bool,
        counting: bool = False,
    ) -> None:
        self._counting = counting
        self._manager = manager
        handlers = manager.handlers if manager is not None else []
        self.watchers = [h for h in handlers if sees_samples(h, mode)]
        self._children = (AsyncCallbackManager if asynchronous else CallbackManager)(
            handlers=[], parent_run_id=manager.run_id if manager is not None else None
        )
        self._children.set_handlers(self.watchers)
        if manager is not None:
            # Place in a sequence and the model's own description are not the samples'.
            tags = [tag for tag in manager.inheritable_tags if not tag.startswith("seq:step")]
            self._children.add_tags(tags)
            self._children.add_metadata(
                {k: v for k, v in manager.inheritable_metadata.items() if not k.startswith("ls_")}
            )

    # -- one sample ---------------------------------------------------------------------------

    def enter(self, tags: Sequence[str], metadata: Mapping[str, Any]) -> RunnableConfig:
        """Make the current context that of a child run, and return the configuration for it.

        To be called in the sample's own task or copied context. Inside a graph or agent the
        context holds the outer run's configuration, and a binding merges it with the one it is
        given; the outer parent would win, and the sample would be the ensemble's sibling.
        """
        children = self._children
        if self.watchers or self._counting:
            children = children.copy()
            if isinstance(children, AsyncCallbackManager):
                children.set_handlers(
                    [Followed.of(h) if is_told_in_threads(h) else h for h in self.watchers]
                )
            children.add_handler(_SampleWatch())
        outer = var_child_runnable_config.get() or {}
        inner = {key: value for key, value in outer.items() if key not in _OWN_CONFIG}
        var_child_runnable_config.set(cast("RunnableConfig", {**inner, "callbacks": children}))
        for variable, *_ in _configure_hooks:
            handler = variable.get()
            # Such a handler adds itself to every run in its context, the samples' as well.
            if handler is not None and not any(handler is h for h in children.handlers):
                variable.set(None)
        return {"callbacks": children, "tags": [*tags], "metadata": {**metadata}}

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
        """Return what the models within one sample have used so far."""
        callbacks = config.get("callbacks")
        handlers = callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else []
        return sum((h.usage for h in handlers if isinstance(h, _SampleWatch)), Usage())

    async def cancelled(self, config: RunnableConfig, error: BaseException) -> None:
        """Close runs that a cancelled sample has left open: LangChain itself does not."""
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

    def finish(self, result: ChatResult) -> None:
        """End the ensemble's run for those who have seen the samples."""
        if self.watchers and isinstance(self._manager, CallbackManagerForLLMRun):
            self._detached(self._manager).on_llm_end(without_usage(result))

    async def afinish(self, result: ChatResult) -> None:
        """Do the same from async code."""
        if self.watchers and isinstance(self._manager, AsyncCallbackManagerForLLMRun):
            await finished(self._detached(self._manager).on_llm_end(without_usage(result)))

    async def abandon(self, error: BaseException) -> None:
        """End the ensemble's run when it is cancelled: LangChain itself does not."""
        if isinstance(self._manager, AsyncCallbackManagerForLLMRun):
            try:
                await finished(
                    self._manager.on_llm_error(error, response=LLMResult(generations=[]))
                )
            finally:
                self._manager.handlers = []  # should LangChain do it, it is not done twice

    def _detached(self, manager: Any) -> Any:
        """Take the watchers off the ensemble's run; return a manager of theirs for it."""
        manager.handlers = [h for h in manager.handlers if h not in self.watchers]
        return type(manager)(
            run_id=manager.run_id,
            handlers=self.watchers,
            inheritable_handlers=[],
            parent_run_id=manager.parent_run_id,
            tags=manager.tags,
            metadata=manager.metadata,
        )


class _SampleWatch(BaseCallbackHandler):
    """Knows which model runs of one sample have begun and not ended, and what the others cost."""

    run_inline = True

    def __init__(self) -> None:
        self.open: dict[UUID, UUID | None] = {}
        self.usage = Usage()

    def on_chat_model_start(
        self,
        serialized: Any,
        messages: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        self.open[run_id] = parent_run_id

    def on_llm_start(
        self,
        serialized: Any,
        prompts: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        self.open[run_id] = parent_run_id

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        self.open.pop(run_id, None)
        for generation in response.generations[0][:1]:
            usage = getattr(getattr(generation, "message", None), "usage_metadata", None) or {}
            self.usage += Usage(
                usage.get("input_tokens", 0), usage.get("output_tokens", 0), calls=1
            )

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.open.pop(run_id, None)
        self.usage += Usage(calls=1)


def without_usage(result: ChatResult) -> LLMResult:
    """Return the result for handlers that have counted the samples."""
    generations: list[Any] = []
    for generation in result.generations:
        message = generation.message
        if isinstance(message, AIMessage):
            message = message.model_copy(update={"usage_metadata": None})
        generations.append(ChatGeneration(message=message))
    return LLMResult(generations=[generations])

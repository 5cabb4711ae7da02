"""Several samples from one request (``n=``), shared out among draws.

For providers that offer it: the prompt is paid once. Nothing can be stopped within a request, and
what nobody asks for any more is lost, so it is opt-in.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.prompt_values import ChatPromptValue
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.base import RunnableBinding
from langchain_core.runnables.config import merge_configs

from bestofinf.errors import SamplingError, UsageError
from bestofinf.records import Sample
from langchain_bestofinf.members import ChatRunnable


def check_several(name: str, model: ChatRunnable) -> None:
    """Refuse a member that cannot be asked for several samples at once.

    Raises:
        UsageError: If it is not a chat model or a plain binding of one.
    """
    inner: Any = model
    while isinstance(inner, RunnableBinding):
        inner = inner.bound
    if not isinstance(inner, BaseChatModel):
        raise UsageError(
            f"samples_per_request: member {name!r} is a {type(inner).__name__}, only chat models "
            "and their bindings can be asked for several samples at once"
        )


def _unbound(
    model: ChatRunnable, config: RunnableConfig, kwargs: Mapping[str, Any]
) -> tuple[BaseChatModel, RunnableConfig, dict[str, Any]]:
    """Return the chat model with everything that is bound around it."""
    layers = []
    inner: Any = model
    while isinstance(inner, RunnableBinding):
        layers.append(inner)
        inner = inner.bound
    bound: dict[str, Any] = {}
    for layer in reversed(layers):
        bound |= layer.kwargs
        config = merge_configs(layer.config, config)
    return inner, config, {**bound, **kwargs}


def _arguments(config: RunnableConfig, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "callbacks": config.get("callbacks"),
        "tags": config.get("tags"),
        "metadata": config.get("metadata"),
        "run_name": config.get("run_name"),
        **kwargs,
    }


async def agenerated(
    model: ChatRunnable, messages: Any, config: RunnableConfig, kwargs: Mapping[str, Any]
) -> list[AIMessage]:
    """Return all messages of one request, in the running loop."""
    inner, config, kwargs = _unbound(model, config, kwargs)
    prompt = ChatPromptValue(messages=messages)
    return shared_usage(await inner.agenerate_prompt([prompt], **_arguments(config, kwargs)))


def generated(
    model: ChatRunnable, messages: Any, config: RunnableConfig, kwargs: Mapping[str, Any]
) -> list[AIMessage]:
    """Return all messages of one request."""
    inner, config, kwargs = _unbound(model, config, kwargs)
    prompt = ChatPromptValue(messages=messages)
    return shared_usage(inner.generate_prompt([prompt], **_arguments(config, kwargs)))


def shared_usage(result: LLMResult) -> list[AIMessage]:
    """Return a request's messages with usages that add up to the request's.

    OpenAI-compatible clients give every message the usage of the whole request; then it is kept
    with the first alone.
    """
    messages = [
        generation.message
        for generation in result.generations[0]
        if isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage)
    ]
    if not messages:
        raise SamplingError("a request for several samples brought no message")
    first, *rest = messages
    if rest and all(message.usage_metadata == first.usage_metadata for message in rest):
        rest = [message.model_copy(update={"usage_metadata": None}) for message in rest]
    return [first, *rest]


@dataclass
class _Batch:
    """A request under way and how many of its samples are promised."""

    found: Any
    taken: int = 0


class AsyncShared:
    """Shares requests among the draws of one vote, in one event loop.

    Args:
        size: Samples a request brings.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._open: dict[int, _Batch] = {}
        self._tasks: list[asyncio.Task[list[Sample]]] = []

    async def take(self, member: int, request: Callable[[], Awaitable[list[Sample]]]) -> Sample:
        """Return the next sample of a member, from a request under way or a new one."""
        while True:
            batch = self._open.get(member)
            if batch is None or batch.taken == self._size:
                task = asyncio.ensure_future(_awaited(request))
                self._tasks.append(task)
                batch = self._open[member] = _Batch(task)
            place, batch.taken = batch.taken, batch.taken + 1
            try:
                # Shielded: others wait for the same request.
                samples: list[Sample] = await asyncio.shield(batch.found)
            except Exception:
                if self._open.get(member) is batch:
                    del self._open[member]
                raise
            if place < len(samples):
                return samples[place]
            if self._open.get(member) is batch:  # it brought fewer than were asked for
                del self._open[member]

    async def aclose(self) -> None:
        """Cancel what is under way and wait until it is gone."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _awaited(request: Callable[[], Awaitable[list[Sample]]]) -> list[Sample]:
    return await request()


class Shared:
    """Shares requests among the draws of one vote, in threads.

    Args:
        size: Samples a request brings.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._open: dict[int, _Batch] = {}
        self._lock = threading.Lock()

    def take(self, member: int, request: Callable[[], Sequence[Sample]]) -> Sample:
        """Return the next sample of a member, from a request under way or a new one."""
        while True:
            with self._lock:
                batch = self._open.get(member)
                mine = batch is None or batch.taken == self._size
                if batch is None or mine:
                    batch = self._open[member] = _Batch(Future())
                place, batch.taken = batch.taken, batch.taken + 1
            if mine:
                try:
                    batch.found.set_result(request())
                except BaseException as error:
                    batch.found.set_exception(error)
            try:
                samples: Sequence[Sample] = batch.found.result()
            except Exception:
                self._drop(member, batch)
                raise
            if place < len(samples):
                return samples[place]
            self._drop(member, batch)

    def _drop(self, member: int, batch: _Batch) -> None:
        with self._lock:
            if self._open.get(member) is batch:
                del self._open[member]

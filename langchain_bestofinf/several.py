"""Several samples from one request (``n=``), shared out among draws.

For providers that offer it: the prompt is paid once. Nothing can be stopped within a request, and
what nobody asks for any more is lost, so it is opt-in.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.prompt_values import ChatPromptValue
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.base import RunnableBinding
from langchain_core.runnables.config import merge_configs

from bestofinf.errors import SamplingError, UsageError
from langchain_bestofinf.members import ChatRunnable, innermost


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


def warn_of_lost(name: str, model: ChatRunnable) -> None:
    """Warn of a member whose own setting asks for more replies than are used."""
    inner: Any = innermost(model)
    asked = {**getattr(inner, "__dict__", {}), **getattr(model, "kwargs", {})}.get("n")
    if isinstance(asked, int) and asked > 1:
        warnings.warn(
            f"member {name!r} asks for n={asked} replies with every request, of which one is used "
            f"and all are paid: set n=1 there, and samples_per_request={asked} of the ensemble",
            UserWarning,
            stacklevel=3,
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

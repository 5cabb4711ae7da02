"""Several samples from one request (``n=``), distributed to several draws.

If a provider supports it, the prompt is paid once. But a request cannot be stopped after some of
its samples, and samples that are not needed are lost, so this is off by default.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.prompt_values import ChatPromptValue, PromptValue
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.base import RunnableBinding
from langchain_core.runnables.config import merge_configs

from bestofinf.ensemble import Flow, Step
from bestofinf.errors import SamplingError, UsageError
from langchain_bestofinf.members import ChatRunnable, innermost


def check_several(name: str, model: ChatRunnable) -> None:
    """Check that a member can be asked for several samples at once.

    Raises:
        UsageError: If it is not a chat model or a binding of one.
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


def generated(
    model: ChatRunnable, messages: Any, config: RunnableConfig, kwargs: Mapping[str, Any]
) -> Flow[list[AIMessage]]:
    """Return all messages of one request."""
    inner, given = _unbound(model, config, kwargs)
    prompts: list[PromptValue] = [ChatPromptValue(messages=messages)]
    result = yield Step(
        lambda: inner.generate_prompt(prompts, **given),
        lambda: inner.agenerate_prompt(prompts, **given),
    )
    return shared_usage(result)


def _unbound(
    model: ChatRunnable, config: RunnableConfig, kwargs: Mapping[str, Any]
) -> tuple[BaseChatModel, dict[str, Any]]:
    """Return the chat model within bindings, and the arguments of a call with the bound ones."""
    bound = dict(kwargs)
    inner: Any = model
    while isinstance(inner, RunnableBinding):
        bound = {**inner.kwargs, **bound}
        config = merge_configs(inner.config, config)
        inner = inner.bound
    named = ("callbacks", "tags", "metadata", "run_name")
    return inner, {name: config.get(name) for name in named} | bound


def shared_usage(result: LLMResult) -> list[AIMessage]:
    """Return the messages of a request, with usages that add up to that of the request.

    OpenAI-compatible clients give every message the usage of the whole request; then only the first
    message keeps it.

    Raises:
        SamplingError: If the request returned no message.
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

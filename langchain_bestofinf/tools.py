"""Binds tools to every member in its own format; the vote is on the calls, before a tool runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables.base import RunnableBinding
from langchain_core.utils.function_calling import convert_to_openai_tool

from bestofinf.errors import UsageError
from langchain_bestofinf.members import Asked, ChatRunnable, flat, transformed


def with_tools(name: str, model: ChatRunnable, tools: Sequence[Any], **kwargs: Any) -> Asked:
    """Return how to ask a member with tools.

    Raises:
        UsageError: If the member cannot call tools.
    """
    try:
        return Asked(transformed(model, lambda inner: inner.bind_tools(tools, **kwargs)))
    except (NotImplementedError, AttributeError, ValueError, TypeError) as error:
        raise UsageError(
            f"member {name!r} cannot bind tools ({type(error).__name__}: {flat(error)}): "
            "leave it out, or use a chat model that has bind_tools"
        ) from error


def described(tools: Sequence[Any], asked: Sequence[Asked]) -> list[Any]:
    """Return tools in OpenAI's format, for traces; tools without such a form are unchanged."""
    for one in asked:
        # Taking the schema of a function is slow, and a member may have done it in this format.
        bound = one.model.kwargs.get("tools") if isinstance(one.model, RunnableBinding) else None
        if isinstance(bound, list) and len(bound) == len(tools) and all(map(_is_openai, bound)):
            return bound
    found = []
    for tool in tools:
        try:
            found.append(convert_to_openai_tool(tool))
        except (ValueError, TypeError):
            found.append(tool)
    return found


def _is_openai(tool: Any) -> bool:
    return isinstance(tool, dict) and tool.get("type") == "function" and "function" in tool

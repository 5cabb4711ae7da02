"""Passes tools to every member in its own format; the vote is on the calls, before a tool runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM
from llama_index.core.tools.types import BaseTool

from bestofinf.ensemble import Reading
from bestofinf.errors import UsageError
from bestofinf.records import Member
from llamaindex_bestofinf.client import Prepare, Question
from llamaindex_bestofinf.members import calls_tools, has_tools
from llamaindex_bestofinf.messages import reading_of

REQUEST = "bestofinf_request"
"""Argument that carries a `ToolRequest` from `_prepare_chat_with_tools` to the endpoints."""


@dataclass(frozen=True)
class ToolRequest:
    """Tools as the user gave them; every member turns them into its own format.

    Attributes:
        tools: The tools.
        options: Arguments of ``chat_with_tools`` other than the tools and the messages.
    """

    tools: Sequence[BaseTool]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ToolsQuestion(Question):
    """A chat with tools.

    Attributes:
        messages: The messages that the ensemble was given.
        prepare: Returns the list of messages for a member.
        request: The tools.
        shown_tools: The tools in OpenAI's form, for reports.
    """

    messages: Sequence[ChatMessage]
    prepare: Prepare
    request: ToolRequest
    shown_tools: Sequence[Any] = ()

    def called(self, member: Member[LLM]) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """Return how a member chats with tools."""
        given = {"tools": list(self.request.tools), "chat_history": self.prepare(member)}
        return "chat_with_tools", (), {**given, **self.request.options, **member.options}

    def read(self, member: Member[LLM], model: LLM, output: Any) -> Reading:
        """Return a member's response as a reply, with the calls as its own class reads them."""
        reader = cast("FunctionCallingLLM", model)
        calls = reader.get_tool_calls_from_response(output, error_on_no_tool_call=False)
        return reading_of(output, calls)

    def shown(self) -> Sequence[ChatMessage]:
        """Return the messages."""
        return self.messages

    def options(self) -> Mapping[str, Any]:
        """Return the arguments of every call, tools in OpenAI's form."""
        return {**self.request.options, "tools": list(self.shown_tools)}


def described(tools: Sequence[BaseTool]) -> list[dict[str, Any]]:
    """Return tools in OpenAI's form."""
    return [tool.metadata.to_openai_tool(skip_length_check=True) for tool in tools]


def incapable_members(members: Sequence[Member[LLM]], *, refuse: bool) -> frozenset[int]:
    """Return the positions of members that cannot call tools.

    If no member's metadata say that it calls tools, all that have the methods for tools count as
    able: for instance, LiteLLM does not know what a model behind a proxy can do.

    Args:
        members: The members.
        refuse: Whether to raise an error if a member cannot call tools.

    Raises:
        UsageError: If no member can call tools, or one cannot and `refuse` is true.
    """
    out = frozenset(i for i, member in enumerate(members) if not calls_tools(member.model))
    if len(out) == len(members):
        out = frozenset(i for i, member in enumerate(members) if not has_tools(member.model))
    if len(out) == len(members):
        raise UsageError("no member can call tools: give members that can, or ask without tools")
    if out and refuse:
        raise UsageError(
            f"member {members[min(out)].name!r} cannot call tools: leave it out, or let it sit "
            "out with tool_policy='capable_only'"
        )
    return out

"""Tools: every member gets them in its own format; the vote comes before any tool runs."""

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
    """Tools as the user gave them, for the members to write down in their own format.

    Attributes:
        tools: The tools.
        options: Arguments of ``chat_with_tools`` beside the tools and the messages.
    """

    tools: Sequence[BaseTool]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ToolsQuestion(Question):
    """A chat with tools at hand.

    Attributes:
        messages: As given to the ensemble.
        prepare: Gives each member its own list.
        request: The tools.
        shown_tools: The tools in OpenAI's form, as they are reported.
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
        """Return what a member gave as a reply, with its calls as its own class reads them."""
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

    Where none says that it can, those that can be asked with tools are: LiteLLM, say, does not know
    what a model behind a proxy can do.

    Args:
        members: The members.
        refuse: Whether every member must.

    Raises:
        UsageError: If one cannot that must, or none can.
    """
    out = frozenset(i for i, member in enumerate(members) if not calls_tools(member.model))
    if len(out) == len(members):
        out = frozenset(i for i, member in enumerate(members) if not has_tools(member.model))
    if len(out) == len(members):
        raise UsageError("no member can call tools")
    if out and refuse:
        raise UsageError(
            f"member {members[min(out)].name!r} cannot call tools: leave it out, or let it sit "
            "out with tool_policy='capable_only'"
        )
    return out

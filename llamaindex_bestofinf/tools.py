"""Tools: every member gets them in its own format; the vote comes before any tool runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM
from llama_index.core.tools.types import BaseTool

from bestofinf.errors import UsageError
from bestofinf.records import Member, Sample
from llamaindex_bestofinf.members import calls_tools
from llamaindex_bestofinf.sampling import Prepare, read_response, text_of

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
class ToolsQuestion:
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

    def ask(self, member: Member[LLM], model: LLM) -> ChatResponse:
        """Ask a member once, and wait."""
        return cast("FunctionCallingLLM", model).chat_with_tools(**self._arguments(member))

    async def aask(self, member: Member[LLM], model: LLM) -> ChatResponse:
        """Ask a member once, in the running loop."""
        return await cast("FunctionCallingLLM", model).achat_with_tools(**self._arguments(member))

    def read(self, member: Member[LLM], model: LLM, output: Any) -> Sample:
        """Return what a member gave as a sample, with its calls as its own class reads them."""
        reader = cast("FunctionCallingLLM", model)
        calls = reader.get_tool_calls_from_response(output, error_on_no_tool_call=False)
        return read_response(member, output, calls)

    def text(self) -> str:
        """Return the question as text."""
        return text_of(self.messages)

    def shown(self) -> Sequence[ChatMessage]:
        """Return the messages."""
        return self.messages

    def options(self) -> Mapping[str, Any]:
        """Return the arguments of every call, tools in OpenAI's form."""
        return {**self.request.options, "tools": list(self.shown_tools)}

    def _arguments(self, member: Member[LLM]) -> dict[str, Any]:
        # Lists and mappings of its own for every call: members write into them.
        return {
            "tools": list(self.request.tools),
            "chat_history": self.prepare(member),
            **self.request.options,
            **member.call_kwargs,
        }


def described(tools: Sequence[BaseTool]) -> list[dict[str, Any]]:
    """Return tools in OpenAI's form."""
    return [tool.metadata.to_openai_tool(skip_length_check=True) for tool in tools]


def incapable_members(members: Sequence[Member[LLM]], *, refuse: bool) -> frozenset[int]:
    """Return the positions of members that cannot call tools.

    Args:
        members: The members.
        refuse: Whether every member must.

    Raises:
        UsageError: If one cannot that must, or none can.
    """
    out = frozenset(i for i, member in enumerate(members) if not calls_tools(member.model))
    if len(out) == len(members):
        raise UsageError("no member can call tools")
    if out and refuse:
        raise UsageError(
            f"member {members[min(out)].name!r} cannot call tools: leave it out, or let it sit "
            "out with tool_policy='capable_only'"
        )
    return out

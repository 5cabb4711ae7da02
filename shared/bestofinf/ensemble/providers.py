"""Built-in tools of a provider, and their messages in a history, which only its models can read.

Sources: the tool and content types in the references of OpenAI's Responses API, of Anthropic's
Messages API and of Google's Gemini API, and LangChain's standard content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bestofinf.errors import UsageError

_FAMILIES = {
    **dict.fromkeys(("openai", "azure", "azure_openai"), "openai"),
    **dict.fromkeys(("google_genai", "google_vertexai"), "google"),
    **dict.fromkeys(("anthropic", "amazon_bedrock", "bedrock", "bedrock_converse"), "anthropic"),
    "google_anthropic_vertex": "anthropic",
    "mistralai": "mistral",
}
_DATED = re.compile(r"_20\d{6}$")  # as in Anthropic's web_search_20250305
_OPENAI_TOOLS = re.compile(
    r"(web_search|file_search|computer|code_interpreter|image_generation|mcp|local_shell|shell"
    r"|apply_patch|tool_search)(_preview\w*)?$"
)
_GOOGLE_TOOLS = re.compile(
    r"(code_execution|computer_use|file_search|google_maps|google_search(_retrieval)?|url_context)$"
)
_BLOCKS = {
    "openai": re.compile(
        r"^(?:(?:web_search|file_search|computer|code_interpreter|image_generation|mcp|local_shell"
        r"|shell|apply_patch|tool_search)_call(?:_output)?|mcp_list_tools|mcp_approval_\w++)$"
    ),
    "anthropic": re.compile(r"^(?:(?:server|mcp)_tool_use|\w+_tool_result|container_upload)$"),
    "google": re.compile(r"^(?:executable_code|code_execution_result)$"),
}
_STANDARD = ("server_tool_call", "server_tool_result", "non_standard")


def family(provider: str | None) -> str:
    """Return the name of the family of providers that accept each other's tools and messages.

    A provider that is not known is a family of its own; None gives the empty text.
    """
    return _FAMILIES.get(provider or "", provider or "")


def shared_out(tools: Sequence[Any], families: Mapping[str, str]) -> dict[str, Sequence[Any]]:
    """Return the tools of each member: a built-in tool is only for models of its provider.

    Other providers would refuse it, or treat it as a function. If all members are of one
    family, each gets all tools.

    Args:
        tools: The tools as given to a model; built-in ones are mappings.
        families: Family of each member, by name of the member.

    Returns:
        The tools by name of the member, in their order.

    Raises:
        UsageError: If no member is of a tool's provider, or a member is left without any tool.
    """
    if len(set(families.values())) < 2:
        return dict.fromkeys(families, tools)
    found: dict[str, Sequence[Any]] = {
        name: [tool for tool in tools if _built_into(tool) in (None, own)]
        for name, own in families.items()
    }
    listed = ", ".join(f"{name} ({own})" for name, own in families.items())
    for tool in tools:
        if not any(any(own is tool for own in given) for given in found.values()):
            raise UsageError(
                f"no member has the built-in tool {_name(tool)}; members are {listed}. Add a "
                "member of its provider, or leave the tool out"
            )
    for name, given in found.items():
        if tools and not given:
            raise UsageError(
                f"member {name!r} of {families[name]} has none of the tools: it cannot use the "
                f"built-in {_name(tools[0])} of another provider. Leave the member out, or bind "
                "tools of your own"
            )
    return found


def _built_into(tool: Any) -> str | None:
    """Return the family of a built-in tool; None for a tool that the caller has defined."""
    if not isinstance(tool, Mapping):
        return None
    kind = tool.get("type")
    if kind is None:
        return "google" if len(tool) == 1 and _GOOGLE_TOOLS.match(str(*tool)) else None
    if _DATED.search(str(kind)):
        return "anthropic"
    return "openai" if _OPENAI_TOOLS.match(str(kind)) else None


def _name(tool: Any) -> str:
    return repr(tool.get("type") or next(iter(tool), "") if isinstance(tool, Mapping) else tool)


def readable_blocks(blocks: Sequence[Any], reader: str, writer: str | None) -> list[Any]:
    """Return the blocks of a message that a model can read.

    Blocks of built-in tools of another family (calls and results) are left out. If the writer is of
    another family, text blocks keep only their text, without citations and signatures.

    Args:
        blocks: Content of a message, as texts and mappings.
        reader: Family of the model that reads the message.
        writer: Family of the model that wrote it; None if unknown.
    """
    foreign = writer is not None and writer != reader
    kept = [block for block in blocks if not _is_foreign(block, reader, foreign)]
    return [_plain(block) if foreign else block for block in kept]


def _is_foreign(block: Any, reader: str, foreign: bool) -> bool:
    kind = str(block.get("type")) if isinstance(block, Mapping) else ""
    own = _BLOCKS.get(reader)
    if own is not None and own.match(kind):
        return False
    return (foreign and kind in _STANDARD) or any(form.match(kind) for form in _BLOCKS.values())


def _plain(block: Any) -> Any:
    """Return a text block with its text alone; other blocks are unchanged."""
    if not isinstance(block, Mapping) or block.get("type") != "text":
        return block
    return {"type": "text", "text": block.get("text", "")}

"""Histories that models of several providers have written, made readable for one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from bestofinf.ensemble import family, readable_blocks
from bestofinf.records import Member
from langchain_bestofinf.members import ChatRunnable, innermost


def family_of(model: ChatRunnable) -> str:
    """Return the family of a model's provider; the text is empty if it names none."""
    inner = innermost(model)
    return "" if inner is None else family(inner._get_ls_params().get("ls_provider"))


def readable(families: Mapping[str, str]) -> Callable[[Any, Member[Any]], Any] | None:
    """Return a function of a history and a member that returns the part that the member can read.

    Tool calls, thoughts and ids remain, because the clients translate them between providers.

    Args:
        families: Family of each member's provider, by name of the member.

    Returns:
        The function; None if all members are of one family, so that nothing must be left out.
    """
    if len(set(families.values())) < 2:
        return None

    def read(messages: Any, member: Member[Any]) -> Any:
        found = [_read(message, families.get(member.name, "")) for message in messages]
        return [message for message in found if message is not None]

    return read


def _read(message: BaseMessage, reader: str) -> BaseMessage | None:
    """Return a message without the blocks that a model cannot read; None if none is left."""
    if not isinstance(message, AIMessage) or isinstance(message.content, str):
        return message
    provider = message.response_metadata.get("model_provider")
    blocks = readable_blocks(message.content, reader, family(provider) if provider else None)
    if blocks == message.content:
        return message
    if not blocks and not message.tool_calls:
        return None
    return message.model_copy(update={"content": blocks})

"""Histories that a model of one provider wrote, and one of another reads."""

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
    """Return what makes, of a history, the one that a member can read.

    Tool calls, thoughts and ids cross from one provider to another, as the clients translate them.

    Args:
        families: By the names of the members; None is returned where all are the same.
    """
    if len(set(families.values())) < 2:
        return None

    def read(messages: Any, member: Member[Any]) -> Any:
        found = [_read(message, families.get(member.name, "")) for message in messages]
        return [message for message in found if message is not None]

    return read


def _read(message: BaseMessage, reader: str) -> BaseMessage | None:
    """Return a message as a model can read it; None if nothing of it is left."""
    if not isinstance(message, AIMessage) or isinstance(message.content, str):
        return message
    provider = message.response_metadata.get("model_provider")
    blocks = readable_blocks(message.content, reader, family(provider) if provider else None)
    if blocks == message.content:
        return message
    if not blocks and not message.tool_calls:
        return None
    return message.model_copy(update={"content": blocks})

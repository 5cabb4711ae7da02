"""Histories that several members have written, made readable for each of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    MessageRole,
    ThinkingBlock,
    ToolCallBlock,
)

from bestofinf.ensemble.told import told

_KEPT = 4096
_PORTABLE = ("tool_call_id", "name")


class Origins:
    """Remembers which member wrote a message, for the last few thousand messages.

    A message comes back as a copy within a history, so it is recognised by its content.
    """

    def __init__(self) -> None:
        self._writers: OrderedDict[int, str] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, message: ChatMessage, member: str) -> None:
        """Record which member wrote a message."""
        key = _key(message)
        with self._lock:
            self._writers[key] = member
            self._writers.move_to_end(key)
            if len(self._writers) > _KEPT:
                self._writers.popitem(last=False)

    def writer(self, message: ChatMessage) -> str | None:
        """Return the name of the member that wrote a message; None if unknown."""
        return self._writers.get(_key(message))


def portable_history(
    messages: Sequence[ChatMessage], member: str, origins: Origins
) -> list[ChatMessage]:
    """Return messages that any provider can read; those of the member itself are unchanged.

    Providers refuse each other's reasoning blocks, which are signed, and each other's objects
    in a message's additional arguments. Text, tool calls and all other content are kept.
    """
    return [
        message
        if message.role != MessageRole.ASSISTANT or origins.writer(message) == member
        else portable(message)
        for message in messages
    ]


def portable(message: ChatMessage) -> ChatMessage:
    """Return a message without the parts that only its provider can read."""
    blocks = [block for block in message.blocks if not isinstance(block, ThinkingBlock)]
    extra = message.additional_kwargs
    if not any(isinstance(block, ToolCallBlock) for block in blocks):
        blocks += [_block(call) for call in extra.get("tool_calls") or ()]
    kept = {name: extra[name] for name in _PORTABLE if name in extra}
    return ChatMessage(role=message.role, blocks=blocks, additional_kwargs=kept)


def _block(call: Any) -> ToolCallBlock:
    """Return a tool call in OpenAI's form, object or mapping, as a block."""
    function = told(call, "function")
    return ToolCallBlock(
        tool_call_id=told(call, "id"),
        tool_name=told(function, "name") or "",
        tool_kwargs=told(function, "arguments") or {},
    )


def _key(message: ChatMessage) -> int:
    calls = tuple(
        (block.tool_call_id, block.tool_name)
        for block in message.blocks
        if isinstance(block, ToolCallBlock)
    )
    return hash((message.content, calls))

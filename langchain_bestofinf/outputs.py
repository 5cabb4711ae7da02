"""What of a chain's output votes: its last message, its object, or all of it without ids."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, is_dataclass, replace
from dataclasses import fields as fields_of
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, convert_to_messages
from pydantic import BaseModel

from bestofinf.answers import JsonAnswer
from bestofinf.records import Reply
from langchain_bestofinf.messages import read_output, reply_of

MAX_DEPTH = 60
MAX_VALUES = 20_000
"""Limits like those of JSON that votes: what is beyond them has no vote, so it is left as it is."""

_MESSAGES = "messages"
_OBJECT = "structured_response"
_PAUSED = "__interrupt__"
_RAW = frozenset({"raw", "parsed", "parsing_error"})

_SAID_ELSEWHERE = frozenset(
    {"text", "output_text", "reasoning", "thinking", "redacted_thinking", "reasoning_content"}
    | {"tool_call", "tool_use", "function_call"}
)
"""Blocks that are part of a message's text, thoughts or calls."""


@dataclass(frozen=True, slots=True)
class Value:
    """A chain's output, unchanged.

    Attributes:
        value: The output.
        key: Where in it the object is that votes; None if it is not one object in a mapping.
    """

    value: Any
    key: str | None = None

    def saying(self, composed: Any) -> Any:
        """Return this output with an object composed of several in the place of its own."""
        return composed if self.key is None else {**self.value, self.key: composed}


def named_fields(answer: object) -> Set[str]:
    """Return the fields that an answer type names, for the votes or to leave them out."""
    inner = getattr(answer, "answer", answer)
    if not isinstance(inner, JsonAnswer):
        return frozenset()
    return frozenset({*inner.parts, *inner.ignore, *inner.merge})


def read_value(output: Any, *, given: Any = None, fields: Set[str] = frozenset()) -> Reply:
    """Return any output of a chain as a reply.

    Args:
        output: The output.
        given: The input of the chain, of which a message is no answer.
        fields: Names of fields that are voted on. A mapping with one of them votes as it is.
    """
    native = Value(output)
    if isinstance(output, AIMessage):
        return replace(reply_of(output), native=native)
    if output is None or isinstance(output, str):
        return Reply(text=output or "", native=native)
    if isinstance(output, Mapping) and not any(name in output for name in fields):
        reply = _raw_or_parsed(output) or _last_said(output, given)
        if reply is not None:
            return reply
    return Reply(parsed=without_ids(output), native=native)


def _raw_or_parsed(output: Mapping[Any, Any]) -> Reply | None:
    """Return the object of ``with_structured_output(..., include_raw=True)`` as a reply."""
    if output.keys() != _RAW or not isinstance(output["raw"], AIMessage):
        return None
    return replace(read_output(output), native=Value(output, "parsed"))


def _last_said(state: Mapping[Any, Any], given: Any) -> Reply | None:
    """Return the last message of a state that a chain has ended with, or its object.

    None if there is neither: the chain waits for an answer, or has not added to the messages.
    """
    messages, found = state.get(_MESSAGES), state.get(_OBJECT)
    last = messages[-1] if isinstance(messages, list | tuple) and messages else None
    if not isinstance(last, BaseMessage) or _PAUSED in state or _form(last) == _last_form(given):
        return None
    if found is None:
        if not isinstance(last, AIMessage):
            return None
        return replace(reply_of(last), native=Value(state))
    reply = reply_of(last) if isinstance(last, AIMessage) else Reply()
    return replace(reply, tool_calls=(), parsed=found, native=Value(state, _OBJECT))


def _last_form(given: Any) -> dict[str, Any] | None:
    """Return the form of the last message of an input; None if there is none."""
    messages = given.get(_MESSAGES) if isinstance(given, Mapping) else None
    if not isinstance(messages, list | tuple) or not messages:
        return None
    try:
        return _form(convert_to_messages(messages[-1:])[0])
    except Exception:  # of what is no message, each form has an error of its own
        return None


def without_ids(output: Any) -> Any:
    """Return an output with the content of messages and documents in their place.

    Ids, and the metadata of messages, differ from sample to sample. Values without either are
    returned as they are; cycles and very large values too, which cannot be voted on anyway.
    """
    if isinstance(output, Mapping) and isinstance(paused := output.get(_PAUSED), list | tuple):
        output = {**output, _PAUSED: [getattr(one, "value", one) for one in paused]}
    return _Reader().read(output, 0)


class _Reader:
    def __init__(self) -> None:
        self._values = 0

    def read(self, value: Any, depth: int) -> Any:
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            return value
        if isinstance(value, BaseMessage):
            return _form(value)
        if isinstance(value, Document):
            metadata = self.read(value.metadata, depth + 1)
            return {"page_content": value.page_content, "metadata": metadata}
        if isinstance(value, list | tuple):
            read = [self.read(part, depth + 1) for part in value]
            return value if _same(read, value) else read
        parts = _parts(value)
        found = {name: self.read(part, depth + 1) for name, part in parts.items()}
        return value if _same(found.values(), parts.values()) else found


def _same(read: Any, parts: Any) -> bool:
    return all(new is old for new, old in zip(read, parts, strict=True))


def _parts(value: Any) -> Mapping[Any, Any]:
    """Return the values within an object by name; nothing of what has none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        return {**value.__dict__, **(value.model_extra or {})}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in fields_of(value)}
    return {}


def _form(message: BaseMessage) -> dict[str, Any]:
    """Return who says what in a message, and its calls, which do not depend on the run."""
    is_reply = isinstance(message, AIMessage)  # whole, or put together from chunks
    form: dict[str, Any] = {"type": "ai" if is_reply else message.type, "text": str(message.text)}
    if isinstance(message, AIMessage) and (message.tool_calls or message.invalid_tool_calls):
        calls = [*message.tool_calls, *message.invalid_tool_calls]
        form["tool_calls"] = [{"name": call["name"], "args": call["args"]} for call in calls]
    if blocks := _blocks(message.content):
        form["content"] = blocks
    return form


def _blocks(content: Any) -> list[dict[str, Any]]:
    """Return the blocks that are no text, such as pictures, without their ids."""
    blocks = [part for part in content if isinstance(part, dict)]
    return [
        {name: value for name, value in part.items() if name not in ("id", "index")}
        for part in blocks
        if part.get("type") not in _SAID_ELSEWHERE
    ]

"""Read messages, tool calls and numbers in the forms of chat APIs and the tools around them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bestofinf.border import as_logprobs
from bestofinf.records import ToolCall

_THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking"})
_QUESTIONS = ("question", "problem", "prompt", "query", "input", "instruction", "text")


def as_map(value: Any) -> Mapping[str, Any]:
    """Return a mapping, also if it is written as JSON; an empty one for anything else."""
    value = decoded(value)
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> Sequence[Any]:
    """Return a list, also if it is written as JSON; an empty one for anything else."""
    value = decoded(value)
    return value if isinstance(value, list | tuple) else ()


def as_number(value: Any) -> Any:
    """Return the number in a text, None for another text, and any other value unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return None


def decoded(value: Any) -> Any:
    """Return the object or list that a text holds as JSON; any other value unchanged."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def as_text(value: Any) -> str | None:
    """Return a text or a number as text; None for an empty text and for anything else."""
    if isinstance(value, bool) or value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return None


def content_text(content: Any) -> str | None:
    """Return the text of a message's content (a text or blocks) without reasoning blocks."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple):
        return None
    texts = []
    for block in content:
        if isinstance(block, str):
            texts.append(block)
        elif isinstance(block, Mapping) and str(block.get("type")) not in _THOUGHTS:
            text = block.get("text")
            if isinstance(text, Mapping):
                text = text.get("value")
            if isinstance(text, str):
                texts.append(text)
    return "".join(texts)


def prompt_text(messages: Any) -> str | None:
    """Return the last message of the user; if the value is a text, the text itself."""
    if isinstance(messages, str):
        return messages
    said = [as_map(message) for message in as_list(messages)]
    for message in reversed(said):
        if message.get("role") in ("user", "human"):
            return content_text(message.get("content")) or None
    return None


def question_text(document: Any) -> str | None:
    """Return the question in a record of a data set, by the usual names of its field."""
    found = as_map(document)
    texts = (found.get(name) for name in _QUESTIONS)
    return next((text for text in texts if isinstance(text, str) and text), None)


def reply_text(output: Any) -> str | None:
    """Return the reply in the output of a traced function or model.

    The output may be a text, a message, a chat completion, or a mapping with a single text or one
    under a usual name. None for anything else.
    """
    output = decoded(output)
    if isinstance(output, str):
        return output
    if isinstance(output, list | tuple):
        return reply_text(output[-1]) if output and isinstance(output[-1], Mapping) else None
    if not isinstance(output, Mapping):
        return as_text(output)
    for name in ("choices", "generations", "messages"):
        inner = output.get(name)
        if isinstance(inner, list | tuple) and inner:
            return reply_text(inner[0] if name != "messages" else inner[-1])
    if isinstance(output.get("kwargs"), Mapping):  # a message as LangChain serialises it
        return reply_text(output["kwargs"])
    for name in (
        "message",
        "content",
        "text",
        "output",
        "answer",
        "result",
        "response",
        "completion",
    ):
        inner = output.get(name)
        if isinstance(inner, str):
            return inner
        if inner is not None:
            return content_text(inner) if name == "content" else reply_text(inner)
    texts = [value for value in output.values() if isinstance(value, str)]
    return texts[0] if len(texts) == 1 and len(output) == 1 else None


def tool_calls(calls: Any) -> tuple[ToolCall, ...]:
    """Return tool calls as OpenAI's API and Inspect write them; malformed ones are left out."""
    found = []
    for call in as_list(calls):
        told = as_map(call)
        function = told.get("function")
        inner = function if isinstance(function, Mapping) else told
        name = function if isinstance(function, str) else inner.get("name")
        args = decoded(inner.get("arguments", inner.get("args", {})))
        if isinstance(name, str) and isinstance(args, Mapping):
            found.append(ToolCall(name, args))
    return tuple(found)


def token_logprobs(told: Any) -> tuple[float, ...] | None:
    """Return the log-probabilities of generated tokens from a choice's ``logprobs``."""
    tokens = as_list(as_map(told).get("content"))
    return as_logprobs([as_map(token).get("logprob") for token in tokens])


def grade_of(value: Any) -> bool | None:
    """Return whether a score means right or wrong; None if it means neither.

    >>> grade_of("C"), grade_of("I"), grade_of(1.0), grade_of(0), grade_of("P"), grade_of(0.5)
    (True, False, True, False, None, None)
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    said = value.strip().lower() if isinstance(value, str) else ""
    return {"c": True, "i": False, "correct": True, "incorrect": False}.get(said)


def reference_text(value: Any) -> str | None:
    """Return the right answer in a reference: a text, or the only value of a mapping."""
    value = decoded(value)
    if isinstance(value, Mapping):
        for name in ("answer", "gold", "target", "reference", "expected", "output", "label"):
            if (found := as_text(value.get(name))) is not None:
                return found
        return as_text(next(iter(value.values()))) if len(value) == 1 else None
    return as_text(value)

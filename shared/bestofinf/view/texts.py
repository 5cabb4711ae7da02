"""Prepare foreign texts for a page, so that they are shown in full and cannot hide anything."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

# Characters that are invisible or change how the rest of a line looks are shown by their number.
# Joiners are kept, because emoji and several scripts need them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)

_ROLES = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt.

    Attributes:
        role: Role of the speaker.
        text: The text, and tool calls as JSON.
    """

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt split into its parts.

    Attributes:
        question: The last message of the user.
        before: All other messages.
        tools: Tools that were offered, as JSON; "" for none.
    """

    question: str
    before: tuple[Message, ...] = ()
    tools: str = ""


def visible(text: str) -> str:
    r"""Return a text in which invisible and control characters are shown by their number.

    >>> visible("a\u202eb")
    'a⟨U+202E⟩b'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSEEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def asked(prompt: str | None, last_message: str | None = None) -> Asked | None:
    """Return a stored prompt split into its parts; None if none was stored.

    A prompt that does not consist of messages is the question itself.

    Args:
        prompt: The prompt as stored.
        last_message: The last message of the user, which may be all that was stored.
    """
    if prompt is None:
        return None if last_message is None else Asked(last_message)
    body = _body(prompt)
    if body is None:
        return Asked(prompt)
    messages = [_message(message) for message in body["messages"]]
    own = [place for place, message in enumerate(messages) if message.role == "User"]
    last = own[-1] if own else len(messages) - 1
    tools = body.get("tools")
    return Asked(
        messages[last].text,
        tuple(message for place, message in enumerate(messages) if place != last),
        pretty(tools) if tools else "",
    )


def pretty(value: Any) -> str:
    """Return a value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def line(text: str, most: int = 160) -> str:
    """Return the beginning of a text on one line."""
    text = " ".join(text[: 8 * most].split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def natural(text: str) -> tuple[Any, ...]:
    """Return a sort key for texts that sorts numbers within them by value."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    parts = re.split(r"([0-9]{1,30})", folded[:400])
    return (*((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts if p), (2, 0, text))


def _body(prompt: str) -> dict[str, Any] | None:
    if prompt[:1] != "{":
        return None
    try:
        body = json.loads(prompt)
    except (ValueError, RecursionError):
        return None
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not messages:
        return None
    return body if all(isinstance(message, dict) for message in messages) else None


def _message(message: dict[str, Any]) -> Message:
    role = str(message.get("role", "user"))
    said = [_text(message.get("content"))]
    rest = {k: v for k, v in message.items() if k not in ("role", "content") and v}
    said += [pretty(rest)] if rest else []
    return Message(_ROLES.get(role, role), "\n\n".join(part for part in said if part))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(
            part["text"]
            if isinstance(part, dict) and isinstance(part.get("text"), str)
            else pretty(part)
            for part in content
        )
    return "" if content is None else pretty(content)

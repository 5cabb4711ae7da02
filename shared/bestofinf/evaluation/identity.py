"""Which prompts are the same question, and how a vote is written as text."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bestofinf.answers.base import Answer
from bestofinf.answers.wording.prompts import last_message
from bestofinf.border import LARGEST
from bestofinf.records import AnswerValue

Prompt: TypeAlias = str | Sequence[Mapping[str, Any]]
"""A text, or a list of messages, which are mappings with the keys ``role`` and ``content``."""

LONGEST_ID = 500
"""Maximum length of an id of a question, call or label in characters, so that it can be indexed."""

_ROLES = {"human": "user", "ai": "assistant", "chatbot": "assistant", "developer": "system"}
# New for every run: with them, two runs of one question would have different hashes.
_VOLATILE = frozenset({"id", "tool_call_id", "run_id", "index"})


def prompt_text(prompt: Prompt, tools: Sequence[Any] = ()) -> str:
    """Return a prompt in the normal form that is hashed and, if wanted, stored.

    Messages become JSON with sorted keys. Roles are named as in the chat APIs, identifiers that
    change from run to run are left out, and texts are stripped of white space. So the same
    question asked through LangChain and through LlamaIndex is one question, and a text is the same
    as one message of the user.

    >>> prompt_text(" What is 2 + 3? ") == prompt_text([{"role": "human", "content": "What is 2 + 3?"}])
    True
    """
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    body: dict[str, Any] = {"messages": [_message(message) for message in messages]}
    if tools:
        body["tools"] = [_normal(tool) for tool in tools]
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def last_user_message(prompt: Prompt) -> str | None:
    """Return the last message of the user, unchanged; None if no user message has a text.

    >>> last_user_message([{"role": "human", "content": "2 + 3?"}, {"role": "ai", "content": "5"}])
    '2 + 3?'
    """
    if isinstance(prompt, str):
        return prompt.strip() or None
    return last_message([*prompt]) or None


def prompt_hash(text: str) -> str:
    """Return the hash of a prompt in the form of `prompt_text`: 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def id_of_hash(digest: str) -> str:
    """Return the id of the question whose prompt has this hash."""
    return f"q-{digest[:32]}"


def question_id(prompt: Prompt, tools: Sequence[Any] = ()) -> str:
    """Return the id that a collector gives to the question with this prompt.

    >>> question_id("What is 2 + 3?")
    'q-e95be9df711f10e90b70a7eb4d43ba00'
    """
    return id_of_hash(prompt_hash(prompt_text(prompt, tools)))


def short_id(text: str, longest: int = LONGEST_ID) -> str:
    """Return an id; one that is too long is cut, and ends with its hash.

    >>> short_id("q-17"), short_id("a" * 1000, 20)
    ('q-17', 'aaa-41edece42d63e8d9')
    """
    if len(text) <= longest:
        return text
    return f"{text[: longest - 17]}-{prompt_hash(text)[:16]}"


def answer_text(answer: Any) -> str | None:
    r"""Return a vote as text: text unchanged, other values as canonical JSON; None abstains.

    A whole number is written as one, also if it is a float: programs write a column of whole
    numbers that has gaps as floats.

    >>> answer_text((("search", '{"q":1}'),))
    '[["search","{\\"q\\":1}"]]'
    >>> answer_text(83.0)
    '83'
    """
    if answer is None:
        return None
    if isinstance(answer, str):
        return answer or None
    if isinstance(answer, float) and answer.is_integer() and abs(answer) <= LARGEST:
        answer = int(answer)
    if isinstance(answer, bool | int | float | Sequence | Mapping):
        return json.dumps(
            answer, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str
        )
    return str(answer)


def answer_value(text: str | None, answer: Answer) -> AnswerValue | None:
    """Return the vote that `answer_text` has written, as a value of the answer type."""
    if text is None:
        return None
    value = answer.canonical(text)
    return text if value is None else value


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    role = str(message.get("role", "user"))
    lasting = _lasting(message)
    for key in ("content", "tool_calls"):
        if isinstance(lasting.get(key), list):
            lasting[key] = [_lasting(p) if isinstance(p, dict) else p for p in lasting[key]]
    content = lasting.get("content")
    # A content of one text block is equal to the text itself.
    match content:
        case [{"type": "text", "text": text, **rest}] if not rest:
            lasting["content"] = text
    return {**lasting, "role": _ROLES.get(role, role)}


def _lasting(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        str(key): _normal(part)
        for key, part in value.items()
        if key not in _VOLATILE and part is not None and part not in ([], {})
    }


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if isinstance(value, Mapping):
        return {str(key): _normal(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_normal(part) for part in value]
    return value

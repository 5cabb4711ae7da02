"""Where in a prompt the question stands."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_QUESTION = 1_500
"""Characters a question may have."""

SHORT = 400
"""Characters of a prompt that is taken as the question as a whole."""

WINDOW = 8_000
"""Characters at either end of a prompt in which a question is looked for."""

MAX_INPUT = 200_000
"""Characters of a conversation, from its end, or of a chain's input that are looked at."""

_FIELDS = ("question", "query", "input", "q", "prompt", "frage", "pregunta", "user_input", "text")
_ROLE = re.compile(
    r"^(system|developer|user|human|assistant|ai|tool|function|chatbot):[ \t]?", re.I | re.M
)
_MARK = re.compile(
    r"^[ \t>*#]*(?:user\s+)?(?:query|question|q|frage|anfrage|pregunta|consulta|domanda|pergunta"
    r"|vraag|问题|問題|提问|质问|質問)(?:\s+string)?[ \t]*+(?:\*++[ \t]*+)?[:：][ \t*]*",
    re.I | re.M,
)
_ORIGINAL = re.compile(r"original (?:query|question) is(?: as follows)?:[ \t]*", re.I)
_AFTER = re.compile(
    r"^[ \t>*#]*(?:(?:helpful |final |short |your )?answer|response|a|antwort|r[ée]ponse|respuesta"
    r"|risposta|resposta|答案|回答|答え|context|contexte|contexto|kontext|上下文|コンテキスト"
    r"|thought|existing answer|new answer|refined answer)[ \t]*+(?:\*++[ \t]*+)?[:：]"
    r"|^[ \t]*we have provided an existing answer|^[ \t]*-{5,}|^[ \t]*<",
    re.I | re.M,
)
_AT_LENGTH = re.compile(
    r"\b(?:detailed|in (?:great |more |full )?detail|at length|in depth|elaborate|comprehensive(?:ly)?"
    r"|ausführlich\w*|im detail|detaillier\w+|détaill\w+|en détail|detallad\w+|en detalle)\b"
    r"|详细|詳しく|詳細に",
    re.I,
)
_LENGTH_KEYS = ("detai", "detal", "détai", "leng", "dep", "elab", "compr", "ausf", "详", "詳")
"""One of these is in every text that `_AT_LENGTH` matches; looking for them first is quicker."""

_LINES = re.compile(r"^[^\n?？]*+[?？][^\n]*", re.M)
_OPTION = re.compile(r"^[ \t]*[(]?[A-J][).:][ \t]+\S", re.M)


def question_in(prompt: str) -> str:
    r"""Return the question that a prompt asks; empty where none is found.

    That is what follows the last mark such as ``Query:`` or ``Question:``, up to the mark for the
    answer; the query of LlamaIndex' refining prompts; a short prompt as a whole; else its last
    line with a question mark. A list of options that follows belongs to it. Of a conversation,
    with a role before each message, the last message of the user is looked at; of an object, as
    chains take it, the field ``question``, ``query`` or ``input``; of messages as stores keep them,
    the last of the user.

    Args:
        prompt: The last message of the user, the text that was filled into a template, or a
            question.

    >>> question_in("Context information is below.\n---\nA\n---\nQuery: Who won?\nAnswer: ")
    'Who won?'
    """
    text = _last_of_user(_field(prompt.strip()))
    tail, head = text[-WINDOW:], text[:WINDOW]
    if found := _ORIGINAL.search(head):
        return _bounded(_up_to_answer(head[found.end() :]))
    # Most questions have no mark: looking for its colon first is many times quicker.
    marks = list(_MARK.finditer(tail)) if ":" in tail or "：" in tail else []
    for mark in reversed(marks):
        if asked := _up_to_answer(tail[mark.end() :]):
            return _bounded(asked)
    if len(text) <= SHORT:
        return text
    lines = list(_LINES.finditer(tail))
    if not lines:
        return ""
    rest = tail[lines[-1].end() :]
    options = rest if len(_OPTION.findall(rest)) > 1 else ""
    return _bounded(lines[-1][0].strip() + options)


def asks_for_text(question: str) -> bool:
    """Return whether a question asks for an answer at length, which is more than a fact in it.

    >>> [asks_for_text(q) for q in ("Give a detailed answer: how many days?", "How many days?")]
    [True, False]
    """
    lower = question.lower()
    if not any(key in lower for key in _LENGTH_KEYS):
        return False
    return _AT_LENGTH.search(question) is not None


def _field(text: str) -> str:
    """Return the question of a chain's input, where that is an object with one; else the text."""
    if text[:1] != "{" or len(text) > MAX_INPUT:
        return text
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(given, dict):
        return text
    if isinstance(given.get("messages"), list):
        return last_message(given["messages"])
    found = (given.get(name) for name in _FIELDS)
    return next((value.strip() for value in found if isinstance(value, str)), text)


def last_message(messages: list[Any]) -> str:
    """Return the last message of the user, of messages as stores keep them."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") in ("user", "human"):
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = [part.get("text") for part in parts if isinstance(part, dict)]
            return "\n".join(text for text in texts if isinstance(text, str)).strip()
    return ""


def _last_of_user(text: str) -> str:
    """Return the last message of the user of a conversation written as text; else the text."""
    first = _ROLE.match(text)
    if first is None:
        return text
    several = "\n" in text or len(text) > MAX_INPUT
    turns = list(_ROLE.finditer(text[-MAX_INPUT:])) if several else [first]
    for place in range(len(turns) - 1, -1, -1):
        if turns[place][1].lower() in ("user", "human"):
            end = turns[place + 1].start() if place + 1 < len(turns) else None
            return text[-MAX_INPUT:][turns[place].end() : end].strip()
    return ""


def _up_to_answer(text: str) -> str:
    end = _AFTER.search(text)
    return (text[: end.start()] if end else text).strip()


def _bounded(question: str) -> str:
    return question if len(question) <= MAX_QUESTION else ""

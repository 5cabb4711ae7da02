"""Finds the JSON object in a reply, whatever is said around it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bestofinf.answers.base import Abstain
from bestofinf.answers.canonical_json import MAX_TEXT, parse_json
from bestofinf.answers.finding import fenced

MAX_OBJECTS = 50
"""Objects of a text that are looked at."""

_MARK = re.compile(r'(?<!\\)"(?:[^"\\]|\\.)*+"|[{}\[\]]', re.DOTALL)
_PYTHON_MARK = re.compile(r"(?<!\\)'(?:[^'\\]|\\.)*+'|" + _MARK.pattern, re.DOTALL)
_SINGLE = re.compile(r"[\[{\s]{1,200}'")
_BEGIN = re.compile(r"\{\s{0,200}[\"'}]")
_LOOSE = re.compile(
    r'(?<!\\)"(?:[^"\\]|\\.)*+"|(?<!\\)\'(?:[^\'\\]|\\.)*+\'|,(?=\s*[}\]])|(?<!\w)(?:True|False|None)(?!\w)',
    re.DOTALL,
)
_COMMENT = re.compile(
    r'(?P<text>(?<!\\)"(?:[^"\\]|\\.)*"|(?<!\\)\'(?:[^\'\\]|\\.)*\')|//[^\n]*|/\*.*?(?:\*/|\Z)|(?<=\s)#[^\n]*',
    re.DOTALL,
)
_CONSTANTS = {"True": "true", "False": "false", "None": "null", ",": ""}


def json_in(text: str) -> Any:
    """Return the JSON value of a text: all of it, the last fenced block, or the one object in it.

    Trailing commas, comments, single quotes and Python's constants are read as what is meant. An object
    that is cut off is none, and of several different ones none is chosen.

    Raises:
        Abstain: If there is none.
    """
    text = text.strip()
    if not text:
        raise Abstain("empty")
    if (block := fenced(text)) is not None:
        return lenient(block)
    if text[0] in '["' or "{" not in text or (text[0] == "{" and is_object(text)):
        return lenient(text)
    found = distinct_objects(text)
    if len(found) == 1:
        return found[0]
    raise Abstain("several JSON objects" if found else "not JSON")


def is_object(text: str) -> bool:
    """Return whether a text is one object from end to end, by its brackets."""
    return _BEGIN.match(text) is not None and bracket_end(text, 0) == len(text)


def distinct_objects(text: str) -> list[Any]:
    """Return the JSON objects of a text that stand in no other one, each once."""
    found: list[Any] = []
    for part in _objects(text):
        try:
            value = lenient(part)
        except Abstain:
            continue
        if isinstance(value, dict) and value not in found:
            found.append(value)
    return found


def lenient(text: str) -> Any:
    """Return the value of JSON text that may be written as people and Python write it.

    Raises:
        Abstain: If it is not such text.
    """
    try:
        return parse_json(text)
    except Abstain:
        tidy = text
        if len(text) <= MAX_TEXT:
            bare = _COMMENT.sub(lambda found: found["text"] or "", text)
            tidy = _LOOSE.sub(_strict, bare)
        if tidy == text or text.lstrip()[:1] not in ("{", "["):
            raise
    return parse_json(tidy)


def bracket_end(text: str, start: int) -> int:
    """Return where what opens at a place closes, strings apart; -1 where it does not."""
    depth = 0
    pattern = _PYTHON_MARK if _SINGLE.match(text, start) else _MARK
    for mark in pattern.finditer(text, start):
        if mark[0] in ("{", "["):
            depth += 1
        elif mark[0] in ("}", "]"):
            depth -= 1
            if depth == 0:
                return mark.end()
    return -1


def _objects(text: str) -> Iterator[str]:
    place = 0
    for _ in range(MAX_OBJECTS):
        begin = _BEGIN.search(text, place) if len(text) <= MAX_TEXT else None
        end = -1 if begin is None else bracket_end(text, begin.start())
        if begin is None or end < 0:
            return
        yield text[begin.start() : end]
        place = end


def _strict(token: re.Match[str]) -> str:
    word = token[0]
    if word[0] == "'":
        return (
            json.dumps(word[1:-1].replace("\\'", "'"))
            if "\\" not in word.replace("\\'", "")
            else word
        )
    return _CONSTANTS.get(word, word)

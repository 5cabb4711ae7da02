"""Thoughts that models write into their text: as tags, in harmony channels, under headings.

A server without a parser for them, or a pipeline, hands them out with the answer. They never
vote; what stands outside of them does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from bestofinf.errors import UsageError

THOUGHTS = (
    *("think", "thinking", "thought", "thoughts", "reasoning", "reflection", "scratchpad"),
    *("antthinking", "inner_monologue"),
)
"""Names of tags around a thought, in any case: ``<think>``, ``[THINK]``, ``<|think|>``."""

WINDOW = 200_000
"""Of longer replies these last characters are searched, and the beginning for a tag left open."""

_BEGINNING = 200

_SYNONYMS = {"thinking": "think", "thought": "think", "thoughts": "think"}
_NAME = re.compile(r"[^\W\d_][\w-]{0,39}")
_NAMES = ("n1", "n2", "n3", "n4")  # groups of the pattern of tags
_CLOSES = ("c1", "c2", "c3", "c4", "c5", "c6", "c7")
_QUOTES = "`'\""
_MESSAGE = re.compile(
    r"<\|channel\|>\s*+(?P<channel>\w{0,20})(?P<header>[^<]{0,200}(?:<\|constrain\|>[^<]{0,40})?)"
    r"<\|message\|>"
)
_MESSAGE_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_HEADED = re.compile(r"\s{0,99}(?:Here|Thinking|analysis)")
_HEADINGS = (
    (  # Granite
        re.compile(r"\s{0,99}Here(?: is|['’]s) my thought process:"),
        re.compile(r"Here(?: is|['’]s) my response:"),
    ),
    (  # Ollama's command line
        re.compile(r"\s{0,99}Thinking\.\.\.[ \t]*\r?\n"),
        re.compile(r"^[ \t]*\.\.\.\s?done thinking\.[ \t]*$", re.M),
    ),
    (  # harmony, where a server drops the tokens and keeps the names between them
        re.compile(r"\s{0,99}analysis(?=[A-Z])"),
        re.compile(r"assistantfinal"),
    ),
)


def strip_thoughts(text: str, *, thoughts: Iterable[str] = THOUGHTS) -> str:
    """Return a text without the thoughts in it; one that is not closed reaches to the end.

    >>> strip_thoughts("<think>Is it 8? No.</think> It is 9.")
    'It is 9.'

    Args:
        text: What a model wrote.
        thoughts: Names of tags around a thought.

    Raises:
        UsageError: If a name cannot be that of a tag.
    """
    return outside_thoughts(text, thoughts)[0]


def outside_thoughts(text: str, thoughts: Iterable[str] = THOUGHTS) -> tuple[str, bool]:
    """Return the text outside of thoughts, and whether the last of them is closed.

    Without names everything stays. A closing tag without an opening one makes a thought of all that stands before it: the prompt
    had the opening one. Tags in quotation marks or code ticks are spoken of, not used. Of harmony
    messages the channel "final" remains, without one the calls of tools.
    """
    names = tuple(thoughts)
    if not names:
        return text, True
    window = max(0, len(text) - WINDOW)
    for opening, closing in _HEADINGS if _HEADED.match(text) else ():
        if begin := opening.match(text):
            ends = list(closing.finditer(text, max(begin.end(), window)))
            return (text[ends[-1].end() :].lstrip(), True) if ends else ("", False)
    tail = text[window:]
    if "<|channel|>" in tail and "<|message|>" in tail:
        text, window = _outside_channels(tail), 0
        if not text:
            return "", False
    if (
        not window
        and "<" not in text
        and "[" not in text
        and "◁" not in text
        and "&lt;" not in text
    ):
        return text, True
    return _outside_tags(text, names, window)


def tag_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of tags in small letters, each once.

    Raises:
        UsageError: If one cannot be the name of a tag.
    """
    checked = tuple(names)
    for name in checked:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UsageError(f"wanted the name of a tag such as 'think', got {name!r}")
    return tuple(dict.fromkeys(name.lower() for name in checked))


def _outside_channels(text: str) -> str:
    """Return the messages of the channel "final", else the calls of tools; empty without any."""
    final, calls = [], []
    for message in _MESSAGE.finditer(text):
        end = _MESSAGE_END.search(text, message.end())
        until = end.start() if end else len(text)
        if message["channel"] == "final":
            final.append(text[message.end() : until])
        elif "to=" in message["header"]:
            calls.append(text[message.start() : until])
    return "\n".join(final or calls).strip()


def _outside_tags(text: str, names: tuple[str, ...], window: int) -> tuple[str, bool]:
    shown: list[str] = []
    tags = _left_open(text, names, window) if window else []  # those open
    begin = 0  # of what stands outside
    closed = ""  # the name of the last tag, where it closes
    found = bool(tags)
    for tag in _pattern(names).finditer(text, window):
        quote = text[tag.start() - 1 : tag.start()]
        if quote and quote in _QUOTES and text.startswith(quote, tag.end()):
            continue
        found = True
        name = _name(tag)
        if tag[0].endswith("/>"):
            if not tags:
                shown.append(text[begin : tag.start()])
                begin = tag.end()
        elif not any(tag.group(*_CLOSES)):
            if not tags:
                shown.append(text[begin : tag.start()])
            tags.append(name)
            closed = ""
        else:
            closed = name
            if name in tags:
                while tags.pop() != name:
                    pass
            elif not tags:
                shown.clear()
            if not tags or set(tags) == {name}:
                begin = tag.end()
    if not found:
        return text, True
    # A thought that speaks of its own opening tag is closed all the same, by the last tag.
    if tags and set(tags) != {closed}:
        return "".join(shown).lstrip(), False
    return "".join([*shown, text[begin:]]).lstrip(), True


def _left_open(text: str, names: tuple[str, ...], window: int) -> list[str]:
    """Return the tag at the beginning of a long text that is not closed before the window."""
    tag = _pattern(names).search(text, 0, _BEGINNING)
    if tag is None or any(tag.group(*_CLOSES)):
        return []
    name = _name(tag)
    return [] if text.find(f"</{name}", 0, window) >= 0 else [name]


def _name(tag: re.Match[str]) -> str:
    given = next(filter(None, tag.group(*_NAMES)), "think").lower()
    return _SYNONYMS.get(given, given)


@lru_cache(maxsize=64)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    listed = sorted(map(re.escape, tag_names(names)), key=len, reverse=True)
    any_name = "|".join(listed)
    forms = (
        # "seed:think" and "ds_think" too, attributes, and what a page has escaped
        rf"(?:<|&lt;)\s?(?P<c1>/)?\s?(?:[a-z]{{1,12}}[:_])?(?P<n1>{any_name})(?=[\s>/&])[^<>]{{0,300}}?(?:>|&gt;)",
        # in small letters it may be a remark: "[thinking]"
        rf"\[(?P<c2>/)?(?-i:(?P<n2>{any_name.upper()}))\]",
        rf"◁(?P<c3>/)?(?P<n3>{any_name})▷",
        rf"<\|(?P<c4>/|end_(?:of_)?)?(?:begin_of_|start_)?(?P<n4>{any_name})(?:_start|(?P<c5>_end))?\|>",
        r"<unused9(?:4|(?P<c6>5))>(?:thought\b)?|<\|channel>(?:thought\b)?|(?P<c7><channel\|>)",
    )
    return re.compile(rf"(?=[<\[◁&])(?:{'|'.join(forms)})", re.I)

r"""Values of mathematical answers taken apart: sets, intervals, tuples, matrices, units, expressions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from bestofinf.answers.forms import words_form
from bestofinf.answers.maths.limits import expression
from bestofinf.answers.numbers import number_form
from bestofinf.answers.units import counted_things, counter, unit_symbol

Node: TypeAlias = "str | list[Node]"
"""A part of an answer: a list of its kind and its parts. Kinds: value by value ``number`` and
``leaf``; made of parts ``set``, ``either``, ``all``, ``union``, ``sequence``, ``matrix``,
``determinant``, ``row``, ``named``; compared as text ``words``, ``numeral``, ``relation``, ``tex``."""

MAX_ITEMS = 40

LISTED = (",", ";", "\\text{and}", " and ")
ALTERNATIVES = ("\\text{or}", " or ")
VARIABLE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]")

_MATRIX = re.compile(r"\\begin\{([pbv]?)matrix\}(.*)\\end\{\1matrix\}", re.DOTALL)
_ARRAY = re.compile(
    r"([\[(|])\s*\\begin\{array\}\{[lcr|]*\}(.*)\\end\{array\}\s*([\])|])", re.DOTALL
)
_JOINED_OR = re.compile(r"(?<=[)\]}])\s*or\s*(?=[(\[\\])")
_LED = re.compile(r"(?:\\text\{(?:and|or)\}|and\s|or\s)\s*")
_TRAILING_UNIT = re.compile(
    r"(?P<rest>.*?[0-9})a-z])\s*(?:\\text\{(?P<text>[^{}\\]{1,40})\}"
    r"|(?<=[0-9})])\s+(?P<word>[A-Za-z]{1,12}(?:/[a-z]{1,4}|\s[a-z]{2,12})?)"
    r"|(?<=[0-9])(?P<joined>[A-Za-z]{2,12}))(?P<power>\^\{?[23]\}?)?",
    re.DOTALL,
)
_COUNTER = re.compile(
    r"(?P<rest>.*[0-9}])\s*(?:\\text\{\s*)?(?P<word>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,6})\}?"
)
_ORDINAL = re.compile(r"(\d+)\s*+(?:\^\{?\s*+)?(?:\\text\{\s*+)?(?:st|nd|rd|th)\s*\}{0,2}")
_REVERSED = re.compile(r"\](?:[^()\[\]]+)[\]\[)]|[(\[](?:[^()\[\]]+)\[")
_CURRENCY = re.compile(r"\\?(\$)|([€£¥])")
_CURRENCY_BEHIND = re.compile(r"(?<=\d)\s*(?:\\?(\$)|([€£¥]))$")
_OPEN, _CLOSE = "([{", ")]}"


def node(text: str) -> Node:
    """Take a value apart."""
    text = text.strip()
    if (number := number_form(text)) is not None:
        return ["number", number]
    if (matrix := _matrix(text)) is not None:
        return matrix
    unions = split(text, ("\\cup", "∪"))
    if len(unions) > 1:
        return ["union", *map(node, unions)]
    if not _REVERSED.fullmatch(text) and (listed := _list(text)) is not None:
        return listed
    if text.startswith("\\{") and text.endswith("\\}") and closes(text, 1):
        inner = split(text[2:-2], (",", ";"))
        return set_of([item for item in inner if item.strip()])
    if text[:1] == "{" and text[-1:] == "}" and closes(text, 0):
        inner = [item for item in split(text[1:-1], (",", ";")) if item.strip()]
        return set_of(inner) if len(inner) > 1 else node(text[1:-1])
    if text[:1] in ("(", "[", "]") and text[-1:] in (")", "]", "["):
        inner = split(text[1:-1], (",", ";"))
        if 1 < len(inner) <= MAX_ITEMS:
            opening = "(" if text[0] in "(]" else "["
            closing = ")" if text[-1] in ")[" else "]"
            if len(inner) > 2:  # no interval: brackets of either kind hold a tuple
                opening, closing = "(", ")"
            return ["sequence", opening + closing, *map(node, inner)]
        if len(inner) == 1 and text[0] == "(" and text[-1] == ")" and closes(text, 0):
            return node(text[1:-1])
    if "\\pm" in text and text.count("\\pm") + text.count("\\mp") <= 2:
        plus = text.replace("\\pm", "+").replace("\\mp", "-")
        minus = text.replace("\\pm", "-").replace("\\mp", "+")
        return set_of([plus.lstrip("+"), minus])
    if match := re.fullmatch(r"\\text\{([^{}\\]*)\}", text):
        return ["words", words_form(match[1])]
    if re.fullmatch(r"[^\W\d_]{2}[^\\_^{}+*/=<>|0-9]*", text):
        return ["words", words_form(text)]
    return ["leaf", expression(text)]


def items_of(text: str) -> list[str]:
    """Return the items of a text that lists values side by side; empty where it does not."""
    items = [led(item) for item in split(text, LISTED) if item.strip()]
    return items if 1 < len(items) <= MAX_ITEMS and not _REVERSED.fullmatch(text) else []


def led(item: str) -> str:
    """Return an item of a list without the "and" or "or" before it."""
    item = item.strip()
    return item[match.end() :] if (match := _LED.match(item)) else item


def is_plain_list(items: Sequence[str]) -> bool:
    """Return whether every item is a value: no words, no equation."""
    return not any(re.search(r"[=<>]|[^\W\d_]{3}", re.sub(r"\\[A-Za-z]+", "", i)) for i in items)


def set_of(items: Sequence[str]) -> Node:
    """Make a set; a +- among its elements brings its two values in."""
    nodes: list[Node] = []
    for item in items:
        found = node(item)
        nodes.extend(found[1:] if isinstance(found, list) and found[:1] == ["set"] else [found])
    return ["set", *nodes]


def without_unit(text: str) -> tuple[str, str]:
    """Return a value and its unit, which is empty where there is none."""
    if match := _CURRENCY.match(text):
        return text[match.end() :].strip(), match[1] or match[2]
    if match := _CURRENCY_BEHIND.search(text):
        return text[: match.start()].strip(), match[1] or match[2]
    for mark, unit in (("\\%", "%"), ("%", "%"), ("^\\circ", "°"), ("°", "°")):
        if text.endswith(mark) and text != mark:
            return text[: -len(mark)].strip(), unit
    if match := _ORDINAL.fullmatch(text):
        return match[1], "th"
    if (match := _COUNTER.fullmatch(text)) and counter(match["word"]) == match["word"]:
        return match["rest"].strip(), match["word"]
    match = _TRAILING_UNIT.fullmatch(text)
    if match is None:
        return text, ""
    rest, power = match["rest"].strip(), re.sub(r"\D", "", match["power"] or "")
    words = match["text"] or match["word"] or match["joined"]
    # A single letter after a number is a variable, unless it is set as text.
    symbol = unit_symbol(words) if len(words) > 1 or match["text"] else ""
    if not symbol and not VARIABLE.search(rest) and not (match["joined"] and len(words) < 4):
        symbol = counted_things(words)
    return (rest, symbol + power) if symbol else (text, "")


def split(text: str, separators: Sequence[str]) -> list[str]:
    """Split at separators that stand in no bracket."""
    pieces, start, depth, i = [], 0, 0, 0
    while i < len(text):
        character = text[i]
        if text.startswith(("\\{", "\\}"), i):
            depth += 1 if text[i + 1] == "{" else -1
            i += 2
            continue
        if character in _OPEN or character in _CLOSE:
            # Half-open intervals such as ]0,1] do not balance: only braces count strictly.
            depth += 1 if character in _OPEN else -1
        found = next((s for s in separators if depth <= 0 and text.startswith(s, i)), None)
        if found and not (found.isalpha() and text[i + len(found) : i + len(found) + 1].isalpha()):
            pieces.append(text[start:i])
            i = start = i + len(found)
            continue
        i += 1
    return [*pieces, text[start:]]


def level(text: str, place: int) -> int:
    """Return how many brackets are open at a place."""
    before = text[:place]
    return sum(before.count(c) for c in _OPEN) - sum(before.count(c) for c in _CLOSE)


def is_balanced(text: str) -> bool:
    """Return whether as many braces close as open."""
    return text.replace("\\{", "").count("{") == text.replace("\\}", "").count("}")


def _matrix(text: str) -> Node | None:
    if match := _MATRIX.fullmatch(text):
        kind, inside = ("determinant" if match[1] == "v" else "matrix"), match[2]
    elif match := _ARRAY.fullmatch(text):
        kind, inside = ("determinant" if match[1] == "|" else "matrix"), match[2]
    else:
        return None
    rows = [row.split("&") for row in re.split(r"\\\\(?:\[[^\[\]]*\])?", inside) if row.strip()]
    if sum(map(len, rows)) > MAX_ITEMS or "\\begin" in inside:
        return ["tex", text]
    return [kind, *(["row", *map(node, row)] for row in rows)]


def _list(text: str) -> Node | None:
    """Read values side by side: a set, or one of several where only "or" stands between them."""
    choices = [item for item in split(_JOINED_OR.sub(" or ", text), ALTERNATIVES) if item.strip()]
    if 1 < len(choices) <= MAX_ITEMS:
        nodes = [node(led(choice.strip().rstrip(",;"))) for choice in choices]
        # "1, 2 or 3" lists all of them, and so do points; "1 or 2" may mean either.
        if any(n[:1] == ["set"] for n in nodes) or all(n[:1] == ["sequence"] for n in nodes):
            parts = [p for n in nodes for p in (n[1:] if n[0] == "set" else [n])]
            return ["set", *parts]
        return ["either", *nodes]
    items = items_of(text)
    return set_of(items) if items else None


def closes(text: str, start: int) -> bool:
    """Return whether the bracket at `start` is closed by the last one of the text."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] in _OPEN) - (text[i] in _CLOSE)
        if depth == 0:
            return i == len(text) - 1
    return False

r"""What a mathematical answer is made of: sets, intervals, equations, units, expressions.

`read` takes an answer in normal form apart without evaluating anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bestofinf.answers.forms import words_form
from bestofinf.answers.math_tame import MAX_DEPTH, MAX_LENGTH, expression, nesting
from bestofinf.answers.numbers import number_form
from bestofinf.answers.units import counted_things, unit_symbol

Node: TypeAlias = "str | list[Node]"
"""A part of an answer: a list of its kind and its parts. Kinds: value by value ``number`` and
``leaf``; made of parts ``set``, ``either``, ``union``, ``sequence``, ``matrix``, ``determinant``,
``row``, ``named``; compared as text ``words``, ``numeral``, ``tex``."""

MAX_ITEMS = 40

_NAME = re.compile(
    r"\\?(?:(?:angle|triangle|overline|vec|mathbf|text|displaystyle)\s*)?\{?(?:"
    r"[A-Za-z]'*(?:_(?:\w|\{[^{}]{1,8}\}))?'*|[A-Z]{2,3}|[A-Za-z]{4,20}"
    r"|\\(?:alpha|beta|gamma|delta|theta|lambda|mu|phi|omega|rho|sigma))\}?"
    r"(?:\([0-9A-Za-z, ]{1,12}\))?"
    r"|\\(?:sin|cos|tan|cot)\s*\{?[A-Z]\}?"
    r"|\((?:[a-zA-Z],){1,5}[a-zA-Z]\)"
    r"|\|[A-Za-z](?:_\{?\w{1,3}\}?)?\||[A-Za-z]_\{[^{}]{1,8}\}"
)
_RELATIONS = {"<": "<", ">": ">", "\\le": "<=", "\\leq": "<=", "\\leqslant": "<=", "≤": "<="} | {
    "\\ge": ">=", "\\geq": ">=", "\\geqslant": ">=", "≥": ">=", "\\lt": "<", "\\gt": ">"
}  # fmt: skip
_RELATION = re.compile(r"\\(?:leqslant|geqslant|leq|geq|le|ge|lt|gt)(?![A-Za-z])|[<>=≤≥]")
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_BASE = re.compile(
    r"(?=[A-F]*\d)([0-9A-F]{1,60})_(?:\{?\\?(?:text\{)?(\d{1,2}|two|eight|ten)\}?\}?)"
)
_MATRIX = re.compile(r"\\begin\{([pbv]?)matrix\}(.*)\\end\{\1matrix\}", re.DOTALL)
_TRAILING_UNIT = re.compile(
    r"(?P<rest>.*?[0-9})a-z])\s*(?:\\text\{(?P<text>[^{}\\]{1,40})\}"
    r"|(?<=[0-9})])\s+(?P<word>[A-Za-z]{1,12}(?:/[a-z]{1,4}|\s[a-z]{2,12})?)"
    r"|(?<=[0-9])(?P<joined>[a-z]{4,12}))(?P<power>\^\{?[23]\}?)?",
    re.DOTALL,
)
_ORDINAL = re.compile(r"(\d+)\s*(?:\^\{?)?\s*(?:\\text\{)?\s*(?:st|nd|rd|th)\s*\}{0,2}")
_LISTED = (",", ";", "\\text{and}", " and ")
_ALTERNATIVES = ("\\text{or}", " or ")
_REVERSED = re.compile(r"\](?:[^()\[\]]+)[\]\[)]|[(\[](?:[^()\[\]]+)\[")
_VARIABLE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]")
_CURRENCY = re.compile(r"\\?(\$)|([€£¥])")
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer taken apart; leaves are ``["leaf", expression]``."""

    core: Node
    name: str = ""
    unit: str = ""
    difference: str = ""
    """Of an equation, left side minus right side."""


def read(text: str) -> Reading:
    """Take an answer apart that is in the form of `MathAnswer.canonical`."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        return Reading(["tex", text])
    if (number := number_form(text)) is not None:
        return Reading(["number", number])
    if not _balanced(text) or nesting(text.replace("[", "").replace("]", "")) > MAX_DEPTH:
        return Reading(["tex", text])
    relation = _relation(text)
    if relation is not None:
        return relation
    for opening in ("\\in ", "\\in"):
        name, found, rest = text.partition(opening)
        if found and _NAME.fullmatch(name.strip()) and rest[:1] in "([{\\":
            return Reading(_node(rest), name=name.strip())
    if match := _BASE.fullmatch(text):
        digits = match[1].lstrip("0") or "0"
        kind = "number" if digits.isdecimal() else "numeral"
        return Reading([kind, digits], unit=f"base {match[2]}")
    text, unit = _without_unit(text)
    return Reading(_node(text), unit=unit)


def _node(text: str) -> Node:
    text = text.strip()
    if (number := number_form(text)) is not None:
        return ["number", number]
    if match := _MATRIX.fullmatch(text):
        rows = [row.split("&") for row in re.split(r"\\\\(?:\[[^\]]*\])?", match[2]) if row.strip()]
        if sum(map(len, rows)) <= MAX_ITEMS and "\\begin" not in match[2]:
            kind = "determinant" if match[1] == "v" else "matrix"
            return [kind, *(["row", *map(_node, row)] for row in rows)]
        return ["tex", text]
    unions = _split(text, ("\\cup", "∪"))
    if len(unions) > 1:
        return ["union", *map(_node, unions)]
    if not _REVERSED.fullmatch(text):
        choices = [item for item in _split(text, _ALTERNATIVES) if item.strip()]
        if 1 < len(choices) <= MAX_ITEMS:
            return ["either", *map(_node, choices)]
        items = [item for item in _split(text, _LISTED) if item.strip()]
        if 1 < len(items) <= MAX_ITEMS:
            return _set(items)
    if text.startswith("\\{") and text.endswith("\\}") and _closes(text, 1):
        inner = _split(text[2:-2], (",", ";"))
        return _set([item for item in inner if item.strip()])
    if text[:1] in ("(", "[", "]") and text[-1:] in (")", "]", "["):
        inner = _split(text[1:-1], (",", ";"))
        if len(inner) > 1 and len(inner) <= MAX_ITEMS:
            opening = "(" if text[0] in "(]" else "["
            closing = ")" if text[-1] in ")[" else "]"
            if len(inner) > 2:  # no interval: brackets of either kind hold a tuple
                opening, closing = "(", ")"
            return ["sequence", opening + closing, *map(_node, inner)]
        if len(inner) == 1 and text[0] == "(" and text[-1] == ")" and _closes(text, 0):
            return _node(text[1:-1])
    if "\\pm" in text and text.count("\\pm") + text.count("\\mp") <= 2:
        plus = text.replace("\\pm", "+").replace("\\mp", "-")
        minus = text.replace("\\pm", "-").replace("\\mp", "+")
        return _set([plus.lstrip("+"), minus])
    if match := re.fullmatch(r"\\text\{([^{}\\]*)\}", text):
        return ["words", words_form(match[1])]
    if re.fullmatch(r"[^\W\d_]{2}[^\\_^{}+*/=<>|0-9]*", text):
        return ["words", words_form(text)]
    return ["leaf", expression(text)]


def _set(items: Sequence[str]) -> Node:
    """Make a set; a +- among its elements brings its two values in."""
    nodes: list[Node] = []
    for item in items:
        node = _node(item)
        nodes.extend(node[1:] if isinstance(node, list) and node[:1] == ["set"] else [node])
    return ["set", *nodes]


def _relation(text: str) -> Reading | None:
    signs = [m for m in _RELATION.finditer(text) if _level(text, m.start()) == 0]
    if not signs or len(signs) > 6:
        return None
    edges = [0, *(edge for m in signs for edge in (m.start(), m.end())), len(text)]
    sides = [text[a:b].strip() for a, b in zip(edges[::2], edges[1::2], strict=True)]
    marks = [_RELATIONS.get(m[0], m[0]) for m in signs]
    if not all(sides) or len(_split(text, _LISTED + _ALTERNATIVES)) > 1:
        return _many_relations(text) if len(signs) > 1 else None
    if set(marks) == {"="}:
        return _equation(sides)
    if "=" in marks:
        return None
    return _inequality(sides, marks)


def _many_relations(text: str) -> Reading | None:
    """Read ``x=1,y=2`` as a set of named values."""
    items = _split(text, _LISTED + _ALTERNATIVES)
    if not 1 < len(items) <= MAX_ITEMS:
        return None
    readings = [_relation(item.strip()) for item in items]
    named = [(r.name, r.core) for r in readings if r is not None and r.name]
    if len(named) != len(items):
        return None
    if len({name for name, _ in named}) == 1:  # x=1 or x=2
        return Reading(["set", *(core for _, core in named)], name=named[0][0])
    return Reading(["set", *(["named", name, core] for name, core in named)])


def _equation(sides: Sequence[str]) -> Reading | None:
    if len(sides) == 2 and _NAME.fullmatch(sides[1]) and not _VARIABLE.search(sides[0]):
        sides = sides[::-1]  # "5=x"
    left, right = sides[0], sides[-1]
    if _NAME.fullmatch(left):
        value, unit = _without_unit(right)
        difference = f"{expression(left)}-({expression(right)})" if len(left) == 1 else ""
        plain = number_form(value) is not None or not _VARIABLE.search(value)
        return Reading(_node(value), left, unit, "" if plain else difference)
    if len(sides) > 2 or not _VARIABLE.search(left):
        # "P = 1/4 + 1/4 = 1/2" and "500 + 1 = 501": the last side is the answer.
        value, unit = _without_unit(right)
        return Reading(_node(value), left, unit)
    return Reading(["tex", "=".join(sides)], difference=f"{expression(left)}-({expression(right)})")


def _inequality(sides: Sequence[str], marks: Sequence[str]) -> Reading | None:
    if len(sides) == 2 and _NAME.fullmatch(sides[1]) and not _NAME.fullmatch(sides[0]):
        sides, marks = sides[::-1], [_FLIPPED[marks[0]]]
    if len(sides) == 2 and _NAME.fullmatch(sides[0]):
        bound: Node = _node(sides[1])
        low, high = ("(" if marks[0] == ">" else "["), (")" if marks[0] == "<" else "]")
        if marks[0][0] == "<":
            return Reading(["sequence", "(" + high, ["leaf", "-\\infty"], bound], sides[0])
        return Reading(["sequence", low + ")", bound, ["leaf", "\\infty"]], sides[0])
    if len(sides) == 3 and _NAME.fullmatch(sides[1]) and marks[0][0] == marks[1][0]:
        if marks[0][0] == ">":
            sides, marks = sides[::-1], [_FLIPPED[m] for m in marks[::-1]]
        brackets = ("[" if marks[0] == "<=" else "(") + ("]" if marks[1] == "<=" else ")")
        return Reading(["sequence", brackets, _node(sides[0]), _node(sides[2])], sides[1])
    return None


def _without_unit(text: str) -> tuple[str, str]:
    """Return a value and its unit, which is empty where there is none."""
    if match := _CURRENCY.match(text):
        return text[match.end() :].strip(), match[1] or match[2]
    for mark, unit in (("\\%", "%"), ("%", "%"), ("^\\circ", "°"), ("°", "°")):
        if text.endswith(mark) and text != mark:
            return text[: -len(mark)].strip(), unit
    if match := _ORDINAL.fullmatch(text):
        return match[1], "th"
    match = _TRAILING_UNIT.fullmatch(text)
    if match is None:
        return text, ""
    rest, power = match["rest"].strip(), re.sub(r"\D", "", match["power"] or "")
    words = match["text"] or match["word"] or match["joined"]
    # A single letter after a number is a variable, unless it is set as text.
    symbol = unit_symbol(words) if len(words) > 1 or match["text"] else ""
    if not symbol and not _VARIABLE.search(rest):
        symbol = counted_things(words)
    return (rest, symbol + power) if symbol else (text, "")


def _split(text: str, separators: Sequence[str]) -> list[str]:
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


def _level(text: str, place: int) -> int:
    before = text[:place]
    return sum(before.count(c) for c in _OPEN) - sum(before.count(c) for c in _CLOSE)


def _balanced(text: str) -> bool:
    return text.replace("\\{", "").count("{") == text.replace("\\}", "").count("}")


def _closes(text: str, start: int) -> bool:
    """Return whether the bracket at `start` is closed by the last one of the text."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] in _OPEN) - (text[i] in _CLOSE)
        if depth == 0:
            return i == len(text) - 1
    return False

r"""Equations, inequalities and named values: what they say, and of what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bestofinf.answers.maths.limits import expression
from bestofinf.answers.maths.nodes import (
    ALTERNATIVES,
    LISTED,
    MAX_ITEMS,
    VARIABLE,
    Node,
    is_plain_list,
    led,
    level,
    node,
    set_of,
    split,
    without_unit,
)
from bestofinf.answers.numbers import number_form

_NAME = re.compile(
    r"\\?(?:(?:angle|triangle|overline|vec|mathbf|text|displaystyle)\s*)?\{?(?:"
    r"[A-Za-z]'*+(?:_(?:\w|\{[^{}]{1,8}\})'*)?|[A-Z]{2,4}|[A-Za-z]{4,20}"
    r"|\\(?:alpha|beta|gamma|delta|theta|lambda|mu|phi|omega|rho|sigma))\}?"
    r"(?:\([0-9A-Za-z, ]{1,12}\))?"
    r"|\\(?:sin|cos|tan|cot)\s*\{?[A-Z]\}?"
    r"|\((?:[a-zA-Z],){1,5}[a-zA-Z]\)"
    r"|\|[A-Za-z](?:_\{?\w{1,3}\}?)?\||\|[A-Z]{2}\||[A-Za-z]_\{[^{}]{1,8}\}"
)
_MEASURE = r"(?:\|?[A-Z]{1,4}(?:_\{?\w{1,6}\}?)?'*\|?)"
_RATIO = re.compile(rf"{_MEASURE}\s*[:/]\s*{_MEASURE}|\\frac\{{{_MEASURE}\}}\{{{_MEASURE}\}}")
"""Two lengths or areas of a figure, whose ratio has a value."""

_MARKS = {"<": "<", ">": ">", "\\le": "<=", "\\leq": "<=", "\\leqslant": "<=", "≤": "<="} | {
    "\\ge": ">=", "\\geq": ">=", "\\geqslant": ">=", "≥": ">=", "\\lt": "<", "\\gt": ">"
} | {"<=": "<=", ">=": ">=", "!=": "!=", "\\neq": "!=", "\\ne": "!=", "≠": "!="}  # fmt: skip
_MARK = re.compile(
    r"\\(?:leqslant|geqslant|leq|geq|le|ge|lt|gt|neq|ne)(?![A-Za-z])|[<>!]=|[<>=≤≥≠]"
)
_ABOUT = re.compile(r"\\approx(?![A-Za-z])|\\simeq(?![A-Za-z])|≈")
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}
_GROUPS = (";", "\\text{and}", "\\text{or}", " and ", " or ")


@dataclass(frozen=True, slots=True)
class Dissection:
    """An answer taken apart; leaves are ``["leaf", expression]``.

    Attributes:
        core: The value.
        name: What is said to have it, as x in ``x=5``; empty where nothing is.
        unit: Its unit; empty without.
        difference: Of an equation or inequality, left side minus right side.
        sign: Of an inequality, its sign.
        listed: Of values side by side, each in its place, without names and units.
        bare: Whether none of those listed has a name or a unit.
    """

    core: Node
    name: str = ""
    unit: str = ""
    difference: str = ""
    sign: str = ""
    listed: list[Node] = field(default_factory=list)
    bare: bool = True


def is_name(text: str) -> bool:
    """Return whether a text is the name of a value: ``x``, ``f(x)``, ``AB``, ``(p,q)``."""
    return bool(_NAME.fullmatch(text.strip()))


def relation(text: str) -> Dissection | None:
    """Read an equation, an inequality or several of them; None where a text is none."""
    if (about := _approximation(text)) is not None:
        return about
    signs = [m for m in _MARK.finditer(text) if level(text, m.start()) == 0]
    if not signs or len(signs) > 2 * MAX_ITEMS:
        return None
    if len(split(text, LISTED + ALTERNATIVES)) > 1:
        return _several(text)
    if len(signs) > 6:
        return None
    edges = [0, *(edge for m in signs for edge in (m.start(), m.end())), len(text)]
    sides = [text[a:b].strip() for a, b in zip(edges[::2], edges[1::2], strict=True)]
    marks = [_MARKS.get(m[0], m[0]) for m in signs]
    if not all(sides):
        return None
    if set(marks) == {"="}:
        return _equation(sides)
    return None if "=" in marks else _inequality(sides, marks)


def _approximation(text: str) -> Dissection | None:
    r"""Read ``x = 1/3 \approx .33`` as what it is exactly, ``x \approx 12`` as 12."""
    about = _ABOUT.search(text)
    if about is None or level(text, about.start()) != 0:
        return None
    left, right = text[: about.start()].strip(), text[about.end() :].strip()
    if _ABOUT.search(right) or not right:
        return None
    if not left or is_name(left):
        value, unit = without_unit(right)
        return Dissection(node(value), left, unit)
    if (found := relation(left)) is not None:
        return found
    value, unit = without_unit(left)
    return Dissection(node(value), unit=unit)


def _several(text: str) -> Dissection | None:
    """Read values with names, ``x=1,y=2``, and one name with several, ``a=1,-2``."""
    groups = [group for group in split(text, _GROUPS) if group.strip()]
    if 1 < len(groups) <= MAX_ITEMS and (points := _points(groups)) is not None:
        return points
    items = [led(item) for item in split(text, LISTED + ALTERNATIVES) if item.strip()]
    if not 1 < len(items) <= MAX_ITEMS:
        return None
    either = len(split(text, ALTERNATIVES)) > 1
    readings = [relation(item) for item in items]
    if readings[0] is not None and not any(readings[1:]):
        first = readings[0]
        if not first.name or first.sign or not is_plain_list(items[1:]):
            return None
        rest = set_of(items[1:])
        return Dissection(["set", first.core, *rest[1:]], first.name)
    named = [r for r in readings if r is not None and r.name]
    if len(named) != len(items):
        return None
    if any(r.sign for r in named):  # x<1 or x>3
        alike = len({r.name for r in named}) == 1
        cores: list[Node] = [r.core if alike else ["named", r.name, r.core] for r in named]
        return Dissection(["union" if either else "all", *cores], named[0].name if alike else "")
    values = [r.core for r in named]
    if len({r.name for r in named}) == 1:  # x=1 or x=2
        return Dissection(["set", *values], named[0].name, listed=values)
    parts: list[Node] = [["named", r.name, r.core] for r in named]
    return Dissection(["set", *parts], listed=values, bare=False)


def _points(groups: Sequence[str]) -> Dissection | None:
    """Read ``p=5,q=2;p=7,q=2`` as the points (5,2) and (7,2)."""
    names: set[tuple[str, ...]] = set()
    points: list[Node] = []
    for group in groups:
        readings = [relation(item) for item in split(group, (",",)) if item.strip()]
        plain = [r for r in readings if r is not None and r.name and not r.sign]
        if len(plain) != len(readings) or len(plain) < 2:
            return None
        names.add(tuple(r.name for r in plain))
        points.append(["sequence", "()", *(r.core for r in plain)])
    return Dissection(["set", *points], f"({','.join(names.pop())})") if len(names) == 1 else None


def _equation(sides: Sequence[str]) -> Dissection | None:
    if len(sides) == 2 and is_name(sides[1]) and not VARIABLE.search(sides[0]):
        sides = sides[::-1]  # "5=x"
    left, right = sides[0], sides[-1]
    value, unit = without_unit(right)
    if _NAME.fullmatch(left):
        difference = f"{expression(left)}-({expression(right)})" if len(left) == 1 else ""
        plain = number_form(value) is not None or not VARIABLE.search(value)
        return Dissection(node(value), left, unit, "" if plain else difference)
    if _RATIO.fullmatch(left) and not _RATIO.fullmatch(right):
        return Dissection(node(value), left, unit)
    if not VARIABLE.search(left) and not VARIABLE.search(value):
        # "500 + 1 = 501": the last side is the answer.
        return Dissection(node(value), left, unit)
    if len(sides) > 2 and not VARIABLE.search(value) and _is_call(left):
        # "P(A or B) = 1/4 + 1/4 = 1/2"
        return Dissection(node(value), left, unit)
    return Dissection(
        ["tex", "=".join(sides)], difference=f"{expression(left)}-({expression(right)})"
    )


def _is_call(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z]{1,4}\s*\([^=]{1,80}\)|\\text\{[^{}]*\}", text) is not None


def _inequality(sides: Sequence[str], marks: Sequence[str]) -> Dissection | None:
    if len(sides) == 2 and _NAME.fullmatch(sides[1]) and not _NAME.fullmatch(sides[0]):
        sides, marks = sides[::-1], [_FLIPPED[marks[0]]]
    if len(sides) == 2:
        left, right, mark = sides[0], sides[1], marks[0]
        if left[:1] == "-" and _NAME.fullmatch(left[1:].strip()) and not VARIABLE.search(right):
            left, right, mark = left[1:].strip(), f"-({right})", _FLIPPED[mark]  # "-x < 3"
        difference = f"{expression(left)}-({expression(right)})"
        if not _NAME.fullmatch(left):
            core: Node = ["relation", mark, ["leaf", expression(left)], ["leaf", expression(right)]]
            return (
                Dissection(core, difference=difference, sign=mark)
                if VARIABLE.search(left)
                else None
            )
        bound = node(right)
        if mark == "!=":
            return Dissection(["relation", mark, bound], left, difference=difference, sign=mark)
        if mark[0] == "<":
            core = ["sequence", "(" + ("]" if "=" in mark else ")"), ["leaf", "-\\infty"], bound]
        else:
            core = ["sequence", ("[" if "=" in mark else "(") + ")", bound, ["leaf", "\\infty"]]
        return Dissection(core, left, difference=difference, sign=mark)
    if len(sides) == 3 and _NAME.fullmatch(sides[1]) and marks[0][0] == marks[1][0] != "!":
        if marks[0][0] == ">":
            sides, marks = sides[::-1], [_FLIPPED[m] for m in marks[::-1]]
        brackets = ("[" if marks[0] == "<=" else "(") + ("]" if marks[1] == "<=" else ")")
        return Dissection(
            ["sequence", brackets, node(sides[0]), node(sides[2])], sides[1], sign=marks[0]
        )
    return None

r"""What a mathematical answer is made of: sets, intervals, equations, units, expressions.

`read` takes an answer in normal form apart without evaluating anything. Its leaves are
expressions; `finish` puts their values in and gives the `MathForm` that votes are compared by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from bestofinf.answers.forms import words_form
from bestofinf.answers.latex import latex_form
from bestofinf.answers.math_worker import DIGITS, MAX_DIGITS, rounded
from bestofinf.answers.numbers import number_form
from bestofinf.answers.units import counted_things, unit_symbol

Node: TypeAlias = "str | list[Node]"

MAX_LENGTH = 400
MAX_ITEMS = 40
MAX_DEPTH = 12
MAX_POWERS = 20

_COMMANDS = frozenset(
    [
        r"frac",
        r"sqrt",
        r"pi",
        r"cdot",
        r"times",
        r"div",
        r"pm",
        r"mp",
        r"sin",
        r"cos",
        r"tan",
        r"cot",
        r"sec",
        r"csc",
        r"arcsin",
        r"arccos",
        r"arctan",
        r"log",
        r"ln",
        r"exp",
        r"binom",
        r"infty",
        r"alpha",
        r"beta",
        r"gamma",
        r"delta",
        r"epsilon",
        r"theta",
        r"lambda",
        r"mu",
        r"nu",
        r"rho",
        r"sigma",
        r"tau",
        r"phi",
        r"omega",
        r"lfloor",
        r"rfloor",
        r"lceil",
        r"rceil",
        r"sinh",
        r"cosh",
        r"tanh",
    ]
)
_PRODUCTS = frozenset({"abc", "xyz"})
"""Runs of letters that are products; longer words are words."""

_TAME = re.compile(r"[0-9A-Za-z\\{}()\[\]|^_+\-*/! ]+")
_UNTAMED = tuple(
    re.compile(pattern)
    for pattern in (
        r"\\(?![A-Za-z])",  # an escape that is no command
        r"\d{60}",
        r"/\s*\d+\s*[A-Za-z\\(]|/[^/]*/",  # 1/2x, a/b/c: read in two ways
        r"\^\s*\{?\s*-?\d{4}",  # large exponents
        r"\^\s*\{[^{}]*\^|\^\s*\{[^{}]*\d{3}[^{}]*[A-Za-z\\]?!",  # towers of powers
        r"\d{4}\s*!|[)}\]]\s*!|!\s*!|\^\s*\d\s*!",  # factorials of what is large
        r"[)}\]]\s*\^\s*\{?\s*-?\d{3}",
        r"^\s*\d+(?:\s*-\s*\d+)+\s*$",  # a date, a score, a telephone number
    )
)
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
_BASE = re.compile(r"([0-9A-F]{1,60})_(?:\{?\\?(?:text\{)?(\d{1,2}|two|eight|ten)\}?\}?)")
_MATRIX = re.compile(r"\\begin\{([pbv]?)matrix\}(.*)\\end\{\1matrix\}", re.DOTALL)
_TRAILING_UNIT = re.compile(
    r"(?P<rest>.*?[0-9})a-z])\s*(?:\\text\{(?P<text>[^{}\\]{1,40})\}"
    r"|(?<=[0-9})])\s+(?P<word>[A-Za-z]{1,12}(?:/[a-z]{1,4}|\s[a-z]{2,12})?)"
    r"|(?<=[0-9])(?P<joined>[a-z]{4,12}))(?P<power>\^\{?[23]\}?)?",
    re.DOTALL,
)
_ORDINAL = re.compile(r"(\d+)\s*(?:\^\{?)?\s*(?:\\text\{)?\s*(?:st|nd|rd|th)\s*\}{0,2}")
_MIXED = re.compile(r"(-?)(\d+)\\frac\{(\d+)\}\{(\d+)\}")
_DECIMAL = re.compile(r"(?<![\d.])(\d*)\.(\d+)(?![\d.])")
_CAPITAL = re.compile(r"(?<![\\A-Za-z])([A-Z])(?![A-Za-z])(_\w|_\{\w{1,3}\})?")
_DIGITS = re.compile(r"-?[\d.]+(?:E[+-]?\d{1,4})?")
_SEPARATORS = (",", ";", "\\text{and}", "\\text{or}", " and ", " or ")
_REVERSED = re.compile(r"\](?:[^()\[\]]+)[\]\[)]|[(\[](?:[^()\[\]]+)\[")
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class MathForm:
    """What two mathematical answers are compared by.

    Attributes:
        core: The value, as canonical JSON of nested lists.
        name: What is said to have this value, as x in ``x=5``; empty when nothing is.
        unit: The unit, ``%`` and bases of numerals among them; empty without.
        other: A second reading with the same right; empty without.
    """

    core: str
    name: str = ""
    unit: str = ""
    other: str = ""

    def agrees(self, form: MathForm) -> bool:
        """Return whether both mean the same; a missing name or unit agrees with any."""
        if self.other and self.other == form.other:
            return True
        if self.name and form.name and self.name != form.name:
            return False
        if self.core == form.core and (self.unit == form.unit or not (self.unit and form.unit)):
            return True
        return {self.unit, form.unit} == {"%", ""} and self._fraction() == form._fraction()

    def _fraction(self) -> str:
        """Return the value with a percent sign divided out."""
        kind, *values = json.loads(self.core)
        if kind != "value" or values[0] or not _DIGITS.fullmatch(values[1]):
            return self.core
        shifted = Fraction(values[1]) / (100 if self.unit == "%" else 1)
        return str(shifted)


def is_tame(text: str) -> bool:
    r"""Return whether an expression may be given to the symbolic worker.

    Allowed are known commands, short numbers, small literal exponents, shallow nesting and
    variables of one letter. Words, functions of unknown meaning and what reads in two ways, such
    as ``1/2x``, are not.
    """
    bare = re.sub(r"\\[A-Za-z]+", " ", text)
    if (
        len(text) > MAX_LENGTH
        or not _TAME.fullmatch(text)
        or not 0 <= _depth(text) <= MAX_DEPTH
        or any(command not in _COMMANDS for command in re.findall(r"\\([A-Za-z]+)", text))
        or any(pattern.search(text) for pattern in _UNTAMED)
    ):
        return False
    words = re.findall(r"[A-Za-z]{2,}", bare)
    if any(w not in _PRODUCTS and (len(w) > 2 or w in _TWO_LETTERS) for w in words):
        return False
    return text.count("^") <= MAX_POWERS


_TWO_LETTERS = frozenset(
    [
        "no",
        "on",
        "or",
        "is",
        "it",
        "in",
        "of",
        "to",
        "at",
        "am",
        "as",
        "be",
        "by",
        "do",
        "go",
        "he",
        "if",
        "me",
        "my",
        "so",
        "up",
        "us",
        "we",
    ]
)


def _depth(text: str) -> int:
    """Return how deep brackets nest; -1 where they do not balance."""
    depth = deepest = 0
    for character in text:
        if character in _OPEN:
            depth += 1
            deepest = max(deepest, depth)
        elif character in _CLOSE:
            depth -= 1
            if depth < 0:
                return -1
    return deepest if depth == 0 else -1


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
    if not _balanced(text):
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


def finish(reading: Reading, values: Mapping[str, Sequence[str] | None]) -> MathForm:
    """Return the form of an answer, given the values of its leaves (`leaves`)."""

    def settle(node: Node) -> Node:
        if isinstance(node, str):
            return node
        kind, *rest = node
        if kind == "leaf":
            found = values.get(str(rest[0]))
            return ["tex", rest[0]] if found is None else ["value", *found]
        if kind == "number":
            return ["value", "", number_digits(str(rest[0]))]
        settled = [settle(part) for part in rest]
        if kind in ("set", "union"):
            settled.sort(key=_written)
        return [kind, *settled]

    core = settle(reading.core)
    return MathForm(
        _written(core), reading.name, reading.unit, _scaled(values.get(reading.difference))
    )


def leaves(reading: Reading) -> list[str]:
    """Return the expressions whose values `finish` asks for."""
    found: list[str] = [reading.difference] if reading.difference else []

    def walk(node: Node) -> None:
        if isinstance(node, list):
            if node[0] == "leaf":
                found.append(str(node[1]))
            for part in node[1:]:
                walk(part)

    walk(reading.core)
    return [text for text in dict.fromkeys(found) if is_tame(text)]


def number_digits(number: str) -> str:
    """Return the digits by which the worker tells values apart, of a number in normal form."""
    top, _, bottom = number.partition("/")
    if "e" in number or len(number) > (DIGITS if bottom or "." in number else MAX_DIGITS):
        return number
    if not bottom:
        return rounded(number)
    return rounded(f"{int(top) * 10 ** (2 * DIGITS) // int(bottom)}e-{2 * DIGITS}")


def _scaled(values: Sequence[str] | None) -> str:
    """Return the values of left minus right up to a common factor: one equation, many spellings."""
    if values is None or len(values) < 3 or not all(map(_DIGITS.fullmatch, values[1:])):
        return ""
    first, *others = (Fraction(v) for v in values[1:])
    if first == 0:
        return ""
    ratios = [other / first for other in others]
    return f"{values[0]}:" + ",".join(f"{float(ratio):.12g}" for ratio in ratios)


def _written(node: Node) -> str:
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"))


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
        items = [item for item in _split(text, _SEPARATORS) if item.strip()]
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


def expression(text: str) -> str:
    """Return an expression as the worker takes it: exact decimals, mixed numbers as sums."""
    text = _MIXED.sub(r"\1(\2+\\frac{\3}{\4})", text) if _MIXED.fullmatch(text) else text
    text = re.sub(r"(?<=\d)\{,\}(?=\d{3})|(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = (
        text.replace("\\{", "(")
        .replace("\\}", ")")
        .replace("×", "\\times ")
        .replace("·", "\\cdot ")
    )
    text = text.replace("π", "\\pi ").replace("√", "\\sqrt").replace("∞", "\\infty ")
    text = _CAPITAL.sub(_capital, text).strip().removeprefix("+").strip()
    return _DECIMAL.sub(lambda m: f"\\frac{{{int(m[1] + m[2])}}}{{1{'0' * len(m[2])}}}", text)


def _capital(match: re.Match[str]) -> str:
    # The parser reads capitals as small letters: give them a name of their own.
    subscript = (match[2] or "").strip("_{}")
    return f"{match[1].lower()}_{{770{subscript}}}"


def _relation(text: str) -> Reading | None:
    signs = [m for m in _RELATION.finditer(text) if _level(text, m.start()) == 0]
    if not signs or len(signs) > 6:
        return None
    edges = [0, *(edge for m in signs for edge in (m.start(), m.end())), len(text)]
    sides = [text[a:b].strip() for a, b in zip(edges[::2], edges[1::2], strict=True)]
    marks = [_RELATIONS.get(m[0], m[0]) for m in signs]
    if not all(sides) or len(_split(text, _SEPARATORS)) > 1:
        return _many_relations(text) if len(signs) > 1 else None
    if set(marks) == {"="}:
        return _equation(sides)
    if "=" in marks:
        return None
    return _inequality(sides, marks)


def _many_relations(text: str) -> Reading | None:
    """Read ``x=1,y=2`` as a set of named values."""
    items = _split(text, _SEPARATORS)
    readings = [_relation(item.strip()) for item in items]
    if len(items) < 2 or len(items) > MAX_ITEMS or any(r is None for r in readings):
        return None
    named = [(r.name, r.core) for r in readings if r is not None and r.name]
    if len(named) != len(items):
        return None
    if len({name for name, _ in named}) == 1:  # x=1 or x=2
        return Reading(["set", *(core for _, core in named)], name=named[0][0])
    return Reading(["set", *(["named", name, core] for name, core in named)])


def _equation(sides: Sequence[str]) -> Reading | None:
    left, right = sides[0], sides[-1]
    if _NAME.fullmatch(left):
        value, unit = _without_unit(right)
        difference = f"{expression(left)}-({expression(right)})" if len(left) == 1 else ""
        plain = number_form(value) is not None or not re.search(r"(?<![\\A-Za-z])[A-Za-z]", value)
        return Reading(_node(value), left, unit, "" if plain else difference)
    if len(sides) > 2 or not re.search(r"(?<![\\A-Za-z])[A-Za-z]", left):
        # "P = 1/4 + 1/4 = 1/2" and "500 + 1 = 501": the last side is the answer.
        value, unit = _without_unit(right)
        return Reading(_node(value), left, unit)
    return Reading(
        ["tex", latex_form("=".join(sides))], difference=f"{expression(left)}-({expression(right)})"
    )


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
    text = re.sub(r"^\\?\$|^[€£¥]", lambda m: "\0" + m[0][-1], text)
    if text[:1] == "\0":
        return text[2:].strip(), text[1]
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
    symbol = unit_symbol(words) if len(words) > 1 or match["text"] or rest[-1:].isdigit() else ""
    if not symbol and not re.search(r"(?<![\\A-Za-z])[A-Za-z]", rest):
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

r"""Which expressions may be given to the symbolic worker, and how they are written for it.

A filter by characters, commands and sizes, so that nothing reaches the parser that could make it
run for long or that it reads in another way than people do.
"""

from __future__ import annotations

import re

MAX_LENGTH = 400
MAX_DEPTH = 12
MAX_POWERS = 20

_COMMANDS = frozenset(
    {"frac", "sqrt", "pi", "cdot", "times", "div", "log", "ln", "exp", "binom", "infty"}
    | {"sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh"}
    | {"cosh", "tanh", "alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda"}
    | {"mu", "nu", "rho", "sigma", "tau", "phi", "omega", "lfloor", "rfloor", "lceil"}
    | {"rceil"}
)
_PRODUCTS = frozenset({"abc", "xyz"})
"""Runs of letters that are products; longer words are words."""

_WORDS = frozenset(
    {"no", "on", "or", "is", "it", "in", "of", "to", "at", "am", "as", "be", "by", "do"}
    | {"go", "he", "if", "me", "my", "so", "up", "us", "we"}
)
_TAME = re.compile(r"[0-9A-Za-z\\{}()\[\]|^_+\-*/! ]+")
_DENOMINATOR = r"(?:\d+|[A-Za-z]|\([^()]*\)|\{[^{}]*\}|\\[a-z]+(?:\{[^{}]*\})?)"
_UNTAMED = tuple(
    re.compile(pattern)
    for pattern in (
        r"\\(?![A-Za-z])",  # an escape that is no command
        r"[A-Z]",  # left over where capitals stand together: the parser reads them as small
        r"\d{60}|(?<![_^])\d\s+\d",
        rf"/(?!\s*{_DENOMINATOR}\s*(?:[-+)}}\]]|$))",  # 1/2x, a/b/c: read in two ways
        r"(?<![\\_A-Za-z])[A-Za-z]{1,2}\d",  # x2 may be meant as a power or an index
        r"\\(?:sqrt(?:\[[^\]]{0,99}\])?|[dt]?frac\s*\{[^{}]*\})\s*\{[^{}]*\}\s*\d",  # a root or fraction, then a digit
        r"\\log(?!_)",  # natural for some, decimal for others
        r"\^\s*+(?:\{\s*+)?-?\d{4}|[)}\]]\s*\^\s*+(?:\{\s*+)?-?\d{3}",  # large exponents
        r"\^\s*\{[^{}]*\^|\^\s*\w\s*\^",  # towers of powers
        r"\d{4}\s*!|[)}\]]\s*!|!\s*!|\^[^!]{0,9}!",  # factorials of what is large
        r"\\binom\s*\{[^{}]*(?:\d{4}|\}\s*\{[^{}]*\d{4})",
        r"^\s*\d+(?:\s*-\s*\d+)+\s*$",  # a date, a score, a telephone number
    )
)
_MIXED = re.compile(r"(-?)(\d+)\\frac\{(\d+)\}\{(\d+)\}")
_DECIMAL = re.compile(r"(?<![\d.])(\d*)\.(\d+)(?![\d.])")
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,)(?=\d{3}(?!\d))")
_CAPITAL = re.compile(r"(?<![\\A-Za-z])([A-Z])(?![A-Za-z])(_\w|_\{\w{1,3}\})?")
_SIGNS = {
    "\\{": "(",
    "\\}": ")",
    "×": "\\times ",
    "·": "\\cdot ",
    "π": "\\pi ",
    "√": "\\sqrt",
    "∞": "\\infty ",
}
_OPEN, _CLOSE = "([{", ")]}"


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
        or not 0 <= nesting(text) <= MAX_DEPTH
        or any(command not in _COMMANDS for command in re.findall(r"\\([A-Za-z]+)", text))
        or any(pattern.search(text) for pattern in _UNTAMED)
    ):
        return False
    words = re.findall(r"[A-Za-z]{2,}", bare)
    if any(w not in _PRODUCTS and (len(w) > 2 or w in _WORDS) for w in words):
        return False
    return text.count("^") <= MAX_POWERS


def nesting(text: str) -> int:
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


def expression(text: str) -> str:
    """Return an expression as the worker takes it: exact decimals, mixed numbers as sums."""
    if mixed := _MIXED.fullmatch(text):
        text = mixed.expand(r"\1(\2+\\frac{\3}{\4})")
    text = _THOUSANDS.sub("", text)
    for sign, written in _SIGNS.items():
        text = text.replace(sign, written)
    text = _CAPITAL.sub(_capital, text).strip().removeprefix("+").strip()
    return _DECIMAL.sub(lambda m: f"\\frac{{{int(m[1] + m[2])}}}{{1{'0' * len(m[2])}}}", text)


def _capital(match: re.Match[str]) -> str:
    # The parser reads capitals as small letters: give them a name of their own.
    subscript = (match[2] or "").strip("_{}")
    return f"{match[1].lower()}_{{770{subscript}}}"

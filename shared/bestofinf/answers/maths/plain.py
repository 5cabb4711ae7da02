r"""Plain and Unicode mathematics, as people type it, written in LaTeX: ``sqrt(3)``, ``√3``, ``x²``.

Moves characters and evaluates nothing. Texts that hold words other than names of functions and
constants are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SUPERSCRIPTS = {ord(c): v for c, v in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True)}
_SUBSCRIPTS = {ord(c): v for c, v in zip("₀₁₂₃₄₅₆₇₈₉ₙ", "0123456789n", strict=True)}
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉ₙ]+")
_VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5),
    "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅐": (1, 7), "⅛": (1, 8), "⅜": (3, 8),
    "⅝": (5, 8), "⅞": (7, 8), "⅑": (1, 9), "⅒": (1, 10),
}  # fmt: skip
_SIGNS = {
    ord(sign): f"\\{command} "
    for sign, command in {
        "π": "pi", "∞": "infty", "×": "times", "·": "cdot", "⋅": "cdot", "∙": "cdot", "÷": "div",
        "≤": "leq", "≥": "geq", "≠": "neq", "≈": "approx", "∪": "cup", "∩": "cap", "∈": "in",
        "∉": "notin", "∅": "emptyset", "±": "pm", "∓": "mp", "θ": "theta", "α": "alpha", "β": "beta",
        "γ": "gamma", "δ": "delta", "λ": "lambda", "μ": "mu", "φ": "phi", "ω": "omega", "σ": "sigma",
        "τ": "tau", "ρ": "rho", "ε": "epsilon",
    }.items()
}  # fmt: skip
_ROOTS = re.compile(r"([√∛∜])\s*(\d+(?:\.\d+)?|[A-Za-z](?![A-Za-z])|(?=[({]))")
_ROOT_OF = {"√": "\\sqrt", "∛": "\\sqrt[3]", "∜": "\\sqrt[4]"}
_FUNCTIONS = {
    **{
        name: f"\\{name}" for name in ("ln", "log", "exp", "sin", "cos", "tan", "cot", "sec", "csc")
    },
    **{
        name: f"\\{name}" for name in ("arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "sqrt")
    },
    **{"asin": "\\arcsin", "acos": "\\arccos", "atan": "\\arctan", "cbrt": "\\sqrt[3]"},
}
_CONSTANTS = {
    **dict.fromkeys(("inf", "infinity", "Infinity", "oo"), "\\infty"),
    **{
        name: f"\\{name}"
        for name in ("pi", "theta", "alpha", "beta", "gamma", "lambda", "phi", "omega")
    },
}
_RELATIONS = {">=": "\\geq ", "=>": "\\geq ", "<=": "\\leq ", "!=": "\\neq ", "==": "="}
_RELATION = re.compile("|".join(map(re.escape, _RELATIONS)))
_WORD = re.compile(r"(?<![\\A-Za-z_])[A-Za-z]{2,}(?![A-Za-z])")
_KNOWN = re.compile(rf"(?<![\\A-Za-z_])(?:abs|{'|'.join([*_FUNCTIONS, *_CONSTANTS])})(?![A-Za-z])")
_CALL = re.compile(rf"(?<![\\A-Za-z])({'|'.join(_FUNCTIONS)})\s?(?=\()")
_ROOT_OF_NUMBER = re.compile(r"(?<![\\A-Za-z])sqrt\s?(\d+(?:\.\d+)?)(?![\d.])")
_CONSTANT = re.compile(rf"(?<![\\A-Za-z])({'|'.join(_CONSTANTS)})(?![A-Za-z])")
_POWER_OF_BRACKET = re.compile(r"\^\s*\(")
_ROOT_OF_BRACKET = re.compile(r"(\\sqrt(?:\[\d\])?)\s*\(")
_POWER = re.compile(r"\^\s?(-\d+|\d{2,})(?![\d.])")
_QUOTIENT = re.compile(r"(?<![\w.)}\]])(\d{1,9})/(\d{1,9})(?=\s*\*)")
_LOG = re.compile(r"(?<![\\A-Za-z])log_?\{?(\d{1,2})\}?\s?(?=\()")
_ABSOLUTE = re.compile(r"(?<![\\A-Za-z])abs\s?\(([^()|]{1,80})\)")
_PLAIN_SIGNS = re.compile(r"[*^√∛∜]|log|sqrt|cbrt|pi|oo|inf|[<>!=]=|=>|[a-z]\(")


def notation(text: str) -> str:
    r"""Return plain mathematics in LaTeX; any other text as it is.

    >>> [notation(t) for t in ("3*sqrt(5)/7", "√11", "2^(1/2)", "x² ≥ ½", "pizza")]
    ['3*\\sqrt{5}/7', '\\sqrt{11}', '2^{1/2}', 'x^2 \\geq  \\frac{1}{2}', 'pizza']
    """
    if not text.isascii():
        text = _from_unicode(text)
    if "\\text" in text or not _PLAIN_SIGNS.search(text):
        return text
    if any(not _KNOWN.fullmatch(word) for word in _WORD.findall(text) if len(word) > 2):
        return text  # words, or products of many variables
    text = text.replace("**", "^")
    text = _POWER.sub(r"^{\1}", text)
    text = _QUOTIENT.sub(r"\\frac{\1}{\2}", text)
    text = _LOG.sub(r"\\log_{\1}", text)
    text = _RELATION.sub(lambda m: _RELATIONS[m[0]], text)
    text = _ABSOLUTE.sub(r"|\1|", text)
    text = _ROOT_OF_NUMBER.sub(r"\\sqrt{\1}", text)
    text = _CALL.sub(lambda m: _FUNCTIONS[m[1]], text)
    text = _CONSTANT.sub(lambda m: _CONSTANTS[m[1]] + " ", text)
    return _braced(_braced(text, _ROOT_OF_BRACKET), _POWER_OF_BRACKET).strip()


def _from_unicode(text: str) -> str:
    for sign, (top, bottom) in _VULGAR.items():
        text = text.replace(sign, f"\\frac{{{top}}}{{{bottom}}}")
    text = _RAISED.sub(lambda m: _script("^", m, _SUPERSCRIPTS), text)
    text = _LOWERED.sub(lambda m: _script("_", m, _SUBSCRIPTS), text)
    text = _ROOTS.sub(lambda m: _ROOT_OF[m[1]] + (f"{{{m[2]}}}" if m[2] else ""), text)
    text = text.replace("−", "-").translate(_SIGNS)
    return _braced(text, _ROOT_OF_BRACKET)


def _script(mark: str, match: re.Match[str], plain: Mapping[int, str]) -> str:
    written = match[0].translate(plain)
    following = match.string[match.end() : match.end() + 1]
    return (
        f"{mark}{written}"
        if len(written) == 1 and not following.isalnum()
        else f"{mark}{{{written}}}"
    )


def _braced(text: str, opening: re.Pattern[str]) -> str:
    """Put braces for the round brackets that a pattern ends with, where they close."""
    begin = 0
    for _ in range(20):
        match = opening.search(text, begin)
        if match is None:
            break
        start, depth = match.end(), 1
        for end in range(start, len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if depth == 0:
                head = text[: start - 1].rstrip()
                text = f"{head}{{{text[start:end]}}}{text[end + 1 :]}"
                break
        else:
            break
        begin = match.start() + 1
    return text

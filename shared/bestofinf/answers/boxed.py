r"""A box in words: what is set as text, units and signs in it, as one writes them without LaTeX."""

from __future__ import annotations

import re

from bestofinf.answers.latex import unwrapped
from bestofinf.answers.numbers import number_form

MAX_PLAIN = 400

_TEXT = re.compile(
    r"\\(?:text|textrm|textnormal|textbf|textit|texttt|textsf|mbox|mathrm|mathbf|mathsf|emph"
    r"|operatorname)\s?\{(?P<words>(?:[^{}\\$^]|\\[%$&#_])*)(?:\^\{?(?P<inside>[23])\}?)?\}(?:\^(?:\{(?P<behind>[23])\}|(?P<bare>[23])))?"
)
_SIGN = re.compile(r"\\([%$&#_])")
_DEGREES = re.compile(r"\s?\^\s?(?:\{\s?)?\\circ(?![A-Za-z])\s?\}?|\\degree(?![A-Za-z])")
_SPACE = re.compile(r"\\(?:[,;: ]|quad(?![A-Za-z])|qquad(?![A-Za-z]))|~(?!\d)")
_TIGHT = re.compile(r",\s?\\!\s?(?=\d)|\{,\}(?=\d{3}(?!\d))|\\!")
_POWERS = {"2": "²", "3": "³"}
_NOTATION = re.compile(r"[\\^_={}|√∞;]")
_OPERATES = re.compile(r"[\w)]\s?[+*×·]\s?[\w(]")
_FRACTION = re.compile(
    r"-?\\[dt]?frac\s?(?:\{\d{1,9}\}\s?\{\d{1,9}\}|\d\s?\d)(?=\s?(?:°|\\(?:[%$]|text|mathrm|mbox)))"
)
_TUPLE = re.compile(r"[(\[][^)\]]*[,;]")


def plain_box(box: str, *, spaced: bool = True) -> str | None:
    r"""Return the content of a box as plain text; None where notation is left, or an expression.

    Args:
        box: Content of a box.
        spaced: Whether words set as text right behind a number are parted from it.

    >>> [plain_box(box) for box in (r"18\text{ dollars}", r"25\,\mathrm{m^2}", r"\$1{,}200", r"5\sqrt{2}", "2ab+c")]
    ['18 dollars', '25 m²', '$1,200', None, None]
    """
    if len(box) > MAX_PLAIN:
        return None

    def said(match: re.Match[str]) -> str:
        words = match["words"]
        power = match["inside"] or match["behind"] or match["bare"] or ""
        before = match.string[: match.start()][-1:]
        apart = spaced and words[:1].isalpha() and (before.isdigit() or before in ("}", ")"))
        return f"{' ' if apart else ''}{words}{_POWERS.get(power, '')}"

    text = _SPACE.sub(" ", _TIGHT.sub(lambda m: "," if "," in m[0] else "", box))
    text = _DEGREES.sub("°", text)
    text = _FRACTION.sub(lambda m: number_form(m[0]) or m[0], text, count=1)
    joined = any(m["words"].strip().casefold() in ("and", "or") for m in _TEXT.finditer(text))
    text = _TEXT.sub(said, text)
    if text.startswith("$") and text.endswith("$") and "$" not in text[1:-1]:
        text = text[1:-1]
    kept = _SIGN.sub("", text)
    if _NOTATION.search(kept) or "$" in kept or _OPERATES.search(kept) or _TUPLE.match(kept):
        return None
    if joined and any(map(str.isdigit, kept)):
        return None  # "2 or 3" is compared by its values
    return unwrapped(_SIGN.sub(r"\1", text))

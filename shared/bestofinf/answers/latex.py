r"""LaTeX as models write answers in it: wrappings removed, one normal form.

Nothing here evaluates: it moves characters. Whether two expressions are equal is asked in
`bestofinf.answers.mathematics`.
"""

from __future__ import annotations

import re

from bestofinf.answers.boxes import last_box

_SPACING = re.compile(r"(?<!\\)\\(?:[,;:!> ]|quad\b|qquad\b|displaystyle\b|limits\b)")
_TIGHT_COMMA = re.compile(r",\s?\\!\s*(?=\d)")
_SIZING = re.compile(r"\\(?:left|right|big|Big|bigg|Bigg)[lr]?(?![A-Za-z])\s*")
_FRACTION = re.compile(r"\\[dtc]frac(?![A-Za-z])")
_SHORT_FRACTION = re.compile(r"\\frac\s*([0-9a-zA-Z])\s*([0-9a-zA-Z])(?![A-Za-z])")
_HALF_FRACTION = re.compile(r"(\\frac\{(?:[^{}]|\{[^{}]*\})*\})\s*([0-9a-zA-Z])(?![0-9A-Za-z])")
_FIRST_BARE = re.compile(r"\\frac\s*([0-9a-zA-Z])\s*(?=\{)")
_SHORT_ROOT = re.compile(r"\\sqrt\s*([0-9a-zA-Z])(?![0-9A-Za-z])")
_WORDS = re.compile(
    r"\\(?:text|textrm|textnormal|mbox|mathrm|textbf|mathbf|textit|rm|bf)\s*\{([^{}\\$]*)\}"
)
_DEGREES = re.compile(r"\^\s*+(?:\{\s*+)?(?:\\circ|°)\s*\}?|\\degree(?![A-Za-z])")
_DOUBLE_ESCAPE = re.compile(r"\\\\(?=[A-Za-z])")
_TUPLE = re.compile(r"[\[\](]?[-+.,; ]*\d[-+\d. ]*[,;][-+.,; ]*\d[-+\d.,; ]*[\[\])]?")
_BETWEEN = re.compile(r"(?<![^\W\d_])[A-Za-z0-9)]\s*[-−]\s*[A-Za-z0-9(](?![^\W\d_])|\d\s*:\s*\d")
_CALL = re.compile(
    r"(?<![A-Za-z])(?:sqrt|cbrt|ln|log|exp|(?:a|arc)?(?:sin|cos|tan)|sinh|cosh|tanh|cot|sec|csc)\s?\("
)
_CONSTANT = re.compile(r"[-+]\s?(?:inf(?:inity)?|pi|oo|∞|π)")
_MATH_MODE = re.compile(r"(?<!\\)\$")
_ONE_SCRIPT = re.compile(r"([\^_])\{([0-9A-Za-z])\}(?![0-9A-Za-z])")
_LIST_COMMA = re.compile(r"(?<=\d),\s+(?=\d{3}(?!\d))")
_IDLE_SPACE = re.compile(r" (?=[^0-9A-Za-z ])|(?<=[^0-9A-Za-z ]) ")
_WRAPPERS = (
    ("$$", "$$"),
    ("$", "$"),
    (r"\(", r"\)"),
    (r"\[", r"\]"),
    ("**", "**"),
    ("__", "__"),
    ("`", "`"),
)
_CLOSERS = frozenset(closing[-1] for _, closing in _WRAPPERS)


def unwrapped(text: str) -> str:
    r"""Return the text without the marks around the whole of it: ``$``, ``**``, ``\text{}``.

    >>> unwrapped(r"**$\text{Paris}$**.")
    'Paris'
    """
    for _ in range(8):
        before, text = text, text.strip()
        if len(text) > 1 and text[-1] in ".,;。" and text[-2] not in "\\.":
            text = text[:-1].rstrip()
        for opening, closing in _WRAPPERS if text[-1:] in _CLOSERS else ():
            inner = text[len(opening) : len(text) - len(closing)]
            if (
                len(text) > len(opening) + len(closing)
                and text.startswith(opening)
                and text.endswith(closing)
                and opening not in inner
                and closing not in inner
            ):
                text = inner.strip()
        if match := _WORDS.fullmatch(text):
            text = match[1]
        elif text.startswith("\\boxed{") and (box := last_box(text)) and box.end == len(text):
            text = box.content
        if text == before:
            break
    return text


def is_mathematical(text: str) -> bool:
    """Return whether a short text is notation rather than words."""
    if any(mark in text for mark in "\\^_={}") or _TUPLE.fullmatch(text):
        return True
    if _CONSTANT.fullmatch(text):
        return True
    if (bare := _CALL.sub("(", text)) != text:
        return re.search(r"[^\W\d_]{3}", bare) is None
    if re.search(r"[^\W\d_]{3}", text):
        return False
    return any(mark in text for mark in "+*/<>|√π∞°×·≤≥∪!") or bool(_BETWEEN.search(text))


def latex_form(text: str) -> str:
    r"""Return a normal form of notation: spacing, sizing and variant commands removed.

    Idempotent. Texts with the same form mean the same; the reverse is not claimed.

    >>> latex_form(r"\left( \dfrac12 , \; \text{ odd } \right)")
    '(\\frac{1}{2},\\text{odd})'
    """
    for _ in range(8):
        before = text
        if "\\begin" not in text:
            # Outside of a matrix "\\\\cup" is an escape too many.
            text = _DOUBLE_ESCAPE.sub(r"\\", text)
        if "\\!" in text:
            text = _TIGHT_COMMA.sub(",", text).replace("\\!", "")
        text = text[:1] + text[1:].replace("~", " ")  # "~5" is about 5
        text = _SIZING.sub("", _SPACING.sub(" ", text))
        text = text.replace("{,}", ",")
        if len(_MATH_MODE.findall(text)) % 2 == 0:  # a single $ is a currency
            text = _MATH_MODE.sub("", text)
        text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", _FRACTION.sub(r"\\frac", text))
        text = _FIRST_BARE.sub(r"\\frac{\1}", text)
        text = _HALF_FRACTION.sub(r"\1{\2}", text)
        text = _SHORT_ROOT.sub(r"\\sqrt{\1}", text)
        text = _WORDS.sub(lambda m: f"\\text{{{m[1].strip()}}}", text)
        text = _ONE_SCRIPT.sub(r"\1\2", _DEGREES.sub(r"^\\circ", text))
        text = _LIST_COMMA.sub(";", text)  # "1, 234" are two numbers
        text = _IDLE_SPACE.sub("", re.sub(r"\s+", " ", text)).strip()
        if text == before:
            break
    return text

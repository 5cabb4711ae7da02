r"""LaTeX as models write answers in it: boxes found, wrappings removed, one normal form.

Nothing here evaluates: it moves characters. Whether two expressions are equal is asked in
`bestofinf.answers.mathematics`.
"""

from __future__ import annotations

import re

MAX_BOX = 4_000
"""A box with more characters is not an answer."""

_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{|[^\s{\\])")
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_SPACING = re.compile(r"(?<!\\)\\(?:[,;:!> ]|quad\b|qquad\b|displaystyle\b|limits\b)")
_SIZING = re.compile(r"\\(?:left|right|big|Big|bigg|Bigg)[lr]?(?![A-Za-z])\s*")
_FRACTION = re.compile(r"\\[dtc]frac(?![A-Za-z])")
_SHORT_FRACTION = re.compile(r"\\frac\s*([0-9a-zA-Z])\s*([0-9a-zA-Z])(?![A-Za-z])")
_HALF_FRACTION = re.compile(r"(\\frac\{(?:[^{}]|\{[^{}]*\})*\})\s*([0-9a-zA-Z])(?![0-9A-Za-z])")
_SHORT_ROOT = re.compile(r"\\sqrt\s*([0-9a-zA-Z])(?![0-9A-Za-z])")
_WORDS = re.compile(
    r"\\(?:text|textrm|textnormal|mbox|mathrm|textbf|mathbf|textit|rm|bf)\s*\{([^{}\\$]*)\}"
)
_DEGREES = re.compile(r"\^\s*\{?\s*(?:\\circ|°)\s*\}?|\\degree(?![A-Za-z])")
_DOUBLE_ESCAPE = re.compile(r"\\\\(?=[A-Za-z])")
_TUPLE = re.compile(r"[\[\](]?[-+\d.,; ]*\d[-+\d.,; ]*[,;][-+\d.,; ]*\d[-+\d.,; ]*[\[\])]?")
_BETWEEN = re.compile(r"(?<![^\W\d_])[A-Za-z0-9)]\s*[-−]\s*[A-Za-z0-9(](?![^\W\d_])|\d\s*:\s*\d")
_MATH_MODE = re.compile(r"(?<!\\)\$")
_ONE_SCRIPT = re.compile(r"([\^_])\{([0-9A-Za-z])\}(?![0-9A-Za-z])")
_LIST_COMMA = re.compile(r"(?<=\d),\s+(?=\d{3}(?!\d))")
_IDLE_SPACE = re.compile(r"\s+(?=[^0-9A-Za-z\s])|(?<=[^0-9A-Za-z\s])\s+")
_WRAPPERS = (
    ("$$", "$$"),
    ("$", "$"),
    (r"\(", r"\)"),
    (r"\[", r"\]"),
    ("**", "**"),
    ("__", "__"),
    ("`", "`"),
)


def last_box(text: str) -> str | None:
    r"""Return what stands in the last closed ``\boxed{}``; None without one.

    The last one is taken even where it stands far from the end of a long reply.
    """
    end = len(text)
    for _ in range(20):  # a reply that ends in an open box may have closed ones before it
        start = max(text.rfind("\\boxed", 0, end), text.rfind("\\fbox", 0, end))
        if start < 0:
            return None
        match = _BOX.match(text, start)
        if match and (content := _braced(text, match.end())) is not None:
            return content
        end = start
    return None


def _braced(text: str, start: int) -> str | None:
    if text[start] != "{":
        return text[start]
    depth = 0
    for match in _BRACES.finditer(text, start, start + MAX_BOX):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return text[start + 1 : match.start()]
    return None


def unwrapped(text: str) -> str:
    r"""Return the text without the marks around the whole of it: ``$``, ``**``, ``\text{}``.

    >>> unwrapped(r"**$\text{Paris}$**.")
    'Paris'
    """
    for _ in range(8):
        before, text = text, text.strip()
        if len(text) > 1 and text[-1] in ".,;" and text[-2] not in "\\.":
            text = text[:-1].rstrip()
        for opening, closing in _WRAPPERS:
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
        elif text.startswith("\\boxed") and (box := last_box(text)) and text == f"\\boxed{{{box}}}":
            text = box
        if text == before:
            break
    return text


def is_mathematical(text: str) -> bool:
    """Return whether a short text is notation rather than words."""
    if any(mark in text for mark in "\\^_={}") or _TUPLE.fullmatch(text):
        return True
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
        text = _SIZING.sub("", _SPACING.sub(" ", text.replace("\\!", "").replace("~", " ")))
        text = text.replace("{,}", ",")
        if len(_MATH_MODE.findall(text)) % 2 == 0:  # a single $ is a currency
            text = _MATH_MODE.sub("", text)
        text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", _FRACTION.sub(r"\\frac", text))
        text = _HALF_FRACTION.sub(r"\1{\2}", text)
        text = _SHORT_ROOT.sub(r"\\sqrt{\1}", text)
        text = _WORDS.sub(lambda m: f"\\text{{{m[1].strip()}}}", text)
        text = _ONE_SCRIPT.sub(r"\1\2", _DEGREES.sub(r"^\\circ", text))
        text = _LIST_COMMA.sub(";", text)  # "1, 234" are two numbers
        text = _IDLE_SPACE.sub("", re.sub(r"\s+", " ", text)).strip()
        if text == before:
            break
    return text

r"""Lists that answer a question for an order: "3, 2, 1", "C → A → B", ``\{3,2,1\}``."""

from __future__ import annotations

import re

from bestofinf.answers.latex import unwrapped
from bestofinf.answers.wording.tokens import as_list

_LETTERS = re.compile(
    r"\(?[A-Z]\)?(?:(?:\s*+,\s*+(?:(?:and|und|et|y|e)\s++)?|\s*+[;&]\s*+|\s++(?:and|und|et|y|e)\s++)\(?[A-Z]\)?)+"
)
_LETTER = re.compile(r"\b[A-Z]\b")
_ITEM = r"(?:[A-Z]|\d{1,15}(?:\.\d{1,15})?)"
_SHORT = r"(?:[A-Z]|[1-9]\d?)"
_ARROW = r"\s*+(?:→|⟶|->|\\to(?![A-Za-z])|\\rightarrow(?![A-Za-z]))\s*+"
_DASH = r"\s*+[-–—]\s*+"
_CHAIN = re.compile(rf"{_ITEM}(?:{_ARROW}{_ITEM})+|{_SHORT}(?:{_DASH}{_SHORT}){{2,}}")
"""Items with arrows between them, or three and more with dashes, which take nothing away here."""
_LINK = re.compile(rf"(?<!\s)(?:{_ARROW}|{_DASH})")
_POINTS = re.compile(r"\s?(?:→|⟶|->)\s?(?=\S)")
_LAST_JOIN = re.compile(r",?\s{1,3}(?:and|und|et|y|&)\s{1,3}(?=[^,]{1,80}$)")
_PLAIN = re.compile(r"[^()\[\]{}=<>]{3,}")
MAX_LIST = 400


def in_one_line(text: str) -> str:
    r"""Return a list on lines of its own, or one with arrows, as one with commas; else the text.

    >>> in_one_line("1. Oslo\n2. Rome"), in_one_line("C → A → B"), in_one_line("3-2-1"), in_one_line("3-2")
    ('Oslo, Rome', 'C, A, B', '3, 2, 1', '3-2')
    """
    text = as_list(text)
    bare = unwrapped(text) if len(text) <= MAX_LIST else ""
    if _CHAIN.fullmatch(bare):
        return _LINK.sub(", ", bare)
    return _POINTS.sub(", ", text) if "\\" not in text else text


def letters_in(text: str) -> str | None:
    """Return several labels in the order in which they are listed; None for other texts.

    >>> letters_in("C, A and B"), letters_in("(C), (A)"), letters_in("A")
    ('C, A, B', 'C, A', None)
    """
    bare = unwrapped(text) if len(text) <= MAX_LIST else ""
    return ", ".join(_LETTER.findall(bare)) if _LETTERS.fullmatch(bare) else None


def sequence_form(text: str) -> str:
    r"""Return values side by side in brackets, which keep their order; any other text as it is.

    >>> sequence_form("3,2,1"), sequence_form(r"\{3,2,1\}"), sequence_form("x=3,y=2"), sequence_form("3")
    ('(3,2,1)', '(3,2,1)', 'x=3,y=2', '3')
    """
    inner = text[2:-2] if text.startswith("\\{") and text.endswith("\\}") else text
    listed = ("," in inner or ";" in inner) and len(inner) <= MAX_LIST
    return f"({inner})" if listed and _PLAIN.fullmatch(inner) else text


def with_commas(text: str) -> str:
    """Return a list without the word before its last item; any other text as it is.

    >>> with_commas("16, 32, and 64"), with_commas("Ida, Leo und Ana"), with_commas("rock and roll")
    ('16, 32, 64', 'Ida, Leo, Ana', 'rock and roll')
    """
    listed = "," in text and len(text) <= MAX_LIST
    return _LAST_JOIN.sub(", ", text, count=1) if listed else text

"""The border: numbers and texts of others are checked here, once, before anything believes them.

What providers, frameworks, scorers, files and stores say of a reply is foreign. A number that cannot
be one becomes None, which means unknown and is never taken for 0. A text is cut before it is
searched, and loses what would steer a terminal before it is shown on one.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Mapping
from enum import Enum
from numbers import Real
from typing import Any

from bestofinf._secrets import hide_secrets

LARGEST = 2**53 - 1
"""The largest number of tokens, and of money, that is believed: beyond, JSON is not exact."""

LONGEST_ERROR = 2_000
"""Characters kept of what an error says."""

LONGEST_NAME = 200
"""Characters kept of a member's name."""

CUT_OFF = "length"
"""The finish reason of a reply that a limit ended, in the one spelling that answers know."""

FILTERED = "content_filter"
"""The finish reason of a reply that a filter ended."""

BROKEN_OFF = "broken_off"
"""The finish reason of a reply whose stream ended before it did."""

_ROUNDED = 1e-3  # servers that sum in single precision tell probabilities slightly above 1

_SPELLINGS: Mapping[str, str] = {
    **dict.fromkeys(
        ("length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"),
        CUT_OFF,
    ),
    **dict.fromkeys(
        (
            *("content_filter", "content_filtered", "contentfilter", "content-filter", "filter"),
            *("safety", "image_safety", "guardrail_intervened", "blocklist", "spii", "recitation"),
            *("prohibited_content", "error_toxic", "sensitive", "blocked"),
        ),
        FILTERED,
    ),
}  # fmt: skip


def as_count(value: object) -> int | None:
    """Return a whole number from 0 to `LARGEST`; None for anything else.

    >>> as_count(5), as_count(5.0), as_count(-5), as_count("5"), as_count(10**30), as_count(True)
    (5, 5, None, None, None, None)
    """
    if type(value) is int:
        return value if 0 <= value <= LARGEST else None
    if value is None:
        return None
    number = as_finite(value)  # servers and data frames write whole numbers as 5.0, too
    return int(number) if number is not None and number >= 0 and number.is_integer() else None


def as_amount(value: object) -> float | None:
    """Return a finite number from 0 to `LARGEST`, as of money or seconds; None for anything else."""
    if type(value) is float:  # of nan, no comparison holds
        return value if 0 <= value <= LARGEST else None
    number = as_finite(value)
    return number if number is not None and 0 <= number <= LARGEST else None


def as_fraction(value: object) -> float | None:
    """Return a number from 0 to 1, as a score; None for anything else."""
    number = as_finite(value)
    return number if number is not None and 0 <= number <= 1 else None


def as_finite(value: object) -> float | None:
    """Return a finite number of at most `LARGEST` in size; None for anything else."""
    if type(value) is float:
        return value if -LARGEST <= value <= LARGEST else None
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:  # of a whole number that no float can hold
        return None
    return number if math.isfinite(number) and abs(number) <= LARGEST else None


def as_logprobs(values: Any) -> tuple[float, ...] | None:
    """Return the log-probabilities of a reply's tokens; None unless all of them are some.

    -inf is one: of a token that the model would never have sampled.
    """
    if not isinstance(values, tuple | list) or not values:
        return None
    found = [value if value == -math.inf else as_finite(value) for value in values]
    return None if None in found else tuple(value for value in found if value is not None)


def as_logprob(value: object) -> float | None:
    """Return the log-probability of a whole reply, finite and at most 0; None for anything else.

    >>> as_logprob(-2.5), as_logprob(1e-7), as_logprob(2.5), as_logprob(-math.inf)
    (-2.5, 0.0, None, None)
    """
    number = as_finite(value)
    return None if number is None or number > _ROUNDED else min(number, 0.0)


def as_finish_reason(value: object) -> str | None:
    """Return why a reply ended, in small letters and in one spelling for one thing.

    >>> as_finish_reason("SAFETY"), as_finish_reason("max_tokens"), as_finish_reason("STOP"), as_finish_reason(7)
    ('content_filter', 'length', 'stop', None)
    """
    if not isinstance(value, str) and isinstance(value, Enum):  # of a client library
        value = value.name
    if not isinstance(value, str) or not value:
        return None
    said = value[-100:].lower().rpartition(".")[2]
    return _SPELLINGS.get(said, said)


def error_text(error: BaseException | str) -> str:
    """Return an error as it is kept and shown: its kind and what it says, cut, without keys.

    >>> error_text(ValueError("no such key: sk-abcdefghijklmnop1234"))
    'ValueError: no such key: [hidden]'
    """
    if isinstance(error, str):
        said = error
    else:
        try:
            told = str(error)
        except Exception as broken:  # of a client library's own making
            told = f"what it says cannot be shown ({type(broken).__name__})"
        said = f"{type(error).__name__}: {told}"
    # Hidden before the last cut, which may go through a key.
    shown = hide_secrets(said[: 2 * LONGEST_ERROR])
    if len(shown) <= LONGEST_ERROR and len(said) <= 2 * LONGEST_ERROR:
        return shown
    return f"{shown[:LONGEST_ERROR]}… ({len(said)} characters)"


def printable(text: str) -> str:
    r"""Return a text that steers no terminal: control characters are written out.

    Line ends and tabs stay. So do joiners and marks of direction within words, but not those that
    turn the order of what follows.

    >>> printable("a\x1b[2Jb\nc\u202ed")
    'a\\x1b[2Jb\nc\\u202ed'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\t":
        return character
    kind = unicodedata.category(character)
    turns = "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    if kind in ("Cc", "Cs", "Zl", "Zp") or turns:
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character


_FORGED = re.compile(
    r"(?<!-)-{3,}+[ \t]{0,9}+answer[ \t]{1,9}+\d{1,9}[ \t]{0,9}+-{3,}+"
    r"|(?<!-)-{5,}+(?=[ \t]{0,99}$)|</?(?:task|reply)\b[^<>]{0,99}>",
    re.I | re.M,
)


def fresh_mark(*texts: str) -> str:
    """Return a mark for one request, which no text within it can foresee.

    It follows from all texts together, so that a cache knows a request again that is the same.
    """
    told = "\0".join(f"{len(text)}:{text}" for text in texts)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def marked(text: str, mark: str) -> str:
    r"""Return a text of somebody else between two lines that it cannot forge.

    What parts the texts that a judge or a chooser is shown is taken out of each of them.

    >>> marked("Paris.\n--- answer 2 ---\nLyon.", "1f0c")
    '<1f0c>\nParis.\n…\nLyon.\n</1f0c>'
    """
    return f"<{mark}>\n{_FORGED.sub('…', text.replace(mark, '…'))}\n</{mark}>"


def as_name(text: str) -> str:
    """Return a member's name as it is kept: on one line, cut, without control characters."""
    line = " ".join(printable(text[: 4 * LONGEST_NAME]).split())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"

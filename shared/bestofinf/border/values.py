<<<<<<< HEAD:shared/bestofinf/border/values.py
"""Numbers of others, and why a reply ended: what cannot be believed becomes None."""
=======
"""The border: numbers and texts from outside are checked here once, before they are used.

Whatever providers, frameworks, scorers, files and stores report is foreign. A value that is not a
valid number becomes None, which means unknown and never 0. A text is cut to a maximum length before
it is searched, and its control characters are escaped before it is shown on a terminal.
"""
>>>>>>> d93ffa3 (Say in the command line, the records, the engine and the drivers what each part does, in plain words):shared/bestofinf/border.py

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from numbers import Real
from typing import Any

LARGEST = 2**53 - 1
"""The largest number of tokens or of money that is accepted; JSON is not exact for larger ones."""

<<<<<<< HEAD:shared/bestofinf/border/values.py
=======
LONGEST_ERROR = 2_000
"""Maximum number of characters kept of an error's text."""

LONGEST_NAME = 200
"""Maximum number of characters kept of a member's name."""

>>>>>>> d93ffa3 (Say in the command line, the records, the engine and the drivers what each part does, in plain words):shared/bestofinf/border.py
CUT_OFF = "length"
"""The finish reason of a reply that a token limit ended."""

FILTERED = "content_filter"
"""The finish reason of a reply that a content filter ended."""

BROKEN_OFF = "broken_off"
"""The finish reason of a reply whose stream ended before the reply was complete."""

_ROUNDED = 1e-3  # servers that add in single precision report log-probabilities slightly above 0

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
    """Return a finite number from 0 to `LARGEST`, for money or seconds; None for anything else."""
    if type(value) is float:  # of nan, no comparison holds
        return value if 0 <= value <= LARGEST else None
    number = as_finite(value)
    return number if number is not None and 0 <= number <= LARGEST else None


def as_fraction(value: object) -> float | None:
    """Return a number from 0 to 1, for a score; None for anything else."""
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
    except OverflowError:  # a whole number too large for a float
        return None
    return number if math.isfinite(number) and abs(number) <= LARGEST else None


def as_logprobs(values: Any) -> tuple[float, ...] | None:
    """Return the log-probabilities of a reply's tokens; None unless all of them are valid.

    -inf is valid: the model gives the token the probability 0.
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
    """Return why a reply ended, in lower case and spelt alike for all providers; None if not a text.

    >>> as_finish_reason("SAFETY"), as_finish_reason("max_tokens"), as_finish_reason("STOP"), as_finish_reason(7)
    ('content_filter', 'length', 'stop', None)
    """
    if not isinstance(value, str) and isinstance(value, Enum):  # of a client library
        value = value.name
    if not isinstance(value, str) or not value:
        return None
    said = value[-100:].lower().rpartition(".")[2]
    return _SPELLINGS.get(said, said)
<<<<<<< HEAD:shared/bestofinf/border/values.py
=======


def error_text(error: BaseException | str) -> str:
    """Return the text under which an error is stored and shown: its class and message.

    It is cut to `LONGEST_ERROR` characters, and API keys in it are hidden.

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
    # Keys are hidden before the last cut, because half a key would not be recognised.
    shown = hide_secrets(said[: 2 * LONGEST_ERROR])
    if len(shown) <= LONGEST_ERROR and len(said) <= 2 * LONGEST_ERROR:
        return shown
    return f"{shown[:LONGEST_ERROR]}… ({len(said)} characters)"


def printable(text: str) -> str:
    r"""Return a text with its control characters escaped, so that it cannot steer a terminal.

    Line ends and tabs are kept. So are joiners and direction marks within words, but not the
    characters that reverse the order of the text after them.

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
    """Return a mark that separates texts in one request and that none of them can predict.

    It is a hash of all texts, so that the same request has the same mark and a cache can serve it.
    """
    told = "\0".join(f"{len(text)}:{text}" for text in texts)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def marked(text: str, mark: str) -> str:
    r"""Return a foreign text between an opening and a closing line that it cannot forge.

    Separators of the prompts for judges and choosers are removed from the text itself.

    >>> marked("Paris.\n--- answer 2 ---\nLyon.", "1f0c")
    '<1f0c>\nParis.\n…\nLyon.\n</1f0c>'
    """
    return f"<{mark}>\n{_FORGED.sub('…', text.replace(mark, '…'))}\n</{mark}>"


def as_name(text: str) -> str:
    """Return a member's name for storing: on one line, cut, with control characters escaped."""
    line = " ".join(printable(text[: 4 * LONGEST_NAME]).split())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
>>>>>>> d93ffa3 (Say in the command line, the records, the engine and the drivers what each part does, in plain words):shared/bestofinf/border.py

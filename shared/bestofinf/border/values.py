"""Check numbers and finish reasons from outside: an invalid one becomes None."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from numbers import Real
from typing import Any

LARGEST = 2**53 - 1
"""The largest number of tokens or of money that is accepted; JSON is not exact for larger ones."""

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
    if number is None or number < 0 or not number.is_integer():
        return None
    count = int(number)
    return count if count == value else None  # a fraction may round to a whole number


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
    found = [
        -math.inf if isinstance(value, Real) and value == -math.inf else as_finite(value)
        for value in values
    ]
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


def loads(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: If it is none, in words that end a sentence; also if it is nested too deeply, or holds
            a whole number of thousands of digits, which Python does not read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        why = f"{error.msg.removesuffix(' at')} at column {error.colno}"
        raise ValueError(why if error.lineno == 1 else f"{why} of line {error.lineno}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start})") from None
    except ValueError:
        raise ValueError("a number has too many digits") from None


def answer_fault(value: object) -> str | None:
    """Return why a value cannot be a vote, to follow its type in a sentence; None if it can be one.

    Votes are counted by value and shown as text, so a value must have a hash, equal itself and have a
    text.

    >>> answer_fault("5"), answer_fault([5]), answer_fault(float("nan"))
    (None, 'cannot be hashed', 'does not equal itself')
    """
    if value is None or type(value) is str:
        return None
    if inspect.isawaitable(value):
        return "has not been awaited"
    try:
        hash(value)
    except Exception:
        return "cannot be hashed"
    try:
        if value != value:  # as NaN
            return "does not equal itself"
        str(value)
    except Exception as error:  # of another's class; Python itself refuses numbers of many digits
        return f"cannot be compared or shown ({type(error).__name__})"
    return None


def as_price(value: object) -> tuple[float, float] | None:
    """Return the money for one input token and for one output token; None for anything else.

    >>> as_price((1, Decimal("0.5"))), as_price((1, -1)), as_price((True, "1")), as_price(3)
    ((1.0, 0.5), None, None, None)
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        return None
    if any(isinstance(v, Decimal) and v.is_nan() for v in value):  # of which some are no floats
        return None
    read, written = (as_amount(float(v) if isinstance(v, Decimal) else v) for v in value)
    return None if read is None or written is None else (read, written)

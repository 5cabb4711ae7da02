"""Check arguments, and show their values in error messages."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

from bestofinf.errors.own import UsageError

_SHOWN = 200
"""Maximum number of characters of a value in an error message."""


def shown(value: object) -> str:
    """Return a value for an error message: a plain value as its `repr`, cut, any other as its type.

    Models and clients show their API keys in their `repr`, which must not enter a message.
    """
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}…"
    plain = value if isinstance(value, tuple | list) else (value,)
    if not all(v is None or isinstance(v, str | Real) for v in plain):
        return f"a value of type {type(value).__name__}"
    try:
        told = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}…"


def is_number(value: object) -> bool:
    """Return whether a value is a real number in a float's range; True and False are not."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def whole(name: str, value: object, least: int = 1) -> None:
    """Refuse a setting that is not a whole number of at least `least`.

    Raises:
        UsageError: If it is not; True and False are not whole numbers here.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, got {shown(value)}")


def one_of(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a setting that is not one of these texts.

    Raises:
        UsageError: If it is not; the message lists the choices.
    """
    if not isinstance(value, str) or value not in choices:
        raise UsageError(f"{name} must be one of {', '.join(choices)}, got {shown(value)}")

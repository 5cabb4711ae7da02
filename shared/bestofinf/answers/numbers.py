"""Numbers in text: one spelling for each value, exactly, without evaluating anything."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

MAX_DIGITS = 200
"""Longer digit strings are not read as numbers."""

MAX_PARSED = 1_000
"""Digits that a number already parsed may have before or after the point."""

_MAX_EXPONENT = 400

_INTEGER = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
_DECIMAL = rf"(?:{_INTEGER}(?:\.\d*)?|\.\d+)"
_POWER = (
    r"(?:e|E|\s*(?:\\times|\\cdot|×|·|\*|x)\s*10\s*(?:\^|\*\*)\s*)\{?(?P<power>[+-]?\d{1,6})\}?"
)
_NUMBER = re.compile(rf"(?P<sign>[+-]?)\s*(?P<mantissa>{_DECIMAL})(?:{_POWER})?")
_SLASH = re.compile(rf"(?P<sign>[+-]?)\s*(?P<top>{_INTEGER})\s*/\s*(?P<bottom>{_INTEGER})")
_FRAC = re.compile(
    rf"(?P<sign>[+-]?)\s*\\[dt]?frac\s*"
    rf"(?:\{{\s*(?P<top>[+-]?{_INTEGER})\s*\}}\s*\{{\s*(?P<bottom>{_INTEGER})\s*\}}"
    r"|(?P<one>\d)\s*(?P<two>\d))"
)
_MINUS = str.maketrans({"−": "-", "–": "-", "﹣": "-", "－": "-", "⁄": "/", "∕": "/"})
_THIN = re.compile(r"(?<=\d)(?:\\[,!; ]|\{,\}|,\\!|\u2009|\u202f|\u00a0)(?=\d{3}(?!\d))")


def plain_signs(text: str) -> str:
    """Return the text with typographic minus and fraction signs made plain."""
    return text.translate(_MINUS)


def number_form(text: str) -> str | None:
    r"""Return the one spelling of a number; None when the text is not just a number.

    Thousands may be set apart by commas in groups of three. A fraction whose decimals end is
    written as a decimal, any other in lowest terms.

    >>> [number_form(t) for t in ("1,234.50", "-2/4", r"\frac{2}{6}", "3e2", "1,5", "0x10")]
    ['1234.5', '-0.5', '1/3', '300', None, None]
    """
    if len(text) > MAX_DIGITS:
        return None
    text = plain_signs(text.strip())
    text = _THIN.sub(lambda m: "," if "," in m[0] and "\\," not in m[0] else "", text)
    if match := _NUMBER.fullmatch(text):
        return _decimal_form(match["sign"], match["mantissa"], match["power"])
    if match := _SLASH.fullmatch(text):
        return _fraction_form(match["sign"], match["top"], match["bottom"])
    if match := _FRAC.fullmatch(text):
        return _fraction_form(
            match["sign"], match["top"] or match["one"], match["bottom"] or match["two"]
        )
    return None


def value_form(value: int | float | Decimal | Fraction) -> str | None:
    """Return the one spelling of a number already parsed.

    None for NaN, infinities and what has more than 1,000 digits before or after the point.
    """
    if isinstance(value, Fraction):
        return _exact(value)
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except (InvalidOperation, ValueError):
        return None
    if not number.is_finite() or len(number.as_tuple().digits) > MAX_PARSED:
        return None
    return None if abs(number.adjusted()) > MAX_PARSED and number else _plain(number)


def _decimal_form(sign: str, mantissa: str, power: str | None) -> str:
    number = Decimal(f"{sign}{mantissa.replace(',', '')}e{power or 0}")
    return _plain(number)


def _plain(number: Decimal) -> str:
    """Write out a finite number; with an exponent only where it would be very long."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    figures = "".join(map(str, digits)).lstrip("0")
    trimmed = figures.rstrip("0")
    if not trimmed:
        return "0"
    exponent += len(figures) - len(trimmed)
    mark = "-" if sign else ""
    if exponent > _MAX_EXPONENT or -exponent > _MAX_EXPONENT + len(trimmed):
        return f"{mark}{trimmed}e{exponent}"
    if exponent >= 0:
        return f"{mark}{trimmed}{'0' * exponent}"
    whole, part = trimmed[:exponent], trimmed[exponent:].rjust(-exponent, "0")
    return f"{mark}{whole or '0'}.{part}"


def _fraction_form(sign: str, top: str, bottom: str) -> str | None:
    below = int(bottom.replace(",", ""))
    if below == 0:
        return None
    value = Fraction(int(top.replace(",", "")), below)
    return _exact(-value if sign == "-" else value)


def _exact(value: Fraction) -> str:
    below, twos, fives = value.denominator, 0, 0
    while below % 2 == 0:
        below, twos = below // 2, twos + 1
    while below % 5 == 0:
        below, fives = below // 5, fives + 1
    places = max(twos, fives)
    if below != 1 or places > MAX_DIGITS:
        return f"{value.numerator}/{value.denominator}"
    shifted = value * 10**places
    sign = 1 if shifted < 0 else 0
    return _plain(Decimal((sign, tuple(map(int, str(abs(shifted.numerator)))), -places)))

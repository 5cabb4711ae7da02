"""Numbers in text: one spelling for each value, exactly, without evaluating anything."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from fractions import Fraction

MAX_DIGITS = 200
"""Longer digit strings are not read as numbers."""

MAX_PARSED = 1_000
"""Digits that a number already parsed may have before or after the point."""

_MAX_EXPONENT = 400

_INTEGER = r"(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)"  # no group of thousands comes after a 0
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
_DASHES = "−–‐‑‒﹣－"
_SIGNS = str.maketrans({**dict.fromkeys(_DASHES, "-"), "⁄": "/", "∕": "/"})
VULGAR = "¼-¾⅐-⅞"
"""Signs for fractions, as a set of a pattern; each counts as a letter there, and not as a digit."""

_MINUS = re.compile(
    rf"(?P<before>^|(?<![\d\s%°$€£¥])[^\S\n]{{1,9}}|[(\[{{=<>≤≥≠≈~:,;|/×·^+±])(?P<marks>[\"'“„«*_`$]{{0,3}})[{_DASHES}]"
    rf"(?=[.,]?\d|[{VULGAR}]|(?:US)?\\?[$€£¥₹₩₽₺₪฿]\s?\.?\d)",
    re.M,
)
_ASIDE = re.compile(r"[^\s–]–(?=[\s.,;:!?)]|$)")  # where "–20 in all–" ends
_THIN = re.compile(r"(?<=\d)(?:\\[,!; ]|\{,\}|\\,|,\s?\\!\s?|[\u2009\u202f\u00a0])(?=\d{3}(?!\d))")
# Groups of thousands set apart in other ways, the same throughout: 1 234 567,8 and 12'500.
_GROUPED = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[1-9]\d{0,2}(?:(?P<gap>[ '’])\d{3}(?:(?P=gap)\d{3})*|(?:\.\d{3}){2,}))"
    r"(?P<part>[.,]\d+)?"
)
_MIXED = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d{1,15}) (?P<top>\d{1,4})/(?P<bottom>\d{1,4})")
_VULGAR = re.compile(rf"(?P<sign>[+-]?)(?P<whole>\d{{0,15}})\s?(?P<part>[{VULGAR}])")
_MIXED_WITHIN = re.compile(
    rf"(?<![\w.,/^])(?:(?:\d{{1,15}}\s?)?[{VULGAR}]|\d{{1,15}} \d{{1,4}}/\d{{1,4}})(?![\d/^⁰-⁹²³]|[.,]\d)"
)
_COMMA = re.compile(
    r"(?P<before>\s*+(?:[A-Za-z]\s*+=\s*+)?[-+−]?\s*+[$€£¥]?\s*+)"
    r"(?P<whole>[1-9]\d{0,2}(?:\.\d{3})+|\d+),(?P<part>\d{1,30})"
    r"(?P<after>\s*+(?:[%$€£¥°]|[^\W\d_]{1,20}(?:/[^\W\d_]{1,9})?[²³]?\.?(?:\s++[^\W\d_]{1,20}){0,3})?\s*+[.!。]?\s*+)"
)


def plain_signs(text: str) -> str:
    """Return the text with typographic minus signs, hyphens and fraction signs made plain."""
    return text if text.isascii() else text.translate(_SIGNS)


def minus_signs(text: str) -> str:
    """Return the text with "-" for each dash that is the sign of the number behind it.

    That is one right before a number or an amount, with nothing, a blank, an opening bracket or a
    relation before it. A dash between numbers or between blanks, and the first of a pair, stays.

    >>> [minus_signs(t) for t in ("–20 °C", "from –5 to (–$3)", "10–20", "5 –6", "a – 3", "–3 in all–")]
    ['-20 °C', 'from -5 to (-$3)', '10–20', '5 –6', 'a – 3', '–3 in all–']
    """
    if text.isascii() or not any(dash in text for dash in _DASHES):
        return text
    if "–" in text and _ASIDE.search(text):
        return text
    return _MINUS.sub(r"\g<before>\g<marks>-", text)


def mixed_as_one(text: str) -> str:
    """Return the text with one number for each whole number that a fraction follows.

    >>> [mixed_as_one(t) for t in ("2½ cups", "3 3/4 miles", "½ a cup", "7⅓ m", "2 5/4 m", "x½")]
    ['2.5 cups', '3.75 miles', '0.5 a cup', '22/3 m', '2 5/4 m', 'x½']
    """
    if text.isascii() and "/" not in text:
        return text
    return _MIXED_WITHIN.sub(lambda mixed: number_form(mixed[0]) or mixed[0], text)


def number_form(text: str) -> str | None:
    r"""Return the one spelling of a number; None when the text is not just a number.

    Thousands may be set apart in groups of three by commas, blanks, apostrophes, or several points. A fraction whose decimals end is
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
    if (match := _GROUPED.fullmatch(text)) and (match["gap"] or (match["part"] or ",")[0] == ","):
        return _grouped_form(match)
    if not text.isascii() and (match := _VULGAR.fullmatch(text)):
        return _mixed_form(match)
    if (match := _MIXED.fullmatch(text)) and int(match["top"]) < int(match["bottom"]):
        value = int(match["whole"]) + Fraction(int(match["top"]), int(match["bottom"]))
        return _exact(-value if match["sign"] == "-" else value)
    if match := _SLASH.fullmatch(text):
        return _fraction_form(match["sign"], match["top"], match["bottom"])
    if match := _FRAC.fullmatch(text):
        return _fraction_form(
            match["sign"], match["top"] or match["one"], match["bottom"] or match["two"]
        )
    return None


def with_point(text: str, *, listed: bool = True) -> str:
    """Return a text around one number with a decimal comma as it is with a decimal point.

    Any other text is returned as it is, such as one whose comma sets thousands apart.

    Args:
        text: Plain text: in notation a comma separates the numbers of a list.
        listed: Whether "1,2" may be a list of two numbers.

    >>> [with_point(t) for t in ("0,375", "2,74 €", "1.234,56", "1,234", "1,2", "3,14,15")]
    ['0.375', '2.74 €', '1234.56', '1,234', '1,2', '3,14,15']
    """
    match = _COMMA.fullmatch(text) if "," in text and len(text) <= MAX_DIGITS else None
    if match is None:
        return text
    whole, part = match["whole"], match["part"]
    if (
        (len(part) == 1 and listed)
        or (len(part) == 3 and "." not in whole and len(whole) <= 3 and whole[0] != "0")
        or (whole[0] == "0" and len(whole) > 1)
    ):
        return text
    return f"{match['before']}{whole.replace('.', '')}.{part}{match['after']}"


def decimal_form(text: str) -> str:
    """Return plain text with a decimal point for a decimal comma; notation as it is."""
    return text if "\\" in text or "$" in text else with_point(text)


def value_form(value: int | float | Decimal | Fraction) -> str | None:
    """Return the one spelling of a number already parsed.

    None for NaN, infinities and what has more than 1,000 digits before or after the point.
    """
    try:
        if isinstance(value, Fraction):
            return _exact(value)
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except (InvalidOperation, ValueError):
        return None
    if not number.is_finite() or len(number.as_tuple().digits) > MAX_PARSED:
        return None
    return None if abs(number.adjusted()) > MAX_PARSED and number else _plain(number)


def _decimal_form(sign: str, mantissa: str, power: str | None) -> str:
    number = Decimal(f"{sign}{mantissa.replace(',', '')}e{power or 0}")
    return _plain(number)


def _mixed_form(match: re.Match[str]) -> str:
    part = Fraction(unicodedata.numeric(match["part"])).limit_denominator(10)
    value = int(match["whole"] or 0) + part
    return _exact(-value if match["sign"] == "-" else value)


def _grouped_form(match: re.Match[str]) -> str:
    whole = re.sub(r"\D", "", match["whole"])
    return _plain(Decimal(f"{match['sign']}{whole}{(match['part'] or '').replace(',', '.')}"))


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

"""Quantities: a value with its unit, what it is compared with, and by what it is counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from bestofinf.answers.numbers import value_form
from bestofinf.answers.wording.lexicon import Lexicon
from bestofinf.answers.wording.numerals import numeral_at
from bestofinf.answers.wording.tokens import Token
from bestofinf.answers.wording.units import CAPITALS, CASED, MEASURES, SIGN_OF, SYMBOLS

MAX_UNIT_WORDS = 3
DURATIONS = frozenset({"seconds", "minutes", "days", "months"})
_LETTERS = {"k": 10**3, "m": 10**6, "b": 10**9}  # behind a price, where "m" is no metre
_UNCLEAR = frozenset("MBTGK¢")
"""What may be a scale or a unit behind a number, where it is neither that is known."""
_SAID = {
    ">": "more than ", "<": "under ", ">=": "at least ", "<=": "at most ", "#": "nearly ",
    "*": "every ", "": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity.

    Attributes:
        value: How many; the lower end of a range.
        unit: What it is counted in: a base unit, a currency's code, or empty.
        high: The upper end of a range, or the other of two values.
        either: Whether it is one of two values rather than a range.
        sign: How it is compared: ``>``, ``>=`` and so on; empty for the value itself.
    """

    value: Fraction
    unit: str = ""
    high: Fraction | None = None
    either: bool = False
    sign: str = ""

    def said(self, scopes: Iterable[str] = ()) -> str:
        """Return the amount in the one wording of a key.

        >>> Amount(Fraction(60), "minutes", sign=">=").said(["day"])
        'at least 60 minutes per day'
        """
        number = value_form(self.value) or ""
        if self.high is not None:
            number += f"{' or ' if self.either else '-'}{value_form(self.high)}"
        if (mark := SIGN_OF.get(self.unit)) is not None:
            told = f"{mark}{number}"
        elif self.unit in ("%", "‰"):
            told = f"{number}{self.unit}"
        else:
            told = f"{number} {self.unit.lower()}".strip()
        return "".join((_SAID[self.sign], told, *(f" per {scope}" for scope in sorted(scopes))))


@dataclass(frozen=True, slots=True)
class Scope:
    """What something is counted by: the name of a unit, or a noun."""

    name: str


def amount_at(tokens: Sequence[Token], place: int, words: Lexicon) -> tuple[Amount, int] | None:
    """Return the amount that begins at a place and where it ends; None where none does."""
    token = tokens[place]
    if (times := words.times.get(token.fold)) is not None:
        return Amount(Fraction(times), "times"), place + 1
    if token.fold in words.ones or words.among("half", token.fold):
        return _one(tokens, place, words)
    if words.language.pointed and _is_ordinal(tokens, place):
        return None
    currency = words.currencies.get(token.fold)
    start = place if currency is None else place + 1
    first = _number_at(tokens, start, words, money=currency is not None)
    if first is None:
        return None
    value, end = first
    unit, factor, after = (currency, Fraction(1), end) if currency else unit_at(tokens, end, words)
    if not unit and end < len(tokens) and tokens[end].text in _UNCLEAR:
        return None
    if end < len(tokens) and words.among("ordinal", tokens[end].fold):
        return None  # "12th"
    high, either = None, False
    between = place > 0 and words.among("between", tokens[place - 1].fold)
    second = _second(tokens, after, words, money=currency is not None, between=between)
    if second is not None:
        high, either, end = second
        after = end
        if not currency:
            other, other_factor, after = unit_at(tokens, end, words)
            if unit and (other, other_factor) not in ((unit, factor), ("", Fraction(1))):
                return Amount(value * factor, unit), end  # "2 days to 3 weeks" has two amounts
            unit, factor = (unit, factor) if unit else (other, other_factor)
    if not unit and value == 1 and token.sort == "word" and end == place + 1:
        return None  # "one of them"
    amount = Amount(value * factor, unit, None if high is None else high * factor, either)
    return _with_rest(amount, tokens, after, words)


def _is_ordinal(tokens: Sequence[Token], place: int) -> bool:
    """Return whether "3. Tag" stands there rather than a number."""
    behind = tokens[place + 1 : place + 3]
    return len(behind) == 2 and behind[0].fold == "." and behind[1].sort == "word"


def unit_at(tokens: Sequence[Token], place: int, words: Lexicon) -> tuple[str, Fraction, int]:
    """Return what the unit at a place counts in, how many of it it is, and where it ends."""
    name = unit_name_at(tokens, place, words)
    if name is None:
        return "", Fraction(1), place
    unit, factor, _, end = name
    return unit, factor, end


def unit_name_at(
    tokens: Sequence[Token], place: int, words: Lexicon
) -> tuple[str, Fraction, str, int] | None:
    """Return base, factor, name and end of the unit at a place; the name tells week from day."""
    for length in range(min(MAX_UNIT_WORDS, len(tokens) - place), 0, -1):
        several = tokens[place : place + length]
        name = several[0].fold if length == 1 else " ".join(token.fold for token in several)
        if length == 1 and several[0].text in CASED:
            unit = CASED[several[0].text]
            return (*MEASURES[unit], unit, place + 1) if unit else None
        if (code := words.currencies.get(name)) is not None:
            return code, Fraction(1), code, place + length
        if length == 1 and _is_miscast(several[0].text):
            return None
        if words.among("classifiers", name):
            return "", Fraction(1), "", place + length
        if words.among("counting", name):
            return "times", Fraction(1), "times", place + length
        found = words.units.get(name)
        if found is not None and words.sense.get(name) not in ("preposition", "article"):
            return *found, place + length
    return None


def _is_miscast(text: str) -> bool:
    """Return whether a symbol's capitals make it another: "MM" is no millimetre."""
    return (
        len(text) <= 3
        and text.isalpha()
        and not text.islower()
        and text not in CAPITALS
        and (text.casefold() in SYMBOLS)
    )


def _number_at(
    tokens: Sequence[Token], place: int, words: Lexicon, *, money: bool
) -> tuple[Fraction, int] | None:
    if place >= len(tokens):
        return None
    token = tokens[place]
    if token.sort == "word":
        folds = [t.fold for t in tokens[place : place + 12]]
        found = numeral_at(folds, 0, words)
        return None if found is None else (found[0], place + found[1])
    if token.value is None:
        return None
    value, place = token.value, place + 1
    while place < len(tokens):
        fold = tokens[place].fold
        factor = words.magnitudes.get(fold)
        if factor is None and fold in _LETTERS:
            follows = place + 1 < len(tokens) and tokens[place + 1].fold in words.currencies
            factor = Fraction(_LETTERS[fold]) if money or follows else None
        if factor is None:
            break
        value, place = value * factor, place + 1
    return value, place


def _second(
    tokens: Sequence[Token], place: int, words: Lexicon, *, money: bool, between: bool
) -> tuple[Fraction, bool, int] | None:
    """Return the other end of a range, or the other of two values, and where it ends."""
    if place + 1 >= len(tokens):
        return None
    fold = tokens[place].fold
    either = words.among("ors", fold)
    joined = between and words.among("joins", fold)
    if not (either or joined or words.among("ranges", fold)):
        return None
    place += 1
    if money and tokens[place].fold in words.currencies:
        place += 1
    found = _number_at(tokens, place, words, money=money)
    return None if found is None else (found[0], either, found[1])


def _one(tokens: Sequence[Token], place: int, words: Lexicon) -> tuple[Amount, int] | None:
    """Return "an hour", "half an hour" or "a hundred metres" as an amount."""
    value = Fraction(1)
    if words.among("half", tokens[place].fold):
        value, place = Fraction(1, 2), place + 1
    if place < len(tokens) and tokens[place].fold in words.ones:
        found = _number_at(tokens, place, words, money=False)
        if found is not None and value == 1:
            unit, factor, end = unit_at(tokens, found[1], words)
            return Amount(found[0] * factor, unit), end
        place += 1
    if place >= len(tokens):
        return None
    unit, factor, end = unit_at(tokens, place, words)
    if unit not in DURATIONS or tokens[place].fold in words.rates:
        return None
    return Amount(value * factor, unit), end


def _with_rest(
    amount: Amount, tokens: Sequence[Token], place: int, words: Lexicon
) -> tuple[Amount, int]:
    """Add what continues an amount in smaller units, as the minutes of "1 hour 30 minutes"."""
    while amount.unit in DURATIONS and amount.high is None and place + 1 < len(tokens):
        start = place + 1 if words.among("joins", tokens[place].fold) else place
        number = _number_at(tokens, start, words, money=False)
        if number is None:
            break
        unit, factor, end = unit_at(tokens, number[1], words)
        if unit != amount.unit or end == number[1]:
            break
        amount, place = replace(amount, value=amount.value + number[0] * factor), end
    return amount, place

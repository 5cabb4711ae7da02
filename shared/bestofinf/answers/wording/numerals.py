"""Number words and their values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

MAX_WORDS = 12
"""Words that a numeral may have."""

_HAN_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {
    "〇": 0, "两": 2, "兩": 2,
}  # fmt: skip
_HAN_POWERS = {"十": 10, "百": 100, "千": 1000}
_HAN_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
HAN_NUMERAL = re.compile(r"[零〇一二两兩三四五六七八九十百千万萬亿億]+")


class Numbers(Protocol):
    """What a lexicon knows of numbers."""

    numerals: dict[str, Fraction]
    magnitudes: dict[str, Fraction]
    linked: frozenset[str]
    ones: frozenset[str]


def numeral_at(folds: Sequence[str], place: int, words: Numbers) -> tuple[Fraction, int] | None:
    """Return the value of the number in words that begins at a place, and where it ends.

    What is smaller is added, hundreds and thousands multiply what stands before them, "a" before
    one of these is 1. A number that could not be added begins another numeral.

    >>> from bestofinf.answers.wording.lexicon import lexicon
    >>> numeral_at("two hundred and forty-two pallets".split(), 0, lexicon("en"))
    (Fraction(242, 1), 4)
    """
    total = group = Fraction(0)
    end = place
    for position in range(place, min(place + MAX_WORDS, len(folds))):
        fold = folds[position]
        if fold in words.linked and position == end > place:
            continue
        if fold in words.ones and position == place:
            if place + 1 < len(folds) and folds[place + 1] in words.magnitudes:
                continue
            return None
        for nth, part in enumerate(_parts(fold, words)):
            if (factor := words.magnitudes.get(part)) is not None:
                if position == place and not nth and (factor >= 1000**2 or part[-1] == "s"):
                    return None  # "million", "cents"
                if factor < 1000:
                    group = (group or 1) * factor
                elif 0 < total < factor:
                    # "dos mil quinientos millones", "ten thousand million"
                    total, group = (total + group) * factor, Fraction(0)
                else:
                    total, group = total + (group or 1) * factor, Fraction(0)
            elif _fits(group, value := words.numerals[part]):
                group += value
            else:
                return None if nth or end == place else (total + group, end)
            end = position + 1
        if end <= position:
            break
    return (total + group, end) if end > place else None


def _fits(group: Fraction, value: Fraction) -> bool:
    """Return whether a number may be added to what stands before it."""
    rest = group % 100
    if value >= 100:
        return group == 0
    return (
        rest == 0
        or (value < 10 and rest >= 20 and rest % 10 == 0)
        or (rest in (60, 80) and value < 20)
    )


def _parts(fold: str, words: Numbers) -> list[str]:
    """Return the words that a word is made of, as far as all of them are numbers."""
    if fold in words.numerals or fold in words.magnitudes:
        return [fold]
    return _hyphenated(fold, words) if "-" in fold else _compound(fold, words)


def _hyphenated(fold: str, words: Numbers) -> list[str]:
    """Take apart "forty-two" and "quatre-vingt-dix-sept": the longest words that are numbers."""
    pieces = fold.split("-")
    found: list[str] = []
    while pieces:
        for length in range(len(pieces), 0, -1):
            part = "-".join(pieces[:length])
            if part in words.numerals or part in words.magnitudes:
                found.append(part)
                pieces = pieces[length:]
                break
        else:
            if pieces[0] not in words.linked or not found:
                return []
            pieces = pieces[1:]
    return found


def _compound(fold: str, words: Numbers) -> list[str]:
    """Take apart a number written as one word, as "einhundertvierundzwanzig"."""
    if "und" not in fold and "hundert" not in fold and "tausend" not in fold:
        return []
    found: list[str] = []
    rest = fold
    for power in ("tausend", "hundert"):
        if power not in words.magnitudes:
            return []
        head, mark, tail = rest.partition(power)
        if mark:
            before = (
                _compound(head, words)
                if power == "tausend" and head not in words.numerals
                else [head]
            )
            if head and not all(
                word in words.numerals or word in words.magnitudes for word in before
            ):
                return []
            found += [*(before if head else []), power]
            rest = tail.removeprefix("und") if tail != "und" else tail
    ones, mark, tens = rest.partition("und")
    if rest in words.numerals:
        return [*found, rest]
    if mark and ones in words.numerals and tens in words.numerals:
        return [*found, tens, ones]
    return found if found and not rest else []


def han_value(numeral: str) -> Fraction | None:
    """Return the value of a number in Chinese numerals; None where it is not formed as one.

    >>> [str(han_value(n)) for n in ("二百四十二", "十二", "三万", "一九九八")]
    ['242', '12', '30000', '1998']
    """
    if len(numeral) > 1 and all(char in _HAN_DIGITS for char in numeral):
        return Fraction(int("".join(str(_HAN_DIGITS[char]) for char in numeral)))
    total = section = digit = 0
    for char in numeral:
        if char in _HAN_DIGITS:
            if digit:
                return None
            digit = _HAN_DIGITS[char]
        elif char in _HAN_POWERS:
            section += (digit or 1) * _HAN_POWERS[char]
            digit = 0
        else:
            total = (
                (total + section + digit) * _HAN_MYRIADS[char]
                if total
                else (section + digit) * _HAN_MYRIADS[char]
            )
            section = digit = 0
    return Fraction(total + section + digit)

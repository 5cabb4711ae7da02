"""Dates and times of day: with as much of them as is given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bestofinf.answers.wording.lexicon import Lexicon
from bestofinf.answers.wording.numerals import numeral_at
from bestofinf.answers.wording.tokens import Token

_ISO = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?(?:T.*)?")
_POINTS = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2})(?::00)?|h(\d{2})?)(a\.?m|p\.?m)?")
_DECADE = re.compile(r"(\d{3}0)'?s")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, a time of day, or both; what is not given is None.

    Attributes:
        year: Of the date.
        month: Of the date, 1 to 12.
        day: Of the month.
        minute: Of the day, from midnight.
        decade: Whether the year stands for ten.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    minute: int | None = None
    decade: bool = False

    def said(self) -> str:
        """Return it in the one wording of a key.

        >>> [Moment(2019, 3, 14).said(), Moment(month=5, day=4).said(), Moment(minute=605).said()]
        ['2019-03-14', '4 may', '10:05']
        """
        if self.minute is not None:
            return f"{self.minute // 60:02}:{self.minute % 60:02}"
        if self.decade:
            return f"{self.year}s"
        if self.year is None:
            month = MONTHS[(self.month or 1) - 1]
            return month if self.day is None else f"{self.day} {month}"
        if self.month is None:
            return str(self.year)
        return f"{self.year:04}-{self.month:02}" + (f"-{self.day:02}" if self.day else "")


def moment_at(
    tokens: Sequence[Token], place: int, words: Lexicon, *, times: bool
) -> tuple[Moment, int] | None:
    """Return the date or the time that begins at a place, and where it ends.

    A year alone is none: only the question tells it from a number.
    """
    found = _date_at(tokens, place, words)
    return _time_at(tokens, place, words) if found is None and times else found


def _date_at(tokens: Sequence[Token], place: int, words: Lexicon) -> tuple[Moment, int] | None:
    token = tokens[place]
    if token.sort == "code":
        return _written(token.fold, place)
    if not words.language.blanks and token.value is not None:
        return _han_date(tokens, place)
    if (month := words.months.get(token.fold)) is not None:
        after = _skip(tokens, place + 1, (".",))
        day = _day_at(tokens, after, words)
        if day is not None and _year_at(tokens, after, words) is None:
            year = _year_at(tokens, _skip(tokens, day[1], (",", *_of(words))), words)
            return _moment(year[0] if year else None, month, day[0], year[1] if year else day[1])
        year = _year_at(tokens, _skip(tokens, after, (",", *_of(words))), words)
        if year is None:
            # "May" alone is a modal, "march" a verb.
            return (Moment(month=month), after) if token.text[0].isupper() and month != 5 else None
        return _moment(year[0], month, None, year[1])
    day = _day_at(tokens, place, words)
    if day is None:
        return None
    after = _skip(tokens, day[1], (".", *_of(words)))
    if after >= len(tokens) or (month := words.months.get(tokens[after].fold)) is None:
        return None
    after = _skip(tokens, after + 1, (".",))
    year = _year_at(tokens, _skip(tokens, after, (",", *_of(words))), words)
    return _moment(year[0] if year else None, month, day[0], year[1] if year else after)


def _written(fold: str, place: int) -> tuple[Moment, int] | None:
    if match := _ISO.fullmatch(fold):
        return _moment(int(match[1]), int(match[2]), int(match[3]) if match[3] else None, place + 1)
    if match := _POINTS.fullmatch(fold):
        return _moment(int(match[3]), int(match[2]), int(match[1]), place + 1)
    if match := _DECADE.fullmatch(fold):
        return Moment(int(match[1]), decade=True), place + 1
    return None


def _moment(year: int | None, month: int, day: int | None, end: int) -> tuple[Moment, int] | None:
    try:
        date(year or 2000, month, day or 1)
    except ValueError:
        return None
    return Moment(year, month, day), end


def _of(words: Lexicon) -> tuple[str, ...]:
    return ("of", "de", "del", "the")


def _skip(tokens: Sequence[Token], place: int, folds: Sequence[str]) -> int:
    while place < len(tokens) and tokens[place].fold in folds:
        place += 1
    return place


def _day_at(tokens: Sequence[Token], place: int, words: Lexicon) -> tuple[int, int] | None:
    if place >= len(tokens):
        return None
    token = tokens[place]
    if token.fold in _ORDINALS and words.language.code == "en":
        return _ORDINALS.index(token.fold) + 1, place + 1
    if token.value is None or token.value.denominator != 1 or not 1 <= token.value <= 31:
        return None
    place += 1
    if place < len(tokens) and words.among("ordinal", tokens[place].fold):
        place += 1
    return int(token.value), place


def _year_at(tokens: Sequence[Token], place: int, words: Lexicon) -> tuple[int, int] | None:
    if place >= len(tokens):
        return None
    token = tokens[place]
    if token.value is None or len(token.text) != 4 or not token.text.isdigit():
        return None
    return int(token.value), place + 1


def _han_date(tokens: Sequence[Token], place: int) -> tuple[Moment, int] | None:
    """Return a date written with the signs for year, month and day."""
    parts: dict[str, int] = {}
    for sign in "年月日":
        if place + 1 < len(tokens) and tokens[place].value is not None:
            follows = tokens[place + 1].fold
            if follows == sign or (sign == "日" and follows == "号"):
                parts[sign] = int(tokens[place].value or 0)
                place += 2
    if "月" not in parts:
        return None
    return _moment(parts.get("年"), parts["月"], parts.get("日"), place)


def _time_at(tokens: Sequence[Token], place: int, words: Lexicon) -> tuple[Moment, int] | None:
    token = tokens[place]
    hour: int | None = None
    minute = 0
    named = False
    end = place + 1
    if token.fold in words.clock_names:
        return Moment(minute=words.clock_names[token.fold]), end
    if token.sort == "code" and (match := _CLOCK.fullmatch(token.fold)):
        if "." in token.fold[:3] and not _half_of_day(tokens, end, words):
            return None
        hour, minute = int(match[1]), int(match[2] or match[3] or 0)
        if match[4]:
            return _at(hour, minute, match[4][0], end)
        named = True
    elif token.value is not None and token.value.denominator == 1:
        hour = int(token.value)
    elif token.sort == "word":
        numeral = numeral_at([t.fold for t in tokens[place : place + 2]], 0, words)
        if numeral is not None:
            hour, end = int(numeral[0]), place + numeral[1]
    if hour is None or hour > 24:
        return None
    if end < len(tokens) and words.among("clock", tokens[end].fold):
        named, end = True, end + 1
        if end < len(tokens) and re.fullmatch("[0-5][0-9]", tokens[end].text):
            minute, end = int(tokens[end].text), end + 1
    half = _half_of_day(tokens, end, words)
    if half:
        return _at(hour, minute, half, _skip(tokens, end + 1, (".",)))
    return _at(hour, minute, "", end) if named else None


def _half_of_day(tokens: Sequence[Token], place: int, words: Lexicon) -> str:
    if place >= len(tokens):
        return ""
    fold = tokens[place].fold
    return "a" if words.among("mornings", fold) else "p" if words.among("evenings", fold) else ""


def _at(hour: int, minute: int, half: str, end: int) -> tuple[Moment, int] | None:
    if half and hour > 12:
        return None if half == "a" else (Moment(minute=60 * hour + minute), end)
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 24 or minute > 59:
        return None
    return Moment(minute=60 * (hour % 24) + minute), end

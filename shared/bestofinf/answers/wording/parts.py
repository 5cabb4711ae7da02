"""Numbers in words with a part of one, a sign or a scale after figures: "two and a half million"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from bestofinf.answers.numbers import value_form
from bestofinf.answers.wording.lexicon import Lexicon, lexicon
from bestofinf.answers.wording.numerals import HAN_NUMERAL, han_value, numeral_at
from bestofinf.answers.wording.tokens import Token, tidied, tokens

MAX_CHARS = 80


@dataclass(frozen=True, slots=True)
class Parts:
    """Words of one language.

    Attributes:
        halves: A half, in all its forms.
        parts: The other parts, from a third on, as patterns of the singular and of the plural.
        joins: What stands between a whole number and its part.
        minus: What makes a number negative.
        point: What stands before decimals.
        mixed: Words that are a whole number and a half.
    """

    halves: frozenset[str]
    parts: Sequence[tuple[int, str, str]]
    joins: frozenset[str]
    minus: frozenset[str]
    point: frozenset[str]
    mixed: re.Pattern[str] | None = None


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _same(words: str, first: int = 3) -> list[tuple[int, str, str]]:
    return [(first + place, word, word) for place, word in enumerate(words.split())]


_MIXED = re.compile(r"(?P<whole>\w{1,30}?)einhalb|(?P<one>anderthalb)")
PARTS = {
    "en": Parts(
        _words("half halves"),
        [(4, "quarter", "quarters")]
        + [
            (3 + place, word, f"{word}s")
            for place, word in enumerate(["third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"])
        ],
        _words("and"),
        _words("minus negative"),
        _words("point"),
    ),
    "de": Parts(
        _words("halb halbe halben halbes halber"),
        _same("drittel viertel fünftel sechstel siebtel achtel neuntel zehntel"),
        _words("und"),
        _words("minus"),
        _words("komma"),
        _MIXED,
    ),
    "fr": Parts(
        _words("demi demie demis"),
        [(3, "tiers", "tiers"), (4, "quart", "quarts")]
        + [
            (5 + place, word, f"{word}s")
            for place, word in enumerate(
                ["cinquième", "sixième", "septième", "huitième", "neuvième", "dixième"]
            )
        ],
        _words("et"),
        _words("moins"),
        _words("virgule"),
    ),
    "es": Parts(
        _words("medio media"),
        [
            (3 + place, word, f"{word}s")
            for place, word in enumerate(["tercio", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo"])
        ],
        _words("y"),
        _words("menos"),
        _words("coma punto"),
    ),
}  # fmt: skip
_HINTS = {
    code: re.compile(
        r"\d\s[^\W\d_]+\s\d|anderthalb|"
        + "|".join(
            sorted({*t.halves, *t.minus, *t.point, *(p for part in t.parts for p in part[1:])})
        ),
        re.I,
    )
    for code, t in PARTS.items()
}
"""What every text has that is read here, by which most others are known quickly."""

_OF = _words("of de d'")
_LARGE = 1000
_DOZEN = 12
_FEW = re.compile(r"[百千万萬亿億][一二三四五六七八九两兩](?:$|[万萬亿億])")
_DIGITS = re.compile(r"[一二三四五六七八九两兩]{2}")
_SCALED = re.compile(
    r"(?P<number>[-−]?\d{1,15}(?:\.\d{1,9})?)\s?(?P<scale>[万萬亿億])(?P<rest>.{0,4})", re.DOTALL
)
_HAN_SCALES = "百千万萬亿億"
_POWERS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}


def names_part(text: str, code: str) -> bool:
    """Return whether a question names parts: "How many quarters ..." asks for whole ones."""
    table = PARTS.get(code)
    if table is None:
        return False
    words = {word.strip(".,;:!?¿¡\"'").casefold() for word in text.split()}
    return not words.isdisjoint(table.halves) or any(
        single in words or plural in words for _, single, plural in table.parts
    )


def in_whole(text: str, code: str) -> str | None:
    """Return a number in words that has parts, a sign, decimals or figures among them, in figures.

    At most one more word may follow, and none behind a part alone. None for other texts, for
    ordinals and for what may be two numbers.

    >>> in_whole("two and a half million people", "en"), in_whole("anderthalb", "de"), in_whole("a dozen and a half", "en")
    ('2500000 people', '1.5', '18')
    >>> in_whole("twenty fifth", "en"), in_whole("half of them", "en"), in_whole("12 thousand 5 hundred", "en")
    (None, None, '12500')
    """
    table = PARTS.get(code)
    if table is None or len(text) > MAX_CHARS or not _HINTS[code].search(text):
        return None
    if "\n" in text.strip():
        return None
    words = lexicon(code)
    read = tokens(tidied(text), words)
    while read and read[-1].text in (".", "!"):
        read.pop()
    if not read or any(token.sort not in ("word", "number") for token in read):
        return None
    pieces = [piece for token in read for piece in _split(token, table, words)]
    negative = pieces[0].fold in table.minus
    found = _Reader(pieces[negative:], table, words).number()
    if found is None:
        return None
    value, rest, plain = found
    if plain and not negative:
        return None  # as other numbers in words are read
    form = value_form(-value if negative else value)
    return None if form is None else " ".join([form, *(token.text for token in rest)])


def han_figures(text: str, counters: Sequence[str]) -> str | None:
    """Return a number in Chinese numerals, with a counter or without, in figures.

    >>> [han_figures(t, ["人"]) for t in ("三百二十人", "12万", "三百二", "两三", "三百多")]
    ['320 人', '120000', None, None, None]
    """
    text = text.strip().rstrip("。.").strip()
    if text.isascii() or len(text) > MAX_CHARS:
        return None
    if scaled := _SCALED.fullmatch(text):
        value = Fraction(scaled["number"].replace("−", "-")) * _POWERS[scaled["scale"]]
        rest = scaled["rest"]
    else:
        match = HAN_NUMERAL.match(text)
        if (
            match is None
            or text[0] in _HAN_SCALES
            or _FEW.search(match[0])
            or _DIGITS.fullmatch(match[0])
        ):
            return None
        found = han_value(match[0])
        if found is None:
            return None
        value, rest = found, text[match.end() :]
    if rest and rest not in counters:
        return None
    return f"{value_form(value)} {rest}".rstrip()


def _split(token: Token, table: Parts, words: Lexicon) -> list[Token]:
    """Take "three-quarters" and "half-dozen" apart, and "zweieinhalb"."""
    fold = token.fold
    if table.mixed and (mixed := table.mixed.fullmatch(fold)):
        head = "ein" if mixed["one"] else mixed["whole"]
        value = words.numerals.get(head)
        whole = Token(head, head, "word" if value is None else "number", value)
        join, half = min(table.joins), min(table.halves)
        return [whole, Token(join, join, "word"), Token(half, half, "word")]
    head, hyphen, tail = fold.partition("-")
    known = tail in table.halves or tail in words.magnitudes or _part(tail, table) is not None
    if hyphen and known and (head in table.halves or head in words.numerals):
        return [Token(head, head, "word"), Token(tail, tail, "word")]
    return [token]


def _part(fold: str, table: Parts) -> tuple[int, bool, bool] | None:
    """Return which part a word is, and whether it may be one of them, and several."""
    for below, single, plural in table.parts:
        if fold in (single, plural):
            return below, fold == single, fold == plural
    return None


class _Reader:
    """Reads one number from its first word on."""

    def __init__(self, pieces: Sequence[Token], table: Parts, words: Lexicon) -> None:
        self.pieces = pieces
        self.folds = [piece.fold for piece in pieces]
        self.table = table
        self.words = words

    def number(self) -> tuple[Fraction, Sequence[Token], bool] | None:
        """Return the value, what follows it, and whether it is a plain number in words."""
        if not self.pieces:
            return None
        if self.pieces[0].value is not None and (scaled := self._scaled()) is not None:
            return self._with_rest(*scaled, 1, False)
        if (part := self._fraction(0)) is not None:
            value, end = part
            multiple = self._multiple(end)
            if multiple is None:
                return (value, (), False) if end == len(self.folds) else None
            return self._with_rest(value * multiple[0], multiple[1], 1, False)
        whole = self._whole(0)
        if whole is None:
            return self._magnitude_and_half(Fraction(1), 0)
        value, end = whole
        if self._at(end) in self.table.point:
            return self._decimals(value, end + 1)
        if (found := self._magnitude_and_half(value, end)) is not None:
            return found
        if self._at(end) in self.table.joins and (part := self._fraction(end + 1)) is not None:
            if self._at(end - 1) in self.words.magnitudes:
                return None  # "a hundred and a half"
            value, end = value + part[0], part[1]
            multiple = self._multiple(end)
            if multiple is not None:
                value, end = value * multiple[0], multiple[1]
            return self._with_rest(value, end, 1, False)
        return self._with_rest(value, end, 1, True)

    def _at(self, place: int) -> str:
        return self.folds[place] if place < len(self.folds) else ""

    def _whole(self, place: int) -> tuple[Fraction, int] | None:
        if place < len(self.pieces) and (value := self.pieces[place].value) is not None:
            return (value, place + 1) if value.denominator == 1 else None
        return numeral_at(self.folds, place, self.words)

    def _fraction(self, place: int) -> tuple[Fraction, int] | None:
        """Return "a half", "half", "three quarters" and where it ends."""
        above, end = Fraction(1), place
        counted = self._at(place) in self.words.ones
        if counted:
            end += 1
        elif (whole := numeral_at(self.folds, place, self.words)) is not None:
            above, end = whole
            counted = True
        if self._at(end) in self.table.halves:
            return above / 2, end + 1
        found = _part(self._at(end), self.table) if counted else None
        if found is None or not (found[1] if above == 1 else found[2]):
            return None
        return above / found[0], end + 1

    def _multiple(self, place: int) -> tuple[Fraction, int] | None:
        """Return the million of "half a million" and "a quarter of a million"."""
        if self._at(place) in _OF:
            place += 1
        if self._at(place) in self.words.ones:
            place += 1
        factor = self.words.magnitudes.get(self._at(place))
        return None if factor is None else (factor, place + 1)

    def _magnitude_and_half(
        self, value: Fraction, end: int
    ) -> tuple[Fraction, Sequence[Token], bool] | None:
        """Read "a million and a half", whose half is one of a million."""
        start = end
        factor = self.words.magnitudes.get(self._at(end))
        if factor is not None:
            end += 1
        elif start:
            factor = self.words.magnitudes.get(self._at(end - 1))
            value = value / factor if factor else value
        if factor is None or self._at(end) not in self.table.joins:
            return None
        if factor != _DOZEN and factor < _LARGE**2:
            return None
        half = self._fraction(end + 1)
        if half is None or half[0] != Fraction(1, 2):
            return None
        return self._with_rest((value + half[0]) * factor, half[1], 1, False)

    def _decimals(
        self, value: Fraction, place: int
    ) -> tuple[Fraction, Sequence[Token], bool] | None:
        digits = ""
        while (digit := self.words.numerals.get(self._at(place))) is not None and digit < 10:
            digits += str(digit)
            place += 1
        if not digits:
            return None
        return self._with_rest(value + Fraction(int(digits), 10 ** len(digits)), place, 1, False)

    def _scaled(self) -> tuple[Fraction, int] | None:
        """Read figures with scales, "12 thousand 5 hundred": each less than the one before."""
        total, place, least = Fraction(0), 0, Fraction(0)
        while place + 1 < len(self.pieces) and (number := self.pieces[place].value) is not None:
            factor = self.words.magnitudes.get(self.folds[place + 1])
            if (
                factor is None
                or factor == _DOZEN
                or number < 0
                or (place and number.denominator != 1)
            ):
                return None
            if place and (number * factor >= least or total.denominator != 1):
                return None
            total, least, place = total + number * factor, factor, place + 2
        return (total, place) if place > 2 else None

    def _with_rest(
        self, value: Fraction, end: int, most: int, plain: bool
    ) -> tuple[Fraction, Sequence[Token], bool] | None:
        rest = self.pieces[end:]
        words, table = self.words, self.table
        if len(rest) > most:
            return None
        for token in rest:
            if (
                token.value is not None
                or token.fold in table.halves | table.joins | table.point | table.minus
                or _part(token.fold, table) is not None
                or token.fold in words.magnitudes
                or numeral_at([token.fold], 0, words) is not None
            ):
                return None
        return value, rest, plain

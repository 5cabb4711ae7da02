"""A text taken apart: words, numbers, codes, signs and marks, in their order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal, TypeAlias

from bestofinf.answers.numbers import minus_signs
from bestofinf.answers.wording.language import folded
from bestofinf.answers.wording.lexicon import Lexicon, lexicon
from bestofinf.answers.wording.numerals import HAN_NUMERAL, han_value

Sort: TypeAlias = Literal["word", "number", "code", "sign", "mark"]

MAX_DIGITS = 30
"""Longer numbers are codes."""

_HAN = "\u3005\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_BLOB = re.compile(
    rf"""
    (?P<code>(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+ | (?:[Hh]ttps?://|www\.)[^\s<>()]*[\w/])
  | (?P<han>[{_HAN}]+)
  | (?P<sign>(?:US|CA|AU|HK|NZ|[ACRS])\$ | °\s?[CF]\b | [<>]=? | [$€£¥￥₹₩₽₺₪฿%‰°℃℉&+=~≈≤≥±§/])
  | (?P<blob>(?:(?<![\w)])-(?=\d)|(?<=[\s`])--?(?=[A-Za-z]))?[^\W{_HAN}]+(?:(?:[-./:_'·]|(?<=\d),(?=\d))[^\W{_HAN}]+)*(?:\+\+|(?<=[A-Za-z])\#)?)
  | (?P<mark>[^\s])
    """,
    re.X,
)
_FEW = re.compile(r"(?<![\d.,])(?!0)\d{1,3}(?:[ \u00a0\u202f\u2009]\d{3})+(?![\d])")
_NUMBER = re.compile(r"-?\d+(?:[.,']\d+)*")
_MIXED = re.compile(r"(-?\d+(?:[.,']\d+)*)-?([^\W\d_]+(?:\.[^\W\d_]+)?)")
_MONEY = re.compile(r"([A-Za-z]{3})(\d+(?:[.,']\d+)*)")
_TURNED = re.compile(r"([^\W\d_]+)-(?:t-)?(ils?|elles?|on|ce|je|tu|nous|vous)")
_RATE = re.compile(r"(.*[^/])/([^\W\d_]+)")
_RANGE = re.compile(r"(\d+(?:[.,]\d+)*)-(\d+(?:[.,]\d+)*)(-?)([^\W\d_]+)?")
_IDENTIFIER = re.compile(r"[a-z]{2,}[A-Z]|[a-z][A-Z][a-z]{2}|[A-Z][A-Z\d]{1,30}_[A-Z\d]")
_TIDY = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "„": '"', "「": '"', "」": '"'}
    | {"‐": "-", "‑": "-", "‒": "-", "−": "-", "﹣": "-", "⁃": "-", "′": "'", "″": '"', "\u200b": None}
    | {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    | {"\u3000": " ", "\u00ad": None, "\ufeff": None, "\u2060": None}
)  # fmt: skip
_OWED = re.compile(r"(?<![\w)%°$€£¥])(?<!\d\s)-(?P<currency>(?:US)?[$€£¥])\s?(?=\d)")
_SHORT = re.compile(r"\b(?:(ca)n't|(sha)n't|(wo)n't|cannot|([a-z]+)n't)\b", re.I)
_ITEM = re.compile(r"(?:^|\n)[ \t]{0,9}(?:[-*•]|\d{1,2}[.)])[ \t]{1,9}(?=\S)")
_LINK = re.compile(r"\[(?P<shown>[^\[\]\s]{1,200})\]\((?:mailto:|tel:)?(?P=shown)\)")
_BOLD = re.compile(r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=[\w.!?])[*_](?!\w)|`+")


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a text.

    Attributes:
        text: As written.
        fold: In small letters.
        sort: What it is.
        value: Of a number.
    """

    text: str
    fold: str
    sort: Sort
    value: Fraction | None = None


def as_list(text: str) -> str:
    r"""Return items on lines of their own as a list in one line; any other text as it is.

    >>> as_list("They are:\n- Red\n- Blue"), as_list("- Red: warm\n- Blue: cold")
    ('They are: Red, Blue', '- Red: warm\n- Blue: cold')
    """
    if "\n" not in text:
        return text
    head, *items = _ITEM.split(text)
    items = [item.strip(" .,;\n") for item in items]
    plain = all(item and not re.search("[:\n]", item) for item in items)
    head = head.strip()
    if len(items) < 2 or not plain or (head and not head.endswith((":", "："))):
        return text
    return f"{head} {', '.join(items)}".strip()


def tidied(text: str) -> str:
    """Return a text without marks of emphasis, with plain quotes and dashes and whole negations."""
    if not text.isascii():
        text = minus_signs(unicodedata.normalize("NFC", text).translate(_TIDY))
    if "-" in text:
        text = _OWED.sub(r"\g<currency>-", text)  # "-$5" is written "$-5"
    if "](" in text:
        text = _LINK.sub(r"\g<shown>", text)
    if "n't" in text or "annot" in text:
        text = _SHORT.sub(_negated, text)
    if "*" in text or "_" in text or "`" in text:
        text = _BOLD.sub("", text)
    return _FEW.sub(lambda m: re.sub(r"\s", "", m[0]), text).strip()


def _negated(match: re.Match[str]) -> str:
    if match[1] or match[0].lower() == "cannot":
        return "can not"
    return f"{'shall' if match[2] else 'will' if match[3] else match[4]} not"


def tokens(text: str, words: Lexicon, known: Mapping[str, object] | None = None) -> list[Token]:
    """Return the pieces of a tidied text; words that stand for one are one piece.

    Args:
        text: The text.
        words: Of the language.
        known: Further words to be found in writing without blanks, such as the question's.
    """
    code = words.language.code
    found: list[Token] = []
    for match in _BLOB.finditer(text):
        piece = match[0]
        sort = match.lastgroup
        if sort == "blob":
            found.extend(_pieces(piece, code))
        elif sort == "han":
            found.extend(_segments(piece, words, known or {}))
        elif sort == "sign":
            piece = piece.replace(" ", "")
            found.append(Token(piece, folded(piece), "sign"))
        elif sort == "code":
            found.append(Token(piece, folded(piece), "code"))
        elif piece != "." or not found or not _is_short(found[-1], words):
            found.append(Token(piece, piece, "mark"))
    return _joined(found, words)


def _is_short(token: Token, words: Lexicon) -> bool:
    """Return whether a point behind a word ends no sentence: an initial, a title, a month."""
    if token.sort != "word":
        return False
    initial = len(token.text) == 1 and token.text.isupper()
    return initial or words.among("titles", token.fold) or token.fold in words.short_months


@lru_cache(maxsize=20_000)
def _pieces(blob: str, code: str) -> tuple[Token, ...]:
    words = lexicon(code)
    if not any(map(str.isdigit, blob)):
        return _words(blob, words)
    if _NUMBER.fullmatch(blob):
        return (_number(blob, words),)
    if (rate := _RATE.fullmatch(blob)) and not rate[2].isdigit():
        return (*_pieces(rate[1], code), Token("/", "/", "sign"), *_pieces(rate[2], code))
    if (span := _RANGE.fullmatch(blob)) and (not span[4] or _follows(span[4], words)):
        first, last = (_number(span[place], words) for place in (1, 2))
        unit = _words(span[4], words) if span[4] else ()
        if first.value is not None and last.value is not None and first.value < last.value:
            return (first, Token("-", "-", "mark"), last, *unit)
    if (mixed := _MIXED.fullmatch(blob)) and _follows(mixed[2], words):
        number = _number(mixed[1], words)
        if number.value is not None:
            return (number, *_words(mixed[2], words))
    if (money := _MONEY.fullmatch(blob)) and folded(money[1]) in words.currencies:
        return (*_words(money[1], words), _number(money[2], words))
    return (Token(blob, folded(blob), "code"),)


def _follows(letters: str, words: Lexicon) -> bool:
    """Return whether letters may stand right behind a number."""
    fold = folded(letters)
    return (
        fold in words.units
        or fold in words.currencies
        or fold in words.magnitudes
        or fold in ("m", "b", "bn", "k")
        or words.among("ordinal", fold)
        or words.among("mornings", fold)
        or words.among("evenings", fold)
        or words.among("counting", fold)
    )


def _words(blob: str, words: Lexicon) -> tuple[Token, ...]:
    fold = folded(blob)
    if _IDENTIFIER.match(blob) and fold not in words.units:
        return (Token(blob, blob, "word"),)  # "userId" is not "userid"
    if "/" in blob and fold not in words.units:
        parts = [part for part in blob.split("/") if part]
        found = [
            token for part in parts for token in (Token("/", "/", "sign"), *_words(part, words))
        ]
        return tuple(found[1:])
    if "'" in blob:
        return _apart(blob, words)
    if words.language.elides and (turned := _TURNED.fullmatch(fold)):
        return tuple(Token(part, part, "word") for part in turned.groups() if part)
    return (Token(blob, fold, "word"),)


def _apart(blob: str, words: Lexicon) -> tuple[Token, ...]:
    """Take apart what an apostrophe joins."""
    head, _, tail = blob.partition("'")
    if words.language.elides:
        first = Token(f"{head}'", f"{folded(head)}'", "word")
        return (first, *_words(tail, words)) if tail else (first,)
    if (
        folded(tail) in ("s", "re", "ve", "ll", "m", "d")
        and words.sense.get(folded(head)) == "article"
    ):
        return (Token(head, folded(head), "word"), Token(f"'{tail}", f"'{folded(tail)}", "word"))
    if folded(tail) == "s":
        return (Token(blob, folded(head), "word"),)
    return (Token(blob, folded(blob), "word"),)


def _number(text: str, words: Lexicon) -> Token:
    value = number_value(text, words.language.decimal)
    if value is None:
        return Token(text, folded(text), "code")
    return Token(text, text, "number", value)


_GROUPED = {
    ".": (
        re.compile(
            r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|[1-9]\d{0,2}(?:'\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
        ),
        ",",
    ),
    ",": (
        re.compile(
            r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?|[1-9]\d{0,2}(?:'\d{3})+(?:,\d+)?|\d+(?:,\d+)?"
        ),
        ".",
    ),
}


def number_value(text: str, decimal: str) -> Fraction | None:
    """Return the value of a number as written where `decimal` is the decimal mark, else None."""
    digits = text.removeprefix("-")
    pattern, thousands = _GROUPED[decimal]
    if len(digits) > MAX_DIGITS:
        return None
    if not pattern.fullmatch(digits):
        # "12.50" where a comma would be usual; "1.250" has been read as thousands.
        if decimal == "," and re.fullmatch(r"\d+\.\d{1,2}", digits):
            thousands, decimal = ",", "."
        else:
            return None
    if digits[0] == "0" and len(digits) > 1 and digits[1] not in ".,":
        return None  # a code
    plain = digits.replace(thousands, "").replace("'", "").replace(decimal, ".")
    value = Fraction(plain)
    return -value if text[0] == "-" else value


def _segments(run: str, words: Lexicon, known: Mapping[str, object]) -> list[Token]:
    """Take apart writing without blanks: always the longest word that is known."""
    found: list[Token] = []
    start = place = 0
    while place < len(run):
        token = _numeral_at(run, place, words)
        if token is None and (piece := _word_at(run, place, words, known)):
            token = Token(piece, piece, "word")
        if token is not None:
            if start < place:
                found.append(Token(run[start:place], run[start:place], "word"))
            found.append(token)
            start = place = place + len(token.text)
        else:
            place += 1
    if start < place:
        found.append(Token(run[start:], run[start:], "word"))
    return found


def _numeral_at(run: str, place: int, words: Lexicon) -> Token | None:
    """Return a number in numerals before a unit; elsewhere these are parts of names."""
    match = HAN_NUMERAL.match(run, place)
    if match is None or not any(run.startswith(unit, match.end()) for unit in words.counters):
        return None
    value = han_value(match[0])
    return None if value is None else Token(match[0], match[0], "number", value)


def _word_at(run: str, place: int, words: Lexicon, known: Mapping[str, object]) -> str:
    """Return the longest known word at a place; one that would cut through a question word is not.

    Words of one sign are parts of many names: most count only where another word follows.
    """
    written = words.written
    for length in range(min(len(run) - place, words.longest), 0, -1):
        piece = run[place : place + length]
        if length > 1:
            if (piece in written or piece in known) and not _cuts(run, place, length, words):
                return piece
        elif piece in written and (
            words.among("signs", piece)
            or place + 1 == len(run)
            or _word_at(run, place + 1, words, known)
        ):
            return piece
    return ""


def _cuts(run: str, place: int, length: int, words: Lexicon) -> bool:
    """Return whether a question word begins within a piece and ends behind it."""
    for start in range(place + 1, place + length):
        for end in range(place + length + 1, min(len(run), start + 6) + 1):
            if run[start:end] in words.interrogatives:
                return True
    return False


def _joined(found: list[Token], words: Lexicon) -> list[Token]:
    """Join words that stand for one."""
    phrases = words.phrases
    joined: list[Token] = []
    place = 0
    while place < len(found):
        token = found[place]
        for rest in phrases.get(token.fold, ()):
            end = place + 1 + len(rest)
            same = [t.fold for t in found[place + 1 : end]] == list(rest)
            whole = " ".join((token.fold, *rest))
            led = whole not in words.comparators or _leads_value(found, end, words)
            if same and (led or (joined and whole in words.afterwards)):
                text = " ".join(t.text for t in found[place:end])
                token = Token(text, whole, "word")
                place = end - 1
                break
        joined.append(token)
        place += 1
    return joined


def _leads_value(found: list[Token], place: int, words: Lexicon) -> bool:
    """Return whether a value may begin here: "taller than" compares no amounts before a name."""
    if place >= len(found):
        return False
    token = found[place]
    return token.value is not None or token.sort == "sign" or token.fold in words.beginnings

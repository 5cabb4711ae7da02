"""Numbers in words where figures are looked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from bestofinf.answers.wording.language import folded
from bestofinf.answers.wording.lexicon import Lexicon, lexicon
from bestofinf.answers.wording.numerals import numeral_at
from bestofinf.answers.wording.tokens import Token, tidied, tokens

MAX_CHARS = 200

_FIGURE = re.compile(r"\d")
_PART = re.compile(
    r"(?!months?$)(?:.*(?:th|ths|tel|teln|ième|ièmes|avos?|[eé]sim[oa]s?)|thirds?|quarters?|half|halves|seconds?"
    r"|hälften?|halbe?|tiers|demies?|demis?|quarts?|medi[oa]s?|terci[oa]s?|cuart[oa]s?|quint[oa]s?|sext[oa]s?|s[eé]ptim[oa]s?"
    r"|octav[oa]s?|noven[oa]s?|d[eé]cim[oa]s?)"
)
"""What makes a part of a number of it: the thirds of "two thirds". A few other words look like it."""


def in_figures(text: str, code: str) -> str | None:
    """Return a number in words, alone or with one more word, with the number in figures; None for other texts.

    Args:
        text: A reply, or a part of it.
        code: Of its language.

    >>> in_figures("**Twenty-three** apples.", "en"), in_figures("vingt et un kilos", "fr"), in_figures("two thirds", "en")
    ('23 apples', '21 kilos', None)
    """
    if len(text) > MAX_CHARS or _FIGURE.search(text) or "\n" in text.strip():
        return None
    words = lexicon(code)
    large = {fold for fold, factor in words.magnitudes.items() if factor >= 1000}
    read = tokens(tidied(text), words)
    while read and read[-1].text in (".", "!"):
        read.pop()
    pieces: list[Token] = []
    for place, piece in enumerate(read):
        # "One thousand, two hundred" has a comma; "one thousand, two" are two numbers.
        within = place > 0 and read[place - 1].fold in large
        if piece.text != "," or not within or not _has_magnitude(read[place:], words):
            pieces.append(piece)
    folds = [piece.fold for piece in pieces]
    found = numeral_at(folds, 0, words)
    if found is None:
        return None
    value, end = found
    leading = words.magnitudes.get(folds[0], 0)
    if leading and (leading not in (100, 1000) or folds[0] in ("hundreds", "cents", "k")):
        return None  # "millions" are no number
    factors = [words.magnitudes[fold] for fold in folds[:end] if fold in large]
    if any(low >= high for high, low in pairwise(factors)):
        return None  # "two thousand, three thousand" are two numbers
    rest = folds[end:]
    # "quatre vingts" is no 4.
    if rest and (rest[0].rstrip("s") in words.numerals or rest[0].rstrip("s") in words.magnitudes):
        return None
    if len(rest) > 1 or any(_PART.fullmatch(fold) or numeral_at([fold], 0, words) for fold in rest):
        return None
    return " ".join([str(value), *(piece.text for piece in pieces[end:])])


def multiplier(word: str, code: str) -> Fraction | None:
    """Return what a word of a language multiplies the number before it by; None where it does not.

    >>> multiplier("Billionen", "de"), multiplier("billion", "en"), multiplier("apples", "en")
    (Fraction(1000000000000, 1), Fraction(1000000000, 1), None)
    """
    return lexicon(code).magnitudes.get(folded(word))


def _has_magnitude(pieces: Sequence[Token], words: Lexicon) -> bool:
    return any(piece.fold in words.magnitudes for piece in pieces)

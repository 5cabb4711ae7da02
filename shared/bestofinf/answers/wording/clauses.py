"""What a short reply says beside its answer: where it comes from, and what it adds to it.

Sources, references and trailing clauses are cut off, and with them their numbers: the 4 of
"section 4" is no quantity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bestofinf.answers.wording.dates import moment_at
from bestofinf.answers.wording.lexicon import Lexicon
from bestofinf.answers.wording.tokens import Token

FAR = 12
"""Words that a source has at most, before the mark that ends it."""

_OPEN = {"(": ")", "[": "]", "（": "）"}
_ENDS = frozenset(",:;，：；、")
_NUMBER_SIGNS = frozenset({"no", "nr", "n°", "nº", "num", "núm"})
_DASHES = frozenset("–—")


def cut(
    tokens: Sequence[Token],
    words: Lexicon,
    own: Callable[[Token], bool],
    *,
    clauses: bool,
    numbers: bool,
) -> list[Token]:
    """Return the pieces without sources, references and brackets that hold them.

    Args:
        tokens: Pieces of a reply.
        words: Of the language.
        own: Whether a word is one of the question's: what it asks about is no reference.
        clauses: Whether a clause behind the answer adds nothing to it.
        numbers: Whether it may hold numbers.
    """
    kept = _without_brackets(list(tokens), words, own)
    kept = _without_lead(kept, words)
    kept = _without_source(_without_references(kept, words, own), words)
    return _without_clause(_without_end(kept, words), words, numbers) if clauses else kept


def _without_brackets(
    tokens: list[Token], words: Lexicon, own: Callable[[Token], bool]
) -> list[Token]:
    kept: list[Token] = []
    place = 0
    while place < len(tokens):
        close = _OPEN.get(tokens[place].fold)
        if close is not None:
            end = next((i for i in range(place + 1, len(tokens)) if tokens[i].fold == close), None)
            inner = tokens[place + 1 : end]
            # "(12) million" is a number, "Paris (2021)" none; footnotes stand anywhere.
            if (
                end is not None
                and _is_reference(inner, words, own)
                and not (end + 1 < len(tokens) and tokens[end + 1].fold in words.magnitudes)
            ):
                place = end + 1
                continue
        kept.append(tokens[place])
        place += 1
    return kept


def _is_reference(inner: Sequence[Token], words: Lexicon, own: Callable[[Token], bool]) -> bool:
    if not inner:
        return True
    if words.among("references", inner[0].fold) and not own(inner[0]):
        return True
    return all(token.sort in ("number", "mark") for token in inner)


def _without_lead(tokens: list[Token], words: Lexicon) -> list[Token]:
    """Take off an opening that names the source: "According to the leaflet, ..."."""
    if not tokens or not words.among("sources", tokens[0].fold):
        return tokens
    for place, token in enumerate(tokens[1:FAR], 1):
        if token.fold in _ENDS:
            return tokens[place + 1 :]
    for place, token in enumerate(tokens[1:4], 1):
        if words.among("documents", token.fold):
            return tokens[place + 1 :]
    return tokens


def _without_references(
    tokens: list[Token], words: Lexicon, own: Callable[[Token], bool]
) -> list[Token]:
    kept: list[Token] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        follows = tokens[place + 1] if place + 1 < len(tokens) else None
        if _numbers(tokens, place):
            place += 2
            continue
        if (
            follows is not None
            and words.among("references", token.fold)
            and token.fold != "no"  # "12... no 13" takes 12 back
            and not own(token)
            and (follows.sort == "number" or (follows.sort == "code" and follows.text[0].isdigit()))
        ):
            while kept and words.sense.get(kept[-1].fold) in ("preposition", "article"):
                kept.pop()
            place += 2
            continue
        kept.append(token)
        place += 1
    return kept


def _numbers(tokens: Sequence[Token], place: int) -> bool:
    """Return whether "No. 5" stands there, which denies nothing."""
    following = tokens[place + 1 : place + 3]
    return (
        tokens[place].fold in _NUMBER_SIGNS
        and len(following) == 2
        and following[0].fold == "."
        and following[1].sort in ("code", "number")
    )


def _without_source(tokens: list[Token], words: Lexicon) -> list[Token]:
    """Take off an ending that names the source, with or without a comma before it."""
    for place in range(len(tokens) - 1, 0, -1):
        if words.among("sources", tokens[place].fold):
            before = tokens[place - 1].fold
            rest = tokens[place + 1 :]
            named = any(words.among("documents", token.fold) for token in rest[:4])
            if before in _ENDS or before in _DASHES or (named and len(rest) <= 5):
                return (
                    tokens[: place - 1] if before in _ENDS or before in _DASHES else tokens[:place]
                )
    return tokens


def _without_end(tokens: list[Token], words: Lexicon) -> list[Token]:
    """Take off the part of a verb that stands at the end of a sentence: "fand ... statt"."""
    last = next((i for i in range(len(tokens) - 1, 0, -1) if tokens[i].sort != "mark"), 0)
    if last and words.among("separable", tokens[last].fold):
        return tokens[:last]
    return tokens


def _without_clause(tokens: list[Token], words: Lexicon, numbers: bool) -> list[Token]:
    """Take off what is added behind a comma about the answer: ", who ...", ", after ...".

    Not where it takes something back, or sets a condition.
    """
    for place, token in enumerate(tokens[:-1]):
        if place and (token.fold in _ENDS or token.fold in _DASHES):
            rest = tokens[place + 1 :]
            if not words.among("relatives", rest[0].fold) or rest[0].fold == "that":
                continue
            denies = any(
                words.sense.get(t.fold) == "negation"
                or words.among("conditions", t.fold)
                or words.among("buts", t.fold)
                or (t.value is not None and not numbers)
                for t in rest
                if not words.among("relatives", t.fold)
            )
            return tokens if denies else tokens[:place]
    return tokens


def without_time(tokens: list[Token], words: Lexicon) -> list[Token]:
    """Take off an ending that tells when: "in 1898", "on 4 May 2021"."""
    last = next((i for i in range(len(tokens) - 1, 0, -1) if tokens[i].sort != "mark"), 0)
    for place in range(max(1, last - 5), last):
        if not words.among("at_times", tokens[place].fold):
            continue
        start = place + 1
        while start < last and words.sense.get(tokens[start].fold) == "article":
            start += 1
        found = moment_at(tokens, start, words, times=False)
        is_year = start == last and re.fullmatch("[12][0-9]{3}", tokens[last].text)
        if is_year or (found is not None and found[1] == last + 1):
            return tokens[:place]
    return tokens

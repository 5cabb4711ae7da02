"""The choices that a question gives: labelled, listed after a colon, or joined by "or"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bestofinf.answers.wording.lexicon import Lexicon
from bestofinf.answers.wording.tokens import Token, tidied, tokens

MAX_OPTIONS = 12
MAX_OPTION_WORDS = 5

_LABEL = re.compile(r"(?:^|(?<=\s))\(?([A-J])[).:]\s+", re.M)

Option = tuple[str, ...]
"""The words of a choice, in small letters and without an article."""


def labelled(text: str, words: Lexicon) -> dict[str, Option]:
    """Return the choices that a question labels A, B and so on, by their letters.

    Empty where the letters do not follow each other, or two choices are the same.
    """
    marks = list(_LABEL.finditer(text))
    if len(marks) < 2 or [mark[1] for mark in marks] != [chr(65 + i) for i in range(len(marks))]:
        return {}
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    found: dict[str, Option] = {}
    for mark, end in zip(marks, ends, strict=True):
        chosen = text[mark.end() : end].strip().splitlines() or [""]
        found[mark[1]] = option_of(tokens(tidied(chosen[0]), words), words)
    if not all(found.values()) or len(set(found.values())) < len(found):
        return {}
    return found


def options_in(sentence: Sequence[Token], words: Lexicon, *, asks: bool) -> tuple[Option, ...]:
    """Return the choices of a question joined by "or", at least two; else nothing.

    Args:
        sentence: The pieces of the question.
        words: Of the language.
        asks: Whether it begins with an interrogative, so that what stands before the first comma
            is no choice.
    """
    place = next((i for i, t in enumerate(sentence) if words.among("ors", t.fold)), None)
    if place is None:
        return ()
    colon = next((i for i, t in enumerate(sentence[:place]) if t.fold in ":："), None)
    parts = _parts(sentence[0 if colon is None else colon + 1 :], words)
    if len(parts) < 2:
        return ()
    if colon is None and asks and len(parts) > 2:
        parts = parts[1:]
    elif colon is None:
        parts = _trimmed(parts, words)
    found = [option_of(part, words) for part in parts]
    if not 2 <= len(found) <= MAX_OPTIONS or not all(found) or len(set(found)) < len(found):
        return ()
    if any(len(option) > MAX_OPTION_WORDS for option in found):
        return ()
    return tuple(found)


def _trimmed(parts: list[list[Token]], words: Lexicon) -> list[list[Token]]:
    """Take off what is no choice before the first, and behind the last where two are subjects.

    Of what stands before the first comma, as many words as the second choice has belong to the
    first; in "does A or B use less" as many words belong to B as A has.
    """
    first = [t for t in parts[0] if words.sense.get(t.fold) not in ("be", "was", "modal")]
    length = len(option_of(first, words))
    if len(parts) == 2 and length < len(option_of(parts[1], words)) and len(first) < len(parts[0]):
        second = [t for t in parts[1] if words.sense.get(t.fold) != "article"]
        return [first, second[:length]]
    return [parts[0][-len(parts[1]) :], *parts[1:]]


def option_of(part: Sequence[Token], words: Lexicon) -> Option:
    """Return the words of a choice; articles and prepositions before them are no part of it."""
    kept = [token for token in part if token.sort != "mark"]
    while kept and words.sense.get(kept[0].fold) in ("article", "preposition") and len(kept) > 1:
        kept.pop(0)
    return tuple(token.fold for token in kept)


def _parts(sentence: Sequence[Token], words: Lexicon) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in sentence:
        if token.fold in ",，、?？.。" or words.among("ors", token.fold):
            if parts[-1]:
                parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]

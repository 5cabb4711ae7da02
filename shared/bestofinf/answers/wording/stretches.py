"""Stretches of a reply that the question does not have: what it names."""

from __future__ import annotations

from dataclasses import dataclass

from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.tokens import Token

CONTEXT = frozenset(
    {"article", "be", "was", "preposition", "modal", "filler", "noun", "own", "tell", "mark"}
)
"""Roles of words that may stand around what a reply names."""

_COMMAS = frozenset(",，、")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Pieces of a reply that make one name: from `start` up to `end`."""

    start: int
    end: int


def stretches(reply: Wording) -> tuple[list[Stretch], bool]:
    """Return what a reply names, and whether only one of several is meant.

    Empty where other words than those that join a list stand between them, or where other words
    than known ones stand around them.
    """
    roles = reply.roles
    found: list[Stretch] = []
    either = False
    place = 0
    while place < len(roles):
        if roles[place] != "unknown":
            place += 1
            continue
        stretch = _stretch_at(reply, place)
        if found:
            joins = _joins(reply, found[-1].end, stretch.start)
            if joins is None:
                return [], False
            either = either or "or" in joins
        found.append(stretch)
        place = stretch.end
    return (found, either) if found and _stands_plain(reply, found) else ([], False)


def _stretch_at(reply: Wording, place: int) -> Stretch:
    """Return the longest name around an unknown word: with "of the" and what is written large."""
    words = reply.question.words
    pieces, roles = reply.pieces, reply.roles
    start, end = place, place + 1
    while start and (_is_said(reply, start - 1) or roles[start - 1] == "noun"):
        start -= 1  # "town hall", "customer service"
    while end < len(pieces):
        inner = end
        while inner < min(len(pieces), end + 3) and words.among("inside", pieces[inner].fold):
            inner += 1
        if inner < len(pieces) and roles[inner] == "unknown" and "join" not in roles[end:inner]:
            end = inner + 1
        elif _extends(reply, end):
            end += 1
        else:
            break
    return Stretch(start, end)


def _joins(reply: Wording, start: int, end: int) -> list[str] | None:
    """Return the joining words between two names; None where they are not joined."""
    between = range(start, end)
    joins = [reply.roles[i] for i in between if reply.roles[i] in ("join", "or")]
    commas = [i for i in between if reply.pieces[i].fold in _COMMAS]
    plain = all(reply.roles[i] in ("join", "or", "article") or i in commas for i in between)
    return joins if plain and (joins or commas) else None


def _stands_plain(reply: Wording, found: list[Stretch]) -> bool:
    """Return whether nothing around the names says anything of its own."""
    first, last = found[0].start, found[-1].end
    roles = reply.roles
    if any(role not in CONTEXT for role in (*roles[:first], *roles[last:])):
        return False
    for place, role in enumerate(roles):
        inside = first <= place < last
        if inside or role != "preposition" or reply.question.ties(reply.pieces[place].fold):
            continue
        # A preposition before the first name is told with it.
        if place > first or any(r not in ("article", "preposition") for r in roles[place:first]):
            return False
    return True


def _extends(reply: Wording, place: int) -> bool:
    """Return whether a known word belongs to the name before it: written large, or a number."""
    token, role = reply.pieces[place], reply.roles[place]
    if _is_said(reply, place):
        return True
    if token.sort in ("number", "code") and role == "own":
        return True
    if role == "tell":
        behind = reply.roles[place + 1 :]  # "New York State", in small letters too
        return token.text[:1].isupper() or all(other == "mark" for other in behind)
    if role not in ("own", "noun") or not reply.question.words.language.blanks:
        return False
    return token.text[:1].isupper() or (
        reply.is_small and role == "own" and not _is_verb(reply, token)
    )


def _is_verb(reply: Wording, token: Token) -> bool:
    asked = reply.question.verb
    return asked is not None and reply.question.words.stem(token.fold) == asked.verb


def _is_said(reply: Wording, place: int) -> bool:
    """Return whether a noun such as "town" stands there that the question itself does not have."""
    question, words = reply.question, reply.question.words
    token = reply.pieces[place]
    if token.sort != "word" or reply.roles[place] != "own" or not words.language.blanks:
        return False
    stem = words.stem(token.fold)
    return stem in words.says.get(question.asks, ()) and stem not in question.stems

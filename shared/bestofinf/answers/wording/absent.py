"""Replies that say that nothing answers the question: one class, which can win."""

from __future__ import annotations

from bestofinf.answers.wording.reply import Wording

ABSENT = "not in the documents"
"""The key of a reply that says that the documents do not answer, or that it is not known."""

_HARMLESS = frozenset(
    {"article", "be", "was", "modal", "preposition", "own", "filler", "noun", "tell", "document"}
    | {"negation", "mark", "join", "or", "guard", "condition", "opposite", "no"}
)
MAX_UNKNOWN = 1


def absent(reply: Wording) -> str | None:
    """Return `ABSENT` where a reply denies that anything is said or known about the question.

    It has to deny, with a word for saying or knowing that is not the question's own, or with one
    for offering and a noun for a document; and nothing else may be in it.
    """
    words, question = reply.question.words, reply.question
    denies = says = offers = named = knows = False
    unknown = 0
    for token, role in reply.bare:
        fold = token.fold
        if token.sort in ("number", "code") and role != "own":
            return None
        mine = role == "own" and words.stem(fold) in question.stems
        if role == "negation" or role == "no":
            denies = True
        if words.among("unknowns", fold) and not mine:
            denies = says = True
        elif words.among("mentions", fold) and not mine:
            says = True
        elif words.among("offers", fold):
            offers = offers or not mine
        elif words.among("knowledge", fold) and not mine:
            knows = True
        elif words.among("documents", fold) and not mine:
            named = True
        elif role not in _HARMLESS and not words.among("regrets", fold):
            unknown += 1
    enough = (offers or (knows and named)) and (knows or named)
    if denies and unknown <= MAX_UNKNOWN and (says or enough or _alone(reply)):
        return ABSENT
    return None


def _alone(reply: Wording) -> bool:
    """Return whether it says no more than "no information", "no idea"."""
    words = reply.question.words
    rest = [t for t, role in reply.bare if role not in ("negation", "no", "article", "be")]
    return bool(rest) and all(words.among("knowledge", token.fold) for token in rest)

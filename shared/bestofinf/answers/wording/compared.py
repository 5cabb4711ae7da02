"""Replies to "is A bigger than B" that name the other of the two: "B is bigger"."""

from __future__ import annotations

from bestofinf.answers.wording.lexicon import Lexicon
from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.tokens import Token


def names_other(reply: Wording) -> bool:
    """Return whether a reply names what stands behind the question's "than", without its own.

    Such a reply is about the other of the two, or about both.
    """
    words = reply.question.words
    if any(_is_than(token, words) for token in reply.pieces):
        return False
    other = _other(reply)
    return any(words.stem(token.fold) in other for token, _ in reply.bare)


def prefers_other(reply: Wording) -> bool:
    """Return whether a reply says of the other alone, in the question's words, that it is more.

    Then it is a no. In other words it may not compare: "B is big"; nor does an opposite or a
    denial say so, since both may be equal.
    """
    question, words = reply.question, reply.question.words
    other, place = _other(reply), _than(reply)
    before = [token.fold for token in question.sentence[:place]]
    said = [token.fold for token, _ in reply.bare]
    needed = [f for f in before if words.among("more", f) or words.among("less", f)]
    needed += question.sentence[place].fold.split(" ")[:-1]
    rest = [t.fold for t, role in reply.bare if role == "own" and words.stem(t.fold) not in other]
    own = [fold for fold in before if words.stem(fold) in question.stems]
    first = next((t.fold for t, role in reply.bare if role == "own"), "")
    return (
        all(role in ("own", "article", "be", "was", "filler") for _, role in reply.bare)
        and other <= set(map(words.stem, said))
        and set(rest) <= set(before)
        and not set(own[:1]) & set(rest)
        and {before[-1], *needed} <= set(said)
        and words.stem(first) in other
    )


def _than(reply: Wording) -> int:
    """Return where the question has "than" behind a comparative; -1 where it compares nothing."""
    words, pieces = reply.question.words, reply.question.sentence
    for place in range(len(pieces) - 1, 0, -1):
        if _is_than(pieces[place], words) and (
            " " in pieces[place].fold
            or any(token.fold.endswith(words.comparatives) for token in pieces[1:place])
        ):
            return place
    return -1


def _is_than(token: Token, words: Lexicon) -> bool:
    """Return whether a token is "than", or ends in it, as "more than"."""
    return words.among("than", token.fold.rsplit(" ", 1)[-1])


def _other(reply: Wording) -> frozenset[str]:
    """Return the stems of what the question compares with, which it has nowhere else."""
    question, words, place = reply.question, reply.question.words, _than(reply)
    if place < 0:
        return frozenset()
    behind: list[str] = []
    for token in question.sentence[place + 1 :]:
        if behind and words.sense.get(token.fold) == "preposition":
            break  # "than B in winter"
        if words.stem(token.fold) in question.stems:
            behind.append(words.stem(token.fold))
    mine = {words.stem(token.fold) for token in question.sentence[:place]}
    return frozenset(behind) - mine

"""One of the choices that the question gives, or one of two that it compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bestofinf.answers.stances import takes_back
from bestofinf.answers.wording.options import Option
from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.voices import suffers

_HARMLESS = frozenset(
    {"article", "be", "was", "filler", "noun", "own", "modal", "preposition", "tell", "mark"}
    | {"document"}
)
_PERHAPS = frozenset(
    {"can", "could", "may", "might", "perhaps", "possibly", "kann", "könnte", "möglicherweise"}
    | {"vielleicht", "puede", "podría", "quizás", "quizá", "posiblemente", "peut", "pourrait"}
    | {"peut-être", "可能"}
)
"""Words of a reply that offers a label and does not choose it; "probably" chooses."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A choice, where a reply names it, and whether it is set against another there."""

    option: Option
    start: int
    end: int
    denied: bool


def choice(reply: Wording) -> str | None:
    """Return the choice that a reply takes: the only one that it names and does not deny.

    Of choices with labels it is the label, unless the reply has another beside it.
    """
    question = reply.question
    if reply.roles[:1] in (("be",), ("was",), ("modal",)):  # "Is it B?": asks back
        return None
    named = _named(reply, tuple(question.labels.values()) or question.options)
    labels = _labels(reply, named)
    if not named and labels:
        return _label(reply, labels)
    taken = _taken(reply, named)
    if taken is None:
        return None
    for letter, option in question.labels.items():
        if option == taken:
            return letter if {label.option for label in labels} <= {(letter.lower(),)} else None
    return " ".join(taken)


def _label(reply: Wording, labels: Sequence[_Named]) -> str | None:
    """Return the label that a reply without the words of a choice takes."""
    # "Next to B" and "the opposite of B" are no choice of B.
    if not {"preposition", "opposite"}.isdisjoint(reply.roles):
        return None
    if takes_back(reply.text, reply.question.words.language.code):
        return None  # "they say B"
    if any(t.fold in _PERHAPS for t in reply.pieces if t.fold in reply.question.words.modals):
        return None
    taken = _taken(reply, labels)
    return None if taken is None else taken[0].upper()


def _labels(reply: Wording, named: Sequence[_Named]) -> list[_Named]:
    """Return where labels stand in a reply outside of its choices, but the article A."""
    within = {place for found in named for place in range(found.start, found.end)}
    return [
        _Named((token.text.lower(),), place, place + 1, _denied(reply, place))
        for place, token in enumerate(reply.pieces)
        if token.text in reply.question.labels
        and place not in within
        and (token.text != "A" or reply.roles[place + 1 : place + 2] in ((), ("mark",)))
    ]


def _taken(reply: Wording, named: Sequence[_Named]) -> Option | None:
    distinct = {found.option for found in named}
    if not named or len(distinct) > 2 or any(_suffers(reply, f) for f in named if not f.denied):
        return None
    if len(distinct) == 2:
        return (
            _contrasted(reply, named) if any(f.denied for f in named) else _compared(reply, named)
        )
    if any(found.denied for found in named) or not _harmless(reply, named[0]):
        return None
    turned = _turned(reply, 0, len(reply.pieces))
    if not turned:
        return named[0].option
    options = reply.question.options
    if turned is None or len(options) != 2:
        return None
    return options[1] if named[0].option == options[0] else options[0]


def _suffers(reply: Wording, found: _Named) -> bool:
    """Return whether a choice has done to it what was asked of it: "B was beaten" of who won."""
    verb, words = reply.question.verb, reply.question.words
    return verb is not None and suffers(reply.pieces, found.start, found.end, verb, words)


def _turned(reply: Wording, start: int, end: int) -> bool | None:
    """Return whether what is compared is the opposite of what was asked; None where not plain.

    An opposite turns it, and so does "less" in only one of question and reply.
    """
    words = reply.question.words
    pieces, roles = reply.pieces[start:end], reply.roles[start:end]
    opposites = sum(
        role == "opposite" and not words.among("more", t.fold) and not words.among("less", t.fold)
        for t, role in zip(pieces, roles, strict=True)
    )
    less = any(words.among("less", token.fold) for token in pieces)
    degree = less or opposites or any(words.among("more", token.fold) for token in pieces)
    asked = any(words.among("less", token.fold) for token in reply.question.sentence)
    if opposites > 1:
        return None
    return bool((opposites + less + asked) % 2) if degree else False


def _named(reply: Wording, options: Sequence[Option]) -> list[_Named]:
    """Return where which choices are named; a longer one hides a shorter one within it."""
    folds = [token.fold for token in reply.pieces]
    found: list[_Named] = []
    taken: set[int] = set()
    for option in sorted(options, key=len, reverse=True):
        for start in range(len(folds) - len(option) + 1):
            places = range(start, start + len(option))
            if tuple(folds[start : places.stop]) == option and not taken & set(places):
                taken |= set(places)
                found.append(_Named(option, start, places.stop, _denied(reply, start)))
    return sorted(found, key=lambda n: n.start)


def _denied(reply: Wording, start: int) -> bool:
    """Return whether a word that denies stands right before a choice."""
    words = reply.question.words
    place = start - 1
    while place >= 0 and reply.roles[place] in ("article", "preposition"):
        if words.among("contrasts", reply.pieces[place].fold):
            return True
        place -= 1
    if place < 0:
        return False
    denies = reply.roles[place] in ("negation", "no")
    return denies or words.among("contrasts", reply.pieces[place].fold)


def _harmless(reply: Wording, found: _Named) -> bool:
    """Return whether nothing in a reply takes its choice back."""
    words = reply.question.words
    others = [
        role for place, role in enumerate(reply.roles) if not found.start <= place < found.end
    ]
    if any(role in ("negation", "no", "condition", "guard", "join", "or") for role in others):
        return False
    roles = _chosen(reply, found)
    if any(words.among("than", token.fold) for token in reply.pieces):
        return False
    if all(role in _HARMLESS or role == "opposite" for role in roles):
        return True
    before, after = reply.roles[: found.start], reply.roles[found.end :]
    alone = all(role in ("article", "filler", "preposition") for role in before)
    return alone and after[:1] == ("mark",) and "opposite" not in after


def _chosen(reply: Wording, found: _Named) -> list[str]:
    """Return the roles of the words around a choice; those of choosing are harmless there."""
    words = reply.question.words
    return [
        "filler" if words.among("chooses", token.fold) and role != "opposite" else role
        for place, (token, role) in enumerate(zip(reply.pieces, reply.roles, strict=True))
        if not found.start <= place < found.end
    ]


def _contrasted(reply: Wording, named: Sequence[_Named]) -> Option | None:
    """Return the choice of "A, not B", "not B but A", "A instead of B"."""
    wanted = {found.option for found in named if not found.denied}
    others = {found.option for found in named if found.denied}
    if len(wanted) != 1 or wanted & others:
        return None
    words = reply.question.words
    denials = sum(role in ("negation", "no") for role in reply.roles)
    if denials > sum(found.denied for found in named) or any(
        words.among("than", token.fold) for token in reply.pieces
    ):
        return None
    for place, role in enumerate(reply.roles):
        inside = any(found.start <= place < found.end for found in named)
        fold = reply.pieces[place].fold
        if inside or any(words.among(t, fold) for t in ("contrasts", "buts", "chooses")):
            continue
        if role not in _HARMLESS and role != "negation":
            return None
    return wanted.pop()


def _compared(reply: Wording, named: Sequence[_Named]) -> Option | None:
    """Return the choice of "A is cheaper than B", or of "B is dearer than A"."""
    words, first, second = reply.question.words, named[0], named[-1]
    than = [i for i, token in enumerate(reply.pieces) if words.among("than", token.fold)]
    if len(named) != 2 or len(than) != 1 or not first.end <= than[0] < second.start:
        return None
    between = reply.roles[first.end : than[0]]
    turned = _turned(reply, first.end, than[0])
    compares = any(role in ("own", "opposite") for role in between)
    outside = [
        role
        for place, role in enumerate(reply.roles)
        if not first.start <= place < first.end
        and not second.start <= place < second.end
        and not _compares(reply, place)
    ]
    if turned is None or not compares:
        return None
    if not all(r in _HARMLESS or r == "opposite" for r in outside):
        return None
    return second.option if turned else first.option


def _compares(reply: Wording, place: int) -> bool:
    fold = reply.pieces[place].fold
    return any(reply.question.words.among(table, fold) for table in ("than", "more", "less"))

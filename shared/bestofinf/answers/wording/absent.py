"""Replies that say that nothing answers the question: one class, which can win."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bestofinf.answers.wording.question import Question, Role
from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.tokens import Token

ABSENT = "not in the documents"
"""The key of a reply that says that the documents do not answer, or that it is not known."""

_HARMLESS = frozenset(
    {"article", "be", "was", "modal", "preposition", "own", "filler", "noun", "tell", "document"}
    | {"negation", "mark", "join", "or", "guard", "condition", "opposite", "no"}
)
_SMALL = frozenset({"article", "be", "was", "modal", "preposition", "negation", "tell", "document"})
_SAYING = ("sources", "mentions", "knowledge", "offers", "unknowns", "regrets", "documents")
MAX_UNKNOWN = 1
_QUOTED = re.compile(r"\"[^\"]+\"|“[^”]+”|„[^“”]+[“”]|«[^»]+»|`[^`]+`|'[^']+'|‘[^’]+’")


def quoted(text: str) -> str:
    """Return what a text that is one quotation, or code, holds: a value, whatever it says."""
    text = text.strip().rstrip(".").rstrip()
    return text[1:-1].strip() if _QUOTED.fullmatch(text) else ""


def absent(reply: Wording) -> str | None:
    """Return `ABSENT` where a reply denies that anything is said or known about the question.

    It has to deny, in one clause with a word for saying or knowing that is not the question's own,
    or with one for offering and a noun for a document; and nothing else may be in it. It may not
    name a choice, but to say that any of them may be. Of what is missing or wrong, or of a reason,
    what is not said may be the answer itself: there it may name nothing.
    """
    words, question = reply.question.words, reply.question
    says = offers = named = knows = tells = False
    unknown = 0
    for clause in _clauses(reply):
        denies = stated = False
        for token, role in clause:
            fold = token.fold
            if token.sort in ("number", "code") and role != "own":
                return None
            mine = role == "own" and words.stem(fold) in question.stems
            if role == "negation" or (role == "no" and not words.among("false", fold)):
                denies = True
            if words.among("unknowns", fold) and not mine:
                denies = stated = True
            elif words.among("mentions", fold) and not mine:
                stated = True
            elif words.among("offers", fold):
                offers = offers or not mine
            elif words.among("knowledge", fold) and not mine:
                knows = True
            elif words.among("documents", fold) and not mine:
                named = True
            elif role not in _HARMLESS and not words.among("regrets", fold):
                unknown += 1
        says = says or (denies and stated)
        tells = tells or denies
    enough = tells and (offers or (knows and named)) and (knows or named)
    if unknown > MAX_UNKNOWN or not (says or enough or (tells and _alone(reply))):
        return None
    if _names_choice(reply) or (_seeks_lack(question) and not _names_nothing(reply)):
        return None
    return ABSENT


def _clauses(reply: Wording) -> list[list[tuple[Token, Role]]]:
    """Return what marks part; "the text does not, however, say" is one clause."""
    words = reply.question.words
    found: list[list[tuple[Token, Role]]] = [[]]
    for token, role in zip(reply.pieces, reply.roles, strict=True):
        if role != "mark":
            found[-1].append((token, role))
        elif found[-1]:
            found.append([])
    kept: list[list[tuple[Token, Role]]] = [[]]
    joins = True
    for clause in found:
        empty = all(r == "filler" or words.among("regrets", t.fold) for t, r in clause)
        if joins or empty:
            kept[-1].extend(clause)
        else:
            kept.append(clause)
        joins = empty
    return kept


def _alone(reply: Wording) -> bool:
    """Return whether it says no more than "no information", "no idea"."""
    words = reply.question.words
    rest = [t for t, role in reply.bare if role not in ("negation", "no", "article", "be")]
    return bool(rest) and all(words.among("knowledge", token.fold) for token in rest)


def _names_choice(reply: Wording) -> bool:
    """Return whether it names a choice, and not several after it has denied: "whether A or B"."""
    question, words = reply.question, reply.question.words
    folds = [token.fold for token in reply.pieces]
    named: dict[str, int] = {}
    for place, fold in enumerate(folds):
        if fold.upper() in question.labels and (fold != "a" or _is_label(reply, place)):
            named.setdefault(fold.upper(), place)
    for option in question.labels.values() or question.options:
        for place in range(len(folds) - len(option) + 1):
            if tuple(folds[place : place + len(option)]) == option:
                named.setdefault(" ".join(option), place)
    if not named:
        return False
    said = [
        place
        for place, (fold, role) in enumerate(zip(folds, reply.roles, strict=True))
        if role == "negation" or words.among("unknowns", fold)
    ]
    return len(named) == 1 or not said or min(named.values()) < said[0]


def _is_label(reply: Wording, place: int) -> bool:
    """Return whether an A is no article: at the end, or before a verb."""
    return reply.roles[place + 1 : place + 2] in ((), ("mark",), ("be",), ("was",), ("modal",))


def _names_nothing(reply: Wording) -> bool:
    """Return whether it only says that nothing is said: "the text does not say why it is so"."""
    question, words = reply.question, reply.question.words
    asked = words.says.get(question.asks, frozenset())
    mine = [
        role == "own" and words.stem(token.fold) in question.stems for token, role in reply.bare
    ]
    about: Sequence[bool] = [
        token.fold in words.interrogatives
        or (not own and any(words.among(table, token.fold) for table in ("documents", "knowledge")))
        for (token, _), own in zip(reply.bare, mine, strict=True)
    ]
    for place, (token, role) in enumerate(reply.bare):
        fold = token.fold
        if role in _SMALL or fold in words.interrogatives or words.stem(fold) in asked:
            continue
        if mine[place] and not any(about[:place]):
            return False
        noun = place > 0 and words.among("determiners", reply.bare[place - 1][0].fold)
        if words.among("offers", fold) and noun:
            return False  # "the address"
        if not mine[place] and not any(words.among(table, fold) for table in _SAYING):
            return False
    return True


def _seeks_lack(question: Question) -> bool:
    """Return whether a question is for what is missing, wrong or denied, or for a reason.

    What holds under a condition, as in "if no date is given", does not count.
    """
    if question.kind == "truth":
        return False
    words, skips = question.words, False
    for token in question.sentence:
        fold = token.fold
        conditional = words.among("conditions", fold) and words.among("guards", fold)
        skips = token.sort != "mark" and (skips or conditional)
        negation = words.sense.get(fold) == "negation" and not words.among("withouts", fold)
        lack = negation or words.among("false", fold) or words.among("lacks", fold)
        if lack and not skips:
            return True
    return question.kind == "cause"

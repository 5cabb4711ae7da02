"""Whether a reply that gives a verdict takes it back: "Yes. Wait, no."."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bestofinf.answers.stances import RETRACTS
from bestofinf.answers.wording.reply import Wording

_DENIES = ("no", "false", "negations")


def is_corrected(reply: Wording, holds: bool, told: Callable[[Wording], bool | None]) -> bool:
    """Return whether what follows the first word of a reply takes its verdict back.

    By the other word as the first of a clause, by a clause that retracts, or by one that says the
    other. Where nothing holds, a denial takes nothing back: "No, that is wrong".

    Args:
        reply: It gives the verdict, mostly as its first word.
        holds: The verdict.
        told: What a clause by itself says of the question; None where it says neither.
    """
    return any(
        _says_other(clause, holds) or _retracts(clause, holds) or told(clause) is (not holds)
        for clause in _clauses(reply)
    )


def _clauses(reply: Wording) -> Iterator[Wording]:
    """Yield what begins behind the first word, or behind a mark; forms of replies have no marks."""
    for place, role in enumerate(reply.roles):
        if place and role != "mark" and (place == 1 or reply.roles[place - 1] == "mark"):
            yield Wording(reply.text, reply.pieces[place:], reply.question)


def _says_other(clause: Wording, holds: bool) -> bool:
    """Return whether a clause begins with the other word: "no", "hmm, no", "no, it is not".

    Not with one that goes with a noun, as in "no fee", nor with an adjective, which may go with
    any verdict: "No, correct".
    """
    words, roles = clause.question.words, clause.roles
    place = next((i for i, r in enumerate(roles) if r not in ("filler", "unknown")), 0)
    fold = clause.pieces[place].fold
    alone = roles[place + 1 : place + 2] in ((), ("mark",), ("article",))
    if not alone or words.among("true", fold) or words.among("false", fold):
        return False
    return words.among("no", fold) if holds else roles[place] == "yes"


def _retracts(clause: Wording, holds: bool) -> bool:
    """Return whether a clause retracts, in words that are neither regret nor the question's own."""
    question, words = clause.question, clause.question.words
    texts = [token.text for token in clause.pieces]
    found = RETRACTS.match(" ".join(texts))
    if found is None and not words.among("no", clause.pieces[0].fold):
        found = RETRACTS.fullmatch(texts[0])  # "wait it is not", without marks
    if found is None:
        return False
    said = [token.fold for token in clause.pieces[: len(found[0].split())]]
    if any(words.among("regrets", fold) for fold in said) or said[-1] in question.folds:
        return False
    return holds or not any(words.among(table, fold) for table in _DENIES for fold in said)

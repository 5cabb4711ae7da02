"""Whether what a reply names is the party that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.stretches import Stretch
from bestofinf.answers.wording.voices import stands_right


def is_party_asked(reply: Wording, names: Sequence[Stretch]) -> bool:
    """Return whether names stand where the one that was asked for would stand.

    By the side of the verb, active or passive; by the particle behind them; by the preposition
    that the question asks with.
    """
    verb, start, end = reply.question.verb, names[0].start, names[-1].end
    if verb is not None and not stands_right(reply.pieces, start, end, verb, reply.question.words):
        return False
    return _keeps_case(reply, end) and _is_oblique(reply, start, end)


def _keeps_case(reply: Wording, end: int) -> bool:
    """Return whether the particle behind a name is that of the interrogative, where there is one."""
    asked, words = reply.question.case, reply.question.words
    behind = [t.fold for t in reply.pieces[end : end + 2] if words.among("cases", t.fold)]
    return not asked or not behind or behind[0] == asked


def _is_oblique(reply: Wording, start: int, end: int) -> bool:
    """Return whether a name is led as the question asks, "to whom"; or alone, or set equal.

    "Mara sent the letter" names another party than "it was sent to Mara".
    """
    question = reply.question
    if not question.led or "own" not in reply.roles:
        return True
    roles = reply.roles
    before = start - 1
    while before >= 0 and roles[before] in ("article", "own"):
        before -= 1
    nouns = reply.pieces[before + 1 : start]
    if before >= 0:
        return roles[before] in ("preposition", "be", "was", "mark")
    if nouns:
        return all(token.text[:1].isupper() for token in nouns)  # "Gate B27"
    return end < len(roles) and roles[end] in ("be", "was")

"""True or false: what a reply calls the statement that a question asks about."""

from __future__ import annotations

from bestofinf.answers.wording.corrections import is_corrected
from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.tokens import Token

_VERDICTS = ("true", "false", "yes", "no")
_HARMLESS = frozenset(
    {"article", "be", "was", "filler", "noun", "own", "tell", "yes", "no", "negation", "document"}
)


def truth(reply: Wording) -> str | None:
    """Return ``true`` or ``false`` where a reply calls the statement that, and no condition is set.

    By its first word, else by the only such word in a sentence that says no more; "not" turns it.
    Nothing is read where what follows takes it back.
    """
    words = reply.question.words
    if any(words.among("conditions", token.fold) for token, _ in reply.bare):
        return None
    holds = _called(reply)
    if holds is None or is_corrected(reply, holds, _called):
        return None
    return "true" if holds else "false"


def _called(reply: Wording) -> bool | None:
    words = reply.question.words
    called = {token.fold in words.affirms for token, _ in reply.bare if _is_verdict(token, reply)}
    if len(called) != 1:
        return None
    holds = called.pop()
    if not _is_verdict(reply.pieces[0], reply):
        denied = sum(role == "negation" for _, role in reply.bare)
        if denied > 1 or not all(role in _HARMLESS for _, role in reply.bare):
            return None
        holds = holds != bool(denied)
    return holds


def _is_verdict(token: Token, reply: Wording) -> bool:
    """Return whether a word calls something true or false; "no" does only at the beginning."""
    words = reply.question.words
    denies = words.among("negations", token.fold) and token is not reply.pieces[0]
    return not denies and any(words.among(table, token.fold) for table in _VERDICTS)

"""Yes or no: by a leading word, or by an echo of the question."""

from __future__ import annotations

from bestofinf.answers.wording.corrections import is_corrected
from bestofinf.answers.wording.echoes import echoed
from bestofinf.answers.wording.reply import Wording

_SENTENCE = frozenset({"be", "was", "modal", "own", "opposite", "negation"})


def polarity(reply: Wording) -> str | None:
    """Return ``yes`` or ``no`` where a reply says just that.

    A leading yes or no counts unless a condition follows, or what takes it back. Without one only
    an echo counts: a sentence of the question's own words or their opposites, in its order, or
    turned round by a passive. A question that is negated has no such answer.
    """
    if reply.question.is_negated:
        return None
    led = lead(reply)
    if led is not None:
        taken_back = _restricted(reply) or is_corrected(reply, led == "yes", _holds)
        return None if taken_back else led
    if reply.question.words.among("no", reply.pieces[0].fold) and reply.roles[1:2] == ("article",):
        return None  # "no it is" denies nothing in it
    return echoed(reply)


def _holds(reply: Wording) -> bool | None:
    """Return whether an echo affirms; None where there is none."""
    echo = echoed(reply)
    return None if echo is None else echo == "yes"


def lead(reply: Wording) -> str | None:
    """Return the yes or no that a reply begins with; None where it begins otherwise."""
    words = reply.question.words
    pieces, roles = reply.pieces, reply.roles
    fold = pieces[0].fold
    follows = roles[1] if len(roles) > 1 else "mark"
    if words.among("yes", fold):
        return "yes" if follows in ("mark", "article", "own", "be", "modal", "yes") else None
    if words.among("no", fold):
        alone = ("mark", "no") if words.among("negations", fold) else ("mark", "no", "article")
        return "no" if follows in alone else None
    return None


def _restricted(reply: Wording) -> bool:
    """Return whether what follows a leading yes or no makes it hold only sometimes.

    So do conditions, what a preposition adds, and a fragment that is no sentence: "yes, on
    Sundays", "yes, weekdays". Of what was, "in May" tells only when.
    """
    words, question = reply.question.words, reply.question
    pieces, roles = reply.pieces, reply.roles
    sentence = any(
        role in _SENTENCE or (role == "article" and not words.among("determiners", token.fold))
        for token, role in zip(pieces[1:], roles[1:], strict=True)
    )
    if "unknown" in roles and not sentence:
        return True
    for place, role in enumerate(roles[1:], 1):
        fold = pieces[place].fold
        if words.among("conditions", fold) and role != "own":
            return True
        if not words.among("prepositions", fold) or role == "own":
            continue
        if words.among("agents", fold) or words.among("genitives", fold):
            continue
        rest = [r for r in roles[place + 1 : place + 5] if r != "article"]
        mine = fold in question.folds
        adds = bool(rest) and (rest[0] == "unknown" or (rest[0] == "own" and not mine))
        if adds and (roles[place - 1] in ("mark", "yes", "no") or not question.is_past):
            return True
    return False

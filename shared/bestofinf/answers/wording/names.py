"""Names, lists, places and reasons: what remains of a reply without the question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bestofinf.answers.forms import words_form
from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.sides import is_party_asked
from bestofinf.answers.wording.stretches import Stretch, stretches


def name(reply: Wording) -> str | None:
    """Return what a reply names, as words; several names in the order of the alphabet.

    Where the question asks for an order they stay in that of the reply.

    What is left without the question's words must be one stretch, or several with only commas or
    "and" between them. A preposition before it belongs to it unless the question asks with that.
    """
    question = reply.question
    if reply.was_only or reply.is_taken_back or not any(map(str.isalpha, reply.text)):
        return None
    if question.is_negated and "own" in reply.roles:
        return None
    found, either = stretches(reply)
    if not found or not is_party_asked(reply, found):
        return None
    names = [_said(reply, stretch) for stretch in found]
    if not all(names) or len(set(names)) < len(names):
        return None
    if not question.asks_for_order or either:
        names.sort()
    return _lead(reply, found[0]) + (" or " if either else ", ").join(names)


def _lead(reply: Wording, stretch: Stretch) -> str:
    """Return the preposition before a name that makes it another; empty where it does not."""
    question = reply.question
    place = stretch.start - 1
    while place >= 0 and reply.roles[place] in ("article", "filler"):
        place -= 1
    if place < 0 or reply.roles[place] != "preposition":
        return ""
    fold = reply.pieces[place].fold
    return "" if question.leads_with(fold) else f"{fold} "


def _said(reply: Wording, stretch: Stretch) -> str:
    """Return a name in words, signs within it as they are written and acronyms large."""
    pieces = reply.pieces[stretch.start : stretch.end]
    glue = " " if reply.question.words.language.blanks else ""
    text = glue.join(token.text for token in pieces)
    if any(token.sort == "sign" for token in pieces):
        # As written: "AT&T" has no blanks.
        written = _as_written([token.text for token in pieces]).search(reply.text)
        text = written[0] if written else text
    acronyms = {t.fold: t.text for t in pieces if t.text.isupper() and len(t.text) > 1}
    senses = reply.question.words.sense
    # "IT" is no pronoun, and must not become one.
    said = (
        acronyms[w] if w in acronyms and w in senses else w for w in words_form(text).split(" ")
    )
    return " ".join(said)


def _as_written(texts: Sequence[str]) -> re.Pattern[str]:
    return re.compile(r"\s*+".join(map(re.escape, texts)))

"""Identifiers, versions and addresses: compared by their characters."""

from __future__ import annotations

from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.stretches import CONTEXT

_SIGNS = "#+-"


def identifier(reply: Wording) -> str | None:
    """Return the only identifier that a reply gives; digits in groups are one number."""
    question, words = reply.question, reply.question.words
    codes = [
        place
        for place, token in enumerate(reply.pieces)
        if token.sort in ("code", "number") and question.role(token) != "own"
    ]
    if not codes or reply.was_only or reply.is_taken_back:
        return None
    if codes[-1] - codes[0] != len(codes) - 1:
        return None
    for place, (token, role) in enumerate(zip(reply.pieces, reply.roles, strict=True)):
        plain = role in CONTEXT or words.among("chooses", token.fold) or token.fold in _SIGNS
        if place not in codes and not plain:
            return None
        if role == "preposition" and not question.ties(token.fold):
            return None
    before = reply.pieces[codes[0] - 1].fold if codes[0] else ""
    if words.among("turning", before) and not question.allows(before):
        return None
    text = "".join(reply.pieces[place].fold for place in codes)
    if len(codes) > 1 and not text.isdigit():
        return None
    return text[1:] if text[0] == "v" and text[1:2].isdigit() else text

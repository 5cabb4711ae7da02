"""Questions for both sides of a deed: who did it to whom."""

from __future__ import annotations

from bestofinf.answers.wording.reply import Wording

_HARMLESS = frozenset({"article", "be", "was", "filler", "mark", "preposition", "noun", "tell"})


def role(reply: Wording) -> str | None:
    """Return "one verb other" for "X bought Y" and "Y was bought by X".

    The verb has to be the question's, or one that says the same.
    """
    question, words = reply.question, reply.question.words
    names: list[list[str]] = []
    if any(role in ("negation", "guard") for role in reply.roles):
        return None
    verb = -1
    passive = agent = False
    open_name = False
    options = question.choices
    for place, (token, kind) in enumerate(zip(reply.pieces, reply.roles, strict=True)):
        named = kind == "unknown" or token.fold in options
        if named:
            if not open_name:
                names.append([])
            names[-1].append(token.fold)
        elif kind == "own" and token.sort == "word":
            if verb >= 0 or len(names) != 1:
                return None
            verb = place
            passive = reply.roles[place - 1] in ("be", "was")
        elif kind == "preposition" and words.among("agents", token.fold):
            agent = verb == place - 1
        elif kind == "preposition" and len(names) == 2:
            break  # when or where it was
        elif kind not in _HARMLESS or kind == "preposition":
            return None
        open_name = named
    if verb < 0 or len(names) != 2 or passive != agent:
        return None
    one, other = (" ".join(words_of) for words_of in (names[::-1] if passive else names))
    return f"{one} {question.deed} {other}"

"""Whether a question asks for an order, so that a list in another order is another answer."""

from __future__ import annotations

from collections.abc import Sequence

from bestofinf.answers.wording.lexicon import Lexicon
from bestofinf.answers.wording.tokens import Token

_LEAD = 3
"""Words before a noun for an order that may lead it, as in "in the correct order"."""
_SEVERAL = 2
_MANY = 3
"""Objects of a verb that say which of the names is whose: "Who won gold, silver and bronze?"."""


_SMALL = frozenset({"article", "be", "was", "modal", "preposition", "join", "or", "negation"})


def has_order(
    text: str, tokens: Sequence[Token], sentence: Sequence[Token], opening: int, words: Lexicon
) -> bool:
    """Return whether the order of a list is part of the answer to a question.

    It is where the question says so ("rank", "in what order"), asks for the next ones or the best
    ones by their number, names several ranks, or asks for several things side by side ("the
    latitude and longitude").

    Args:
        text: Of the question.
        tokens: All its pieces.
        sentence: Those of the sentence that asks.
        opening: Where its interrogative stands in it; -1 without one.
        words: Of its language.
    """
    if not words.language.blanks:
        return any(word in text for word in words.listed("orders"))
    if any(words.among("orders", token.fold) for token in tokens):
        return True
    ranks = {words.stem(t.fold) for t in tokens if words.among("ranks", t.fold)}
    if len(ranks) >= _SEVERAL or _is_led(sentence, words) or _counts_next(sentence, words):
        return True
    return _asks_for_several(sentence, opening, words)


def _is_led(sentence: Sequence[Token], words: Lexicon) -> bool:
    """Return whether a noun that also means a purchase means an order: led, or a command."""
    for place, token in enumerate(sentence):
        if words.among("sequences", token.fold):
            before = sentence[max(0, place - _LEAD) : place]
            led = any(
                words.among("units_in", t.fold) or t.fold in words.interrogatives for t in before
            )
            if led or not place:
                return True
    return False


def _counts_next(sentence: Sequence[Token], words: Lexicon) -> bool:
    """Return whether it asks for several that come next, or are the best: "the top five"."""
    for place, token in enumerate(sentence):
        if words.among("nexts", token.fold):
            beside = (*sentence[max(0, place - 1) : place], *sentence[place + 1 : place + 2])
            if any(_number(t, words) >= _SEVERAL for t in beside):
                return True
    return False


def _number(token: Token, words: Lexicon) -> float:
    value = words.numerals.get(token.fold) if token.value is None else token.value
    return float(value or 0)


def _asks_for_several(sentence: Sequence[Token], opening: int, words: Lexicon) -> bool:
    """Return whether several things are asked for, each of which has its answer.

    They stand behind "what is" or a command, before any preposition; or they are all that follows
    a verb, three at least, or two of a person: "Who sang the first and the second part?".
    """
    start = opening + 1
    behind = [words.sense.get(t.fold, "") for t in sentence[start:]]
    end = next((i for i, sense in enumerate(behind) if sense == "preposition"), len(behind))
    join = next((i for i, sense in enumerate(behind[:end]) if sense == "join"), None)
    inside = sentence[start : start + end]
    if not join or not any(t.sort == "word" for t in inside[join + 1 :]):
        return False
    named = sum(
        t.sort == "word" and sense not in _SMALL
        for t, sense in zip(inside[:join], behind, strict=False)
    )
    if opening < 0:
        # "Give the mass and the charge"; "list all nuts and berries" asks for a set.
        return behind[0] not in _SMALL and behind[1] == "article" and named >= _SEVERAL
    if behind[0] in ("be", "was") and not words.among("does", inside[0].fold):
        return named >= 1
    if any(sense in ("be", "was", "modal") for sense in behind[:end]) or named < _SEVERAL:
        return False
    items = _SEVERAL + sum(t.fold == "," for t in inside[:join])
    person = words.interrogatives[sentence[opening].fold] == "person"
    return items >= (_SEVERAL if person else _MANY)

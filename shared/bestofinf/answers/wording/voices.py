"""Who does it to whom: the voice of a sentence, and what a question asks for of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bestofinf.answers.wording.lexicon import Lexicon
from bestofinf.answers.wording.tokens import Token


@dataclass(frozen=True, slots=True)
class Asked:
    """The verb of a question, and whether the answer is its subject.

    Attributes:
        verb: Stem of the verb.
        agent: Whether the answer does what it says; else that is done to it.
    """

    verb: str
    agent: bool


def asked(sentence: Sequence[Token], opening: int, words: Lexicon, *, noun: bool) -> Asked | None:
    """Return the side of its verb that a question asks for; None where that cannot be told.

    Args:
        sentence: The pieces of the question.
        opening: Where its interrogative stands.
        words: Of the language.
        noun: Whether a noun follows the interrogative, as in "which company".
    """
    rest = [token for token in sentence[opening + 1 :] if token.sort != "mark"]
    place = 0
    while place < len(rest) and words.sense.get(rest[place].fold, "") in ("", "tell", "noun"):
        place += 1
    content, rest = rest[:place], rest[place:]
    if len(content) > noun:
        return Asked(words.stem(_verb_of(content, noun).fold), agent=True)
    if not rest:
        return None
    first = rest[0].fold
    if words.among("does", first):
        # The verb comes last, before any preposition: "which bank did the firm choose".
        senses = [words.sense.get(token.fold, "") for token in rest]
        end = senses.index("preposition") if "preposition" in senses else len(rest)
        main = [t for t in rest[1:end] if words.sense.get(t.fold, "") != "article"]
        return Asked(words.stem(main[-1].fold), agent=False) if main else None
    if words.sense.get(first) in ("be", "was") and len(rest) > 1 and _is_participle(rest[1], words):
        return Asked(words.stem(rest[1].fold), agent=words.among("haves", first))
    return None


def _verb_of(content: Sequence[Token], noun: bool) -> Token:
    """Return the verb of "who wrote" or "which company bought": the last before any name."""
    if not noun:
        return content[0]
    names = (place for place, token in enumerate(content) if place > 1 and token.text[0].isupper())
    return content[next(names, len(content)) - 1]


def _is_participle(token: Token, words: Lexicon) -> bool:
    return token.fold.endswith(words.participles)


def stands_right(
    pieces: Sequence[Token], start: int, end: int, question: Asked, words: Lexicon
) -> bool:
    """Return whether a name stands on the side of the verb that was asked for.

    In a passive that is whether "by" leads it, else its place. Without the verb nothing can be
    wrong.

    Args:
        pieces: Those of the reply.
        start: Where the name begins.
        end: Where it ends.
        question: What was asked.
        words: Of the language.
    """
    verb = _verb_in(pieces, start, end, question, words)
    if verb is None:
        return True
    by = _led_by_agent(pieces, start, words)
    if by or _is_passive(pieces, verb, words):
        return by == question.agent
    if words.language.inverts and question.agent:
        objects = pieces[:verb] if start > verb else ()
        return not any(words.sense.get(t.fold, "") == "" and t.sort == "word" for t in objects)
    return (start < verb) == question.agent


def suffers(pieces: Sequence[Token], start: int, end: int, question: Asked, words: Lexicon) -> bool:
    """Return whether a name has done to it what the one that was asked for does: "it was beaten".

    Args:
        pieces: Those of the reply.
        start: Where the name begins.
        end: Where it ends.
        question: What was asked.
        words: Of the language.
    """
    verb = _verb_in(pieces, start, end, question, words) if question.agent else None
    if verb is None or not _is_participle(pieces[verb], words):
        return False
    return _is_passive(pieces, verb, words) and not _led_by_agent(pieces, start, words)


def _verb_in(
    pieces: Sequence[Token], start: int, end: int, question: Asked, words: Lexicon
) -> int | None:
    """Return where the verb of a question, or one that says the same, stands outside of a name."""
    same = {question.verb} | words.synonyms.get(question.verb, frozenset())
    return next(
        (
            place
            for place, token in enumerate(pieces)
            if token.sort == "word"
            and not start <= place < end
            and words.stem(token.fold) in same
            and not _is_noun(pieces, place, words)
        ),
        None,
    )


def _led_by_agent(pieces: Sequence[Token], start: int, words: Lexicon) -> bool:
    place = start - 1
    while place >= 0 and words.sense.get(pieces[place].fold) == "article":
        place -= 1
    return place >= 0 and words.among("agents", pieces[place].fold)


def _is_noun(pieces: Sequence[Token], place: int, words: Lexicon) -> bool:
    """Return whether a word is a noun here, or the verb of a clause about one: both turn nothing."""
    place -= 1
    while place >= 0 and words.sense.get(pieces[place].fold) == "filler":
        place -= 1
    if place < 0:
        return False
    before = pieces[place]
    owned = before.text.endswith("'s")
    return owned or any(words.among(t, before.fold) for t in ("determiners", "relatives"))


def _is_passive(pieces: Sequence[Token], verb: int, words: Lexicon) -> bool:
    if words.language.passives:
        return any(words.among("passives", token.fold) for token in pieces)
    place = verb - 1
    while place >= 0 and words.sense.get(pieces[place].fold) in ("filler", "article", "negation"):
        place -= 1
    if place < 0 or words.sense.get(pieces[place].fold) not in ("be", "was"):
        return any(words.among("agents", token.fold) for token in pieces[verb + 1 : verb + 2])
    return not words.among("haves", pieces[place].fold)

"""A question read: its language, the kind of its answer, its choices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from bestofinf.answers.wording.languages import LANGUAGES
from bestofinf.answers.wording.lexicon import Lexicon, lexicon
from bestofinf.answers.wording.options import labelled, options_in
from bestofinf.answers.wording.question import Kind, Question
from bestofinf.answers.wording.tokens import Token, tidied, tokens

_KANA = re.compile(r"[\u3040-\u30ff]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_SENTENCES = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_LETTERS = re.compile(r"[^\W\d_]+'?")


def language_of(text: str) -> str:
    """Return the code of the language whose small words a text has most of; empty without any."""
    if _KANA.search(text):
        return "ja" if "ja" in LANGUAGES else ""
    if _HAN.search(text):
        return "zh" if "zh" in LANGUAGES else ""
    found = _LETTERS.findall(text.casefold().replace("’", "'"))
    counts = {
        code: sum(word in lexicon(code).common for word in found)
        for code, language in LANGUAGES.items()
        if language.blanks
    }
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] else ""


@lru_cache(maxsize=512)
def question_of(text: str) -> Question | None:
    """Return a question as read; None where its language is not known, or it says nothing."""
    text = tidied(text)
    code = language_of(text)
    if not code:
        return None
    words = lexicon(code)
    labels = labelled(text, words)
    sentence = _sentence(text)
    pieces = tuple(tokens(sentence, words))
    whole = tuple(tokens(text, words)) if len(sentence) < len(text) else pieces
    opening = next((i for i, t in enumerate(pieces) if t.fold in words.interrogatives), -1)
    asks = words.interrogatives[pieces[opening].fold] if opening >= 0 else ""
    kind, asks = _kind(pieces, text, opening, asks, words)
    options = options_in(pieces, words, asks=opening >= 0) if not labels else ()
    if options and kind in ("quantity", "date", "cause"):
        options = ()
    if options and kind in ("polarity", "name"):
        kind = "choice"
    if labels:
        kind = "choice"
    return Question(
        text, words, _with_rest(pieces, whole), pieces, kind, opening, asks, labels, options
    )


def _sentence(text: str) -> str:
    """Return the last sentence that ends in a question mark, else the whole."""
    asked = [found[0] for found in _SENTENCES.finditer(text) if found[0][-1] in "?？"]
    return asked[-1].strip() if asked else text


def _with_rest(pieces: tuple[Token, ...], whole: tuple[Token, ...]) -> tuple[Token, ...]:
    """Return the pieces of the question, and behind them those of what stands around it."""
    if len(whole) == len(pieces):
        return pieces
    inside = {token.fold for token in pieces}
    return (
        *pieces,
        *(token for token in whole if token.fold not in inside and token.sort != "mark"),
    )


def _kind(
    pieces: Sequence[Token], text: str, opening: int, asks: str, words: Lexicon
) -> tuple[Kind, str]:
    """Return the kind of a question, and what it asks for more precisely."""
    if any(words.among("true", t.fold) for t in pieces) and any(
        words.among("false", t.fold) for t in pieces
    ):
        return "truth", ""
    first = pieces[0].fold if pieces else ""
    if opening < 0:
        asked = text.rstrip("\"')»").endswith(("?", "？"))
        polar = words.among("auxiliaries", first) or asked or _ends_polar(pieces, words)
        return ("polarity" if polar else "name"), ""
    if any(words.among("wholes", t.fold) for t in pieces[opening + 1 :]):
        return "role", asks
    if asks in ("duration", "frequency", "count", "amount", "money", "share", "measure"):
        return "quantity", asks
    if asks == "name":
        asks = _noun_asked(pieces, opening, words) or asks
        if asks != "name":
            return ("date" if asks == "date" else "quantity"), asks
    if asks in ("date", "cause"):
        return ("date" if asks == "date" else "cause"), asks
    return "name", asks


def _ends_polar(pieces: Sequence[Token], words: Lexicon) -> bool:
    """Return whether a question ends in a particle that asks for yes or no."""
    ends = [token.fold for token in pieces if token.sort != "mark"]
    return bool(ends) and words.among("particles", ends[-1])


def _noun_asked(pieces: Sequence[Token], opening: int, words: Lexicon) -> str:
    """Return the kind of quantity that "what" asks for by its noun, if it is one."""
    found = ""
    noun = False
    for token in pieces[opening + 1 :]:
        sense = words.sense.get(token.fold)
        if sense == "preposition" and found:
            break
        kind = words.quantities.get(words.stem(token.fold))
        if " " in token.fold and kind == "count" and found == "" and noun:
            return ""  # "the order number of"
        if kind is not None:
            found = kind
        elif (sense in ("modal", "be", "was") and found) or sense == "preposition":
            break
        elif sense not in ("be", "was", "article", "modal"):
            found = ""
            noun = sense != "filler"
    return found

"""Whether an answer is given for another case: "If it had asked for the least, it would be C".

Such an answer counts only where no other is given: "If x is 3, the answer is 7" may be all there
is to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bestofinf.answers.languages import LANGUAGES, LETTER

WINDOW = 240
"""Characters before an answer that can belong to its sentence."""

CONDITIONS = {
    "en": "suppos\\w*|assuming|assumption|imagine|if|unless",
    "de": "wenn|falls|angenommen",
    "fr": "si|suppos\\w+",
    "es": "si|supon\\w+",
    "it": "se|suppon\\w+",
    "pt": "se|supon\\w+",
    "nl": "als|indien|stel",
    "ru": "если|предположим|допустим",
    "sv": "om", "da": "hvis", "fi": "jos", "pl": "jeśli", "cs": "pokud", "hu": "ha", "ro": "dacă", "el": "αν", "tr": "eğer",
    "uk": "якщо", "bg": "ако", "ar": "إذا|لو", "fa": "اگر", "ur": "اگر", "he": "אם", "hi": "यदि|अगर",
    "vi": "nếu", "id": "jika|kalau", "tl": "kung", "sw": "kama",
    "zh": "如果|若|假设|假設",
    "ja": "もし|仮に",
    "ko": "만약",
    "th": "ถ้า",
}  # fmt: skip
"""Words that set a condition, by language."""

_OTHER_CASE = r"(?<!\w)alternatively(?!\w)|^\W{0,9}had\s"
"""What leads to another case in English without a word for a condition."""

_SUPPOSED = re.compile(
    r"(?<!\w)(?:would|wäre|serait|sería|sarebbe|seria|zou|olisi|ar\s+fi|vore)(?!\w)", re.I
)
"""Verbs for what is not so."""

_END = re.compile(r"[.!?;]\s|\n|[。！？।؟]")
_TURNS = {
    "en": "but|because|since|yet|however|here",
    "de": "aber|sondern|hier",
    "fr": "mais|ici",
    "es": "pero|aquí",
    "it": "ma|qui",
    "pt": "mas|aqui",
    "nl": "maar|hier",
    "ru": "но|здесь",
    "zh": "但|而是",
    "ja": "しかし",
}
"""Words behind which a condition no longer holds."""

_OWN = re.compile(r"(?<!\w)(?:final|my|our|finale?|endgültige|mein\w*|ma|mi|minha)(?!\w)", re.I)


def word_pattern(code: str, words: str) -> str:
    """Return a pattern for words of a language, parted by bars, as whole words where it has blanks."""
    words = words.replace(" ", r"\s+")
    return rf"(?<!{LETTER})(?:{words})(?!{LETTER})" if LANGUAGES[code].blanks else f"(?:{words})"


def _setting(code: str) -> str:
    """Return a pattern for what sets a condition in a language."""
    words = word_pattern(code, CONDITIONS[code])
    return f"{words}|{_OTHER_CASE}" if code == "en" else words


def _turning(code: str) -> str:
    """Return a pattern for where a conclusion or a turn begins in a language."""
    language = LANGUAGES[code]
    led = r"(?:^\W{0,9}|[,:،，、]\s{0,3}(?:and\s|und\s|et\s|y\s|e\s)?)" if language.blanks else ""
    turns = [word_pattern(code, _TURNS[code])] if code in _TURNS else []
    return "|".join([led + word_pattern(code, language.so), *turns])


_CONDITION = {code: re.compile(_setting(code), re.I) for code in CONDITIONS}
_TURN = {
    code: re.compile(_turning(code), re.I) for code, language in LANGUAGES.items() if language.so
}


def is_supposed(text: str, start: int, mark: str, codes: Sequence[str]) -> bool:
    """Return whether what is announced at a place is the answer in another case.

    Args:
        text: The reply.
        start: Where the announcement begins.
        mark: The announcement, with its verb.
        codes: Of the languages whose it may be.
    """
    sentence = _END.split(text[max(0, start - WINDOW) : start])[-1]
    return any(_is_supposed(sentence, mark, code) for code in codes)


def sentence_start(text: str, place: int) -> int:
    """Return where the sentence begins that a place is in, within a window."""
    begin = max(0, place - WINDOW)
    return max((begin + end.end() for end in _END.finditer(text[begin:place])), default=begin)


def _is_supposed(sentence: str, mark: str, code: str) -> bool:
    turn, condition = _TURN.get(code), _CONDITION.get(code)
    begins = max((match.end() for match in turn.finditer(sentence)), default=0) if turn else 0
    if condition is not None and condition.search(sentence, begins):
        return True
    return not begins and bool(_SUPPOSED.search(mark)) and not _OWN.search(sentence + mark)

"""Normal forms of short answers: numbers, choices, dates, notation, words.

`short_form` takes the first that applies. Every form is idempotent, and errs towards telling
answers apart: a missed merge costs samples, a wrong one elects a wrong answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date

from bestofinf.answers.canonical_json import json_form
from bestofinf.answers.latex import is_mathematical, latex_form, unwrapped
from bestofinf.answers.numbers import minus_signs, number_form, plain_signs
from bestofinf.records import AnswerValue

MAX_SHORT = 400
"""Characters a short answer may have."""

MAX_WORDS = 8
"""Words a short answer may have; more is free text, which never votes by itself."""

MAX_PROSE = 24
"""Words of three letters and more that notation may have among it, as in `\\text{}`."""

MAX_NOTATION = 2_000
"""Characters that notation or JSON may have."""

_LIST_OF_CHOICES = re.compile(
    r"\(?[A-J]\)?(?:\s*+(?:,\s*+(?:and\b)?|&|;|\b(?:and|und|et|y|e)\b)\s*+\(?[A-J]\)?)+"
)
_EXPLAINED = re.compile(
    r"\(?([A-J])\)?\s*[.:,。，：]\s*(?:(?:because|since|as|due\s+to|explanation|reason|it|this|that|the"
    r"|these|all|other|weil|denn|da|car|parce|porque|perché|omdat)(?!\w)|因为|因為|なぜなら|왜냐하면)",
    re.I,
)
_CHOICE = re.compile(
    r"\(?\s*([A-J])\s*[).:]?|\(\s*([a-j])\s*\)|(?:option|choice)\s+\(?([A-Ja-j])\)?", re.I
)
_LABELLED = re.compile(r"\(?([A-J])\)\s+(?=\S)")
_LABEL = re.compile(r"(?<![\w(])\(?[A-Ja-j]\)")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_MONTH = (
    "(?P<month>" + "|".join(f"{m[:3]}(?:{m[3:]})?" for m in _MONTHS).replace("(?:)", "") + r")\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_DATES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})",
        rf"{_MONTH}\s+{_DAY},?\s+(?P<year>\d{{4}})",
        rf"(?:the\s+)?{_DAY}\s+(?:of\s+)?{_MONTH},?\s+(?P<year>\d{{4}})",
    )
)
_WIDE = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **{code: chr(ord("A") + (code - 0x24B6) % 26) for code in range(0x24B6, 0x24EA)},  # Ⓐ to ⓩ
    **dict.fromkeys((0x3000, 0xA0, 0x202F, 0x2007, 0x2009), " "),
    **{ord("٪"): "%", ord("٫"): ".", ord("٬"): ","},
}
_JOINERS = re.compile("(?<=\\w)[\u200c\u200d]|[\u200c\u200d](?=\\w)")
_DIGIT = re.compile(r"(?![0-9])\d")
# Scripts that set no blanks between words; two letters are about one word of English.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"'})
_EDGES = ".,;:!?\"'`*_。、"
_EDGES_OF_NUMBERS = ".,;:?*_`。、"  # 5' is not 5", and 5! is not 5
_WITH_UNIT = re.compile(r"[-+]?[\d.,]*\d[^\W\d_]{1,3}")  # "12M" is not "12m"
_IDENTIFIER = re.compile(r"[a-z]+[A-Z]|[A-Z][A-Z\d]{1,30}_[A-Z\d]")
_PROSE = re.compile(r"(?<![^\W\d_])(?<!\\)[^\W\d_]{3,}")
_SURROGATES = re.compile("[\ud800-\udfff]")
# Where "a" names something, as in music or in "plan A", it is no article.
NOT_AFTER_ARTICLE = frozenset(
    {"minor", "major", "flat", "sharp", "level", "levels", "team", "side", "list"}
    | {"grade", "plus", "star", "priori", "posteriori"}
)
_SMALL_WORDS = frozenset(
    {"a", "am", "an", "as", "at", "be", "by", "do", "go", "he", "if", "in", "is", "it", "me", "my"}
    | {"no", "of", "oh", "ok", "on", "or", "so", "to", "up", "us", "we"}
)
NON_ANSWERS = frozenset(
    {"i don't know", "i do not know", "don't know", "i'm not sure", "i am not sure", "not sure"}
    | {"i cannot answer", "i can't answer", "i cannot help with that", "i can't help with that"}
    | {"i'm sorry", "i am sorry", "sorry", "no answer", "n/a", "idk", "unknown", "?", "...", "-"}
)
"""Short texts, in lower case, that say nothing that could be voted for."""


def encodable(text: str) -> str:
    """Return the text with unpaired surrogates replaced, so that it can be written out."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def even(text: str) -> str:
    """Return the text in plain characters: full-width letters and signs, digits of any script.

    A dash that is the sign of a number is a minus. What only joins letters and nobody sees is
    removed.
    """
    if text.isascii():
        return text
    text = _JOINERS.sub("", unicodedata.normalize("NFC", text).translate(_WIDE))
    return minus_signs(_DIGIT.sub(lambda digit: str(unicodedata.digit(digit[0])), text))


def count_words(text: str) -> int:
    """Return how many words a text has; two letters count as one in scripts without blanks."""
    words = len(text.split())
    return words if text.isascii() else words + len(_UNSPACED.findall(text)) // 2


def settled(form: Callable[[str], str | None], text: str) -> str | None:
    """Apply a form until it changes nothing, so that the result is its own form.

    None where the form gives None, or does not settle: then the text is no sane answer.
    """
    for _ in range(5):
        found = form(text)
        if found is None or found == text:
            return found
        text = found
    return None


def short_form(text: str, *, max_words: int = MAX_WORDS) -> str | None:
    r"""Return the normal form of a short answer, None where it is free text or says nothing.

    >>> [short_form(t) for t in ("**42.0**", "(b)", "5 May 2024", r"$\dfrac12$", "The Hague.")]
    ['42', 'B', '2024-05-05', '0.5', 'hague']
    """
    return settled(lambda t: _short_form(t, max_words), text)


def _short_form(text: str, max_words: int) -> str | None:
    if len(text) > MAX_NOTATION:
        return None
    text = unwrapped(even(encodable(text)))
    if not text:
        return None
    if (number := money_form(text)) is not None:
        return number
    if (choice := choice_form(text)) is not None:
        return choice
    if text[0] in "{[" and (structured := json_form(text)) is not None:
        return structured
    if is_mathematical(text):
        # Words inside notation count too: "\text{...}" may wrap a whole sentence.
        form = latex_form(text)
        return (form or None) if len(_PROSE.findall(form)) <= MAX_PROSE else None
    if len(text) > MAX_SHORT or count_words(text) > max_words:
        return None
    return date_form(text) or words_form(text) or None


def money_form(text: str) -> str | None:
    """Return the form of a plain number; a currency sign is kept, so $5 is not €5 and not 5."""
    text = plain_signs(text)
    match = re.fullmatch(r"(-?)\s*(\\?\$|US\$|€|£|¥)\s*([\d.,]+)", text)
    if match is None:
        return number_form(text)
    number = number_form(match[1] + match[3])
    return None if number is None else match[2].lstrip("\\US") + number


def choice_form(text: str) -> str | None:
    """Return the letter A to J of a choice, or several in the order of the alphabet.

    >>> [choice_form(t) for t in ("B.", "(b)", "option b", "(B) Paris", "B. Because", "D and B")]
    ['B', 'B', 'B', 'B', 'B', 'B, D']
    """
    if (labelled := _LABELLED.match(text)) and not _LABEL.search(text, labelled.end()):
        return labelled[1]
    if (explained := _EXPLAINED.match(text)) and explained[1].isupper():
        return explained[1]
    if _LIST_OF_CHOICES.fullmatch(text):
        return ", ".join(sorted(set(re.findall(r"\b[A-J]\b", text))))
    match = _CHOICE.fullmatch(text)
    bare = match is not None and text[0] != "(" and text[-1] != ")"
    if match is None or (match[1] is not None and match[1].islower() and bare):
        return None
    letter = match[1] or match[2] or match[3]
    return letter.upper()


def date_form(text: str) -> str | None:
    """Return a full date as YYYY-MM-DD; None for others and for all-digit forms such as 1/2/24."""
    for pattern in _DATES:
        if match := pattern.fullmatch(text):
            month = match["month"].lower()
            number = (
                int(month) if month.isdigit() else 1 + [m[:3] for m in _MONTHS].index(month[:3])
            )
            try:
                return date(int(match["year"]), number, int(match["day"])).isoformat()
            except ValueError:
                return None
    return None


def words_form(text: str) -> str:
    """Return words in lower case, without edge punctuation and without a leading article.

    In the manner of SQuAD's evaluation script, but it leaves what carries meaning: signs inside
    words ("C++", "3:45"), letters standing alone ("plan A"), and the case of symbols ("CO" is
    not "Co"), of short units after a number ("5 mW" is not "5 MW") and of identifiers ("userId"
    is not "userid").
    """
    text = even(encodable(text))
    words: list[str] = []
    for word in plain_signs(text.translate(_QUOTES)).split():
        bare = _without_edges(word)
        if bare in ("", "-"):
            # Kept where it is all there is: an idle dash or "?" must not vanish into nothing.
            continue
        unit = (words and words[-1][-1].isdigit() and len(bare) <= 3) or _WITH_UNIT.fullmatch(bare)
        kept = unit or _is_symbol(bare) or _IDENTIFIER.match(bare)
        words.append(bare if kept else _folded(bare))
    if len(words) > 1 and _is_article(words[0], words[1]):
        words = words[1:]
    return " ".join(words)


def _is_symbol(word: str) -> bool:
    """Return whether case may tell a word from another: "Co" and "CO", "x" and "X"."""
    return len(word) == 1 or (len(word) == 2 and word.lower() not in _SMALL_WORDS)


def _without_edges(word: str) -> str:
    ends_in_number = re.search(r"\d[^\w]*$", word)
    word = word.rstrip(_EDGES_OF_NUMBERS if ends_in_number else _EDGES)
    return word if re.match(r"\.\w", word) else word.lstrip(_EDGES)


def _folded(word: str) -> str:
    return unicodedata.normalize("NFC", word.casefold())


def _is_article(word: str, following: str) -> bool:
    if word in ("the", "an"):
        return True
    return word in ("a", "A") and len(following) > 2 and following not in NOT_AFTER_ARTICLE


def says_nothing(value: AnswerValue) -> bool:
    """Return whether a normal form is a way of not answering."""
    return isinstance(value, str) and value.lower() in NON_ANSWERS

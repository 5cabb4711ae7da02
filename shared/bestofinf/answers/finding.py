"""Where in a reply the answer stands: in a box, or after a mark that announces it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

from bestofinf.answers.boxes import Box, last_box
from bestofinf.answers.closings import labelled
from bestofinf.answers.conditions import is_supposed, sentence_start
from bestofinf.answers.endings import bare
from bestofinf.answers.headings import LINE_END, is_heading, under
from bestofinf.answers.languages import (
    BECAUSE,
    CLOSING_VERBS,
    COMMA_DECIMALS,
    LANGUAGES,
    LETTER,
    NEGATION,
    VERB_LAST,
)
from bestofinf.answers.stances import RETRACTS, is_own, is_taken_back

WINDOW = 20_000
"""Marks other than a box are looked for in this many characters at the end of a reply."""

MAX_SPAN = 600
"""Characters after a mark that can belong to the answer."""

MAX_MARKS = 100
"""Marks that are read, from the last one on, until one says something."""

_ENGLISH = re.compile(
    r"(?<![^\W_])(?:answer|(?:correct|right|best|final|my)\s+(?:option|choice))(?![^\W_])"
    r"(?:\s+(?:here|choice|option|to\s+(?:the|this)\s+(?:question|problem))"
    r"|\s?[(\[](?:yes\s?/\s?no|y/n|true\s?/\s?false)[)\]])?"
    r"[*_ ]{0,4}(?:(?:\s*(?:is|are|was|would\s+be|should\s+be)\b\s*[:：]?|\s*[:：]|[ \t]*=(?!=))[*_]{0,2}"
    rf"|{LINE_END})"
    r"|^[ \t]*\#{4}(?!\#)"
    r"|<(?:final_)?answer>",
    re.I | re.M,
)
_KEYS = ("answer", "option", "choice", "####")
"""One of these stands in every English mark; looking for them first is many times quicker."""

_BEFORE_KEY = 40
_CLOSING = re.compile(r"</(?:final_)?answer>", re.I)
_DISPLAY = re.compile(r"\$\$(.+?)\$\$|\\\[(.+?)\\\]", re.DOTALL)
# The sentence ends, or goes on with something that is no longer the answer. Only a comma tells
# "Paris, not Lyon" from "that he is not guilty".
_END = re.compile(
    r"\n|[.?](?=[*_\"')\]]{0,3}\s)|(?<=[^\W\d_]{2})!(?=\s)|;\s+(?=[^\W\d_]{3})|\s[—–]\s(?=[^\W\d_]{3})"
    r"|[。！？।؟۔]"
    r"|(?:,|(?<!\s))\s+(?:because|since|based\s+on|according\s+to|given\s+that|due\s+to)\s"
    r"|,\s+(?:as|so|which|where|but|(?:and\s+)?(?:not|therefore|thus|hence))\s",
    re.I,
)
_CLAUSE = re.compile(r"[，,、](?=\s*[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{2})")
_ABBREVIATION = re.compile(r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|St|vs|No|approx|ca)$")
_INITIAL = re.compile(r"\.\s*[A-Z]\.")
_DENIED = re.compile(r"(?:not|n't|unclear|unknown|uncertain|wrong|incorrect)\b", re.I)
_REMARK = re.compile(
    r"(?:correct|right|yet|clear|obvious)\b"
    r"|(?:mostly|largely|partly|partially|fully|completely|entirely|generally|factually|quite)\s+(?:correct|right|wrong|incorrect|accurate|complete)\b",
    re.I,
)
_HEDGE = re.compile(
    r"(?:as\s+follows:?|probably|likely|most\s+likely|therefore|thus|simply|just|indeed|actually|option|choice"
    r"|for\s+sure|definitely|certainly)\s+",
    re.I,
)
_ASKS = ("?", "？", "؟")
_SIGNS_BEHIND = re.compile(r"[\s*_\"')\].,;:!?？؟—–-]{1,8}")
_WOULD_BE = re.compile(r"answer\s+would\s+be[\W_]{0,9}$", re.I)
_OPEN = re.compile(r"[a-z]\s?[-+*/^]|[-+*/^]\s?[a-z](?![a-z])|\d[a-z](?![a-z])")
"""A variable in a term."""

_FENCE = re.compile(r"```(?:json|JSON)?[ \t]*\r?\n(.*?)```", re.DOTALL)
_BLOCK = re.compile(r"```\w{0,9}[ \t]*\n([^\n`]+)\n[ \t]*```")
_WORD = re.compile(r"[A-Za-z]{2}|[^\x00-\x7f]")  # without which there is no mark
_GROUP_OR_PART = re.compile(r"[^\d,.]{0,12}[1-9]\d{0,2}[.,]\d{3}(?![\d.,])")


def find_answer(text: str) -> tuple[str | None, str | None]:
    r"""Return the content of the last ``\boxed{}``, and what is announced; None for what is not.

    Of an announcement before the box nothing is said. One after it is left out where it says
    less than the box, as words in the place of a number. What comes out in another case ("if it
    had asked ...") is left out where there is anything else that says as much.
    """
    box = last_box(text)
    if box is None:
        span, _ = _announced(text)
        return None, bare(span) if span else span
    if (before := _before_supposed(text, box)) is not None:
        return before
    later, supposed = _announced(text[box.end :])
    if later and supposed and _rivals(box.content, later):
        later = None
    return box.content, later if later and _as_telling(later, box.content) else None


def boxed_or_announced(text: str) -> str | None:
    r"""Return what is announced after the last ``\boxed{}``, else the box, else what is announced."""
    box, later = find_answer(text)
    return box if later is None else later


def announced(text: str) -> str | None:
    """Return what the last announcement says the answer is; None where nothing is announced.

    Announcements are "the answer is ...", "Answer: ...", the same in the languages of
    `bestofinf.answers.languages`, ``#### ...`` and ``<answer>`` tags. What follows is cut where
    the sentence ends. Empty where the last announcement denies, as "the answer is not ...", or
    nothing that is whole follows any. What is announced for another case ("if zero counts, the
    answer is ...") is the answer only where nothing else is announced that says as much.
    """
    return _announced(text)[0]


def _announced(text: str) -> tuple[str | None, bool]:
    """Return what is announced, and whether it is the answer in another case."""
    tail = text[-WINDOW:]
    lower = tail.lower()
    said: Iterator[tuple[re.Match[str], Sequence[str], str | None]]
    if marks := _in_english(tail, lower):
        said = ((mark, ("en",), _said_in_english(mark, tail)) for mark in reversed(marks))
    elif others := _in_other_languages(tail, lower):
        said = ((mark, codes, _said(codes, mark)) for codes, mark in reversed(others))
    else:
        return labelled(tail), False
    found = None
    supposed = ""
    for place, (mark, codes, span) in enumerate(islice(said, MAX_MARKS)):
        if not place and "\n" in tail[mark.end() :].strip() and (last := labelled(tail)):
            return last, False
        if span and is_supposed(mark.string, mark.start(), mark[0], codes):
            supposed = supposed or span
            continue
        if span is not None:
            known = not supposed or _rivals(span, supposed)
            return (span, False) if known else (supposed, True)
        if not mark["line"]:
            found = ""  # a heading with nothing under it is none
    return (supposed, True) if supposed else (found, False)


def is_marked(text: str) -> bool:
    """Return whether a text announces an answer or holds a box, rather than being an answer."""
    return (
        bool(_ENGLISH.search(text))
        or "\\boxed" in text
        or "\\fbox" in text
        or bool(_in_other_languages(text, text.lower()))
        or labelled(text) is not None
    )


def fenced(text: str) -> str | None:
    """Return the content of the last fenced block of JSON in a reply; None without one."""
    blocks = _FENCE.findall(text[-WINDOW * 5 :]) if "```" in text else []
    return blocks[-1].rstrip() if blocks else None


def _as_telling(later: str, boxed: str) -> bool:
    """Return whether an announced answer can take the place of a box: words beat no number."""
    if re.search(r"\d|[\\$=]", later) or re.fullmatch(r"\W*[A-Z]\W*", later):
        return True
    return not re.search(r"\d|[=^_+]", boxed) and len(later.split()) <= 4


def _rivals(said: str, supposed: str) -> bool:
    """Return whether an answer says as much as one in another case: "x + 4" is less than 7."""
    return _as_telling(said, supposed) and not (_OPEN.search(said) and not _OPEN.search(supposed))


def _before_supposed(text: str, box: Box) -> tuple[str | None, str | None] | None:
    """Return what is boxed or announced before a box for another case; None where this is none."""
    start = sentence_start(text, box.start)
    sentence = text[start : box.start]
    if "would" not in sentence.lower():
        return None
    mark = _WOULD_BE.search(sentence)
    if not is_supposed(text, box.start, mark[0] if mark else "", ("en",)):
        return None
    before = last_box(text[:start])
    span, _ = _announced(text[before.end if before else 0 : start])
    said = span or (before.content if before else "")
    if not said or not _rivals(said, box.content):
        return None
    return before.content if before else None, bare(span) if span else None


def _in_english(tail: str, lower: str) -> list[re.Match[str]]:
    hits = [place for key in _KEYS if (place := lower.find(key)) >= 0]
    if not hits:
        return []
    # A few letters change their number when made small.
    start = max(0, min(hits) - _BEFORE_KEY) if len(lower) == len(tail) else 0
    return list(_ENGLISH.finditer(tail, start))


def _said_in_english(mark: re.Match[str], tail: str) -> str | None:
    """Return what follows a mark: empty if it denies, None if it says nothing."""
    rest = tail[mark.end() : mark.end() + MAX_SPAN]
    if mark["line"]:
        span = under(rest) if is_heading(tail, mark.start()) else None
        if span and not _is_whole(span):
            return None
        return "" if span and _DENIED.match(span) else span
    if mark[0][0] == "<":
        closing = _CLOSING.search(rest)
        span = rest[: closing.start()].strip() if closing else ""
    else:
        span = _first_sentence(rest)
    if tail[max(0, mark.start() - 1) : mark.start()] == "[":
        span = span.removesuffix("]")
    if not span or _REMARK.match(span) or _is_taken_back(rest, span):
        return None
    if mark[0][-1] != ">" and "#" not in mark[0] and not is_own(tail, mark.start(), mark[0]):
        return None
    return "" if _DENIED.match(span) else span


def _is_taken_back(rest: str, span: str) -> bool:
    """Return whether what follows asks it, as "The answer is 31?", or takes it back: "That is wrong."."""
    if span.endswith(_ASKS):
        return True
    behind = _SIGNS_BEHIND.match(rest, rest.find(span) + len(span))
    if behind is None:
        return False
    return any(sign in behind[0] for sign in _ASKS) or (
        RETRACTS.match(rest, behind.end()) is not None
    )


def _in_other_languages(tail: str, lower: str) -> list[tuple[list[str], re.Match[str]]]:
    """Return the announcements in other languages, in order, each with its languages."""
    if _WORD.search(tail) is None:
        return []
    plain = tail.isascii()
    nouns = _ASCII_NOUNS if plain else _NOUNS
    if not plain and not unicodedata.is_normalized("NFC", tail):
        tail = unicodedata.normalize("NFC", tail)
        lower = tail.lower()
    found: dict[int, tuple[list[str], re.Match[str]]] = {}
    for code in dict.fromkeys(code for noun, code in nouns if noun in lower):
        for mark in _mark(code).finditer(tail):
            codes, known = found.setdefault(mark.end(), ([], mark))
            if _whole_noun(mark) < _whole_noun(known):
                found[mark.end()] = ([code, *codes], mark)
            else:
                codes.append(code)
    return [found[place] for place in sorted(found)]


def _whole_noun(mark: re.Match[str]) -> tuple[int, int]:
    """Return what is least for the longest noun: 回答 has 答 in it."""
    return mark.start(), len(mark["words"] or "")


def _said(codes: Sequence[str], mark: re.Match[str]) -> str | None:
    """Return what follows a mark: empty if it denies or is unclear, None if it says nothing."""
    code = codes[0]
    rest = mark.string[mark.end() : mark.end() + MAX_SPAN]
    if mark["line"]:
        if not is_heading(mark.string, mark.start(), mark["words"] or "") or is_taken_back(
            mark.string, mark.start(), mark["words"] or "", codes
        ):
            return None
        span = under(rest) or ""
        return "" if span and NEGATION.match(span.lower()) and len(span) > 3 else span or None
    if not LANGUAGES[code].blanks and (clause := _CLAUSE.search(rest)):
        rest = rest[: clause.start()]
    if reason := BECAUSE.search(rest):
        rest = rest[: reason.start()]
    span = CLOSING_VERBS.sub("", _first_sentence(rest)).strip(" *_\n")
    denied = NEGATION.search(mark["words"] or "") or NEGATION.match(span.lower())
    if code in VERB_LAST or not LANGUAGES[code].blanks:
        denied = denied or NEGATION.search(rest[: len(span) + 12])
    if is_taken_back(mark.string, mark.start(), mark["words"] or "", codes) or (
        span and _is_taken_back(rest, span)
    ):
        return None
    unclear = code in COMMA_DECIMALS and _GROUP_OR_PART.match(span)
    return "" if denied or unclear else span or None


@lru_cache(maxsize=len(LANGUAGES))
def _mark(code: str) -> re.Pattern[str]:
    language = LANGUAGES[code]
    nouns = "|".join(sorted(language.answer.split("|"), key=len, reverse=True))
    if not language.blanks:
        verbs = f"(?:{language.be})?" if language.be else ""
        return re.compile(
            rf"(?:{nouns})(?P<words>[^\s，。,.：:；;0-9A-Za-z]{{0,8}}?)[*_ ]{{0,3}}"
            rf"(?:(?:(?:{language.be})\s?[:：]?|\s?[:：]){verbs}[*_]{{0,2}}|{LINE_END})"
        )
    verbs = rf"|\s+(?:{language.be})(?!{LETTER})\s*[:：]?" if language.be else ""
    bare = r"|\s+(?=[-+]?\d|(?-i:[A-J])(?!\w))" if code in VERB_LAST else ""
    return re.compile(
        rf"(?<!{LETTER})(?:{nouns})(?:(?!{LETTER})|(?=ঃ))(?P<words>(?:[ \t]+[^\W\d_][^\s:：.!?]*){{0,5}}?)[*_]{{0,3}}"
        rf"(?:(?:\s*[:：=]|ঃ|\s+[—–]{verbs}{bare})[*_]{{0,2}}|{LINE_END})",
        re.I,
    )


_NOUNS = [
    (noun, code)
    for code, language in LANGUAGES.items()
    for noun in language.answer.lower().split("|")
    if noun
]
_ASCII_NOUNS = [(noun, code) for noun, code in _NOUNS if noun.isascii()]


def _first_sentence(rest: str) -> str:
    # Marks and blank lines may stand before the answer, as in "**Answer:**\n\n42".
    rest = rest.lstrip(" \t\r\n:：*_>")
    if rest[:3] == "```" and (block := _BLOCK.match(rest)):
        return block[1].strip()
    if display := _DISPLAY.match(rest):
        return (display[1] or display[2]).strip()
    for end in _END.finditer(rest):
        before = rest[: end.start()]
        # "J. K. Rowling" and "St. Helena" go on; "The answer is C. It ..." ends.
        initial = len(before) > 1 or _INITIAL.match(rest, end.start())
        abbreviated = rest[end.start()] == "." and _ABBREVIATION.search(before[-8:])
        if (initial and abbreviated) or not _is_whole(before):
            continue
        rest = before
        break
    rest = rest.strip().rstrip(".").rstrip(" *_")
    rest = _HEDGE.sub("", rest, count=1) if _HEDGE.match(rest) else rest
    return rest if _is_whole(rest) else ""


def _is_whole(text: str) -> bool:
    """Return whether no notation is cut through: half a matrix equals another's half."""
    dollars = text.count("$") - text.count("\\$")
    return (
        text.count("{") == text.count("}")
        and text.count("\\begin{") == text.count("\\end{")
        and (dollars % 2 == 0 or re.match(r"-?\$\s?\d", text) is not None)
    )

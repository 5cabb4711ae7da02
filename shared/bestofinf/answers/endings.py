"""What stands around an answer and is no part of it: courtesies, confidence, sources, signs."""

from __future__ import annotations

import re

WINDOW = 1_500
"""Endings are looked for in this many characters at the end of a reply."""

MAX_NOTE = 160
"""Characters that a remark in brackets may have."""

_MARKUP = r"[\s*_>(]{0,6}"
_LEVEL = r"(?:very\s+)?(?:high|low|medium|moderate|certain|sure)"
_SURE = (
    r"(?:my\s+)?(?:confidence|certainty|konfidenz|confiance|confianza|置信度|確信度)(?:\s+(?:level|score))?"
    rf"[*_]{{0,3}}\s*[:：=]?[\s*_]{{0,6}}(?:\d[\d.,]{{0,6}}\s?%?(?:\s?/\s?\d{{1,3}})?|{_LEVEL})"
)
_POLITE = (
    r"(?:(?:please\s+)?let\s+me\s+know|(?:i\s+)?hope\s+(?:this|that|it)|(?:please\s+)?feel\s+free|is\s+there\s+anything\s+else"
    r"|would\s+you\s+like|do\s+you\s+(?:want|need)|(?:i['’]?m\s+)?happy\s+to|if\s+you\s+(?:have|need|want|would)|don['’]t\s+hesitate"
    r"|you['’]?re\s+welcome|thank\s+you|thanks|ich\s+hoffe|wenn\s+(?:du|sie)|n['’]hésitez|j['’]espère|espero\s+que"
    r"|si\s+(?:tienes|necesitas|vous|tu))(?![^\W\d_])[^\n\d]{0,160}|(?:希望|如果你|如果您)[^\n\d]{0,80}"
)
_SOURCE = r"(?:sources?|references?|citations?|quellen?|fuentes?|fonti|bronnen|来源|参考|出典)"
_ENDING = re.compile(
    rf"{_MARKUP}(?:{_SURE}|{_POLITE}|{_SOURCE}[*_]{{0,3}}\s*[:：][^\n]{{1,300}})[\s*_)\].。]{{0,6}}"
    r"|\s{0,3}\[\^\w{1,9}\]:[^\n]{0,300}",
    re.I,
)
_SOURCES = re.compile(rf"[\s#>*_]{{0,9}}{_SOURCE}[*_]{{0,3}}\s?[:：]?[\s*_]{{0,6}}", re.I)
_ITEM = re.compile(r"[\s>]{0,4}(?:[-*•]\s|\[\^?\w{1,9}\]|\d{1,2}[.)]\s|<?https?:|www\.)")
_GREETING = re.compile(
    r"(?:sure(?:\s+thing)?|of\s+course|certainly|great\s+question)!\s?\n\s{0,9}(?=\S)", re.I
)
_NOTE = re.compile(
    rf"[(\[（](?:{_SURE}|\d{{1,3}}\s?%\s(?:confident|certain|sure)|{_LEVEL}(?:\s+confidence)?|(?:because|since|see)\s+(?!\d)[^()\[\]（）\n]{{1,{MAX_NOTE}}}"
    rf"|(?:check|source|quelle|fuente)[:：]\s[^()\[\]（）\n]{{1,{MAX_NOTE}}}|\^\w{{1,9}})[)\]）]|【[^【】\n]{{1,40}}】",
    re.I,
)
_NEARLY = re.compile(
    r"\((?:\$?\s?(?:≈|~|\\approx)|approx\w*\.?\s|about\s|roughly\s)\s?[-\d.,$]{1,30}\s?\)"
)
_PROVED = re.compile(
    r"(?:[∎□■◻]|\$?\\(?:blacksquare|square|qed|Box)\b\$?|\bQ\.?E\.?D\b)[\s.]{0,3}\Z", re.I
)

_OPENING = {")": "(", "]": "[", "）": "（", "】": "【"}
_PROOF_ENDS = "∎□■◻$edkxD"
_ASKS = re.compile(
    rf"(?<!\w)(?:{_SOURCE}|confiden\w*|certain\w*|emojis?|konfidenz|confiance|confianza)(?!\w)|置信|確信",
    re.I,
)
_HARMLESS = "✅✔☑✓👉➡🎯🎉🏆💡📌📍📝🏁🔢🧮🌟✨🥳😊🙂😀🤓👍💪🙏🌳➤►▶▸ "
_JUDGES = re.compile("[✅✔☑✓👍❌✘✗✖🚫⛔👎❎⚠]")
_NO_SIGNS = "❌✘✗✖🚫⛔👎❎ "
_AGAINST = re.compile(f"[{_NO_SIGNS.strip()}]")
_SAYS_NO = re.compile(
    r"[*_]{0,3}(?:no|false|incorrect|wrong|nein|falsch|non|faux|falso)(?!\w)", re.I
)
_WORKED = re.compile(r"\([-+*/×·÷^()., \d]{1,60}=\s?(?P<value>\d[\d.,]*)\)")
_VALUE = re.compile(r"[*$€£¥]{0,3}(?P<value>\d[\d.,]*)(?:\s[^\W\d_]{1,20}){0,3}\*{0,2}")
_SHORTEST = 5
"""Characters of the shortest text in ASCII that has a remark behind it: "B[^1]"."""

_WORD = re.compile(r"\w")


def asks_for_ending(question: str) -> bool:
    """Return whether a question asks for what would be taken off: a source, or how sure one is."""
    return _ASKS.search(question) is not None


def answer_part(text: str) -> str:
    r"""Return the text without what is said around its answer; the same where there is nothing.

    Taken off are lines at the end that tell how sure the speaker is, offer more help or name
    sources, and what `bare` takes off.

    >>> answer_part("42\n\nConfidence: 90%"), answer_part("✅ Paris"), answer_part("Source: Kant")
    ('42', 'Paris', 'Source: Kant')
    """
    return bare(_without_lines(text) if "\n" in text else text)


def bare(text: str) -> str:
    """Return the text without harmless signs at its ends, and remarks and footnotes behind it.

    A sign of the opposite, as "❌", stays, and so do signs that judge several things.

    >>> bare("Paris 🎉"), bare("42 (confidence: 90%)"), bare("❌ Paris"), bare("Paris (Texas)")
    ('Paris', '42', '❌ Paris', 'Paris (Texas)')
    """
    if text.isascii():
        if len(text) < _SHORTEST:
            return text
    else:
        rest = text.strip().strip(_HARMLESS)
        if len(rest) < len(text) and _WORD.search(rest) and not _JUDGES.search(rest):
            text = rest
        elif _AGAINST.search(text) and _SAYS_NO.match(rest := text.strip().strip(_NO_SIGNS)):
            text = rest  # "❌ No"
    last = text[-1:] if text[-1:] not in " .\n" else text.rstrip(" .\n")[-1:]
    if last in _OPENING:
        return _without_note(text)
    if last and last in _PROOF_ENDS and (proved := _PROVED.search(text, max(0, len(text) - 16))):
        return text[: proved.start()].rstrip(" .\n") or text
    return text


def without_rounded(text: str) -> str:
    """Return notation without the decimal in brackets that says about how much it is.

    >>> without_rounded("√2 (≈ 1.414)"), without_rounded("f(2)")
    ('√2', 'f(2)')
    """
    place = text.rfind("(", max(0, len(text) - 40))
    return text[:place].rstrip() if place > 0 and _NEARLY.fullmatch(text, place) else text


def _without_note(text: str) -> str:
    for _ in range(3):
        text = text.rstrip(" .。\n")
        place = (
            text.rfind(_OPENING[text[-1]], max(0, len(text) - MAX_NOTE - 20))
            if text[-1:] in _OPENING
            else 0
        )
        if place <= 0:
            break
        rest = text[:place].rstrip()
        if not rest or not (_NOTE.fullmatch(text, place) or _is_worked_out(text, place, rest)):
            break
        text = rest
    return text


def _is_worked_out(text: str, place: int, rest: str) -> bool:
    """Return whether a remark only works out the value before it: "24 trees (4 × 6 = 24)"."""
    worked = _WORKED.fullmatch(text, place)
    said = _VALUE.fullmatch(rest) if worked else None
    return worked is not None and said is not None and worked["value"] == said["value"]


def signs_against(text: str) -> bool:
    """Return whether a sign stands in a text that denies or warns, as "❌"."""
    return not text.isascii() and _AGAINST.search(text) is not None


def _without_lines(text: str) -> str:
    if "!" in text[:30] and (greeting := _GREETING.match(text)):
        text = text[greeting.end() :]
    end = len(text.rstrip())
    line = text[max(text.rfind("\n", 0, end) + 1, end - WINDOW) : end]
    if not (_ENDING.fullmatch(line) or _ITEM.match(line)):
        return text
    first = max(0, end - WINDOW)
    lines = text[first:end].split("\n")
    kept = len(lines)
    items = False
    for place in range(kept - 1, 0, -1):
        line = lines[place]
        if not line.strip():
            continue
        if not items and _ENDING.fullmatch(line):
            kept = place
        elif items and _SOURCES.fullmatch(line):
            kept, items = place, False
        elif _ITEM.match(line):
            items = True
        else:
            break
    if kept == len(lines):
        return text
    rest = text[:first] + "\n".join(lines[:kept]).rstrip()
    return rest if rest.strip() else text

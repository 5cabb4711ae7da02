r"""The one value that a sentence states: "so there are 12 of them", "Thus $x \ge 5$ is the solution".

For answer types that know they want a value. A sentence with a second value, a denial, a
comparison or a word that makes a number another one states none, nor does a sentence in a
language whose words for such things are not known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from bestofinf.answers.languages import LANGUAGES, LETTER, SCALES, Language
from bestofinf.answers.numbers import VULGAR, minus_signs
from bestofinf.answers.stances import RETRACTS, disowns
from bestofinf.answers.units import PER, counted_things, counter, unit_symbol

WINDOW = 2_000
"""Conclusions are looked for in this many characters at the end of a reply."""

MAX_SENTENCE = 600

_SPAN = re.compile(
    r"\$\$(?P<a>.{1,400}?)\$\$|(?<![\\$])\$(?!\s?\d[\d,.]*(?:\s(?!\$)|[.,;]?$))(?P<b>[^$\n]{1,300}?)(?<!\\)\$(?!\d)"
    r"|\\\((?P<c>[^\n]{1,300}?)\\\)|\\\[(?P<d>.{1,400}?)\\\]"
    r"|(?P<e>-?\d{0,6}\\(?:[dt]?frac\{[^{}]{1,40}\}|sqrt(?:\[\d\])?)\{[^{}]{1,40}\})",
    re.DOTALL,
)
_MATH_LEFT = re.compile(r"(?<!\\)\$\s*\n|\\[()\[\]]")
_COMMANDS = re.compile(r"\\[A-Za-z]+(?:\{[^{}]*\})?")
_WORDS = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]|(?:[^\W\d_]|[\u0900-\u0dff]){2,}")
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")
_RESULT = re.compile(r"\d\s*=\s*[$€£¥]?\s?[-+−]?\d[\d.,/]*\W{0,3}$")
_CHAIN = re.compile(r"(?<![=<>!])=(?![=<>])")
_NUMBER = re.compile(
    r"(?<![0-9A-Za-zÀ-ɏ_.,/^$€£¥₹₩₽₺₪฿])(?P<money>[-+−]?(?:US)?[$€£¥]\s?)?"
    rf"(?P<number>[-+−]?(?:\d{{1,3}}(?:[,' \u202f]\d{{3}})+|[1-9]\d{{0,2}}(?:\.\d{{3}}){{2,}}|\d+)(?:[.,]\d+)?(?:\s?/\s?\d+|\s?[{VULGAR}])?)"
    r"(?P<percent>\s?\\?%|\s?[$€£¥]|\s?(?:°(?:\s?[CF](?![^\W_]))?|[℃℉]))?(?![\d]|[.,]\d|\w{0,20}/\d)"
)
_UNIT_BEHIND = re.compile(
    rf"\s?(?P<word>[^\W\d_²³{VULGAR}]{{1,20}})(?P<power>(?:\s?/\s?[^\W\d_{VULGAR}]{{1,9}})?\s?[²³]?)"
)
_SCOPE = re.compile(rf"\s?(?:(?P<by>{PER})\s|/\s?)(?P<of>[^\W\d_]{{1,20}})")
_CHANGED = re.compile(
    rf"(?:{SCALES})|[!²³^]|\s*(?:[ap]\.?m\b|o['’]clock|uhr\b|bc\b|ad\b|degrees?\s+[cf]|°\s?[CF]|st\b|nd\b|rd\b|th\b"
    r"|squared|cubed|[:x×*+^]\s?\d|[-–]\s?\d|und\s+ein|and\s+a\s|分之|点\d|折|成)",
    re.I,
)
_MADE_ANOTHER = re.compile(
    r"[<>≤≥≠~≈±^|{}\[\]√\\]\s?[$€£¥]?\d|\d\s?[²³^|{}\]!₀-₉+]|\(\s?-?\d[^)]{0,60},|\d\s?[-–/:x×*]\s?\d|\d\w{0,20}-[^\W\d_]"
)
"""A comparison, power, interval, range or product around a number."""
_MARK = re.compile(r"[,;:.?()]")
_CURRENCIES = frozenset("$€£¥")
_LABEL = re.compile(
    r"(?:step|part|section|question|problem|page|figure|table|case|option|chapter|no\.?|number|example|line"
    r"|schritt|aufgabe|étape|paso|passo|第)\s*$",
    re.I,
)
_NAME_ONLY = re.compile(
    r"\\?[A-Za-z]{1,12}(?:_\{?\w{1,4}\}?)?(?:\([A-Za-z,\s]{1,12}\))?|\([A-Za-z](?:,\s*[A-Za-z])+\)"
)
_BREAK = re.compile(
    r"(?:(?<=[^\W\d_])|(?<=[)\]$€*%°\"'”]))[.!?](?=\s|$)|(?<=\d)[.?](?=\s+\W*[^\W\d_]|\s*$)|[。！？।؟۔]|\n+|;\s"
)
_STATES = re.compile(
    r"(?:(?<!\w)(?:is|are|was|were|be|equals?|equal\s+to|have|has|get|gets|gives?|find|makes?|totals?|leaves?|costs?|total\s+of"
    r"|ist|sind|beträgt|hat|haben|est|sont|a|ont|es|son|tiene|hay|è|sono|ha|é|são|tem|zijn|heeft|là|có|adalah|ada"
    r"|равно|равна|равен|составляет|هو|هي)"
    r"(?:\s*+:)?|[=:：是为為有])[*$€£¥(\\\s]*+$",
    re.I,
)
_KANA, _HANGUL, _HAN = (
    re.compile(f"[{span}]") for span in ("\u3040-\u30ff", "\uac00-\ud7af", "\u4e00-\u9fff")
)
_SCRIPTS = {"ru": "[а-яё]", "ar": "[\u0600-\u06ff]", "hi": "[\u0900-\u097f]"}


def concluded(text: str) -> str | None:
    """Return the one value of the last sentence that concludes; None where there is none.

    Nothing that follows it may state another number.
    """
    tail = text[-WINDOW:]
    code = _language(tail) if len(_WORDS.findall(_COMMANDS.sub("", tail))) > 1 else None
    if code is None:
        return None
    sentences = _sentences(tail)
    for place in range(len(sentences) - 1, -1, -1):
        begins = [match.end() for match in _conclusion(code).finditer(sentences[place])]
        if begins:
            behind = sentences[place + 1 :]
            if any(map(str.isdigit, "".join(behind))) or any(map(RETRACTS.match, behind)):
                return None
            return _stated(sentences[place][begins[-1] :], code)
    last = sentences[-1] if sentences else ""
    return _stated(last, code) if _RESULT.search(last) else None


def only_value(text: str) -> str | None:
    """Return the value that a text of one sentence states with a verb or a sign; None without."""
    if not _is_worded(text):
        return None
    sentences = _sentences(_SPAN.sub(lambda span: span[0].replace("\n", " "), text))
    code = _language(text)
    if len(sentences) != 1 or code is None:
        return None
    return _stated(sentences[0], code, verb=True)


def stated(sentence: str) -> str | None:
    """Return the one value in a sentence that is announced, as it is written; None without.

    Where its language is not known, no word may stand in it that denies or compares in any.
    """
    if not _is_worded(sentence):
        return None
    code = _language(sentence) or (ANY if sentence.isascii() else None)
    return None if code is None else _stated(sentence, code)


def numbers_in(text: str) -> list[str]:
    """Return the numbers of a text as they are written, with currency and percent signs."""
    return [match[0].strip() for match in _NUMBER.finditer(minus_signs(text[-WINDOW:]))]


def only_numbers(text: str) -> list[str]:
    """Return the numbers of a sentence with their units; none where a sign makes one another.

    A number alone is no sentence: "12!" and "<12" are not 12.
    """
    text = text[-WINDOW:]
    if len(_WORDS.findall(text)) < 2 or _language(text) is None or _MADE_ANOTHER.search(text):
        return []
    found = _numbers(text)
    return [] if "?" in found.values() else list(found.values())


def changes(words: str) -> bool:
    """Return whether words around a number deny it, compare with it or multiply it."""
    guards = (ANY,) if words.isascii() else (ANY, *_GUARDED)
    if disowns(words, _language(words)) or _CHANGED.match(words):
        return True
    return any(_guard(code).search(words) for code in guards)


def _is_worded(text: str) -> bool:
    """Return whether there is more in a text than a value and its unit."""
    if len(text) > MAX_SENTENCE or text.isdigit():
        return False
    return _SPAN.search(text) is not None or len(_WORDS.findall(_COMMANDS.sub("", text))) > 1


def _stated(sentence: str, code: str, *, verb: bool = False) -> str | None:
    if len(sentence) > MAX_SENTENCE:
        return None
    guard = _guard(code)
    bold = [b for b in _BOLD.finditer(sentence) if _has_value(b[1])]
    if len(bold) == 1:
        before = sentence[: bold[0].start()]
        before = before[-4:] if code in _UNSPACED else " ".join(before.split()[-2:])
        around = f"{before} {bold[0][1]} {sentence[bold[0].end() :][:12]}"
        return None if guard.search(around) else _bare(bold[0][1], sentence[bold[0].end() :])
    spans = [m for m in _SPAN.finditer(sentence) if _has_value(_inside(m))]
    rest = _SPAN.sub(" ", sentence)
    if (
        _MATH_LEFT.search(rest)
        or guard.search(rest)
        or disowns(rest, None if code == ANY else code)
    ):
        return None
    numbers = _numbers(rest)
    if spans:
        found = {_inside(span) for span in spans}
        behind = sentence[spans[-1].end() :]
        if len(found) > 1 or numbers or _CHANGED.match(behind):
            return None
        unit = "%" if re.match(r"\s?\\?%", behind) else ""
        unit = unit or _unit(behind)
        return f"{found.pop()}\\text{{ {unit}}}" if unit else found.pop()
    if len(chain := _CHAIN.split(rest)) > 1:
        if not re.match(r"[\s$€£¥*(]*[-+−]?\d", chain[-1]):
            return None
        rest, verb = chain[-1], False
        numbers = _numbers(rest)
    if len(set(numbers.values())) != 1:
        return None
    place, number = next(iter(numbers.items()))
    return number if not verb or _STATES.search(rest[max(0, place - 60) : place]) else None


def _numbers(text: str) -> dict[int, str]:
    """Return the numbers of a text with their units, by place; an unclear one empties it twice."""
    found: dict[int, str] = {}
    for match in _NUMBER.finditer(text):
        behind = text[match.end() :].removeprefix("**")
        if _CHANGED.match(behind) or _LABEL.search(
            text[max(0, match.start() - 20) : match.start()]
        ):
            return {0: "", 1: "?"}
        number = match[0].strip().replace("US", "", 1)
        if match["money"] or (match["percent"] or "").strip() in _CURRENCIES:
            unit = _scope(behind)
        else:
            unit = "" if match["percent"] else _unit(behind)
        found[match.start()] = f"{number}\\text{{ {unit}}}" if unit else number
    return found


def _scope(behind: str) -> str:
    """Return what an amount is counted by, as "per month"; empty where nothing says so."""
    scope = _SCOPE.match(behind)
    if scope is None or not (unit_symbol(scope["of"]) or scope["by"] in ("per", "pro")):
        return ""
    return f"per {scope['of']}"


def _unit(behind: str) -> str:
    """Return the unit with which the words behind a number begin, whole: "km/h", "dollars per day"."""
    match = _UNIT_BEHIND.match(behind)
    if match is None:
        return ""
    word = match["word"]
    if not unit_symbol(word):
        return counter(word) or (word if counted_things(word) else "")
    return f"{word}{''.join(match['power'].split())} {_scope(behind[match.end() :])}".rstrip()


def _inside(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None).strip()


def _has_value(text: str) -> bool:
    """Return whether a text in notation or bold is more than a name."""
    return not _NAME_ONLY.fullmatch(text.strip()) and bool(re.search(r"\d|\\|[<>=≤≥≠]", text))


def _bare(text: str, behind: str) -> str | None:
    """Return what stands in bold, with the unit behind it; None where that makes it another."""
    text = text.strip().strip(":： .")
    text = text.strip("$") if text[-1:] == "$" else text
    numbers = _numbers(text)
    if len(numbers) != 1 or (match := _NUMBER.search(text)) is None:
        return text
    if match.end() == len(text):
        numbers = _numbers(text + _MARK.split(behind, maxsplit=1)[0])
        return None if "?" in numbers.values() else next(iter(numbers.values()))
    return next(iter(numbers.values()))


def _sentences(text: str) -> Sequence[str]:
    return [part for part in _BREAK.split(text) if part and re.search(r"\w{2}|\d", part)]


def _language(text: str) -> str | None:
    """Return the language of a text among those whose comparisons are known."""
    if _KANA.search(text):
        return "ja"
    for code, pattern in (("ko", _HANGUL), ("zh", _HAN)):
        if pattern.search(text):
            return code
    if not text.isascii():
        for code, letters in _SCRIPTS.items():
            if re.search(letters, text, re.I):
                return code
    words = re.findall(r"[^\W\d_]{2,}|[éè]", text.lower())
    counts = {
        code: sum(word in common for word in words) + 2 * sum(word in _SO[code] for word in words)
        for code, common in _COMMON.items()
    }
    code, most = max(counts.items(), key=lambda item: item[1])
    return code if most and list(counts.values()).count(most) == 1 else None


_ELSEWHERE = frozenset({"so", "also", "logo", "conclusion", "maka", "luego", "dus"})
"""Conclusions that are a word of another language too."""

ANY = "any"
"""Stands for a language in the Latin script that is not known."""

_UNSPACED = frozenset(code for code, language in LANGUAGES.items() if not language.blanks)
_COMMON = {
    code: frozenset(language.common.split("|"))
    for code, language in LANGUAGES.items()
    if language.common
}
_GUARDED = [c for c, language in LANGUAGES.items() if language.guard and c not in _COMMON]
_SO = {code: frozenset(LANGUAGES[code].so.split("|")) - _ELSEWHERE for code in _COMMON}


@lru_cache(maxsize=len(LANGUAGES) + 1)
def _guard(code: str) -> re.Pattern[str]:
    if code == ANY:
        guards = "|".join(language.guard for c, language in LANGUAGES.items() if c in _COMMON)
        return _words(LANGUAGES["en"], guards)
    return _words(LANGUAGES[code], LANGUAGES[code].guard)


@lru_cache(maxsize=len(LANGUAGES))
def _conclusion(code: str) -> re.Pattern[str]:
    language = LANGUAGES[code]
    words = language.so.replace(" ", r"\s+")
    if not language.blanks:
        return re.compile(rf"(?:{words})[，,、：:]?\s?(?:一共|总共|總共)?")
    return re.compile(
        rf"(?:(?:^|[,;:：،，*.]\s*|^\W+)(?:{words})(?!{LETTER})[*]{{0,2}}[,:：،]?|(?<!{LETTER})(?:{words})[,،])",
        re.I,
    )


def _words(language: Language, words: str) -> re.Pattern[str]:
    words = words.replace(" ", r"\s+")
    return re.compile(
        rf"(?<!{LETTER})(?:{words})(?!{LETTER})" if language.blanks else f"(?:{words})", re.I
    )

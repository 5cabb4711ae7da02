"""Answers that are a short text, a number, a choice or the content of a box."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from bestofinf.answers.base import Abstain, Answer, bound
from bestofinf.answers.boxes import last_box
from bestofinf.answers.closings import set_apart
from bestofinf.answers.endings import answer_part
from bestofinf.answers.finding import find_answer
from bestofinf.answers.forms import encodable, even, says_nothing, short_form, words_form
from bestofinf.answers.languages import COMMA_DECIMALS, SCALES
from bestofinf.answers.latex import unwrapped
from bestofinf.answers.numbers import (
    VULGAR,
    minus_signs,
    mixed_as_one,
    number_form,
    plain_signs,
    value_form,
    with_point,
)
from bestofinf.answers.sentences import (
    changes,
    concluded,
    numbers_in,
    only_numbers,
    only_value,
    stated,
)
from bestofinf.answers.units import COUNTERS, PER, counter, unit_symbol
from bestofinf.answers.wording import language_of, question_in
from bestofinf.answers.wording.figures import in_figures, multiplier
from bestofinf.answers.wording.parts import han_figures, in_whole, names_part
from bestofinf.border import CUT_OFF
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue, Reply

_LETTER = rf"[^\W\d_²³⁰-⁹ⁿ₀-₉{VULGAR}]"  # no power, index or fraction
_QUANTITY = re.compile(
    r"(?P<front>[-+]?(?:\s*[$€£¥])?)\s*(?P<number>[-+]?[.,]*\d[\d.,]*+(?:e[-+]?\d+)?(?:/\d+)?)"
    rf"(?P<gap>\s*)(?:(?P<unit>\\?%|°[CF]\b|[°$€£¥¢‰]|{_LETTER}+))?(?P<power>\s*(?:\^?[23²³]|/\s*\w+))?\.?"
    rf"(?P<rest>(?:\s+{_LETTER}+){{0,3}})",
    re.I,
)
_TEMPERATURE = re.compile(
    r"(?<=\d)\s*(?:°\s?(?P<sign>[CF])(?!\w)|(?P<one>[℃℉])"
    r"|(?:degrees?|deg|grad|degrés|grados|gradi|graus)\s+(?P<name>Celsius|Fahrenheit|C|F)(?!\w))",
    re.I,
)
_PER = re.compile(rf"(?:^|\s)(?:{PER})\s+([^\W\d_]+)$", re.I)
_ASKED_PER = re.compile(rf"(?<!\w)(?:{PER})\s+([^\W\d_]{{1,20}})", re.I)
_PERCENT = re.compile(r"(?<=\d)\s*per\s+cent\b|(?<=\d)\s*percentage(?!\s+points?\b)", re.I)
_PERMILLE = re.compile(r"(?<=\d)\s*per\s+mil(?:le|l)?\b", re.I)
_POINTS = re.compile(r"(?<=\d)\s*(?:%|percent(?:age)?)[-\s]*points?\b|(?<=\d)\s*pp\b", re.I)
_MONEY_BEHIND = re.compile(
    r"(?<![^\s(])(?P<number>[-+]?\d[\d.,]*+)\s?(?P<scale>[^\W\d_]{1,12})\.?\s?(?P<sign>[€$£¥])(?=\W*$)"
)
_SCALED = re.compile(SCALES, re.I)
_CHANGING = frozenset(
    {"or", "and", "to", "than", "more", "less", "fewer", "plus", "minus", "times"}
    | {"over", "point", "half", "quarter", "dozen", "hundred", "squared", "cubed", "th"}
    | {"laborables", "hábiles", "ouvrables", "ouvrés", "lavorativi", "úteis"}  # "días laborables"
    | {"out", "each", "apiece", "ago", "off", "excluding", "before", "after", "earlier", "later"}
)
"""Words after a number that make it another."""
_POINTED = re.compile(r"\W*[1-9]\d{0,2}[.,]\d{3}(?![\d.,]\d)")  # 1.234 or 1234
_SQUARED = {"sq": "2", "square": "2", "cubic": "3", "cu": "3"}
_WORKED = re.compile(r"[-+*/×·÷^().,\d\s$€£%]{1,100}=\s*(?=\S)")  # "3 + 9 ="
_GROUPS = re.compile(
    r"(?<![\d.,])[1-9]\d{0,2}(?: \d{3}){1,6}(?![\d ]{0,4}\d)(?=.{0,60}[^\W\d_]|\s{0,3}[%°$€£¥])"
)
_SET_AS_TEXT = re.compile(r"\\(?:text|mathrm|,|;| )\s*(?:\{([^{}]*)\})?")
_UNSPACED = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_LAST_NUMBER = re.compile(rf"(?<![\w.])[-+]?[$€£]?\d[\d,]*(?:\.\d+)?(?:\s?[{VULGAR}])?(?![\w])")


@dataclass(frozen=True)
class TextAnswer(Answer):
    """The whole text of a short reply, by its words.

    Attributes:
        max_words: Longer replies abstain.
    """

    expected = True
    whole = True

    max_words: int = 64

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the words in lower case, without edge punctuation and a leading article."""
        if reply.finish_reason == CUT_OFF:
            raise Abstain("cut off")
        text = reply.text.strip() if len(reply.text) <= 40 * self.max_words else None
        if text is None or len(text.split()) > self.max_words:
            raise Abstain(f"more than {self.max_words} words")
        return words_form(unwrapped(text)) or None

    def canonical(self, text: str) -> AnswerValue | None:
        """Return a recorded answer as it stands: it was normalised when it was taken."""
        return text or None


@dataclass(frozen=True)
class NumberAnswer(Answer):
    """A number: the one announced or boxed, or the reply itself where it is only a number.

    A unit of measurement is kept and tells votes apart, other words are not: "18 apples" is 18.
    A vote without unit equals the same number with one. Of a sentence the number counts that it
    states, and where the question is known the only one that is not the question's own. A number
    may be written in words of the question's language (English, German, French, Spanish), or of
    English where the question is not known.

    Attributes:
        anywhere: Also takes the last number of a reply that announces none.
        tolerance: Relative difference within which two numbers are one vote. Above 0 this is
            not transitive: a number joins the oldest class whose first number is near enough.
    """

    expected = True
    asked: ClassVar[frozenset[AnswerValue] | None] = None
    """Numbers of the question; None where it is not known."""
    parts_asked: ClassVar[bool] = False
    """Whether the question names parts, as quarters, whose numbers are then whole."""
    scopes_asked: ClassVar[frozenset[str]] = frozenset()
    """What a price is asked for: "per month" adds nothing where that is asked."""
    language: ClassVar[str] = "en"
    """Whose number words are read: that of the question; empty where its words are not known."""

    anywhere: bool = False
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 1:
            raise UsageError(f"tolerance must lie in [0, 1), got {self.tolerance!r}")

    def for_question(self, text: str) -> NumberAnswer:
        """Return a copy that knows which numbers are the question's own, and its language."""
        question = question_in(text)
        numbers = map(self._form, numbers_in(question))
        language = language_of(question)
        return bound(
            self,
            asked=frozenset(str(n).partition(" ")[0] for n in numbers if n),
            language=language,
            parts_asked=names_part(question, language),
            scopes_asked=frozenset(filter(None, map(unit_symbol, _ASKED_PER.findall(question)))),
        )

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the number in its one spelling, with its unit where it has one."""
        text = minus_signs(answer_part(reply.text))
        box, span = find_answer(text)
        cut_off = reply.finish_reason == CUT_OFF
        if box is not None and (span is None or cut_off):
            return self._form(box)
        if cut_off:
            raise Abstain("cut off")
        value = None
        shown = set_apart(text) if span is None else None
        if span is not None:
            value = self._read(span) or self._read(stated(span))
        elif len(text) <= 200:
            value = self._read(text) or (None if shown else self._read(only_value(text)))
        if value is None and not span:
            value = (
                self._read(concluded(text)) or self._read(shown) or self._read(stated(shown or ""))
            )
            value = value or self._left(text) or self._first(text)
        if value is None and self.anywhere:
            numbers = _LAST_NUMBER.findall(plain_signs(text[-2_000:]))
            value = self._form(numbers[-1]) if numbers else None
        return value

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the number that a short text is, None where it is not one."""
        if "\n" in text or "\\boxed" in text:  # a whole reply
            return super().canonical(text)
        return self._form(text)

    def _form(self, text: str) -> str | None:
        if len(text) > 200:
            return None
        text = unwrapped(even(encodable(text)))
        if "\\" in text:
            text = _SET_AS_TEXT.sub(r" \1", text).replace("\\$", "$")
        text = plain_signs(re.sub(r"^[A-Za-z]\s*=\s*", "", text)).strip()
        if (number := number_form(text)) is not None:
            return number
        text = mixed_as_one(text)
        text = _PERMILLE.sub("‰", _PERCENT.sub("%", _POINTS.sub(" pp", text)))
        text = _TEMPERATURE.sub(_in_degrees, text)
        text = _GROUPS.sub(lambda groups: "".join(groups[0].split()), text)
        match = _QUANTITY.fullmatch(text)
        if match is None:
            return None
        found = _quantity(match, self.language)
        price, _, scope = (found or "").rpartition("/")
        return price if price[-1:] in "$€£¥" and scope in self.scopes_asked else found

    def _read(self, text: str | None) -> AnswerValue | None:
        """Return the number of plain text, which may have a decimal comma."""
        if not text:
            return None
        if (
            text.endswith("]")
            and (place := text.rfind(" [")) > 0
            and text[place + 2 : -1].isdigit()
        ):
            text = text[:place]  # a source
        if (worked := _WORKED.match(text)) is not None:
            text = text[worked.end() :]
        if self.language in COMMA_DECIMALS and _POINTED.match(text):
            return None
        text = mixed_as_one(text)
        if self.language and (figures := self._in_figures(text)) is not None:
            text = figures
        if text[-1:] in "€$£¥":
            text = _MONEY_BEHIND.sub(r"\g<sign>\g<number> \g<scale>", text, count=1)
        return self._form(text if "\\" in text else with_point(text.strip(), listed=False))

    def _in_figures(self, text: str) -> str | None:
        """Return a number in words, or in Chinese numerals, in figures; None for other texts."""
        if text[0].isdigit() and " " not in text and text.isascii():
            return None
        if not text.isascii() and (figures := han_figures(text, COUNTERS)) is not None:
            return figures
        if (figures := in_figures(text, self.language)) is not None:
            return figures
        return None if self.parts_asked else in_whole(text, self.language)

    def _left(self, text: str) -> AnswerValue | None:
        """Return the only number of a text that is not the question's own."""
        if self.asked is None or text.rstrip()[-1:] in ("?", "？") or changes(text[-2_000:]):
            return None
        values = map(self._read, only_numbers(text))
        left = {v for v in values if v is not None and str(v).partition(" ")[0] not in self.asked}
        return left.pop() if len(left) == 1 else None

    def _first(self, text: str) -> AnswerValue | None:
        """Return the number that is all of the first line, if what explains it ends in it too."""
        line, _, rest = text.strip().partition("\n")
        numbers = numbers_in(rest) if len(line) <= 80 and not changes(rest[-2_000:]) else []
        value = self._read(unwrapped(line)) if numbers else None
        last = self._read(numbers[-1]) if value is not None else None
        return value if last is not None and _parts(last)[0] == _parts(value or "")[0] else None

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether number and unit agree; a missing unit agrees with any."""
        if first == second:
            return True
        (a, unit_a), (b, unit_b) = _parts(first), _parts(second)
        if unit_a and unit_b and unit_a != unit_b:
            return False
        return a == b or (self.tolerance > 0 and _near(a, b, self.tolerance))


def _quantity(match: re.Match[str], language: str) -> str | None:
    word = match["unit"] or ""
    front = match["front"].strip("-+ ")
    others = match["rest"].lower().split()
    scale = _scale(word, language)
    told = [*([] if scale or word[:1] == "°" else [word.lower()]), *others]
    words = " ".join(told).strip()
    if not _CHANGING.isdisjoint(told) or (words and changes(words)):
        return None
    if any(_SCALED.fullmatch(other) or in_figures(other, language or "en") for other in others):
        return None
    if scale is None and _is_unclear(match):
        return None
    counted = scale is not None and len(others) == 1 and unit_symbol(others[0])
    if (
        not counted
        and word.lower() not in _SQUARED
        and not (front and _PER.fullmatch(f"{word} {' '.join(others)}"))
        and not unit_symbol(word)
        and any(map(unit_symbol, others))
    ):
        return None  # "3 business days" are no 3 days, nor "5 basis points" 5 points
    if _UNSPACED.match(word) and counter(word) != word:
        return None
    if word.lower() in _SQUARED and len(others) == 1 and (squared := unit_symbol(others[0])):
        unit = squared + _SQUARED[word.lower()]
    else:
        unit = (
            unit_symbol(word)
            or counter(word)
            or (word if len(word) <= 3 and word != word.lower() else "")
        )
    number = number_form(match["front"].strip("$€£¥ ") + match["number"].rstrip(".,"))
    if scale and number:
        number, unit = value_form(Fraction(number) * scale), counted or ""
    power = (match["power"] or "").replace(" ", "").replace("²", "2").replace("³", "3").lstrip("^")
    if (front and unit) or (power and not (unit or front)):
        return None
    name = (front or unit) + power
    if scope := _PER.search(f"{word} {match['rest']}" if not unit else match["rest"]):
        name += f"/{unit_symbol(scope[1]) or scope[1].lower()}"
    top, slash, below = name.partition("/")
    name = f"{top}/{unit_symbol(below) or below}" if slash else name
    name = unit_symbol(name) or name
    return number if number is None or not name else f"{number} {name}"


def _in_degrees(match: re.Match[str]) -> str:
    scale = (match["sign"] or match["name"] or "").upper()
    return " °F" if scale[:1] == "F" or match["one"] == "℉" else " °C"


def _scale(word: str, language: str) -> Fraction | None:
    """Return what a word multiplies the number before it by."""
    return multiplier(word, language or "en") if len(word) > 1 or word in ("k", "K") else None


def _is_unclear(match: re.Match[str]) -> bool:
    """Return whether what follows a number may be a scale or a variable: "12M", "2K", "12 x"."""
    word = match["unit"] or ""
    if not match["gap"] and word in ("K", "M", "B", "T", "G"):
        return True
    if not match["gap"] and word == "s":
        return match["number"][-1:] == "0" and len(match["number"]) == 4  # "1900s"
    return len(word) == 1 and word.isalpha() and word.isascii() and not unit_symbol(word)


def _parts(value: AnswerValue) -> tuple[str, str]:
    number, _, unit = str(value).partition(" ")
    return number, unit


def _near(first: str, second: str, tolerance: float) -> bool:
    a, b = _float(first), _float(second)
    return abs(a - b) <= tolerance * max(abs(a), abs(b))


def _float(number: str) -> float:
    top, _, bottom = number.partition("/")
    try:
        return float(top) / float(bottom or 1)
    except OverflowError:
        return float("inf")


@dataclass(frozen=True)
class BoxedAnswer(Answer):
    r"""The content of the last ``\boxed{}``, in normal form; a reply without a box abstains."""

    expected = True

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the normal form of the box."""
        box = last_box(reply.text)
        if box is None:
            raise Abstain("no closed \\boxed{}")
        return self.canonical(box.content)

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the normal form of what stood in a box."""
        form = short_form(text, max_words=40)
        return None if says_nothing(form) else form

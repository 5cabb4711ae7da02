"""Answers that are a short text, a number, a choice or the content of a box."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bestofinf.answers.base import Abstain, Answer
from bestofinf.answers.finding import boxed_or_announced
from bestofinf.answers.forms import choice_form, encodable, says_nothing, short_form, words_form
from bestofinf.answers.latex import last_box, unwrapped
from bestofinf.answers.numbers import number_form, plain_signs
from bestofinf.answers.units import unit_symbol
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue, Reply

_SCALE = {"thousand": "e3", "million": "e6", "mn": "e6", "billion": "e9", "bn": "e9"}
_QUANTITY = re.compile(
    r"(?P<front>[-+]?\s*[$€£¥]?)\s*(?P<number>[-+]?[\d.,]*\d[\d.,]*(?:e[-+]?\d+)?(?:/\d+)?)"
    r"\s*(?P<unit>\\?%|[°$€£¥¢]|[^\W\d_]+)?(?P<power>\s*(?:\^?[23²³]|/\s*\w+))?(?P<rest>(?:\s+[^\W\d_]+){0,3})",
    re.I,
)
_CHANGING = frozenset(
    {"or", "and", "to", "than", "more", "less", "fewer", "plus", "minus", "times"}
    | {"over", "point", "half", "quarter", "dozen", "hundred", "squared", "cubed", "th"}
    | {"out"}
)
"""Words after a number that make it another."""
_LAST_NUMBER = re.compile(r"(?<![\w.])[-+]?[$€£]?\d[\d,]*(?:\.\d+)?(?![\w])")


@dataclass(frozen=True)
class TextAnswer(Answer):
    """The whole text of a short reply, by its words.

    Attributes:
        max_words: Longer replies abstain.
    """

    expected = True

    max_words: int = 64

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the words in lower case, without edge punctuation and a leading article."""
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
    A vote without unit equals the same number with one.

    Attributes:
        anywhere: Also takes the last number of a reply that announces none.
        tolerance: Relative difference within which two numbers are one vote. Above 0 this is
            not transitive: a number joins the oldest class whose first number is near enough.
    """

    expected = True

    anywhere: bool = False
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 1:
            raise UsageError(f"tolerance must lie in [0, 1), got {self.tolerance!r}")

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the number in its one spelling, with its unit where it has one."""
        span = boxed_or_announced(reply.text)
        if span is None and len(reply.text) <= 200:
            span = reply.text
        value = None if span is None else self.canonical(span)
        if value is None and self.anywhere:
            numbers = _LAST_NUMBER.findall(plain_signs(reply.text[-2_000:]))
            value = self.canonical(numbers[-1]) if numbers else None
        return value

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the number that a short text is, None where it is not one."""
        if len(text) > 200:
            return None
        text = unwrapped(encodable(text))
        text = re.sub(r"\\(?:text|mathrm|,|;| )\s*(?:\{([^{}]*)\})?", r" \1", text).replace(
            "\\$", "$"
        )
        text = plain_signs(re.sub(r"^[A-Za-z]\s*=\s*", "", text)).strip()
        if (number := number_form(text)) is not None:
            return number
        match = _QUANTITY.fullmatch(text)
        if match is None or (match["power"] and not match["unit"]):
            return None
        return _quantity(match)

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether number and unit agree; a missing unit agrees with any."""
        if first == second:
            return True
        (a, unit_a), (b, unit_b) = _parts(first), _parts(second)
        if unit_a and unit_b and unit_a != unit_b:
            return False
        return a == b or (self.tolerance > 0 and _near(a, b, self.tolerance))


def _quantity(match: re.Match[str]) -> str | None:
    word = match["unit"] or ""
    if not _CHANGING.isdisjoint(f"{word} {match['rest']}".lower().split()):
        return None
    unit = unit_symbol(word)
    number = number_form(match["front"].strip("$€£¥ ") + match["number"].rstrip(".,"))
    if scale := _SCALE.get(word.lower()):
        number, unit = number_form(f"{number}{scale}"), ""
    front = match["front"].strip("-+ ")
    power = (match["power"] or "").replace(" ", "").replace("²", "2").replace("³", "3").lstrip("^")
    if (front and unit) or (power and not unit):
        return None
    name = front or unit + power
    return number if number is None or not name else f"{number} {name}"


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
class ChoiceAnswer(Answer):
    """One of a few given choices, named by letter or by its own words.

    Attributes:
        choices: What may be chosen: letters, or labels such as ``("yes", "no")``.
    """

    expected = True

    choices: Sequence[str] = ("A", "B", "C", "D", "E", "F", "G", "H", "I", "J")

    def __post_init__(self) -> None:
        if isinstance(self.choices, str):
            object.__setattr__(self, "choices", tuple(self.choices))
        if len({words_form(choice) or choice for choice in self.choices}) != len(self.choices):
            raise UsageError(f"choices must differ, got {self.choices!r}")

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the choice that is boxed, announced, or all that a line of the reply says."""
        span = boxed_or_announced(reply.text)
        if span is not None and (choice := self.canonical(span)) is not None:
            return choice
        lines = [line for line in reply.text[-2_000:].splitlines() if line.strip()]
        if not lines:
            return None
        last = self.canonical(lines[-1])
        if last is not None and re.fullmatch(r"\W*\w\W*", lines[-1]):
            return last
        # Lines that name different choices list them, and choose none.
        named = {c for line in lines if (c := self.canonical(line)) is not None}
        ends = {self.canonical(lines[0]), self.canonical(lines[-1])}
        return named.pop() if len(named) == 1 and not named.isdisjoint(ends) else None

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the choice that a short text names, in the spelling of `choices`."""
        if len(text) > 400:
            return None
        text = unwrapped(encodable(text))
        letters = {c.upper(): c for c in self.choices if len(c) == 1 and c.isalpha()}
        if letters:
            bare = choice_form(text) or (text.upper() if text.upper() in letters else None)
            labelled = re.match(r"\(?([A-Za-z])(?:\)|[.:](?=\s))\s*\S", text)
            if bare is None and labelled:
                bare = labelled[1].upper()
            if bare in letters:
                return letters[bare]
        words = words_form(text)
        return next((c for c in self.choices if words and words_form(c) == words), None)


@dataclass(frozen=True)
class BoxedAnswer(Answer):
    r"""The content of the last ``\boxed{}``, in normal form; a reply without a box abstains."""

    expected = True

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the normal form of the box."""
        box = last_box(reply.text)
        if box is None:
            raise Abstain("no closed \\boxed{}")
        return self.canonical(box)

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the normal form of what stood in a box."""
        form = short_form(text, max_words=40)
        return None if says_nothing(form) else form

"""The key of a short reply: what it adds to the question, or nothing where that is not plain.

Equal keys are one vote. A key is its own key, and equality is all there is to it, so it does not
matter which of two replies came first.
"""

from __future__ import annotations

import re
from fractions import Fraction

from bestofinf.answers.endings import signs_against
from bestofinf.answers.numbers import number_form, value_form
from bestofinf.answers.stances import disowns
from bestofinf.answers.wording.absent import ABSENT, absent, quoted
from bestofinf.answers.wording.choice import choice
from bestofinf.answers.wording.identifiers import identifier
from bestofinf.answers.wording.length import MAX_CHARS
from bestofinf.answers.wording.names import name
from bestofinf.answers.wording.polarity import lead, polarity
from bestofinf.answers.wording.quantity import moment, quantity
from bestofinf.answers.wording.question import Question
from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.roles import role
from bestofinf.answers.wording.truth import truth
from bestofinf.answers.wording.units import BASES

_LETTERS = re.compile(r"[\W_]*(?:[A-Za-z](?:[\W_]+|$)|(?:and|or|und|et|y)\s+)+")
_FACTORIAL = re.compile(r"\d!")
_SIGNED = re.compile(r"\W*[-−–‒﹣－+](?:[^\W\d_]|\s?[$€£¥])")
_CODE = re.compile(r"[.*~/\\&@]++\w[\w.]*+")
_NUMBERS = r"\s{0,9}[\[(]\s{0,9}-?[\d.]+(?:(?:\s{0,9}[,;]\s{0,9}|\s{1,9})-?[\d.]+)"
_LIST = re.compile(
    rf"(?:^|[^\w\s.,;!?]|\bin){_NUMBERS}+\s{{0,9}}[\])]"
    rf"|(?:[:=`]|\b(?:is|are|was|were|ist|sind|est|sont|es|son|returns?|prints?|outputs?|gives?|yields?)){_NUMBERS}*\s{{0,9}}[\])](?!\s{{0,9}}\w)",
    re.M,
)
"""An interval, or a list of numbers that is no source: "x in [0,1]", "It prints [3]"."""
_BRACKETS = re.compile(rf"{_NUMBERS}*\s{{0,9}}[\])]")
_ASKS_FOR_LIST = re.compile(
    r"\[\s?-?\d|(?<!\w)(?:does\s{1,9}(?:\S{1,60}\s{1,9}){1,6}(?<!to\s)(?:return|print|output)|functions?|arrays?|tuples?|vectors?|intervals?|coordinates)(?!\w)",
    re.I,
)
_FIGURES = re.compile(r"[\d.,;' ()\[\]-]+")
_POINTED = re.compile(r"\W*\d{1,3}[.,]\d{3}\W*")
_SAID = {"polarity": ("yes", "no"), "truth": ("true", "false")}
"""Keys in words of their own, which are read in every language."""

_AMOUNT = re.compile(r"[$€£¥]?(-?\d{1,15}(?:\.\d{1,15})?)(?:%| ?\D{0,40})")
_VARIABLE = re.compile(
    r"(?=.*(?:[\d.)+*/·×-]\s?a(?![a-zA-Z\d])|(?<![a-zA-Z])a\s?[*+·×(/]))"
    r"(?:[\d.\s()+*/·×-]|(?<![A-Za-z])[A-Za-z](?![A-Za-z]))+"
)
"""Digits, signs and single letters, with an "a" that is no article: "2a", "3 - a", but not "a-7"."""

_NOTATION = re.compile(r"[\\^={}|√∞]|(?<![A-Za-z])(?:sqrt|ln|log|exp|sin|cos|tan)\s?\(")


def key(text: str, question: Question) -> str | None:
    """Return the key of a reply to a question; None where it has none.

    What would be read as something else the next time is no key.
    """
    found = question.once(text, _read)
    return found if found is not None and question.once(found, _read) == found else None


def number_behind(found: str, question: Question) -> str | None:
    """Return the number that alone has a key with the unit of the question; None where none has.

    "90 minutes" is what 90 says where minutes are asked for, and "120 minutes" what 2 hours are.
    """
    amount = _AMOUNT.fullmatch(found)
    if amount is None or question.unit is None:
        return None
    bare = value_form(Fraction(amount[1]) / question.unit[1])
    return bare if bare is not None and key(bare, question) == found else None


def number_with_unit(found: str) -> str | None:
    """Return the number of a key that is an amount of a unit or of money; None for other keys.

    >>> [number_with_unit(found) for found in ("80 kilometers-an-hour", "$18", "12 monkeys", "25%")]
    ['80', '18', None, None]
    """
    amount = _AMOUNT.fullmatch(found)
    if amount is None or not (
        found[0] in "$€£¥" or found[amount.end(1) :].strip() in BASES - {"%"}
    ):
        return None
    return amount[1]


def is_pointed(text: str, question: Question) -> bool:
    """Return whether a text is a number such as "1.234" where that may be 1234 as well."""
    return question.words.language.decimal == "," and _POINTED.fullmatch(text) is not None


def _read(text: str, question: Question) -> str | None:
    if _CODE.fullmatch(text):
        return None  # "*.py" is not ".py"
    if text.upper() in question.labels:
        return text.upper()
    if signs_against(text) or len(text) > MAX_CHARS or _NOTATION.search(text):
        return None
    if _VARIABLE.fullmatch(text) and question.words.sense.get("a") == "article":
        return None
    if _LETTERS.fullmatch(text) or _FACTORIAL.search(text) or _SIGNED.match(text):
        return None  # choices by their letters, what may be a factorial, and "-inf"
    if ("[" in text or "(" in text) and (
        _LIST.search(text) or (_BRACKETS.search(text) and _ASKS_FOR_LIST.search(question.text))
    ):
        return None
    if "," in text and _FIGURES.fullmatch(text) and number_form(text.strip(" .")) is None:
        return None  # "1,2" may be a list
    if is_pointed(text, question):
        return None
    if text == ABSENT or text in _SAID.get(question.kind, ()):
        return text
    reply = Wording.of(text, question)
    if reply is None:
        return None
    if reply.asks_back:
        return None
    if lead(reply) is None and (found := absent(reply)) is not None:
        return None if quoted(text) else found
    code = question.words.language.code
    if question.kind not in _SAID and disowns(text, code) and not disowns(question.text, code):
        return None  # "12, which is wrong", "they say 12"
    return _typed(reply)


def _typed(reply: Wording) -> str | None:
    question = reply.question
    match question.kind:
        case "truth":
            return truth(reply)
        case "polarity":
            return polarity(reply)
        case "choice":
            return choice(reply)
        case "role":
            return role(reply)
        case "quantity":
            return quantity(reply)
        case "date":
            return moment(reply) or name(reply)
        case _:
            if question.wants_id and any(t.sort in ("code", "number") for t in reply.pieces):
                return identifier(reply)
            return _value_or_name(reply)


def _value_or_name(reply: Wording) -> str | None:
    """Return a quantity or a date that answers "what", else a name."""
    found = quantity(reply) or moment(reply) if reply.question.asks == "name" else None
    return found or name(reply)

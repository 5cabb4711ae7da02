"""Quantities and dates: the only value that a reply adds to the question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

from bestofinf.answers.wording.amounts import DURATIONS, Amount, Scope
from bestofinf.answers.wording.dates import Moment
from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.scanning import Item
from bestofinf.answers.wording.tokens import Token

HARMLESS = frozenset(
    {"article", "be", "was", "preposition", "modal", "filler", "noun", "own", "tell", "mark"}
    | {"document"}
)
"""Roles of words that a sentence may use to give any value."""

YEARS = range(1000, 2200)
MAX_START = 3
"""Words that name what a duration is counted from."""
_POINT = frozenset({"unknown", "own", "noun", "article", "mark", "filler"})


def quantity(reply: Wording) -> str | None:
    """Return the only quantity that a reply adds, with its unit, comparator and scope.

    Nothing else may be added: an unknown word, a negation, a second value and there is no key.
    """
    question = reply.question
    rest = _only_value(reply)
    if rest is None:
        return None
    value, items = rest
    scopes = {item.name for item in items if isinstance(item, Scope) and item.name}
    if value is None:
        if question.asks != "frequency" or len(scopes) != 1:
            return None
        value = Amount(Fraction(1), "times")
    if not isinstance(value, Amount) or not _led_well(value, items, reply):
        return None
    if _is_difference(value, items, reply):
        return None
    if not value.unit and question.unit is not None:
        unit, factor = question.unit
        high = None if value.high is None else value.high * factor
        value = replace(value, unit=unit, value=value.value * factor, high=high)
    elif not value.unit and question.needs_unit:
        return None
    changed = question.asks == "amount" or any(map(question.allows, ("by", "um", "de")))
    if value.unit in ("%", "‰") and changed and _of_own(value, items, reply):
        return None
    if value.sign in question.comparators:
        value = replace(value, sign="")
    return value.said(scopes - question.scopes)


def moment(reply: Wording) -> str | None:
    """Return the only date or time of day that a reply adds."""
    rest = _only_value(reply, dates=True)
    if rest is None:
        return None
    value, items = rest
    if not isinstance(value, Moment) or any(isinstance(item, Scope) for item in items):
        return None
    return value.said() if _led_well(value, items, reply) else None


def _only_value(
    reply: Wording, *, dates: bool = False
) -> tuple[Amount | Moment | None, list[Item]] | None:
    """Return the value that a reply adds and all its items; None where it adds anything else."""
    question = reply.question
    items = [_as_year(i) for i in reply.items] if dates else _without_start(reply.items, reply)
    asked = {_as_year(v) for v in question.values} if dates else set(question.values)
    values = [item for item in items if isinstance(item, Amount | Moment)]
    added = [value for value in values if value not in asked]
    values = added or values[:1]
    if dates and len(values) == 2:
        values = _of_both(values, question.asks == "time")
    if len(values) > 1 or (not dates and any(isinstance(v, Moment) for v in values)):
        return None
    if reply.was_only or _only_may(reply) or not harmless(items, reply):
        return None
    return (values[0] if values else None), items


def _without_start(items: list[Item], reply: Wording) -> list[Item]:
    """Take off what a duration is counted from: "30 days after purchase" are 30 days."""
    question, words = reply.question, reply.question.words
    if not question.wants_duration:
        return items
    for place, item in enumerate(items[:-2]):
        start = items[place + 1]
        if not isinstance(item, Amount) or item.unit not in DURATIONS:
            continue
        if isinstance(start, Token) and words.among("starts", start.fold):
            led = any(words.among("within", token.fold) for token in reply.pieces)
            if words.among("genitives", start.fold) and not led:
                continue  # "4 weeks of sick pay"
            rest = items[place + 2 :]
            roles = [question.role(i) if isinstance(i, Token) else "value" for i in rest]
            named = sum(role in ("unknown", "own", "noun") for role in roles)
            if named <= MAX_START and all(role in _POINT for role in roles):
                return items[: place + 1]
    return items


def _only_may(reply: Wording) -> bool:
    """Return whether it speaks of what will or may be, where the question asks what was."""
    question, senses = reply.question, reply.question.words.modals
    said = (senses.get(item.fold) for item in reply.items if isinstance(item, Token))
    return question.is_past and any(s is not None and s not in question.modals for s in said)


def harmless(items: Iterable[Item], reply: Wording) -> bool:
    """Return whether the words beside the values say nothing of their own."""
    question = reply.question
    for item in items:
        if isinstance(item, Token):
            role = question.role(item)
            if role not in HARMLESS or (role == "preposition" and not question.ties(item.fold)):
                return False
    return True


def _is_difference(value: Amount, items: Sequence[Item], reply: Wording) -> bool:
    """Return whether a comparative follows that the question has not: "5 °C warmer"."""
    place = next((i + 1 for i, item in enumerate(items) if item == value), len(items))
    behind = items[place] if place < len(items) else None
    if not isinstance(behind, Token) or reply.question.words.language.code not in ("en", "de"):
        return False
    asked = any(token.fold == behind.fold for token in reply.question.sentence)
    return behind.fold.endswith("er") and reply.question.role(behind) == "own" and not asked


def _of_own(value: Amount, items: Sequence[Item], reply: Wording) -> bool:
    """Return whether a share is one of what was asked about: "5 % of the shares rose"."""
    place = items.index(value) + 1
    behind = items[place] if place < len(items) else None
    return isinstance(behind, Token) and reply.question.words.among("genitives", behind.fold)


def _as_year(item: Item) -> Item:
    """Return a plain number as the year that it is where a date was asked for."""
    if not isinstance(item, Amount) or item != Amount(item.value):
        return item
    is_year = item.value.denominator == 1 and int(item.value) in YEARS
    return Moment(year=int(item.value)) if is_year else item


def _of_both(values: Sequence[Amount | Moment], time: bool) -> list[Amount | Moment]:
    """Return the date of a date with a time, or its time where that was asked for."""
    if not all(isinstance(value, Moment) for value in values):
        return list(values)
    dates = [v for v in values if isinstance(v, Moment) and v.minute is None]
    times = [v for v in values if isinstance(v, Moment) and v.minute is not None]
    if len(dates) != 1 or len(times) != 1:
        return list(values)
    return list(times if time else dates)


def _led_well(value: Amount | Moment, items: Sequence[Item], reply: Wording) -> bool:
    """Return whether the preposition before a value leaves it what was asked for.

    "to 12 %" is no answer to "by how much", and "until 4 May" none to "when".
    """
    question, words = reply.question, reply.question.words
    place = next((i for i, item in enumerate(items) if item == value), 0)
    while place > 0:
        before = items[place - 1]
        if not isinstance(before, Token):
            return True
        role = question.role(before)
        if role == "article" or role == "filler":
            place -= 1
            continue
        if role != "preposition":
            return True
        return not words.among("turning", before.fold) or question.allows(before.fold)
    return True

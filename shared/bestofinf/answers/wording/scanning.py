"""Quantities, dates, rates and plain words in the order of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TypeAlias

from bestofinf.answers.wording.amounts import Amount, Scope, amount_at, unit_name_at
from bestofinf.answers.wording.dates import Moment, moment_at
from bestofinf.answers.wording.lexicon import Lexicon
from bestofinf.answers.wording.tokens import Token

Item: TypeAlias = Token | Amount | Moment | Scope


_ONCE = Amount(Fraction(1), "times")


def scanned(tokens: Sequence[Token], words: Lexicon, *, times: bool) -> list[Item]:
    """Return the items of a text: its pieces, with those that make up a value as one.

    Comparators before and after an amount are taken into it. A scope is what an amount is counted
    by, wherever it stands.

    Args:
        tokens: Pieces of the text.
        words: Of the language.
        times: Whether a time of day is looked for; otherwise "2 horas" is a duration.
    """
    items: list[Item] = []
    place = 0
    while place < len(tokens):
        item, place = _item_at(tokens, place, items, words, times=times)
        if isinstance(item, Amount):
            item, place = _compared(item, tokens, place, items, words)
            if item.sign == "*" and items and items[-1] == _ONCE:
                items.pop()  # "once every three weeks"
        items.append(item)
    return items


def _item_at(
    tokens: Sequence[Token], place: int, items: Sequence[Item], words: Lexicon, *, times: bool
) -> tuple[Item, int]:
    token = tokens[place]
    if token.sort == "mark":
        return token, place + 1
    if (scope := _scope_at(tokens, place, items, words)) is not None:
        return scope
    if token.value is not None or token.sort != "word" or _may_begin(token, words):
        if (moment := moment_at(tokens, place, words, times=times)) is not None:
            return moment
        if (amount := amount_at(tokens, place, words)) is not None:
            return amount
    return token, place + 1


def _may_begin(token: Token, words: Lexicon) -> bool:
    """Return whether a word may begin an amount or a date; most do not."""
    fold = token.fold
    return fold in words.beginnings or "-" in fold or words.language.code == "de"


def _scope_at(
    tokens: Sequence[Token], place: int, items: Sequence[Item], words: Lexicon
) -> tuple[Scope, int] | None:
    fold = tokens[place].fold
    if (unit := words.rates.get(fold)) is not None:
        return Scope(unit), place + 1
    follows_amount = bool(items) and isinstance(items[-1], Amount | Scope)
    if not (words.among("per", fold) or (follows_amount and words.among("after_amount", fold))):
        return None
    place += 1
    if fold == "/" and not follows_amount:
        return None
    while place < len(tokens) and words.sense.get(tokens[place].fold) == "article":
        place += 1
    if place >= len(tokens) or tokens[place].sort not in ("word", "sign"):
        return None
    if (name := unit_name_at(tokens, place, words)) is not None:
        return Scope(name[2].split("-", 1)[-1].lower()), name[3]
    if tokens[place].sort != "word" or amount_at(tokens, place, words) is not None:
        return None  # "every two days" compares
    return Scope(tokens[place].fold), place + 1


def _leads_range(before: Item, words: Lexicon) -> bool:
    """Return whether "between" or "from" stands before a range: they say no more than it."""
    if not isinstance(before, Token):
        return False
    least = (
        words.comparators.get(before.fold) == ">=" and words.sense.get(before.fold) == "preposition"
    )
    return least or words.among("between", before.fold)


def _compared(
    amount: Amount, tokens: Sequence[Token], end: int, items: list[Item], words: Lexicon
) -> tuple[Amount, int]:
    """Return the amount with the comparator that stands before or behind it, and its end."""
    sign = amount.sign
    if amount.high is not None and items and _leads_range(items[-1], words):
        items.pop()
    while items and isinstance(before := items[-1], Token):
        found = words.comparators.get(before.fold)
        if found is None or (sign not in ("", "~") and found != "~"):
            if words.sense.get(before.fold) == "article" and len(items) > 1:
                earlier = items[-2]
                if isinstance(earlier, Token) and earlier.fold in words.comparators:
                    items.pop()
                    continue
            break
        sign = sign if sign and sign != "~" else found
        items.pop()
    if end < len(tokens):
        if tokens[end].fold == "+":
            sign, end = ">=", end + 1
        elif (found := words.afterwards.get(tokens[end].fold)) is not None:
            sign, end = found, end + 1
    return replace(amount, sign="" if sign == "~" else sign), end

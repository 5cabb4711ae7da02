r"""Finds what a reply puts into ``\boxed{}``: one answer, in one box or in several joined ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bestofinf.answers.units import counted_things, unit_symbol

MAX_BOX = 4_000
"""A box with more characters is not an answer."""

MAX_BOXES = 40

_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{|[^\s{\\])")
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_JOINT = 80  # characters that may stand between two boxes of one answer
_AND = "and|und|et|y|e|en|и|和|と|및"
_OR = "or|oder|ou|o|of|или|或|または|또는"
_WORDS = f"{_AND}|{_OR}"
_UNIT = r"(?:\s*\\?\$)?(?:\s+(?P<unit>[^\W\d_]{1,20}))"
_AFTER = re.compile(_UNIT)
_BETWEEN = re.compile(
    rf"(?:\s*\$)?(?:{_UNIT})?"
    rf"(?:\s|[,;&$*]|\\[()\[\],;:!> ]|\\\\|\\q?quad|\\text(?:rm)?\{{[\s,]*(?:{_WORDS})[\s,]*\}}"
    rf"|(?<![^\W\d_])(?:{_WORDS})(?![^\W\d_]))*"
)
_NAMED = re.compile(r"(?<![\\A-Za-z])([A-Za-z](?:_(?:\w|\{\w{1,4}\}))?|[A-Z]{2,3})\s*=\s*$")
_TOLD_JOINED = re.compile(rf"[,;&]|(?<![^\W\d_])(?:{_WORDS})(?![^\W\d_])")
_TOLD_EITHER = re.compile(rf"(?<![^\W\d_])(?:{_OR})(?![^\W\d_])")


@dataclass(frozen=True, slots=True)
class Box:
    """What a reply puts into a box, and where it stands.

    Attributes:
        content: What is in the box; of several joined boxes all of it, parted by ``;``.
        end: Where the last of the boxes ends.
        start: Where the first of them begins.
    """

    content: str
    end: int
    start: int = 0


def last_box(text: str) -> Box | None:
    r"""Return the last closed ``\boxed{}`` with those joined to it; None without one.

    Boxes are one answer where nothing but commas, "and" or "or" stands between them, units of
    measurement and names as in ``x_2 = \boxed{3}`` apart. Otherwise the last one counts, even
    where it stands far from the end of a long reply.
    """
    place = _closed_before(text, len(text))
    if place is None:
        return None
    places = [place]
    while len(places) < MAX_BOXES:
        begin = places[0][0]
        earlier = _closed_before(text, begin, begin - MAX_BOX - _JOINT)
        if earlier is None or not _joined(text[earlier[1] : begin]):
            break
        places.insert(0, earlier)
    return Box(_content(text, places), places[-1][1], places[0][0])


def _closed_before(text: str, end: int, begin: int = 0) -> tuple[int, int] | None:
    """Return where the last closed box begins and ends that begins between two places."""
    begin = max(0, begin)
    for _ in range(20):  # a reply that ends in an open box may have closed ones before it
        start = max(text.rfind("\\boxed", begin, end), text.rfind("\\fbox", begin, end))
        if start < 0:
            return None
        match = _BOX.match(text, start)
        if match and (stop := _closing(text, match.end())):
            return start, stop
        end = start
    return None


def _closing(text: str, start: int) -> int:
    """Return where the group ends that begins at a place; 0 where it does not end."""
    if text[start] != "{":
        return start + 1
    depth = 0
    for match in _BRACES.finditer(text, start, start + MAX_BOX):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return 0


def _joined(between: str) -> bool:
    if len(between) > _JOINT:
        return False
    between = _NAMED.sub("", between)
    match = _BETWEEN.fullmatch(between)
    if match is None or (
        match["unit"] and not (_is_unit(match["unit"]) or _TOLD_JOINED.fullmatch(match["unit"]))
    ):
        return False
    # On another line it may be another try, unless a word or a comma joins them.
    return "\n" not in between or _TOLD_JOINED.search(between) is not None


def _is_unit(word: str) -> bool:
    return bool(counted_things(word) or (len(word) > 2 and unit_symbol(word)))


def _content(text: str, places: Sequence[tuple[int, int]]) -> str:
    items = [_inside(text[start:end]) for start, end in places]
    if len(items) == 1 or len(set(items)) == 1:
        return items[-1]
    named = [_NAMED.search(text, max(0, start - 20), start) for start, _ in places]
    units = [_AFTER.match(text, end, end + 30) for _, end in places]
    for place, (name, unit) in enumerate(zip(named, units, strict=True)):
        if name and all(named):
            items[place] = f"{name[1]}={items[place]}"
        if unit and _is_unit(unit["unit"]):
            items[place] += f"\\text{{ {unit['unit']}}}"
    between = text[places[0][1] : places[-1][0]]
    return ("\\text{ or }" if _TOLD_EITHER.search(between) else ";").join(items)


def _inside(box: str) -> str:
    content = _BOX.sub("", box, count=1)
    return content[1:-1] if content.startswith("{") else content

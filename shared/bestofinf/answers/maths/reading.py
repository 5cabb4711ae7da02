r"""What a mathematical answer is made of: sets, intervals, equations, units, expressions.

`read` takes an answer in normal form apart without evaluating anything.
"""

from __future__ import annotations

import re

from bestofinf.answers.maths.limits import MAX_DEPTH, MAX_LENGTH, nesting
from bestofinf.answers.maths.nodes import Node, closes, is_balanced, items_of, node, without_unit
from bestofinf.answers.maths.plain import notation
from bestofinf.answers.maths.relations import Dissection, is_name, relation
from bestofinf.answers.numbers import number_form

_BASE = re.compile(
    r"(?=[A-F]*\d)([0-9A-F]{1,60})_(?:\{?\\?(?:text\{)?(\d{1,2}|two|eight|ten)\}?\}?)"
)

_SCALES = {"thousand": "e3", "million": "e6", "billion": "e9", "trillion": "e12"}
_SCALED = re.compile(rf"(-?[\d.,]+)\s*(?:\\text\{{\s*)?({'|'.join(_SCALES)})\s*\}}?")


def read(text: str) -> Dissection:
    """Take an answer apart that is in the form of `MathAnswer.canonical`."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        return Dissection(["tex", text])
    if (number := number_form(text)) is not None:
        return Dissection(["number", number])
    text = notation(text)
    if not is_balanced(text) or nesting(text.replace("[", "").replace("]", "")) > MAX_DEPTH:
        return Dissection(["tex", text])
    within = text[:1] == "(" and "=" in text and closes(text, 0)  # "(35 + 70 = 105)"
    if (found := relation(text[1:-1] if within else text)) is not None:
        return found
    for opening in ("\\in ", "\\in"):
        name, mark, rest = text.partition(opening)
        if mark and is_name(name) and rest.strip()[:1] in ("(", "[", "{", "\\"):
            return Dissection(node(rest), name=name.strip())
    if match := _BASE.fullmatch(text):
        digits = match[1].lstrip("0") or "0"
        kind = "number" if digits.isdecimal() else "numeral"
        return Dissection([kind, digits], unit=f"base {match[2]}")
    if (scaled := _SCALED.fullmatch(text)) and (
        number := number_form(scaled[1] + _SCALES[scaled[2]])
    ):
        return Dissection(["number", number])
    value, unit = without_unit(text)
    if number_form(value) is None and (items := items_of(text)):
        return _listed(text, items)
    return Dissection(node(value), unit=unit)


def _listed(text: str, items: list[str]) -> Dissection:
    """Read values side by side, each of which may have a unit of its own."""
    parts = [without_unit(item) for item in items]
    values = [node(value) for value, _ in parts]
    if not any(unit for _, unit in parts):
        return Dissection(node(text), listed=values)
    cores: list[Node] = [
        ["named", unit, value] if unit else value
        for value, (_, unit) in zip(values, parts, strict=True)
    ]
    return Dissection(["set", *cores], listed=values, bare=False)

"""What mathematical answers are compared by, once their expressions have values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from bestofinf.answers.maths.limits import is_tame
from bestofinf.answers.maths.nodes import Node
from bestofinf.answers.maths.relations import Dissection
from bestofinf.answers.maths.worker import DIGITS, MAX_DIGITS, rounded

_FLOAT = 15
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_DIGITS = re.compile(r"-?[\d.]+(?:E[+-]?\d{1,4})?")


@dataclass(frozen=True, slots=True)
class MathForm:
    """What two mathematical answers are compared by.

    Attributes:
        core: The value, as canonical JSON of nested lists.
        name: What is said to have this value, as x in ``x=5``; empty when nothing is.
        unit: The unit, ``%`` and bases of numerals among them; empty without.
        other: A second reading with the same right; empty without.
        listed: Of values side by side, each in its place; empty without.
        bare: Whether none of those listed has a name or a unit.
        value: Digits of a value without variables; empty for anything else.
        floating: Whether these may be what floating point keeps of another value: 15 or more.
        fraction: Whether the value is a fraction that no decimal can say.
    """

    core: str
    name: str = ""
    unit: str = ""
    other: str = ""
    listed: str = ""
    bare: bool = True
    value: str = ""
    floating: bool = False
    fraction: bool = False

    def agrees(self, form: MathForm) -> bool:
        """Return whether both mean the same; a missing name or unit agrees with any."""
        if self.other and self.other == form.other:
            return True
        if self.name and form.name and self.name != form.name:
            return False
        if self.listed and self.listed == form.listed and self.bare != form.bare:
            return not (self.name or form.name)
        if self.core == form.core and (self.unit == form.unit or not (self.unit and form.unit)):
            return True
        if {self.unit, form.unit} == {"%", ""}:
            return self._fraction() == form._fraction()
        if not (self.floating or form.floating) or self.unit or form.unit:
            return False
        return self._is_float_of(form) or form._is_float_of(self)

    def _is_float_of(self, exact: MathForm) -> bool:
        """Return whether this is another value in floating point, that no such decimal can say.

        16 digits say so, and 15 of a fraction; of others fewer digits may be a rounded guess.
        """
        if not self.floating or not _DIGITS.fullmatch(exact.value):
            return False
        enough = _FLOAT if exact.fraction else _FLOAT + 1
        if _figures(self.value) < enough or _figures(exact.value) < DIGITS - 1:
            return False
        last = Fraction(1, 10 ** len(self.value.partition(".")[2]))
        return abs(Fraction(self.value) - Fraction(exact.value)) <= last

    def _fraction(self) -> str:
        """Return the value with a percent sign divided out."""
        kind, *values = json.loads(self.core)
        if kind != "value" or len(values) != 2 or not _DIGITS.fullmatch(values[1]):
            return self.core
        shifted = Fraction(values[1]) / (100 if self.unit == "%" else 1)
        return str(shifted)


def finish(reading: Dissection, values: Mapping[str, Sequence[str] | None]) -> MathForm:
    """Return the form of an answer, given the values of its leaves (`leaves`)."""

    def settle(node: Node) -> Node:
        if isinstance(node, str):
            return node
        kind, *rest = node
        if kind == "leaf":
            found = values.get(str(rest[0]))
            return ["tex", rest[0]] if found is None else ["value", *found]
        if kind == "number":
            return ["value", "", number_digits(str(rest[0]))]
        settled = [settle(part) for part in rest]
        if kind in ("set", "union", "all", "either"):
            settled.sort(key=_written)
        if kind == "set" and all(part[:1] == ["sequence"] for part in settled):  # points, each once
            settled = [part for place, part in enumerate(settled) if part not in settled[:place]]
        return [kind, *settled]

    other = _scaled(values.get(reading.difference), reading.sign)
    core = settle(reading.core)
    value = _value(core)
    return MathForm(
        _written(core),
        reading.name,
        reading.unit,
        other,
        _written([settle(part) for part in reading.listed]) if reading.listed else "",
        reading.bare,
        value,
        _is_floating(value),
        reading.core[0] == "number" and "/" in str(reading.core[1]),
    )


def leaves(reading: Dissection) -> list[str]:
    """Return the expressions whose values `finish` asks for."""
    found: list[str] = [reading.difference] if reading.difference else []

    def walk(node: Node) -> None:
        if isinstance(node, list):
            if node[0] == "leaf":
                found.append(str(node[1]))
            for part in node[1:]:
                walk(part)

    walk(reading.core)
    for part in reading.listed:
        walk(part)
    return [text for text in dict.fromkeys(found) if is_tame(text)]


def number_digits(number: str) -> str:
    """Return the digits by which the worker tells values apart, of a number in normal form."""
    top, _, bottom = number.partition("/")
    if "e" in number or len(number) > (DIGITS if bottom or "." in number else MAX_DIGITS):
        return number
    if not bottom:
        return rounded(number)
    return rounded(f"{int(top) * 10 ** (2 * DIGITS) // int(bottom)}e-{2 * DIGITS}")


def _scaled(values: Sequence[str] | None, sign: str) -> str:
    """Return the values of left minus right up to a common factor: one equation, many spellings.

    A negative factor turns the sign of an inequality.
    """
    if values is None or len(values) < 3 or not all(map(_DIGITS.fullmatch, values[1:])):
        return ""
    first, *others = (Fraction(v) for v in values[1:])
    if first == 0:
        return ""
    ratios = [str(round(other / first * 10**18)) for other in others]
    if first < 0:
        sign = _TURNED.get(sign, sign)
    return f"{sign}{values[0]}:{','.join(ratios)}"


def _value(core: Node) -> str:
    """Return the digits of a value without variables; empty for anything else."""
    return str(core[2]) if core[:2] == ["value", ""] else ""


def _figures(value: str) -> int:
    return len(value.replace("-", "").replace(".", "").strip("0"))


def _is_floating(value: str) -> bool:
    """Return whether digits may be those that floating point keeps of a number."""
    return "E" not in value and _FLOAT <= _figures(value) < DIGITS


def _written(node: Node) -> str:
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"))

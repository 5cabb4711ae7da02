"""What mathematical answers are compared by, once their expressions have values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from bestofinf.answers.math_reading import Node, Reading
from bestofinf.answers.math_tame import is_tame
from bestofinf.answers.math_worker import DIGITS, MAX_DIGITS, rounded

_DIGITS = re.compile(r"-?[\d.]+(?:E[+-]?\d{1,4})?")


@dataclass(frozen=True, slots=True)
class MathForm:
    """What two mathematical answers are compared by.

    Attributes:
        core: The value, as canonical JSON of nested lists.
        name: What is said to have this value, as x in ``x=5``; empty when nothing is.
        unit: The unit, ``%`` and bases of numerals among them; empty without.
        other: A second reading with the same right; empty without.
    """

    core: str
    name: str = ""
    unit: str = ""
    other: str = ""

    def agrees(self, form: MathForm) -> bool:
        """Return whether both mean the same; a missing name or unit agrees with any."""
        if self.other and self.other == form.other:
            return True
        if self.name and form.name and self.name != form.name:
            return False
        if self.core == form.core and (self.unit == form.unit or not (self.unit and form.unit)):
            return True
        return {self.unit, form.unit} == {"%", ""} and self._fraction() == form._fraction()

    def _fraction(self) -> str:
        """Return the value with a percent sign divided out."""
        kind, *values = json.loads(self.core)
        if kind != "value" or len(values) != 2 or not _DIGITS.fullmatch(values[1]):
            return self.core
        shifted = Fraction(values[1]) / (100 if self.unit == "%" else 1)
        return str(shifted)


def finish(reading: Reading, values: Mapping[str, Sequence[str] | None]) -> MathForm:
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
        if kind in ("set", "union"):
            settled.sort(key=_written)
        return [kind, *settled]

    core = settle(reading.core)
    return MathForm(
        _written(core), reading.name, reading.unit, _scaled(values.get(reading.difference))
    )


def leaves(reading: Reading) -> list[str]:
    """Return the expressions whose values `finish` asks for."""
    found: list[str] = [reading.difference] if reading.difference else []

    def walk(node: Node) -> None:
        if isinstance(node, list):
            if node[0] == "leaf":
                found.append(str(node[1]))
            for part in node[1:]:
                walk(part)

    walk(reading.core)
    return [text for text in dict.fromkeys(found) if is_tame(text)]


def number_digits(number: str) -> str:
    """Return the digits by which the worker tells values apart, of a number in normal form."""
    top, _, bottom = number.partition("/")
    if "e" in number or len(number) > (DIGITS if bottom or "." in number else MAX_DIGITS):
        return number
    if not bottom:
        return rounded(number)
    return rounded(f"{int(top) * 10 ** (2 * DIGITS) // int(bottom)}e-{2 * DIGITS}")


def _scaled(values: Sequence[str] | None) -> str:
    """Return the values of left minus right up to a common factor: one equation, many spellings."""
    if values is None or len(values) < 3 or not all(map(_DIGITS.fullmatch, values[1:])):
        return ""
    first, *others = (Fraction(v) for v in values[1:])
    if first == 0:
        return ""
    ratios = [str(round(other / first * 10**18)) for other in others]
    return f"{values[0]}:{','.join(ratios)}"


def _written(node: Node) -> str:
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"))

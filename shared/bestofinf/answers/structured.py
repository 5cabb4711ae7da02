"""Structured answers: JSON objects as one vote, or voted on field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bestofinf.answers.base import Abstain, Answer, PartedAnswer
from bestofinf.answers.canonical_json import (
    Schema,
    is_unordered,
    json_form,
    parse_json,
    plain,
    value_json,
)
from bestofinf.answers.finding import fenced
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue, Reply, Sample, Usage

MAX_MATCHED = 50
"""Longer lists without order are compared in the order of their canonical forms."""


class ValueAnswer(Answer):
    """One JSON value of any type, as canonical JSON.

    Args:
        schema: JSON schema of the value: fills defaults and tells which lists have no order.
        tolerance: Relative difference within which two numbers are the same. Above 0 this is not
            transitive: an answer joins the oldest class whose first answer is near enough.
    """

    expected = True

    def __init__(self, *, schema: Schema | None = None, tolerance: float = 0.0) -> None:
        self.schema = schema
        self.tolerance = checked_tolerance(tolerance)

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the canonical JSON of the parsed object, or of the JSON in the text."""
        return value_json(structured_value(reply), schema=self.schema)

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether the values agree, numbers within the tolerance."""
        return first == second or near(first, second, schema=self.schema, tolerance=self.tolerance)


class JsonAnswer(PartedAnswer):
    """A JSON object: equal objects are one vote however they are written.

    With `fields` every field is voted on by itself, and the object handed out has each field's
    winner. A field that a reply lacks abstains in that field. What is handed out is valid by the
    schema where that is a pydantic model: an object that does not validate is not made up.

    Args:
        fields: Names of the top-level fields to vote on, or the answer type of each by its name;
            other fields are copied from the sample that agrees with most winners.
        schema: A JSON schema, or a pydantic model class whose schema is taken. Fills defaults
            and tells which lists have no order (``uniqueItems`` or ``x-unordered``).
        tolerance: Relative difference within which two numbers are the same.
        ignore: Top-level fields that are no part of the vote, such as an explanation.

    Raises:
        UsageError: If a field is not in the schema, or the tolerance is not in [0, 1).
    """

    expected = True

    def __init__(
        self,
        *,
        fields: Iterable[str] | Mapping[str, Answer] = (),
        schema: Schema | type | None = None,
        tolerance: float = 0.0,
        ignore: Iterable[str] = (),
    ) -> None:
        self.model = schema if isinstance(schema, type) else None
        self.schema = schema_of(schema)
        self.tolerance = checked_tolerance(tolerance)
        self.ignore = frozenset(_names(ignore, "ignore"))
        given = fields if isinstance(fields, Mapping) else dict.fromkeys(_names(fields, "fields"))
        properties = (self.schema or {}).get("properties")
        for name in given:
            if properties is not None and name not in properties:
                raise UsageError(f"no field {name!r} in the schema; it has {', '.join(properties)}")
        self.parts = {
            name: kind or ValueAnswer(schema=_field_schema(self.schema, name), tolerance=tolerance)
            for name, kind in given.items()
        }

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the canonical JSON of what is voted on."""
        form = value_json(structured_value(reply), schema=self.schema)
        if not self.parts and not self.ignore:
            return form
        value = parse_json(form)
        if not isinstance(value, Mapping):
            raise Abstain("wanted a JSON object")
        if not self.parts:
            return value_json({k: v for k, v in value.items() if k not in self.ignore})
        votes = {
            name: vote
            for name, kind in self.parts.items()
            if name in value and (vote := kind.canonical(_text(value[name], kind))) is not None
        }
        if not votes:
            raise Abstain("none of the fields is there")
        return self.join(votes)

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether the objects agree, numbers within the tolerance."""
        if first == second or not self.parts:
            return first == second or near(
                first, second, schema=self.schema, tolerance=self.tolerance
            )
        a, b = self.split(first), self.split(second)
        return a.keys() == b.keys() and all(self.parts[k].same(a[k], b[k]) for k in a)

    async def prepare(self, answer: AnswerValue, others: Sequence[AnswerValue]) -> Usage:
        """Let the fields' own answer types find out what they must."""
        spent = Usage()
        mine, theirs = self.split(answer), [self.split(other) for other in others]
        for name, value in mine.items():
            known = dict.fromkeys(parts[name] for parts in theirs if name in parts)
            if value not in known:
                spent += await self.parts[name].prepare(value, list(known))
        return spent

    def split(self, value: AnswerValue) -> Mapping[str, AnswerValue]:
        """Return the vote on each field."""
        if not self.parts:
            return {}
        found = parse_json(str(value))
        return {k: _text(found[k], kind) for k, kind in self.parts.items() if k in found}

    def join(self, parts: Mapping[str, AnswerValue]) -> AnswerValue:
        """Return the canonical JSON of the object that has these votes as fields."""
        own = {k: isinstance(self.parts[k], ValueAnswer) for k in parts}
        return value_json({k: parse_json(str(v)) if own[k] else v for k, v in parts.items()})

    def compose(self, parts: Mapping[str, AnswerValue], samples: Sequence[Sample]) -> Sample:
        """Return the sample that says just this, or the nearest one with the winners put in.

        A composed sample has a reply without ``native``; its note says which fields were put in.
        Where the composed object is not valid by the model, the nearest sample stands as it is.
        """
        missing = [self._differing(sample, parts) for sample in samples]
        place = min(range(len(samples)), key=lambda i: len(missing[i]))
        nearest = samples[place]
        if not missing[place]:
            return nearest
        values = dict(_fields_of(nearest))
        for name in missing[place]:
            donor = next(i for i, names in enumerate(missing) if name not in names)
            values[name] = _fields_of(samples[donor])[name]
        listed = ", ".join(missing[place])
        try:
            reply = self._reply(values)
        except ValueError as error:  # pydantic's ValidationError is one
            note = f"{listed} not put in, the object would not be valid: {error}"
            return replace(nearest, note=note[:300])
        note = f"composed: {listed} from other samples"
        return replace(nearest, answer=self.join(parts), reply=reply, note=note)

    def _differing(self, sample: Sample, parts: Mapping[str, AnswerValue]) -> list[str]:
        own = {} if sample.answer is None else self.split(sample.answer)
        return [
            name
            for name, part in parts.items()
            if name not in own or not self.parts[name].same(own[name], part)
        ]

    def _reply(self, values: Mapping[str, Any]) -> Reply:
        text = value_json(values)
        parsed = plain_numbers(parse_json(text))
        for name in ("model_validate", "parse_obj"):  # pydantic 2, pydantic 1
            if callable(validate := getattr(self.model, name, None)):
                return Reply(text=text, parsed=validate(parsed))
        return Reply(text=text, parsed=parsed)


def structured_value(reply: Reply) -> Any:
    """Return the structured object of a reply: parsed, or JSON in the text.

    The text is JSON, holds it in a fenced block (the last counts), or holds one value between
    its first and last brace.

    Raises:
        Abstain: If there is none.
    """
    if reply.parsed is not None:
        return reply.parsed
    text = reply.text.strip()
    if not text:
        raise Abstain("empty")
    block = fenced(text)
    if block is not None:
        return parse_json(block)
    start, end = text.find("{"), text.rfind("}")
    if text[0] in '["' or start < 0 or end < start or len(text) < 40:
        return parse_json(text)
    return parse_json(text[start : end + 1])


def object_form(reply: Reply) -> str | None:
    """Return the canonical JSON of a reply that is a structured object and nothing else."""
    if reply.parsed is not None:
        return value_json(reply.parsed)
    text = reply.text.strip() if len(reply.text) <= 1_000_000 else ""
    opening = "{"
    if text.startswith("```") and text.endswith("```"):
        text = (fenced(text) or "").strip()
        opening = "{["  # without a fence around it, a list may be an interval
    return json_form(text) if text[:1] in opening and text[-1:] in "}]" and text else None


def schema_of(schema: Schema | type | None) -> Schema | None:
    """Return the JSON schema of a pydantic model class, or the schema given."""
    if not isinstance(schema, type):
        return schema
    for name in ("model_json_schema", "schema"):  # pydantic 2, pydantic 1
        if callable(method := getattr(schema, name, None)):
            found: Schema = method()
            return found
    raise UsageError(f"schema must be a JSON schema or a pydantic model, got {schema.__name__}")


def checked_tolerance(tolerance: float) -> float:
    """Return the tolerance if it lies in [0, 1)."""
    if not 0 <= tolerance < 1:
        raise UsageError(f"tolerance must lie in [0, 1), got {tolerance!r}")
    return tolerance


def plain_numbers(value: Any) -> Any:
    """Return a JSON value with int and float in the place of Decimal."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {key: plain_numbers(part) for key, part in value.items()}
    return [plain_numbers(part) for part in value] if isinstance(value, list) else value


def near(
    first: AnswerValue, second: AnswerValue, *, schema: Schema | None, tolerance: float
) -> bool:
    """Return whether two canonical JSON texts agree, numbers within a relative tolerance."""
    if not tolerance:
        return first == second
    factor = Decimal(repr(tolerance))
    return _near(parse_json(str(first)), parse_json(str(second)), schema, factor)


def _near(first: Any, second: Any, schema: Schema | None, tolerance: Decimal) -> bool:
    if isinstance(first, Decimal) and isinstance(second, Decimal):
        return abs(first - second) <= tolerance * max(abs(first), abs(second))
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        properties = (schema or {}).get("properties", {})
        return first.keys() == second.keys() and all(
            _near(first[k], second[k], properties.get(k), tolerance) for k in first
        )
    if isinstance(first, list):
        if len(first) != len(second):
            return False
        items = (schema or {}).get("items")

        def agree(a: Any, b: Any) -> bool:
            return _near(a, b, items, tolerance)

        if is_unordered(schema or {}) and len(first) <= MAX_MATCHED:
            return paired(first, second, agree)
        return all(map(agree, first, second))
    return bool(first == second)


def paired(first: Sequence[Any], second: Sequence[Any], agree: Callable[[Any, Any], bool]) -> bool:
    """Return whether the items of two lists of one length can be paired so that all agree."""
    partners = [[j for j, b in enumerate(second) if agree(a, b)] for a in first]
    taken: dict[int, int] = {}

    def place(i: int, tried: set[int]) -> bool:
        # An augmenting path of bipartite matching (Kuhn's algorithm).
        for j in partners[i]:
            if j not in tried:
                tried.add(j)
                if j not in taken or place(taken[j], tried):
                    taken[j] = i
                    return True
        return False

    return all(place(i, set()) for i in range(len(first)))


def _names(names: Iterable[str], what: str) -> Iterable[str]:
    if isinstance(names, str):
        raise UsageError(f"{what} must be a list of names, got the text {names!r}")
    return names


def _text(value: Any, kind: Answer) -> str:
    """Write a field as the text that its answer type reads."""
    own = isinstance(kind, ValueAnswer) or not isinstance(value, str)
    return value_json(value) if own else str(value)


def _field_schema(schema: Schema | None, name: str) -> Schema | None:
    field = (schema or {}).get("properties", {}).get(name)
    if schema is None or field is None:
        return None
    # References point into the whole schema, so its definitions come along.
    definitions = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    return {**definitions, **field}


def _fields_of(sample: Sample) -> Mapping[str, Any]:
    value = plain(structured_value(sample.reply or Reply(text=str(sample.answer))))
    return value if isinstance(value, Mapping) else {}

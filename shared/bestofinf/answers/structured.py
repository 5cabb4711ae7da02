"""Structured answers: JSON objects as one vote, or voted on field by field."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from bestofinf.answers.base import Abstain, Answer, PartedAnswer, Resolved, bound
from bestofinf.answers.canonical_json import (
    MAX_TEXT,
    Schema,
    parse_json,
    plain,
    value_json,
)
from bestofinf.answers.cleaning import cleaned
from bestofinf.answers.finding import fenced
from bestofinf.answers.forms import count_words
from bestofinf.answers.merging import (
    checked_merge,
    item_forms,
    kept,
    lists_of,
    merged,
    part_name,
    votes_on,
)
from bestofinf.answers.nearness import checked_tolerance, near
from bestofinf.answers.objects import is_object, json_in, lenient
from bestofinf.answers.written_calls import marked_calls
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue, Reply, Sample, Usage

MAX_WORDS_AROUND = 80
"""Words around an object, beyond which it is part of an explanation and not the answer."""

_REST = "the rest"
"""The part for all fields but the lists that are merged, where no fields are named."""


class ValueAnswer(Answer):
    """One JSON value of any type, as canonical JSON.

    Args:
        schema: JSON schema of the value: fills defaults and tells which lists have no order.
        tolerance: Relative difference within which two numbers are the same. Above 0 this is not
            transitive: an answer joins the oldest class whose first answer is near enough.
    """

    expected = True
    whole = True

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
        merge: Lists that are merged, each as ``"items in at least half"``: every item has a vote
            of its own, and the object handed out has those that at least half of the replies with
            that list have in it, in the order in which they were first said. Without `fields` the
            rest of the object is voted on as a whole.

    Raises:
        UsageError: If a field is not in the schema, or is no list where it is to be merged, or the
            tolerance is not in [0, 1).
    """

    expected = True

    def __init__(
        self,
        *,
        fields: Iterable[str] | Mapping[str, Answer] = (),
        schema: Schema | type | None = None,
        tolerance: float = 0.0,
        ignore: Iterable[str] = (),
        merge: Mapping[str, str] = MappingProxyType({}),
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
        self.merge = checked_merge(merge, self.schema)
        if both := sorted({*self.merge} & {*given, *self.ignore}):
            raise UsageError(f"{both[0]!r} is to be merged: leave it out of fields and ignore")
        if self.merge and not given:
            self.parts = {_REST: ValueAnswer(schema=self.schema, tolerance=tolerance)}
        self.executes = any(kind.executes for kind in self.parts.values())
        self.whole = not self.ignore  # an explanation, perhaps

    def for_question(self, text: str) -> JsonAnswer:
        """Return a copy whose fields' own answer types know the question."""
        if not self.executes:
            return self
        parts = {name: kind.for_question(text) for name, kind in self.parts.items()}
        return bound(self, parts=parts)

    async def resolve(self, value: AnswerValue) -> Resolved:
        """Let the fields' own answer types carry out what they must, all at once."""
        votes = self.split(value)
        names = [n for n in votes if n in self.parts and self.parts[n].executes]
        found = await asyncio.gather(*(self.parts[name].resolve(votes[name]) for name in names))
        told = {name: each.answer for name, each in zip(names, found, strict=True)}
        kept = {name: told.get(name, vote) for name, vote in votes.items()}
        there = {name: vote for name, vote in kept.items() if vote is not None}
        return Resolved(
            self.join(there) if there else None,
            "; ".join(filter(None, (each.note for each in found))),
            sum((each.usage for each in found), Usage()),
            max((each.seconds for each in found), default=0.0),
        )

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
        lists = lists_of(value, self.merge)
        if _REST in self.parts:
            rest = {k: v for k, v in value.items() if k not in (*self.merge, *self.ignore)}
            return value_json({**rest, **lists})
        votes = {
            name: vote
            for name, kind in self.parts.items()
            if name in value and (vote := kind.canonical(_text(value[name], kind))) is not None
        }
        if not votes and not lists:
            raise Abstain("none of the fields is there")
        return value_json({**self._joined(votes), **lists})

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
        if _REST in self.parts:
            return {_REST: value_json({k: v for k, v in found.items() if k not in self.merge})}
        return {k: _text(found[k], kind) for k, kind in self.parts.items() if k in found}

    def join(self, parts: Mapping[str, AnswerValue]) -> AnswerValue:
        """Return the canonical JSON of the object that has these votes as fields."""
        lists = {
            name: [parse_json(form) for form in sorted(kept(parts, name))] for name in self.merge
        }
        return value_json({**self._joined(parts), **lists})

    def _joined(self, parts: Mapping[str, AnswerValue]) -> dict[str, Any]:
        if _REST in self.parts:
            return dict(parse_json(str(parts.get(_REST, "{}"))))
        own = {k: isinstance(kind, ValueAnswer) for k, kind in self.parts.items()}
        given = {k: v for k, v in parts.items() if k in own}
        return {k: parse_json(str(v)) if own[k] else v for k, v in given.items()}

    def raised(self, value: AnswerValue) -> Mapping[str, Answer]:
        """Return a part for every item of the lists that are merged."""
        found = parse_json(str(value)) if self.merge else {}
        return {
            part_name(field, form): ValueAnswer()
            for field in self.merge
            for form in item_forms(found, field) or ()
        }

    def on_raised(self, value: AnswerValue, names: Collection[str]) -> Mapping[str, AnswerValue]:
        """Return whether the items are in the lists of an answer."""
        return votes_on(parse_json(str(value)), self.merge, names) if names else {}

    def compose(self, parts: Mapping[str, AnswerValue], samples: Sequence[Sample]) -> Sample:
        """Return the sample that says just this, or the nearest one with the winners put in.

        A composed sample has a reply without ``native``; its note says which fields were put in.
        Where the composed object is not valid by the model, the nearest sample stands as it is.
        """
        own = {name: part for name, part in parts.items() if name in self.parts}
        missing = [self._differing(sample, own) for sample in samples]
        place = min(range(len(samples)), key=lambda i: len(missing[i]))
        nearest, put = samples[place], missing[place]
        values = dict(self._fields_of(nearest))
        for name in put:
            donor = next(i for i, names in enumerate(missing) if name not in names)
            values[name] = self._fields_of(samples[donor])[name]
        for name in self.merge:
            items = merged(parts, name, map(self._fields_of, samples))
            if items.keys() != {*(item_forms(values, name) or ())}:
                values[name] = [*items.values()]
                put = [*put, name]
        if not put:
            return nearest
        listed = ", ".join(put)
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

    def _fields_of(self, sample: Sample) -> Mapping[str, Any]:
        given = sample.reply or Reply(text=str(sample.answer))
        value = plain(structured_value(cleaned(given, thoughts=self.thoughts) or Reply()))
        return value if isinstance(value, Mapping) else {}

    def _reply(self, values: Mapping[str, Any]) -> Reply:
        text = value_json(values)
        parsed = plain_numbers(parse_json(text))
        for name in ("model_validate", "parse_obj"):  # pydantic 2, pydantic 1
            if callable(validate := getattr(self.model, name, None)):
                return Reply(text=text, parsed=validate(parsed))
        return Reply(text=text, parsed=parsed)


def structured_value(reply: Reply) -> Any:
    """Return the structured object of a reply: parsed, or JSON in the text.

    Calls of tools that are written as text are a list of calls.

    Raises:
        Abstain: If there is none.
    """
    if reply.parsed is not None:
        return reply.parsed
    if calls := marked_calls(reply.text):
        return [{"name": call.name, "args": call.args} for call in calls]
    return json_in(reply.text)


def object_form(reply: Reply) -> str | None:
    """Return the canonical JSON of a reply that is a structured object and nothing else."""
    if reply.parsed is not None:
        return value_json(reply.parsed)
    text = reply.text.strip() if len(reply.text) <= 1_000_000 else ""
    if text.startswith("```") and text.endswith("```"):
        block = (fenced(text) or "").strip()  # a list too: without a fence it may be an interval
        return _form(block) if block[:1] in ("{", "[") else None
    return _form(text) if is_object(text) else None


def object_in_prose(text: str) -> str | None:
    """Return the canonical JSON of the one object that a few words are said around."""
    if len(text) > MAX_TEXT or "{" not in text:
        return None
    try:
        value = json_in(text)
        form = value_json(value) if isinstance(value, dict | list) and value else None
    except Abstain:
        return None
    around = count_words(text) - count_words(form or "")
    return form if around <= MAX_WORDS_AROUND else None


def _form(text: str) -> str | None:
    try:
        return value_json(lenient(text))
    except Abstain:
        return None


def schema_of(schema: Schema | type | None) -> Schema | None:
    """Return the JSON schema of a pydantic model class, or the schema given."""
    if not isinstance(schema, type):
        return schema
    for name in ("model_json_schema", "schema"):  # pydantic 2, pydantic 1
        if callable(method := getattr(schema, name, None)):
            found: Schema = method()
            return found
    raise UsageError(f"schema must be a JSON schema or a pydantic model, got {schema.__name__}")


def plain_numbers(value: Any) -> Any:
    """Return a JSON value with int and float in the place of Decimal."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {key: plain_numbers(part) for key, part in value.items()}
    return [plain_numbers(part) for part in value] if isinstance(value, list) else value


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

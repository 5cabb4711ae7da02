"""Objects and tool calls as votes, whole and field by field."""

import asyncio
import json
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator

from bestofinf.answers import (
    JsonAnswer,
    JudgeAnswer,
    NumberAnswer,
    ReActAnswer,
    TextAnswer,
    ToolCallsAnswer,
)
from bestofinf.errors import UsageError
from bestofinf.records import Reply, Sample, ToolCall, Usage


class Address(BaseModel):
    street: str
    country: str = "FR"


class Person(BaseModel):
    name: str
    age: int = 0
    tags: set[str] = Field(default_factory=set)
    address: Address | None = None

    @field_validator("age")
    @classmethod
    def _at_least_zero(cls, age):
        if age < 0:
            raise ValueError("an age is not below 0")
        return age


def reply(**fields):
    return Reply(text=json.dumps(fields))


def sample(answer, **fields):
    given = reply(**fields)
    return Sample(answer.vote(given)[0], reply=given)


def test_defaults_of_the_schema_are_filled_in_at_every_depth():
    kind = JsonAnswer(schema=Person)
    short = kind.vote(reply(name="Ada", address={"street": "x"}))[0]
    long = kind.vote(reply(address={"country": "FR", "street": "x"}, age=0, name="Ada"))[0]
    assert short == long
    assert '"age":0' in short
    assert '"country":"FR"' in short


def test_lists_lose_their_order_only_where_the_schema_says_so():
    schema = {
        "properties": {
            "free": {"type": "array", "x-unordered": True},
            "set": {"type": "array", "uniqueItems": True},
            "list": {"type": "array"},
        }
    }
    kind = JsonAnswer(schema=schema)
    first = kind.vote(reply(free=[2, 1], set=["b", "a"], list=[1, 2]))[0]
    assert first == kind.vote(reply(free=[1, 2], set=["a", "b"], list=[1, 2]))[0]
    assert first != kind.vote(reply(free=[1, 2], set=["a", "b"], list=[2, 1]))[0]
    of_model = JsonAnswer(schema=Person)
    assert of_model.vote(reply(name="A", tags=["y", "x"])) == of_model.vote(
        reply(name="A", tags=["x", "y"])
    )


def test_parsed_objects_of_every_make_are_read():
    class Colour(Enum):
        RED = "red"

    @dataclass
    class Point:
        x: int
        colour: Colour

    kind = JsonAnswer()
    assert kind.vote(Reply(parsed=Point(1, Colour.RED)))[0] == '{"colour":"red","x":1}'
    assert kind.vote(Reply(parsed=Address(street="s")))[0] == '{"country":"FR","street":"s"}'
    assert (
        kind.vote(Reply(parsed={"a": (1, 2.0), "b": {"y", "x"}}))[0] == '{"a":[1,2],"b":["x","y"]}'
    )
    assert kind.vote(Reply(parsed={"a": object()})) == (None, "JSON cannot hold object")
    assert kind.vote(Reply(parsed={"a": float("nan")})) == (None, "JSON holds nan")
    large = (None, "JSON holds a number of thousands of digits")
    assert kind.vote(Reply(parsed={"a": 10**5000})) == large
    assert kind.vote(Reply(parsed={"a": Fraction(10**5000, 3)})) == large


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', '{"a":1}'),
        ('Here:\n```json\n{"a": 0}\n```\nor rather\n```json\n{"a": 1}\n```', '{"a":1}'),
        ('The object is {"a": 1}, as you asked for it to be.', '{"a":1}'),
        ("no object in here", None),
        ('{"a": 1', None),
    ],
)
def test_an_object_is_found_in_the_text(text, value):
    assert JsonAnswer().vote(Reply(text=text))[0] == value


def test_numbers_may_differ_by_the_tolerance_and_nothing_else_may():
    kind = JsonAnswer(tolerance=0.01)
    value = kind.canonical('{"a": [1, {"b": 100}], "c": "x", "d": true}')
    assert kind.same(value, kind.canonical('{"a": [1, {"b": 100.9}], "c": "x", "d": true}'))
    assert not kind.same(value, kind.canonical('{"a": [1, {"b": 102}], "c": "x", "d": true}'))
    assert not kind.same(value, kind.canonical('{"a": [1, {"b": 100}], "c": "y", "d": true}'))
    assert not kind.same(value, kind.canonical('{"a": [1, {"b": 100}], "c": "x", "d": 1}'))
    assert not kind.same(value, kind.canonical('{"a": [1], "c": "x", "d": true}'))
    assert not JsonAnswer().same('{"a":1}', '{"a":1.001}')


def test_ignored_fields_are_no_part_of_the_vote():
    kind = JsonAnswer(ignore=["why"])
    assert kind.vote(reply(a=1, why="x"))[0] == kind.vote(reply(a=1, why="y"))[0] == '{"a":1}'


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: JsonAnswer(fields="name"),
        lambda: JsonAnswer(fields=["surname"], schema=Person),
        lambda: JsonAnswer(tolerance=-1),
        lambda: JsonAnswer(schema=int),
        lambda: ToolCallsAnswer(ignore="why"),
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UsageError):
        wrong()


def test_fields_are_split_and_joined_without_loss():
    kind = JsonAnswer(fields=["name", "age"], schema=Person)
    value = kind.vote(reply(name="Ada", age=36.0, tags=["x"]))[0]
    assert value == '{"age":36,"name":"Ada"}'
    assert kind.split(value) == {"name": '"Ada"', "age": "36"}
    assert kind.join(kind.split(value)) == value
    assert kind.vote(Reply(text='{"other": 1}'))[0] == '{"age":0}'
    assert JsonAnswer(fields=["x"]).vote(reply(y=1)) == (None, "none of the fields is there")
    assert JsonAnswer(fields=["x"]).vote(Reply(text="[1]")) == (None, "wanted a JSON object")


def test_a_field_may_have_an_answer_type_of_its_own():
    kind = JsonAnswer(fields={"total": NumberAnswer(), "city": TextAnswer()})
    first = kind.vote(reply(total="5 km", city="Paris"))[0]
    second = kind.vote(reply(total="5 kilometers", city="Paris"))[0]
    assert kind.same(first, second)
    assert kind.split(first) == {"total": "5 km", "city": "Paris"}
    assert not kind.same(first, kind.vote(reply(total="5 m", city="Paris"))[0])


def test_a_sample_that_says_the_winning_fields_is_handed_out_as_it_is():
    kind = JsonAnswer(fields=["name", "age"])
    samples = [sample(kind, name="A", age=1), sample(kind, name="B", age=2, note="mine")]
    assert kind.compose({"name": '"B"', "age": "2"}, samples) is samples[1]


def test_otherwise_the_nearest_sample_gets_the_winners_put_in_and_stays_valid():
    kind = JsonAnswer(fields=["name", "age"], schema=Person)
    samples = [
        sample(kind, name="Ada", age=35, tags=["first"]),
        sample(kind, name="Eda", age=36),
        sample(kind, name="Eda", age=36),
    ]
    made = kind.compose({"name": '"Ada"', "age": "36"}, samples)
    assert made.reply.parsed == Person(name="Ada", age=36, tags={"first"})
    assert json.loads(made.reply.text) == {"name": "Ada", "age": 36, "tags": ["first"]}
    assert made.answer == '{"age":36,"name":"Ada"}'
    assert made.note == "composed: age from other samples"


def test_an_object_that_would_not_be_valid_is_not_made_up():
    kind = JsonAnswer(fields=["name", "age"], schema=Person)
    samples = [sample(kind, name="Ada", age=1), sample(kind, name="Eda", age=-5)]
    made = kind.compose({"name": '"Ada"', "age": "-5"}, samples)
    assert made.reply is samples[0].reply
    assert made.note.startswith("age not put in, the object would not be valid")


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.randoms())
def test_calls_are_a_multiset_whatever_their_order_and_ids(numbers, rng):
    calls = [ToolCall("f", {"x": n, "y": "z"}, id=str(i)) for i, n in enumerate(numbers)]
    turned = [ToolCall(c.name, dict(reversed(c.args.items())), id="other") for c in calls]
    rng.shuffle(turned)
    kind = ToolCallsAnswer()
    first, second = (kind.vote(Reply(tool_calls=tuple(c)))[0] for c in (calls, turned))
    assert first == second
    assert kind.canonical(first) == first
    once_more = kind.vote(Reply(tool_calls=(*calls, calls[0])))[0]
    assert not kind.same(first, once_more)


def test_calls_are_compared_by_their_schemas():
    kind = ToolCallsAnswer(
        schemas={"find": {"properties": {"limit": {"default": 10}, "ids": {"uniqueItems": True}}}},
        ignore=["reason"],
    )

    def value(**args):
        return kind.vote(Reply(tool_calls=(ToolCall("find", args),)))[0]

    assert value(ids=[2, 1]) == value(ids=[1, 2], limit=10, reason="because")
    assert value(ids=[1]) != value(ids=[1], limit=20)
    assert kind.vote(Reply(text="hello")) == (None, "no tool call")


def test_calls_may_be_compared_by_names_alone_or_within_a_tolerance():
    def calls(*numbers):
        return Reply(tool_calls=tuple(ToolCall("f", {"x": n}) for n in numbers))

    names = ToolCallsAnswer(names_only=True)
    assert names.vote(calls(1))[0] == names.vote(calls(2))[0]
    near = ToolCallsAnswer(tolerance=0.1)
    first, second, third = (near.vote(calls(*n))[0] for n in ((100, 1), (1.05, 95), (1.05, 50)))
    assert near.same(first, second)
    assert near.same(second, first)
    assert not near.same(first, third)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('Thought: I add.\nAction: add\nAction Input: {"b": 2, "a": 1.0}',
         '[{"args":{"a":1,"b":2},"name":"add"}]'),
        ('Action: add\nAction Input: {"a": "}"}\nObservation: 3\nAnswer: 4',
         '[{"args":{"a":"}"},"name":"add"}]'),
        ("Thought: I can answer.\nAnswer: 42 eggs", "42 eggs"),
        ("Thought: done.\nFinal Answer: The answer is 42.", "42"),
        ("Thought: I can answer.\nAnswer: " + "many words that say a lot " * 9, None),
        ("Action: add", None),
        ("Action: add\nAction Input: 5", None),
        ("just talking", None),
    ],
)  # fmt: skip
def test_react_text_votes_on_its_step_and_not_on_its_thoughts(text, value):
    assert ReActAnswer().vote(Reply(text=text))[0] == value


def test_a_react_call_never_equals_a_react_answer():
    kind = ReActAnswer()
    call = kind.vote(Reply(text='Action: f\nAction Input: {"x": 1}'))[0]
    assert not kind.same(call, "1")
    assert kind.same("0.5", "1/2")
    assert kind.canonical(call) == call
    native = Reply(tool_calls=(ToolCall("f", {"x": 1.0}),))
    assert kind.vote(native)[0] == call


def test_the_types_of_the_fields_find_out_what_they_must():
    asked = []

    def judge(prompt):
        asked.append(prompt)
        return "YES", Usage(calls=1)

    kind = JsonAnswer(fields={"why": JudgeAnswer(judge, both_ways=False), "n": NumberAnswer()})
    values = [kind.vote(reply(why=why, n=1))[0] for why in ("it rains", "rain falls", "it rains")]
    spent = asyncio.run(kind.prepare(values[1], values[:1]))
    assert spent == Usage(calls=1)
    assert len(asked) == 1
    assert kind.same(values[0], values[1])
    assert asyncio.run(JsonAnswer().prepare('{"a":1}', ['{"a":2}'])) == Usage()

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from support.schemas import conforming


class Person(BaseModel):
    name: str = Field(min_length=3, max_length=12)
    age: int = Field(gt=-10, lt=200)
    height: float | None
    kind: Literal["cat", "dog"]


class Group(BaseModel):
    people: list[Person] = Field(min_length=2)
    leader: Person
    note: str | None = None
    tags: dict[str, int]
    open: bool


@given(st.text(max_size=60))
def test_an_instance_obeys_the_schema_whatever_the_text_says(text):
    instance = conforming(Group.model_json_schema(), text)
    group = Group.model_validate_json(json.dumps(instance))
    assert len(group.people) == 2


@given(st.integers(-50, 50), st.integers(0, 20), st.text(alphabet="0123456789 .-", max_size=30))
def test_numbers_lie_within_their_bounds(low, width, text):
    schema = {"type": "integer", "minimum": low, "maximum": low + width}
    value = conforming(schema, text)
    assert isinstance(value, int)
    assert low <= value <= low + width


def test_values_come_from_the_text_where_they_fit():
    schema = {
        "type": "object",
        "properties": {"input": {"type": "integer"}, "name": {"type": "string"}},
    }
    text = "Call it with 3, for '你好啊集团', not with 4."
    assert conforming(schema, text) == {"input": 3, "name": "你好啊集团"}
    assert conforming(schema, text, known={"input": "7"}) == {"input": 7, "name": "你好啊集团"}
    assert conforming(schema, "", known={"input": "x"})["input"] == 0


@pytest.mark.parametrize("kind", [int, str, float, bool, list[int], dict[str, int], int | None])
def test_plain_types_have_an_instance(kind: Any):
    adapter = TypeAdapter(kind)
    adapter.validate_python(conforming(adapter.json_schema()), strict=True)


def test_only_what_is_required_is_given():
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "required": ["b"],
    }
    assert set(conforming(schema)) == {"b"}

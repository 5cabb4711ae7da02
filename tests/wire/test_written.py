"""What many bodies have in common is written as JSON once."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from bestofinf.wire import chat_body, draw_body, written
from bestofinf.wire.values import dumps
from bestofinf.wire.written import Written, body_bytes

MESSAGES = [{"role": "user", "content": 'Straße "x"\n \U0001f600 \x00'}, {"role": "assistant"}]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"a": 1},
        {"messages": Written(MESSAGES)},
        {"messages": Written([])},
        {"model": "m", "messages": Written(MESSAGES), "tools": Written([{"x": None}]), "n": 2},
        {'k"\n': Written([1]), "b": [Written([2]), {"c": Written([3])}]},
    ],
)
def test_a_body_says_what_its_values_say(body):
    assert json.loads(body_bytes(body)) == json.loads(dumps(body))


def test_half_a_surrogate_becomes_a_question_mark():
    body = {"messages": Written([{"content": "a\ud800b"}]), "stop": "\udfff"}
    assert json.loads(body_bytes(body)) == {"messages": [{"content": "a?b"}], "stop": "?"}


@pytest.mark.parametrize("values", [[], [1], MESSAGES])
def test_a_value_put_before_a_list_stands_in_its_text(values):
    longer = Written(values).after({"role": "system", "content": "é"})
    assert longer == [{"role": "system", "content": "é"}, *values]
    assert json.loads(longer.data) == longer


def test_the_messages_and_tools_of_a_vote_are_written_once(monkeypatch):
    asked = []

    def counted(value):
        asked.append(value)
        return dumps(value)

    monkeypatch.setattr(written, "dumps", counted)
    tools = [{"type": "function", "function": {"name": "f"}}]
    body = chat_body({"messages": MESSAGES, "tools": tools, "seed": 7})
    for index in range(9):
        drawn = chat_body(body | {"temperature": 1})
        sent = draw_body(drawn, model="m", index=index)
        assert json.loads(body_bytes(sent)) == {
            "messages": MESSAGES,
            "tools": tools,
            "seed": 7 + index,
            "temperature": 1,
            "model": "m",
        }
    assert sum(value in (MESSAGES, tools) for value in asked) == 2


def test_a_member_with_instructions_of_its_own_is_sent_them_first():
    body = chat_body(chat_body("hi"), system="Be brief.")
    assert [message["role"] for message in json.loads(body_bytes(body))["messages"]] == [
        "system",
        "user",
    ]


def test_a_list_that_was_written_may_be_copied_and_sent_to_another_process():
    made = Written(MESSAGES)
    assert made.data
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert other == made
        assert other.data == made.data


def test_what_a_caller_changes_later_does_not_change_the_question():
    given = [{"role": "user", "content": "first"}]
    body = chat_body({"messages": given})
    given.append({"role": "user", "content": "second"})
    assert len(json.loads(body_bytes(body))["messages"]) == 1

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.border import secrets as hiding
from bestofinf.evaluation import contested, files, identity, question_id
from bestofinf.evaluation.identity import answer_text


@pytest.mark.parametrize("module", [identity, contested, hiding, files])
def test_the_examples_in_the_documentation_hold(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


SAME = [
    "What is 2 + 3?",
    "  What is 2 + 3?\r\n",
    [{"role": "user", "content": "What is 2 + 3?"}],
    [{"role": "human", "content": "What is 2 + 3?", "id": "run-17", "name": None}],
    [{"role": "user", "content": [{"type": "text", "text": "What is 2 + 3?"}], "tool_calls": []}],
    [{"role": "user", "content": [{"type": "text", "text": "What is 2 + 3?", "id": "b1"}]}],
]


@pytest.mark.parametrize("prompt", SAME)
def test_one_question_has_one_id_however_it_is_written(prompt):
    assert question_id(prompt) == question_id(SAME[0])


def test_composed_and_decomposed_letters_are_the_same():
    assert question_id("Z\u00fcrich?") == question_id("Zu\u0308rich?")


def call(**args):
    return [
        {"role": "user", "content": "Add."},
        {"role": "ai", "content": "", "tool_calls": [{"name": "add", "args": args, "id": "x1"}]},
    ]


@pytest.mark.parametrize(
    "other",
    [
        "What is 2 + 4?",
        "What is 2  + 3?",
        "what is 2 + 3?",
        [{"role": "system", "content": "What is 2 + 3?"}],
        [{"role": "user", "content": "What is 2 + 3?"}] * 2,
        [{"role": "user", "content": "What is 2 + 3?", "name": "Ada"}],
    ],
)
def test_other_questions_have_other_ids(other):
    assert question_id(other) != question_id(SAME[0])


def test_tools_and_arguments_are_part_of_the_question_and_their_order_is_not():
    tools = [{"name": "add"}, {"name": "sub"}]
    assert question_id("?", tools) != question_id("?")
    assert question_id("?", [{"name": "add", "x": 1}]) == question_id(
        "?", [{"x": 1, "name": "add"}]
    )
    assert question_id(call(id=1)) != question_id(call(id=2)), "an argument may be called id"
    again = call(id=1)
    again[1]["tool_calls"][0]["id"] = "x2"
    assert question_id(call(id=1)) == question_id(again), "the id of a call is made anew each time"


@given(st.text(st.characters(codec=None)))
def test_every_text_has_an_id(text):
    assert question_id(text) == question_id([{"role": "user", "content": text}])


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("5", "5"),
        ("", None),
        (None, None),
        (5, "5"),
        (True, "true"),
        (0.5, "0.5"),
        (12.0, "12"),
        (-3.0, "-3"),
        (-0.0, "0"),
        (2.0**53, "9007199254740992.0"),
        (1e300, "1e+300"),
        ("12.0", "12.0"),
        ([12.0], "[12.0]"),
        ({"b": 1, "a": [2]}, '{"a":[2],"b":1}'),
        ((("add", "x"),), '[["add","x"]]'),
    ],
)
def test_answers_are_written_one_way(answer, text):
    assert answer_text(answer) == text

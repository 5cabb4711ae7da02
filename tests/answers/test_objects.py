"""Objects in prose, and the scores of evaluators."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.answers import AutoAnswer, JsonAnswer
from bestofinf.answers.canonical_json import value_json
from bestofinf.records import Reply

OBJECT = '{"n": [1, 2], "s": "a {b}"}'
FORM = '{"n":[1,2],"s":"a {b}"}'


@pytest.mark.parametrize(
    "text",
    [
        *(
            OBJECT,
            f"Sure: {OBJECT}",
            f"{OBJECT} Hope this helps!",
            f"Here you are:\n\n{OBJECT}\n\nBye.",
        ),
        *(
            f"Here:\n```json\n{OBJECT}\n```",
            f"```\n{OBJECT}\n```\nDone.",
            f"{OBJECT}\n\nAgain: {OBJECT}",
        ),
        *('{"n": [1, 2,], "s": "a {b}",}', "{'n': [1, 2], 's': 'a {b}'}", f"With {{x}}: {OBJECT}"),
        *(f"<think>{{}}</think>Sure: {OBJECT}", f"The answer is {OBJECT}"),
    ],
)
def test_the_object_in_a_reply_is_its_vote_whatever_is_said_around_it(text):
    for kind in (AutoAnswer(), JsonAnswer()):
        assert kind.vote(Reply(text=text)) == (FORM, "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1} or {"a": 2}', "several JSON objects"), ('Sure: {"a": 1', "not JSON"),
        ('Sure: {"a": [1, 2}', "not JSON"), ("Sure!", "not JSON"), ("", "empty"),
        ('{"a": 1, "a": 2}', "JSON holds a key twice"), ("{'a': NaN}", "JSON holds NaN"),
        ("{'a': 1, 'a': 2}", "JSON holds a key twice"), ("{'a\\d': 1}", "not JSON"),
    ],
)  # fmt: skip
def test_no_object_and_several_objects_have_no_vote(text, reason):
    value, note = JsonAnswer().vote(Reply(text=text))
    assert value is None
    assert note.startswith(reason)


def test_an_object_within_a_long_explanation_is_no_answer_by_itself():
    text = f"Write it as {OBJECT}. " + "That is how it has to look in the end. " * 20
    assert AutoAnswer().vote(Reply(text=text)) == (None, "free text")
    assert JsonAnswer().vote(Reply(text=text))[0] == FORM


def test_sets_and_notation_are_no_objects():
    auto = AutoAnswer()
    assert auto.vote(Reply(text=r"\{1, 2\}"))[0] == r"\{1,2\}"
    assert auto.vote(Reply(text="[1, 2]"))[0] == "[1,2]"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text("ab'\" {}[],:", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), PLAIN, min_size=1, max_size=4))
def test_python_and_prose_around_it_change_nothing_of_an_object(value):
    expected = value_json(value)
    kind = JsonAnswer()
    assert kind.vote(Reply(text=f"It is this: {expected} and no more."))[0] == expected
    found, _ = kind.vote(Reply(text=repr(value)))
    assert found in (expected, None)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("4.0\nWell put.", "4"), ("**4.5**\n\nIt covers most.", "4.5"), ("4/5\nGood.", "4"),
        ("5 out of 5\nAll there.", "5"), ("-1\nOff the point.", "-1"), ("It is fine. [[8]]", "8"),
        ("[[B]] is the better one.", "B"), ("Feedback: fine. [RESULT] 3", "3"), ("Score: 4", "4"),
        ("Some words.\n**Score:** 4/5 because of the end", "4"), ("Rating: 3.5 stars", "3.5"),
        ("The score is 7.", "7"), ('{"score": 4, "reasoning": "It covers most."}', "4"),
        ('```json\n{"rating": 4.0, "feedback": "Most."}\n```', "4"),
    ],
)  # fmt: skip
def test_an_evaluator_votes_with_its_score_and_not_with_its_reasons(text, score):
    assert AutoAnswer().vote(Reply(text=text))[0] == score


@pytest.mark.parametrize(
    "text",
    [
        *(
            "[[8]] or rather [[7]]",
            "Score: 4. Accuracy score: 2",
            "The score was 3-2",
            "Score: 3 to 2",
        ),
        *(
            "1\n2\n3",
            "Score: 80%",
            "Grade: 10th",
            "12 of them came, and 3 of them left.",
            "Scores: 4, 5",
        ),
    ],
)
def test_no_score_is_taken_from_running_text_or_chosen_among_several(text):
    assert AutoAnswer().vote(Reply(text=text))[0] not in {"8", "7", "4", "3", "1", "80", "10", "12"}


def test_an_object_with_more_than_a_score_and_its_reasons_votes_as_a_whole():
    auto = AutoAnswer()
    assert auto.vote(Reply(text='{"score": 4, "id": "x"}'))[0] == '{"id":"x","score":4}'
    assert auto.vote(Reply(text='{"score": 4}'))[0] == '{"score":4}'
    assert auto.vote(Reply(parsed={"score": 4, "reason": "a"}))[0] == '{"reason":"a","score":4}'


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "x", // the first\n "b": 1 /* one */}',
        '{"a": "x", # the first\n "b": 1, // the last\n}',
        "{'a': 'x', /* it's\n two lines */ 'b': 1}",
        '/* all */ {"a": "x", "b": 1}',
    ],
)
def test_comments_are_no_part_of_an_object(text):
    assert JsonAnswer().vote(Reply(text=text))[0] == '{"a":"x","b":1}'


def test_what_looks_like_a_comment_in_a_string_is_kept():
    text = '{"a": "http://x.org/#b", "c": "1 /* 2 */", /* 3 */ "d": "#4"}'
    found = '{"a":"http://x.org/#b","c":"1 /* 2 */","d":"#4"}'
    assert JsonAnswer().vote(Reply(text=text))[0] == found

"""A member as one asks it: questions, stop sequences, limits, usage, streaming."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf import tiny
from bestofinf.errors import UsageError
from bestofinf.tiny import Options

MODEL = tiny.load("sum")
QUESTION = tiny.questions(1)[0].question
WHOLE = MODEL.complete(QUESTION, Options(seed=1)).choices[0].text

stops = st.lists(
    st.one_of(
        st.text("0123456789=+; \n", min_size=1, max_size=3),
        st.integers(0, len(WHOLE) - 1).flatmap(
            lambda i: st.integers(i + 1, len(WHOLE)).map(lambda j: WHOLE[i:j])
        ),
    ),
    max_size=3,
).map(tuple)


@settings(max_examples=60, deadline=None)
@given(stops, st.integers(1, 80))
def test_a_reply_ends_where_the_first_stop_sequence_is_complete(stop, limit):
    choice = MODEL.complete(QUESTION, Options(seed=1, stop=stop, max_tokens=limit)).choices[0]
    expected, reason = WHOLE[:limit], "stop" if limit > len(WHOLE) else "length"
    generated = len(expected)
    for end in range(1, len(expected) + 1):
        hit = [s for s in stop if expected[:end].endswith(s)]
        if hit:
            expected, reason, generated = expected[: end - max(map(len, hit))], "stop", end
            break
    assert (choice.text, choice.finish_reason, choice.generated) == (expected, reason, generated)
    assert len(choice.logprobs) == len(choice.text)


@settings(max_examples=60, deadline=None)
@given(stops, st.integers(1, 80), st.integers(0, 3))
def test_a_stream_adds_up_to_the_reply(stop, limit, seed):
    options = Options(seed=seed, stop=stop, max_tokens=limit)
    pieces = list(MODEL.stream(QUESTION, options))
    choice = MODEL.complete(QUESTION, options).choices[0]
    assert "".join(piece.text for piece in pieces) == choice.text
    assert sum((piece.logprobs for piece in pieces), ()) == choice.logprobs
    assert sum(piece.generated for piece in pieces) == choice.generated
    assert [piece.finish_reason for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert pieces[-1].finish_reason == choice.finish_reason


def test_without_stop_sequences_every_character_is_streamed_at_once():
    pieces = list(MODEL.stream(QUESTION, Options(seed=1)))
    assert [piece.text for piece in pieces] == [*WHOLE, ""]


def test_many_replies_are_the_replies_one_by_one():
    options = Options(n=5, seed=3)
    together = MODEL.complete(QUESTION, options)
    one_by_one = [MODEL.complete(QUESTION, Options(seed=3), first=i).choices[0] for i in range(5)]
    assert together.choices == tuple(one_by_one)
    assert MODEL.complete_all([QUESTION, "What is 1 + 2?"], options)[0] == together


def test_usage_counts_characters():
    completion = MODEL.complete(QUESTION, Options(n=3, seed=3))
    assert completion.prompt_tokens == len(QUESTION) + 1 == tiny.count_prompt(QUESTION)
    assert completion.completion_tokens == sum(len(choice.text) for choice in completion.choices)


def test_without_a_seed_every_request_samples_anew():
    options = Options(n=4, temperature=2.0)
    assert MODEL.complete(QUESTION, options) != MODEL.complete(QUESTION, options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n must be at least 1, got 0"),
        ({"temperature": -1}, "temperature must be at least 0, got -1"),
        ({"temperature": float("nan")}, "temperature must be at least 0, got nan"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, got 0"),
        ({"stop": ("a", "")}, "a stop sequence must not be empty"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Options(**options)


def test_only_one_reply_can_be_streamed():
    with pytest.raises(UsageError, match="streaming gives one reply, but n is 2"):
        next(MODEL.stream(QUESTION, Options(n=2)))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("What is 1 + 2?", "What is 1 + 2?"),
        ("Answer briefly.\n\n  What is 1 + 2?  \nThink first.", "What is 1 + 2?"),
        ("What is 1?\nWhat is 2?", "What is 2?"),
        ("Add 1 and 2.\n", "Add 1 and 2."),
    ],
)
def test_the_question_is_found_in_a_longer_text(text, question):
    assert tiny.find_question(text) == question
    assert MODEL.complete(text, Options(seed=1)) == MODEL.complete(question, Options(seed=1))


def test_of_a_chat_the_last_user_message_is_read():
    messages = [
        {"role": "system", "content": "Be brief. Will you?"},
        {"role": "user", "content": "What is 1 + 2?"},
        {"role": "assistant", "content": "3. Any more?"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "What is 2 + 2?"}, {"type": "image"}],
        },
        {"role": "assistant", "content": None},
    ]
    assert tiny.question_of(messages) == "What is 2 + 2?"
    with pytest.raises(UsageError, match="no message with the role 'user'"):
        tiny.question_of(messages[:1])


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_a_blank_question_is_refused(text):
    with pytest.raises(UsageError, match="the question is empty"):
        MODEL.complete(text)


def test_of_a_very_long_question_the_end_is_read():
    long = MODEL.complete("word " * 10_000 + QUESTION, Options(seed=1))
    assert long.prompt_tokens == tiny.CONTEXT // 2


def test_any_text_is_answered_with_something():
    completion = MODEL.complete("¿Qué hora es? \ud800\0", Options(seed=1, n=20))
    assert all(isinstance(choice.text, str) for choice in completion.choices)


def test_an_unknown_member_is_refused():
    with pytest.raises(UsageError, match="member must be one of sum, mul, clock, hasty, got 'gpt'"):
        tiny.load("gpt")


def test_a_counter_numbers_the_replies_to_each_question_and_copies_begin_again():
    counter = tiny.SampleCounter()
    assert [counter.take("a", 2), counter.take("a", 1), counter.take("b", 1)] == [0, 2, 0]
    assert pickle.loads(pickle.dumps(counter)).take("a", 1) == 0

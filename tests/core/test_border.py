"""Numbers and texts of others are checked at the border, and refused behind it."""

import enum
import math
import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bestofinf.border import (
    LARGEST,
    LONGEST_ERROR,
    LONGEST_NAME,
    as_amount,
    as_count,
    as_finish_reason,
    as_finite,
    as_fraction,
    as_logprobs,
    as_name,
    error_text,
    printable,
)
from bestofinf.errors import UncheckedValueError, UsageError, shown
from bestofinf.records import Member, Reply, Sample, Usage
from bestofinf.scorers import FunctionScorer, Score
from bestofinf.scorers.checked import with_score
from support.hostile import NUMBERS, TEXTS

anything = (
    st.sampled_from(NUMBERS)
    | st.integers()
    | st.floats()
    | st.text()
    | st.booleans()
    | st.decimals()
    | st.fractions()
    | st.lists(st.integers())
)


@pytest.mark.parametrize("value", NUMBERS)
def test_a_hostile_number_is_unknown(value):
    assert as_count(value) is None
    assert as_amount(value) is None
    assert as_fraction(value) is None


@given(anything)
@example(Fraction(10**15 * 7 + 1, 7))
def test_what_passes_is_a_number_of_its_range(value):
    count, amount, share, number = (
        check(value) for check in (as_count, as_amount, as_fraction, as_finite)
    )
    assert count is None or (type(count) is int and 0 <= count <= LARGEST and count == value)
    assert amount is None or (type(amount) is float and 0 <= amount <= LARGEST)
    assert share is None or (share == amount and share <= 1)
    assert number is None or math.isfinite(number)


@pytest.mark.parametrize("value", [0, 5, 5.0, np.int64(5), np.float32(5), LARGEST, Fraction(10, 2)])
def test_whole_numbers_of_any_type_are_counts(value):
    assert as_count(value) == value


@pytest.mark.parametrize("value", [*NUMBERS, -0.5, 1.5, [], "x"])
def test_records_refuse_what_was_not_checked(value):
    for field in ("input_tokens", "output_tokens", "cost", "calls", "unmetered"):
        if field == "cost" and value == 1.5:
            continue
        with pytest.raises(UncheckedValueError, match="2\\^53"):
            Usage(**{field: value})
    if value is None:
        return
    for field in ("tokens", "seconds", "score"):
        if field == "seconds" and value in (1.5, 2**53, 2**63, 10**30) and as_amount(value):
            continue
        with pytest.raises(UncheckedValueError):
            Sample("a", **{field: value})


def test_an_answer_that_cannot_be_counted_is_refused():
    with pytest.raises(UsageError, match="hashed"):
        Sample(["a"])


@given(st.lists(st.integers(0, LARGEST), min_size=4, max_size=4))
def test_sums_of_usage_end_at_the_largest_number(numbers):
    usage = Usage(numbers[0], numbers[1], float(numbers[2]), numbers[3])
    twice = usage + usage
    assert twice.input_tokens == min(2 * numbers[0], LARGEST)
    assert twice.cost <= LARGEST


def test_unknown_tokens_are_counted_and_are_not_zero():
    told, untold = Usage.told(3, 4), Usage.told(3, -4)
    assert (told.unmetered, untold.unmetered) == (0, 1)
    assert (told + untold + untold).unmetered == 2
    assert (untold.input_tokens, untold.output_tokens, untold.calls) == (3, 0, 1)
    assert Member("m", price=(1.0, 1.0)).charge(LARGEST, LARGEST).cost == LARGEST


@pytest.mark.parametrize(
    ("told", "known"),
    [
        *[(t, "length") for t in ("length", "MAX_TOKENS", "max_output_tokens", "model_length")],
        *[(t, "content_filter") for t in ("content_filter", "SAFETY", "content_filtered")],
        *[(t, "content_filter") for t in ("guardrail_intervened", "RECITATION", "blocklist")],
        *[(t, "content_filter") for t in ("FinishReason.PROHIBITED_CONTENT", "SPII")],
        *[("stop", "stop"), ("STOP", "stop"), ("end_turn", "end_turn"), ("", None), (7, None)],
    ],
)
def test_one_ending_has_one_spelling(told, known):
    assert as_finish_reason(told) == known
    assert Reply("x", finish_reason=told).finish_reason == known


def test_an_enumeration_of_a_client_names_its_ending():
    reason = enum.Enum("FinishReason", {"SAFETY": 3})
    assert as_finish_reason(reason.SAFETY) == "content_filter"


@pytest.mark.parametrize("value", [*NUMBERS, "x", {}])
def test_one_bad_log_probability_makes_all_unknown(value):
    known = [-0.5, value]
    expected = (-0.5, float(value)) if value == -1 else None
    assert as_logprobs(known) == expected
    assert Reply("x", logprobs=(-0.5, value)).logprobs == expected
    assert as_logprobs((-0.5, -math.inf)) == (-0.5, -math.inf)


class Unshowable(Exception):
    def __str__(self):
        raise ValueError("no")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_error_is_short_however_long_it_is_and_quickly_read(text):
    begun = time.thread_time()
    told = error_text(ValueError(text))
    assert time.thread_time() - begun < 2
    assert told.startswith("ValueError: ")
    assert len(told) < LONGEST_ERROR + 40


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("x" * 300, f"{'x' * 200!r}…"),
        (10**199, str(10**199)),
        (10**300, f"1{'0' * 199}…"),
        (10**5000, "a number of thousands of digits"),
        ([1, 10**5000], "a number of thousands of digits"),
        ([1, "a", None], "[1, 'a', None]"),
        ([object()], "a value of type list"),
        ({"key": "sk-1"}, "a value of type dict"),
        (None, "None"),
    ],
    ids=["text", "digits", "cut", "too many", "within", "list", "objects", "mapping", "none"],
)
def test_a_value_in_a_message_is_short_and_tells_no_key(value, told):
    assert shown(value) == told


def test_an_error_that_cannot_be_shown_is_named():
    assert error_text(Unshowable()) == "Unshowable: what it says cannot be shown (ValueError)"


@given(st.text(alphabet="ab -"), st.integers(0, 2_100))
def test_no_cut_shows_half_a_key(text, before):
    key = "sk-proj-" + "s3cr3t" * 6
    told = error_text(ValueError(f"{'x' * before} {key}{text}"))
    assert "s3cr3t" not in told


@given(st.text(st.characters(codec=None)))
def test_what_is_shown_steers_no_terminal(text):
    shown = printable(text)
    assert not any(c < " " and c not in "\n\t" for c in shown)
    assert not set(shown) & {"\x7f", "\x9b", "\x1b", "\u202e", "\u2066", "\u2028"}
    shown.encode()
    assert printable(shown) == shown
    if text.isalnum():
        assert shown == text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_members_name_is_one_short_line(text):
    name = Member("m", name=text).name
    assert len(name) <= LONGEST_NAME
    assert name == as_name(name)
    assert printable(name) == name
    assert "\n" not in as_name("a\nb")


@pytest.mark.parametrize("value", [v for v in NUMBERS if v is not True])
def test_a_hostile_score_is_no_score(value):
    sample = Sample("a", Reply("a"))
    scored = with_score(sample, Score(value))
    assert scored.score is None
    assert ("not scored" in scored.note) == (value is not None)
    by_function = FunctionScorer(lambda prompt, reply: value).score("?", Reply("a"))
    assert by_function.value is None
    assert replace(sample, score=by_function.value).score is None

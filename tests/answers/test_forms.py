"""Normal forms of numbers, notation, words and JSON."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.answers import NumberAnswer, resolve_answer
from bestofinf.answers.boxes import last_box
from bestofinf.answers.canonical_json import json_form, value_json
from bestofinf.answers.finding import announced, boxed_or_announced
from bestofinf.answers.forms import short_form, words_form
from bestofinf.answers.latex import latex_form, unwrapped
from bestofinf.answers.numbers import number_form, value_form
from bestofinf.errors import UsageError
from bestofinf.records import Reply

short_texts = st.text(max_size=40) | st.text(
    alphabet="0123456789.,-+/eE$%\\{}()^_ abAB", max_size=30
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("42", "42"), ("042", "42"), ("-0.0", "0"), ("4.50", "4.5"), (".5", "0.5"), ("5.", "5"),
        ("1,234,567.80", "1234567.8"), ("1/2", "0.5"), ("2/6", "1/3"), ("-3/4", "-0.75"),
        ("−5", "-5"), ("1e3", "1000"), ("1.5e-2", "0.015"), (r"3 \times 10^{4}", "30000"),
        (r"\frac{1}{8}", "0.125"), (r"\dfrac12", "0.5"), (r"-\frac{2}{3}", "-2/3"), ("7e99999", "7e99999"),
        (r"10{,}000", "10000"), (r"58\,500", "58500"), (r"10,\!000", "10000"),
        ("1,5", None), ("12,34", None), ("1.2.3", None), ("0x10", None), ("1/0", None), ("abc", None),
        ("", None), ("nan", None), ("inf", None), ("1e9999999", None), ("1" * 201, None), ("--5", None),
    ],
)  # fmt: skip
def test_a_number_has_one_spelling(text, form):
    assert number_form(text) == form


@given(st.integers(-(10**40), 10**40))
def test_integers_keep_their_value_with_and_without_commas(number):
    assert number_form(str(number)) == str(number)
    assert number_form(f"{number:,}") == str(number)


@given(st.fractions(max_denominator=10**6))
def test_a_fraction_and_its_form_have_the_same_value(number):
    form = number_form(f"{number.numerator}/{number.denominator}")
    assert Fraction(form) == number
    assert value_form(number) == form
    assert number_form(form) == form


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_and_its_form_have_the_same_value(number):
    form = value_form(number)
    assert float(form) == number or math.isclose(float(form), number, rel_tol=0, abs_tol=0)
    assert value_form(Decimal(form)) == form


def test_what_is_no_number_has_no_form():
    assert value_form(math.nan) is None
    assert value_form(math.inf) is None
    assert value_form(Decimal("NaN")) is None


@given(short_texts)
def test_forms_are_their_own_form(text):
    for form in (number_form, short_form, words_form, latex_form):
        once = form(text)
        if once is not None and form is not latex_form:
            assert form(once) == once


@given(short_texts)
def test_the_canonical_form_of_every_named_answer_is_its_own_canonical_form(text):
    for name in ("auto", "text", "number", "choice", "boxed", "math", "json", "tool-calls"):
        kind = resolve_answer(name)
        value = kind.canonical(text)
        if value is not None:
            assert kind.canonical(str(value)) == value


@given(json_values)
def test_canonical_json_has_the_same_value_whatever_the_order_of_keys(value):
    def turned(part):
        if isinstance(part, dict):
            return {key: turned(part[key]) for key in reversed(part)}
        return [turned(p) for p in part] if isinstance(part, list) else part

    form = value_json(value)
    assert value_json(turned(value)) == form
    assert json_form(form) == form


@pytest.mark.parametrize(
    "text",
    ['{"a": NaN}', '{"a": 1, "a": 2}', "[" * 100 + "]" * 100, "{", "", "nope", '{"a": 1e9999999999}',
     '{"a": ' + "9" * 5000 + "}", "[" + "1," * 150_000 + "1]", "[" + "1," * 30_000 + "1]"],
)  # fmt: skip
def test_json_that_is_not_sane_has_no_form(text):
    assert json_form(text) is None


def test_true_one_and_the_text_one_are_three_values():
    assert len({json_form(t) for t in ("true", "1", '"1"', "1.0")}) == 3


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("The  Eiffel Tower.", "eiffel tower"), ("an apple", "apple"), ("A minor", "A minor"),
        ("plan A", "plan A"), ("C++", "c++"), ("5 mW", "5 mW"), ("it’s", "it's"), ("１２", "12"),
        ("STRASSE", "strasse"), ("?", ""),
    ],
)  # fmt: skip
def test_words_lose_what_carries_no_meaning_and_nothing_else(text, form):
    assert words_form(text) == form


@pytest.mark.parametrize(
    ("text", "box"),
    [
        (r"\boxed{1} is wrong; \boxed{2}", "2"), (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"), (r"\boxed 5", "5"),
        (r"\fbox{x}", "x"), (r"\boxed{1} \boxed{2", "1"), (r"\boxed{\{1\}}", r"\{1\}"), ("no box", None),
        (r"\boxed{" + "1" * 5000 + "}", None), (r"\boxed", None),
    ],
)  # fmt: skip
def test_the_last_closed_box_counts(text, box):
    found = last_box(text)
    assert (None if found is None else found.content) == box


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed{4} and \boxed{9}", "4;9"), (r"\(\boxed{4}\), \(\boxed{9}\) und \(\boxed{1}\)", "4;9;1"),
        (r"\boxed{4}\boxed{9}", "4;9"), (r"\boxed{4}$ \quad \text{and} \quad $\boxed{9}", "4;9"),
        (r"\boxed{x=4} or \boxed{x=9}", r"x=4\text{ or }x=9"), (r"$x=\boxed{4}$, $y=\boxed{9}$", "x=4;y=9"),
        (r"\boxed{4} cats and \boxed{9} dogs", r"4\text{ cats};9\text{ dogs}"),
        (r"\boxed{4}, that is \boxed{9}", "9"), (r"\boxed{4}. \boxed{9}", "9"), (r"\boxed{4} thus \boxed{9}", "9"),
        ("\\boxed{4}\n\n\\boxed{9}", "9"), ("\\boxed{4},\n\\boxed{9}", "4;9"), (r"\boxed{4}, \boxed{4}", "4"),
    ],
)  # fmt: skip
def test_boxes_joined_only_by_commas_and_or_are_one_answer(text, content):
    assert last_box(text).content == content


@pytest.mark.parametrize(
    ("text", "span"),
    [
        (r"\boxed{4}. No. The answer is 5.", "5"), (r"The answer is 5, so \boxed{4}.", "4"),
        (r"\boxed{4} is right. The answer is clear.", "4"), (r"\boxed{4}. The answer is not 4.", "4"),
        (r"\boxed{4}. The answer is the fourth one.", "4"), (r"\boxed{4}. Answer: B", "B"),
        (r"\boxed{\text{Paris}}. Wait. The answer is Lyon.", "Lyon"), ("The answer is 5.", "5"), ("5", None),
    ],
)  # fmt: skip
def test_an_answer_announced_after_a_box_counts(text, span):
    assert boxed_or_announced(text) == span


def test_wrappings_of_the_whole_are_removed_and_those_of_a_part_are_not():
    assert unwrapped(r"**$\text{Paris}$**.") == "Paris"
    assert unwrapped("$a$ and $b$") == "$a$ and $b$"
    assert unwrapped("3.") == "3"


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("The answer is 3.14.", "3.14"), ("The answer is St. Helena. It", "St. Helena"),
        ("the answer is 5 since 2+3=5", "5"), ("Answer - 5", None), ("My answers: none", None),
        ("the answer is probably 5", "5"), ("#### 5\n#### 6", "6"), ("The answer is not 5", ""),
        ("the best option is B", "B"), ("no mark", None),
        ("an option is to leave", None), ("the answer is Paris, not Lyon", "Paris"),
        ("the answer is that he is not guilty.", "that he is not guilty"),
        ("the answer is\n$$\n\\frac{1}\n{2}\n$$ as was to be shown", "\\frac{1}\n{2}"),
        ("Answer: \\begin{pmatrix}1\n2", ""), ("Answer: $5. And", "$5"), ("Answer: $x. y$ is", "$x. y$ is"),
        ("Answer: \\frac{1", ""), ("the answer is as follows: 7", "7"),
    ],
)  # fmt: skip
def test_what_is_announced_ends_where_the_sentence_ends(text, span):
    assert announced(text) == span


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18 dollars", "18 $"), ("$18", "18 $"), ("5 kilometers", "5 km"), ("2.5 million", "2500000"),
        ("18 apples", "18"), ("the answer is 5 m^2", "5 m2"), ("Tom has 3 apples and 4 pears", None),
        ("x = 7", "7"), ("50 percent", "50 %"), ("nothing", None),
    ],
)  # fmt: skip
def test_a_number_keeps_its_unit_and_drops_what_is_counted(text, value):
    assert NumberAnswer().vote(Reply(text=text))[0] == value


def test_a_number_anywhere_or_near_enough_counts_only_where_asked_for():
    text = "After all that she has 1,250 left in the bank, and he has 90. " * 4
    assert NumberAnswer().vote(Reply(text=text))[0] is None
    assert NumberAnswer(anywhere=True).vote(Reply(text=text))[0] == "90"
    assert not NumberAnswer().same("3.14", "3.1416")
    assert NumberAnswer(tolerance=0.001).same("3.14", "3.1416")
    assert NumberAnswer(tolerance=0.01).same("1/3", "0.333")
    with pytest.raises(UsageError, match="tolerance"):
        NumberAnswer(tolerance=1.5)

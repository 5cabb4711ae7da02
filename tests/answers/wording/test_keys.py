"""Keys are equal or not, are their own keys, and come of any text in linear time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.answers import AutoAnswer
from bestofinf.answers.wording import key, question_in, question_of
from bestofinf.answers.wording.languages import LANGUAGES
from bestofinf.records import Reply

AUTO = AutoAnswer()
QUESTIONS = [
    "How long does it take?", "How many days does it take?", "How much is it per month?",
    "What share of the seats is free?", "When was it opened?", "What time does it open?",
    "Who wrote it?", "Which of them bought the firm?", "Where is it kept?", "Why was it closed?",
    "Is it valid?", "True or false: it is valid.", "Is it red, green or blue?",
    "Which is taller, the mast or the crane?", "Who taught whom, Edda or Finn?",
    "What is the order number?", "Which one?\nA) red\nB) blue", "Name them all.",
    "Wann wurde es eröffnet?", "Wer leitet das Werk?", "Combien coûte-t-il ?", "¿Quién lo escribió?",
    "多少钱？", "谁写的？", "いつですか。", "はいくらですか",
]  # fmt: skip
PIECES = (
    "30 days", "three weeks", "$5", "5 €", "12,5 %", "2.3.1", "NV-204", "10:30", "4 May 2021",
    "2021", "the", "is", "was", "not", "no", "yes", "and", "or", ",", ".", ";", ":", "(", ")", "[2]",
    "Ida Holm", "Graz", "IT", "by", "from", "until", "per month", "more than", "only", "if", "red",
    "the mast", "taller than", "according to the text", "page 4", "**", "_", "'", "don't", "of",
    "nicht", "von", "par", "pas", "el", "不是", "王小明", "です", "三百元", "2024年", "5-7", "+", "A",
)  # fmt: skip


@given(st.sampled_from(QUESTIONS), st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join))
def test_a_vote_is_its_own_vote(question, text):
    answer = AUTO.for_question(question)
    value, _ = answer.vote(Reply(text=text))
    if value is not None:
        assert answer.canonical(str(value)) == value


@given(
    st.sampled_from(QUESTIONS),
    st.lists(
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map(" ".join),
        min_size=3,
        max_size=3,
    ),
)
def test_votes_that_are_the_same_are_the_same_as_each_other(question, texts):
    answer = AUTO.for_question(question)
    read = answer.question
    if read is None:
        return
    first, second, third = (key(text, read) for text in texts)
    if first is not None and first == second == third:
        assert answer.same(first, third)
    for one, other in ((first, second), (second, third)):
        if one is not None and other is not None and not str(one).isdigit():
            assert answer.same(one, other) == answer.same(other, one)


@given(st.sampled_from(QUESTIONS), st.text(max_size=300))
def test_no_text_makes_it_fail(question, text):
    read = question_of(question)
    if read is not None:
        found = key(text, read)
        assert found is None or (found.strip() == found and found)


@given(st.text(max_size=200), st.sampled_from(["Yes.", "30 days", "It is Ida Holm."]))
def test_no_question_makes_it_fail(question, text):
    AUTO.for_question(question).vote(Reply(text=text))


HOSTILE = [
    "a" * 50_000, "1 " * 20_000, "(" * 20_000, "[1]" * 9_000, "," * 30_000, "not " * 12_000,
    "1.1." * 9_000, "-1" * 15_000, "三" * 30_000, "は" * 30_000, "a-" * 20_000, "a'" * 20_000,
    "Query: " * 8_000, "user: " * 9_000, "A) x " * 9_000, "?" * 40_000, "{" * 40_000,
    "or a, " * 9_000, "twenty-" * 9_000, "per per " * 6_000, "\n" * 40_000, "https://a.b/" * 4_000,
    "a@b.c" * 9_000, "*_" * 20_000, "hundertundtausend" * 3_000, "n't " * 12_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:8]))
def test_hostile_texts_take_no_longer_than_their_length(text):
    began = time.perf_counter()
    for length in (390, 1_400, len(text)):
        answer = AUTO.for_question(text[:length])
        answer.vote(Reply(text=text[:length]))
        for question in QUESTIONS[:3]:
            AUTO.for_question(question).vote(Reply(text=text[:length]))
        question_in(text[:length])
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_language_has_a_word_that_both_affirms_and_denies(code):
    language = LANGUAGES[code]
    assert not set(language.yes.split()) & set(language.no.split())
    assert not set(language.true.split()) & set(language.false.split())

"""Numbers in words, in the languages whose words are known."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.answers import AutoAnswer
from bestofinf.answers.wording.lexicon import lexicon
from bestofinf.answers.wording.numerals import han_value, numeral_at
from bestofinf.records import Reply

SPELLED = {
    "en": {
        7: "seven", 13: "thirteen", 21: "twenty-one", 85: "eighty five", 100: "a hundred",
        342: "three hundred and forty-two", 1_200: "one thousand two hundred", 2_500: "twenty-five hundred",
        40_000: "forty thousand", 3_000_001: "three million and one",
    },
    "de": {
        7: "sieben", 21: "einundzwanzig", 99: "neunundneunzig", 128: "einhundertachtundzwanzig",
        300: "dreihundert", 1_200: "tausendzweihundert", 2_024: "zweitausendvierundzwanzig",
    },
    "fr": {
        7: "sept", 21: "vingt et un", 71: "soixante-et-onze", 77: "soixante-dix-sept", 80: "quatre-vingts",
        83: "quatre-vingt-trois", 97: "quatre-vingt-dix-sept", 75: "septante-cinq",
        81: "huitante et un", 99: "nonante-neuf", 250: "deux cent cinquante", 1_000: "mille",
    },
    "es": {
        7: "siete", 23: "veintitrés", 48: "cuarenta y ocho", 200: "doscientos", 999: "novecientos noventa y nueve",
        2_000: "dos mil",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [(code, value, text) for code, table in SPELLED.items() for value, text in table.items()],
)
def test_a_number_in_words_has_its_value(code, value, text):
    words = text.split()
    assert numeral_at([*words, "x"], 0, lexicon(code)) == (Fraction(value), len(words))


@pytest.mark.parametrize(
    ("code", "text"),
    [("en", "of them"), ("en", "a day"), ("en", "hundredth"), ("de", "und"), ("de", "wundervoll"), ("fr", "cents-euros"),
     ("fr", "quatre-quatre-six"), ("en", "two-three"), ("en", "-"), ("de", "hundertundtausendund")],
)  # fmt: skip
def test_what_is_no_number_is_none(code, text):
    assert numeral_at(text.split(), 0, lexicon(code)) is None


@pytest.mark.parametrize(
    ("numeral", "value"),
    [
        ("十", 10),
        ("十二", 12),
        ("二十", 20),
        ("一百零五", 105),
        ("三千二百", 3200),
        ("五万", 50_000),
        ("一九九八", 1998),
    ],
)
def test_chinese_numerals_have_their_values(numeral, value):
    assert han_value(numeral) == value


@given(st.integers(1, 999_999))
def test_two_numbers_side_by_side_are_not_one(number):
    answer = AutoAnswer().for_question("How many days does it take?")
    assert answer.vote(Reply(text=f"It takes {number} thirty days."))[0] != f"{number + 30} days"
    assert answer.vote(Reply(text=f"{number} days, {number + 1} days."))[0] != f"{number} days"


@pytest.mark.parametrize(
    "text",
    ["3 to 5 days", "3-5 days", "from 3 to 5 days", "between 3 and 5 days", "Three to five days."],
)
def test_a_range_has_many_wordings(text):
    answer = AutoAnswer().for_question("How long does it take?")
    assert answer.vote(Reply(text=text))[0] == "3-5 days"

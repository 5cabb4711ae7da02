"""Numbers in words with parts, signs and scales, and Chinese numerals, have one value or none."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.answers import NumberAnswer
from bestofinf.answers.units import COUNTERS
from bestofinf.answers.wording.parts import PARTS, han_figures, in_whole
from bestofinf.records import Reply

ASKED = {
    "en": "How many people live there?",
    "de": "Wie viele Menschen wohnen dort?",
    "fr": "Combien de personnes y habitent ?",
    "es": "¿Cuántas personas viven allí?",
    "zh": "那里有多少人？",
    "ja": "そこには何人住んでいますか。",
}
VALUES = {
    "en": {
        "0.5": ["half", "a half", "one half", "zero point five"],
        "1/3": ["a third", "one third", "one-third"],
        "2/3": ["two thirds", "two-thirds"],
        "0.75": ["three quarters", "three-quarters", "three fourths"],
        "0.875": ["seven eighths"],
        "1.5": ["one and a half"],
        "1.25": ["one and a quarter"],
        "3.75": ["three and three quarters"],
        "6.5": ["6 and a half"],
        "-5": ["minus five", "negative five"],
        "12.25": ["twelve point two five"],
        "6": ["half a dozen", "a half-dozen", "Half a dozen people"],
        "18": ["a dozen and a half"],
        "30": ["two and a half dozen"],
        "12500": ["12 thousand 5 hundred"],
        "3500": ["three and a half thousand"],
        "250000": ["a quarter of a million"],
        "500000": ["half a million", "Half a million people."],
        "750000": ["three-quarters of a million"],
        "1500000": ["one and a half million", "a million and a half"],
        "3200000": ["3 million 200 thousand"],
    },
    "de": {
        "0.75": ["drei Viertel"],
        "1.5": ["anderthalb", "eineinhalb"],
        "2.5": ["zweieinhalb"],
        "6": ["ein halbes Dutzend"],
        "500000": ["eine halbe Million"],
        "1500000": ["anderthalb Millionen"],
    },
    "fr": {
        "0.75": ["trois quarts"],
        "2.5": ["deux et demi"],
        "500000": ["un demi-million"],
        "1500000": ["un million et demi"],
    },
    "es": {
        "0.75": ["tres cuartos"],
        "2.5": ["dos y medio"],
        "500000": ["medio millón"],
        "1500000": ["millón y medio"],
        "2500000": ["dos millones y medio"],
    },
    "zh": {"320": ["三百二十", "三百二十人"], "105": ["一百零五"], "120000": ["十二万", "12万"], "150000000": ["1.5亿"], "2021": ["二〇二一"]},
    "ja": {"42": ["四十二", "四十二個"], "3000000": ["三百万"]},
}  # fmt: skip
NONE = {
    "en": [
        *("the third", "third", "twenty-fifth", "twenty fifth", "forty second", "half of them", "half as many", "hundreds"),
        *("nearly half a million", "half a million or more", "half past three", "one in three", "one out of three"),
        *("a fifth or a sixth", "two thirds majority", "less than half", "one half more", "two or three dozen", "a couple"),
        *("several dozen", "one two three", "two fifth", "half a dozen or so", "a hundred and a half", "XII"),
        *("5 hundred 12 thousand", "2 million 3 million", "three and four quarters of five", "two point ten"),
    ],
    "de": ["das dritte", "halb so viele", "halb drei", "zwei oder drei Viertel"],
    "fr": ["le troisième", "une demi-douzaine", "la moitié d'entre eux"],
    "es": ["el tercero", "la mitad de ellos"],
    "zh": ["三百二", "两百五", "三百多", "约三百", "第三", "三分之一", "百分之二十", "十几个", "两三个", "五六十", "九折", "五成", "半"],
    "ja": ["第三", "約三百", "三百以上"],
}  # fmt: skip


def number(text, code):
    return NumberAnswer().for_question(ASKED[code]).vote(Reply(text))[0]


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [(c, value, text) for c, table in VALUES.items() for value, texts in table.items() for text in texts],
)  # fmt: skip
def test_a_number_with_parts_has_its_value(code, value, text):
    assert str(number(text, code)).partition(" ")[0] == value


@pytest.mark.parametrize(
    ("code", "text"), [(c, text) for c, texts in NONE.items() for text in texts]
)
def test_ordinals_shares_and_what_may_be_another_number_are_none(code, text):
    assert number(text, code) is None


@pytest.mark.parametrize("text", ["three quarters", "Three quarters."])
def test_parts_that_the_question_counts_are_whole(text):
    asked = NumberAnswer().for_question("How many quarters did it take?")
    assert asked.vote(Reply(text))[0] is None


@pytest.mark.parametrize("text", ["1,5 Mio. €", "1,5 Millionen Euro", "1.500.000 €", "€ 1,5 Mio."])
def test_money_with_a_scale_in_every_order(text):
    kind = NumberAnswer().for_question("Wie hoch ist der Umsatz?")
    assert kind.vote(Reply(text))[0] == "1500000 €"


@given(st.integers(1, 99_999), st.sampled_from("百千万亿"))
def test_chinese_numerals_after_figures_keep_their_factor(value, scale):
    found = han_figures(f"{value}{scale}", COUNTERS)
    expected = {"万": 10**4, "亿": 10**8}.get(scale)
    assert found == (None if expected is None else str(value * expected))


@given(st.text(alphabet="一二三十百千万零两多第点半个 ", max_size=8))
def test_any_run_of_numerals_is_a_number_or_none(text):
    found = han_figures(text, COUNTERS)
    assert found is None or Fraction(found.partition(" ")[0]) >= 0


@given(
    st.lists(
        st.sampled_from(
            [
                "half",
                "a",
                "quarters",
                "third",
                "and",
                "two",
                "point",
                "million",
                "dozen",
                "of",
                "minus",
                "3",
                "people",
            ]
        ),
        max_size=7,
    )
)
def test_any_words_are_a_number_or_none(words):
    for code in PARTS:
        found = in_whole(" ".join(words), code)
        assert found is None or found.partition(" ")[0].lstrip("-")[0].isdigit()

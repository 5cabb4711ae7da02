"""A number keeps its unit, its currency and what it is counted by, however it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.answers import NumberAnswer
from bestofinf.records import Reply

NUMBER = NumberAnswer()
UNITS = {
    "km": ["km", "kilometers"],
    "km/h": ["km/h", "km / h", "kilometers per hour"],
    "m/s": ["m/s", "meters per second"],
    "m": ["m", "metres"],
    "mph": ["mph", "mi/h", "miles per hour"],
    "°C": ["°C", "° C", "℃", "degrees Celsius"],
    "°F": ["°F", "℉", "degrees Fahrenheit"],
    "%": ["%", "percent"],
    "wk": ["weeks", "semanas", "Wochen", "semaines", "settimane", "недель"],
    "d": ["days", "días", "Tage", "jours", "giorni", "dias", "дней"],
    "$/mo": ["dollars per month", "dollars a month"],
    "$/y": ["dollars per year"],
}
FRAMES = ("{n} {unit}", "It is {n} {unit}.", "It is **{n} {unit}**.", "It is **{n}** {unit}.")


def vote(text, question=""):
    answer = NUMBER.for_question(question) if question else NUMBER
    return answer.vote(Reply(text=text))[0]


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(FRAMES), st.integers(2, 900), st.data())
def test_a_sentence_has_the_unit_of_the_amount_alone_or_no_vote(unit, frame, number, data):
    said = frame.format(n=number, unit=data.draw(st.sampled_from(UNITS[unit])))
    assert vote(said) in (f"{number} {unit}", None)


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_every_unit_is_read_alone_and_in_a_sentence(unit):
    assert vote(f"12 {UNITS[unit][0]}") == f"12 {unit}"
    assert vote(f"It is **12** {UNITS[unit][0]}.") in (f"12 {unit}", None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The plan costs **$20**.", "20 $"),
        ("The plan costs **$20** per month.", "20 $/mo"),
        ("The plan costs $20 per year.", "20 $/y"),
        ("The plan is priced at US$1,299.", "1299 $"),
        ("The plan costs US$1,299.", "1299 $"),
        ("$100 per month", "100 $/mo"),
        ("10 € pro Monat", "10 €/mo"),
        ("The density is 80 g/cm³.", "80 g/cm3"),
        ("2 450 €", "2450 €"),
        ("1 250 000 Einwohner", "1250000"),
        ("Die Stadt hat 1.250.000 Einwohner.", "1250000"),
        ("The value is **42**, because 6*7=42.", "42"),
    ],
)
def test_money_rates_and_groups_are_read_whole(text, found):
    assert vote(text, "What is it?") == found


@pytest.mark.parametrize(
    "text",
    [
        "The city has **42** million people.",
        "It costs ₹300.",
        "It costs CA$300.",
        "22 días laborables",
        "12 jours ouvrables",
        "5 giorni lavorativi",
        "3 per day",
        "12 times a day",
    ],
)
def test_what_makes_an_amount_another_leaves_none(text):
    assert vote(text, "What is it?") is None


@given(st.sampled_from(["month", "year", "day", "week"]), st.integers(2, 900))
def test_what_the_question_counts_by_adds_nothing(scope, number):
    question = f"How much does it cost per {scope}?"
    said = (
        f"${number}",
        f"${number} per {scope}",
        f"It costs ${number} per {scope}.",
        f"${number}/{scope}",
    )
    assert {vote(text, question) for text in said} == {f"{number} $"}
    assert vote(f"It costs ${number} per hour.", question) == f"{number} $/h"


def test_what_a_question_only_mentions_is_still_told():
    asked = "A car travels 240 km in 3 hours. What is its average speed?"
    assert vote("The average speed is 80 km/h.", asked) == "80 km/h"
    assert vote("It costs $20 per day.", "How much does the 3 day ticket cost?") == "20 $/d"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("**80 km/h**\n\nAverage speed = distance ÷ time = 240 ÷ 3 = 80.", "80 km/h"),
        ("80 km/h\n\nThat follows from 240 / 3 = 80 km/h", "80 km/h"),
        ("**80 km/h**\n\nBut 240 ÷ 4 = 60.", None),
        ("**80**\n\nThis is not right, the value is not 80", None),
        ("**2024**\n\nIn that year the company had 300 employees", None),
    ],
)
def test_a_first_line_counts_if_its_explanation_ends_in_it(text, found):
    assert vote(text) == found

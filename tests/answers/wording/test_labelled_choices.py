"""Questions that label their choices: a reply votes by the label, however it names the choice."""

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.records import Reply

METALS = "Which metal is liquid at room temperature?\nA) iron\nB) mercury\nC) copper\nD) tin"


def voted(text, question=METALS):
    return AutoAnswer().for_question(question).vote(Reply(text))[0]


@pytest.mark.parametrize(
    "text",
    [
        *("B", "(B)", "b", "B.", "**B**", "B) mercury", "B: mercury", "B mercury", "B - mercury"),
        *("mercury", "Mercury.", "It is mercury.", "Answer: mercury", "The answer is B, mercury."),
        *("A mercury", "Mercury, not tin.", "Option B", "I choose B.", "Therefore B"),
        *("B, not A", "Not C but B", "My answer: B", "B. Because it melts at -39"),
        "Hot iron is solid and the answer is\nB mercury",
    ],
)
def test_a_choice_votes_by_its_label(text):
    assert voted(text) == "B"


LABELS = {"A", "B", "C", "D"}


@pytest.mark.parametrize(
    "text",
    [
        *("A or B", "A, B", "B and C both flow", "neither B nor C", "not B", "Is it B?", "maybe B"),
        *("A metal that flows", "A lot of metals", "A is wrong", "B is not liquid", "not mercury"),
        *("mercury or tin", "Vitamin D", "D-Day", "C++", "C#", "type A", "plan B is better"),
        *("It depends on A", "The symbol is Hg, not C", "I think so", "mercury if it is warm"),
        *("C is the symbol of carbon", "D is a vitamin", "mercury is C", "Is mercury liquid?"),
        *("next to B", "B fails", "B hardly", "B minor", "B iron", "I go with B or so"),
        "lead",
    ],
)
def test_what_names_no_choice_or_several_is_no_label(text):
    assert voted(text) not in LABELS


@pytest.mark.parametrize(
    "text",
    [
        *("A ou B", "A et B", "A oder B", "A o B", "A to C", "between A and C", "C D E", "A+B"),
        *("A) iron B) mercury C) copper D) tin", "B mercury C copper", "The answer was B, now C"),
        *("B. Correction: C", "B became C", "B beats C", "Wrong: B", "Impossible: B", "I doubt it's B"),
        *("B ✗", "❌ B", "~~B~~", "20 °C", "U.S.A.", "B unless cold", "The opposite of B"),
    ],
)  # fmt: skip
def test_several_labels_and_one_taken_back_are_no_label(text):
    assert voted(text) not in LABELS


def test_the_words_of_another_choice_beside_a_label_leave_it_open():
    assert voted("B iron") not in LABELS
    assert voted("iron (B)") != "A"


def test_the_article_is_no_label_and_a_choice_may_hold_a_letter():
    pets = "Which pet barks?\nA) cat\nB) dog\nC) canary"
    assert voted("A dog.", pets) == voted("dog", pets) == "B"
    vitamins = "Which one is made in the sun?\nA) vitamin C\nB) vitamin B\nC) vitamin D"
    assert voted("Vitamin D", vitamins) == "C"
    assert voted("vitamin C", vitamins) == "A"


def test_without_labels_letters_stay_words():
    assert voted("B mercury", "Which metal is liquid?") != "B"

"""Nothing answers the question only where a reply says that, and not where it is the answer."""

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.answers.wording import ABSENT
from bestofinf.records import Reply

PORTS = "Which port is the base?\nA) Kiel\nB) Bari\nC) Cork"
UNLISTED = "Which of these is not listed? A) deposit B) notice C) parking"
WHY = "Why was the claim refused?"
MISSING = "Which entry is missing?"
WRONG = "What is wrong with this label?"
DEFAULT = "Which status is set if no user is given?"
WEIGHT = "What is the weight of the crate?"


def vote(question, text):
    return AutoAnswer().for_question(question).vote(Reply(text=text))[0]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (PORTS, "B is wrong. So the answer must be C."),
        (PORTS, "The answer must be A, since C is incorrect."),
        (PORTS, "Kiel is not mentioned."),
        (UNLISTED, "C is not mentioned."),
        (UNLISTED, "A is not mentioned."),
        (UNLISTED, "The list does not mention parking."),
        ("Which is unknown, the weight or the length?", "The weight is unknown."),
        (WHY, "The address was not stated."),
        (WHY, "It did not mention the address."),
        (WHY, "The claim was not answered."),
        (MISSING, "The number is not stated."),
        (MISSING, "The document does not specify the date."),
        (WRONG, "The weight is not specified."),
        (WEIGHT, "Not 12, as the text says."),
        (WEIGHT, "Not heavy, as the text says."),
    ],
)
def test_what_names_an_answer_is_no_absence(question, text):
    assert vote(question, text) != ABSENT


@pytest.mark.parametrize(
    "text", ['"unknown"', "'not specified'", "`unknown`", "“not known”", '"n/a".']
)
def test_a_value_in_quotes_is_a_value(text):
    found = vote(DEFAULT, text)
    assert found not in (None, ABSENT)
    assert vote(DEFAULT, found) == found


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (PORTS, "The documents do not say."),
        (PORTS, "The context does not mention the base."),
        (PORTS, "The text does not say whether it is Kiel, Bari or Cork."),
        (UNLISTED, "I don't know."),
        (WHY, "The documents do not say why the claim was refused."),
        (WHY, "The reason is not stated."),
        (WHY, "Not mentioned in the text."),
        (WHY, "The context does not give a reason."),
        (MISSING, "The documents do not say which entry is missing."),
        (WRONG, "I do not know."),
        (DEFAULT, "The status is not specified."),
        (WEIGHT, "The text does not, however, mention the weight."),
        (WEIGHT, "Unfortunately, the weight is not stated."),
        (WEIGHT, "I'm sorry, but the documents do not mention it."),
        ("True or false: the crate is made of oak.", "Not mentioned in the text."),
    ],
)
def test_what_only_says_that_nothing_is_said_is_one(question, text):
    assert vote(question, text) == ABSENT

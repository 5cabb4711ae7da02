"""A verdict that a reply takes back is no vote for it; one that it repeats still is."""

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.records import Reply

LIFT = "Is the lift in service?"
CLAIM = "True or false: the lift is in service."


def vote(question, text):
    return AutoAnswer().for_question(question).vote(Reply(text=text))[0]


@pytest.mark.parametrize("between", [". ", ", ", "... ", " — ", ". Wait, ", ". Sorry, ", ". Hmm, "])
@pytest.mark.parametrize(("first", "other"), [("Yes", "no"), ("No", "yes")])
@pytest.mark.parametrize("rest", ["", ", it {}", ". The lift {} in service"])
def test_of_two_verdicts_neither_is_the_vote(first, other, between, rest):
    rest = rest.format("is" if other == "yes" else "is not")
    assert vote(LIFT, f"{first}{between}{other}{rest}.") not in ("yes", "no")


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (LIFT, "Yes. Edit: it is not in service."),
        (LIFT, "Yes. Actually, it is not."),
        (LIFT, "Yes. Scratch that, it was shut down."),
        (LIFT, "Yes. That is wrong."),
        (LIFT, "No. Oops, it is."),
        (LIFT, "No. The lift is in service."),
        (CLAIM, "True. Wait, no."),
        (CLAIM, "False. Correction: it is true."),
        ("Ist der Aufzug in Betrieb?", "Ja. Ach nein."),
        ("Ist der Aufzug in Betrieb?", "Nein. Doch, ja."),
        ("L'ascenseur est-il en service ?", "Oui. En fait, non."),
        ("电梯开着吗?", "是。不对,不是。"),
    ],
)
def test_a_clause_that_retracts_leaves_no_verdict(question, text):
    assert vote(question, text) not in ("yes", "no", "true", "false")


@pytest.mark.parametrize(
    ("question", "verdict", "text"),
    [
        (LIFT, "yes", "Yes. Yes, it is."),
        (LIFT, "yes", "Yes, certainly."),
        (LIFT, "no", "No, no."),
        (LIFT, "no", "No, that is wrong."),
        (LIFT, "no", "No, certainly not."),
        (LIFT, "no", "No, it is not true."),
        ("Is there a toll?", "yes", "Yes, there is a toll."),
        ("Is there a toll?", "no", "No, there is no toll."),
        ("May I enter without a ticket?", "yes", "Yes, no ticket is needed."),
        ("Was the total wrong?", "yes", "Yes, it was wrong."),
        ("Was the total wrong?", "no", "No, it was correct."),
        (CLAIM, "true", "True. It is true."),
        (CLAIM, "false", "False. That is wrong."),
    ],
)
def test_what_confirms_a_verdict_takes_nothing_back(question, verdict, text):
    assert vote(question, text) == verdict

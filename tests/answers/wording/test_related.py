"""Words that are only related answer when and how much; they affirm nothing, and elect nobody."""

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.answers.wording.language import groups
from bestofinf.answers.wording.languages import LANGUAGES
from bestofinf.answers.wording.lexicon import lexicon
from bestofinf.records import Reply


def vote(question, text):
    return AutoAnswer().for_question(question).vote(Reply(text=text))[0]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Is the licence still valid?", "The licence has lapsed."),
        ("Is the pass valid?", "The pass ends."),
        ("Has the parcel arrived?", "The parcel has been shipped."),
        ("Has the crate been shipped?", "It has been delivered."),
        ("Was the fee paid?", "The fee was charged."),
        ("Is the soup hot?", "The soup is warm."),
        ("Is Mara responsible?", "Mara was charged."),
        ("Was the report submitted?", "It was due."),
        ("Arbeitet Mara dort?", "Mara ist Mitarbeiter."),
        ("Ist der Laden geöffnet?", "Der Laden wurde eröffnet."),
    ],
)
def test_another_stage_is_no_yes(question, text):
    assert vote(question, text) not in ("yes", "no")


@pytest.mark.parametrize(
    ("question", "verdict", "text"),
    [
        ("Is parking allowed?", "yes", "Parking is permitted."),
        ("Is parking allowed?", "no", "Parking is not permitted."),
        ("Is parking allowed?", "no", "Parking is forbidden."),
        ("Is the gate shut?", "yes", "The gate is closed."),
        ("Has the licence lapsed?", "yes", "It has expired."),
        ("Did the firm buy the mill?", "yes", "The firm acquired the mill."),
        ("Ist Parken erlaubt?", "yes", "Parken ist gestattet."),
    ],
)
def test_words_that_say_just_the_same_affirm(question, verdict, text):
    assert vote(question, text) == verdict


def test_related_words_say_when_it_was():
    said = ("On 4 May 2021.", "It expires on 4 May 2021.")
    assert {vote("When does the licence end?", text) for text in said} == {"2021-05-04"}
    assert vote("When was the crate delivered?", "It arrived on 4 May 2021.") == "2021-05-04"


@pytest.mark.parametrize("verb", ["defeated", "beaten"])
@pytest.mark.parametrize("form", ["{} was {}.", "{} has been {}.", "{} was clearly {}."])
@pytest.mark.parametrize(
    "question", ["Who won the final, Holm or Bray?", "Which team beat the other, Holm or Bray?"]
)
def test_a_choice_that_has_it_done_to_it_is_not_elected(question, form, verb):
    for name in ("Holm", "Bray"):
        assert vote(question, form.format(name, verb)) != name.lower()


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Who won the final, Holm or Bray?", "Holm won."),
        ("Who won the final, Holm or Bray?", "The winner was Holm."),
        ("Who won the final, Holm or Bray?", "Holm has won the final."),
        ("Who was beaten, Holm or Bray?", "Holm was beaten."),
        ("Which is closed, Holm or Bray?", "Holm is closed."),
        ("Which do you recommend, Holm or Bray?", "Holm is recommended."),
    ],
)
def test_a_choice_on_the_side_that_was_asked_for_is_elected(question, text):
    assert vote(question, text) == "holm"


@pytest.mark.parametrize("code", LANGUAGES)
def test_words_that_say_just_the_same_are_among_those_that_are_related(code):
    words = lexicon(code)
    assert all(others <= words.synonyms[stem] for stem, others in words.equals.items())
    assert all(len(line) > 1 for line in groups(LANGUAGES[code].akin))

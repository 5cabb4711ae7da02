"""An echo affirms what it says of the question's subject, and of nobody else."""

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.records import Reply


def vote(question, text):
    return AutoAnswer().for_question(question).vote(Reply(text=text))[0]


@pytest.mark.parametrize(
    ("question", "verdict", "text"),
    [
        ("Did Holm defeat Bray?", "yes", "Holm won."),
        ("Did Holm defeat Bray?", "yes", "Bray was defeated."),
        ("Did Holm defeat Bray?", "yes", "Bray was beaten by Holm."),
        ("Did Holm defeat Bray?", "yes", "It was Holm."),
        ("Did Holm defeat Bray?", "no", "Holm did not win."),
        ("Has Voltera acquired Arden?", "yes", "Arden has been acquired by Voltera."),
        ("Did the old mayor open the bridge?", "yes", "The mayor opened it."),
        ("Did the old mayor open the bridge?", "yes", "The bridge was opened."),
        ("Did the shop close?", "yes", "The shop was closed."),
        ("Is there a sauna in the hostel?", "yes", "The hostel has a sauna."),
        ("Does the hostel have a sauna?", "no", "There is no sauna."),
        ("Do members get a discount?", "yes", "There is a discount."),
        ("Is the archive open on Fridays?", "yes", "On Fridays it is open."),
        ("Is Mara the chair?", "yes", "The chair is Mara."),
        ("Hat Holm Bray besiegt?", "yes", "Holm hat Bray besiegt."),
        ("Hat Holm Bray besiegt?", "yes", "Bray wurde besiegt."),
        ("Le garage a-t-il vendu la moto ?", "yes", "La moto a été vendue."),
    ],
)
def test_what_is_said_of_the_subject_is_the_vote(question, verdict, text):
    assert vote(question, text) == verdict


@pytest.mark.parametrize("question", ["Did Holm defeat Bray?", "Has Holm defeated Bray?"])
@pytest.mark.parametrize(
    "text",
    [
        "Bray won.", "Bray did.", "Bray has.", "It was Bray.", "Bray lost.", "Bray has defeated Holm.",
        "Bray did defeat Holm.", "Holm was defeated.", "Holm has been defeated.",
        "Holm was defeated by Bray.", "Bray was defeating Holm.",
    ],
)  # fmt: skip
def test_what_is_said_of_the_other_party_is_neither(question, text):
    assert vote(question, text) not in ("yes", "no")


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Hat Holm Bray besiegt?", "Bray hat Holm besiegt."),
        ("Holm a-t-il battu Bray ?", "Bray a battu Holm."),
        ("Holm a-t-il battu Bray ?", "C'est Bray."),
        ("Did the dog bite the guard?", "The guard did."),
    ],
)
def test_the_other_party_is_neither_in_other_words(question, text):
    assert vote(question, text) not in ("yes", "no")


COMPARED = [
    ("Is the tram cheaper than the bus?", "The {} is cheaper.", "tram", "bus"),
    ("Was Holm more popular than Bray?", "{} was more popular.", "Holm", "Bray"),
    ("Ist Ida älter als Leo?", "{} ist älter.", "Ida", "Leo"),
    ("¿Es Lima más grande que Quito?", "{} es más grande.", "Lima", "Quito"),
]


@pytest.mark.parametrize(("question", "text", "one", "other"), COMPARED)
def test_in_a_comparison_the_other_one_is_a_no(question, text, one, other):
    assert vote(question, text.format(one)) == "yes"
    assert vote(question, text.format(other)) == "no"


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Is the tram cheaper than the bus?", "The bus is cheap."),
        ("Is the tram cheaper than the bus?", "The bus is not cheaper."),
        ("Is the tram cheaper than the bus?", "The bus is dearer."),
        ("Is the tram cheaper than the bus?", "The bus is."),
        ("Is it safer to walk than to ride?", "It is safer to ride."),
        ("Is it safer to walk than to ride?", "Riding is safer."),
        ("Does Mara own more than one boat?", "Mara owns one boat."),
        ("Is the tea hotter than the soup?", "The soup is cooler."),
    ],
)
def test_the_other_one_is_neither_where_both_may_be_equal(question, text):
    assert vote(question, text) not in ("yes", "no")


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Is it safer to walk than to ride?", "It is safer to walk."),
        ("Is it safer to walk than to ride?", "Walking is safer."),
        ("Is the tram cheaper than the bus?", "The tram is cheaper than the bus."),
        ("Does Mara own more than one boat?", "Mara owns more than one boat."),
    ],
)
def test_the_one_that_was_asked_about_is_still_a_yes(question, text):
    assert vote(question, text) == "yes"

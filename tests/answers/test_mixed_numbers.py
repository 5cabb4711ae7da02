"""A number with a fraction behind it is one number, and never its whole part."""

import pytest

from bestofinf.answers import MathAnswer, NumberAnswer
from bestofinf.answers.numbers import mixed_as_one
from bestofinf.records import Reply

PLACES = [
    "{} cups", "The answer is {} cups.", "#### {} cups", r"\boxed{{{} \text{{ cups}}}}", "Answer: {} cups", "**{} cups**", "{}",
    "The answer is {}.", "We add them up.\n\nResult: {} cups",
]  # fmt: skip
SENTENCES = ["It is {} miles.", "So there are {} miles left.", "Thus the way is {} miles long."]
VALUES = {"4½": "4.5", "6¾": "6.75", "12⅓": "37/3", "1⅝": "1.625", "4 ½": "4.5", "4 1/2": "4.5"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("written", VALUES)
def test_a_fraction_before_a_unit_belongs_to_its_number(written, place):
    assert NumberAnswer().vote(Reply(text=place.format(written)))[0] == VALUES[written]


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("written", ["4½", "6¾", "12⅓", "1⅝", "4 ½"])
def test_so_it_does_in_a_sentence(written, sentence):
    text = Reply(text=sentence.format(written))
    assert NumberAnswer().vote(text)[0] == f"{VALUES[written]} mi"
    math = MathAnswer(symbolic=False)
    assert not math.same(math.vote(text)[0], written.split()[0][:-1].rstrip("½¾⅓⅝"))


@pytest.mark.parametrize(
    ("text", "vote"),
    [
        ("½ cup", "0.5"), ("2¼%", "2.25 %"), ("-2½ °C", "-2.5 °C"), ("–2½ °C", "-2.5 °C"), ("$3½", "3.5 $"),
        ("3½ €", "3.5 €"), ("3½ million people", "3500000"), ("3½ km/h", "3.5 km/h"), ("1 200½ km", "1200.5 km"),
        ("7 km", "7 km"), ("7 m²", "7 m2"), ("7 apples", "7"), ("1/2 cup", "0.5"),
    ],
)  # fmt: skip
def test_it_has_sign_unit_and_scale_like_any_number(text, vote):
    assert NumberAnswer().vote(Reply(text=text))[0] == vote


@pytest.mark.parametrize(
    "text",
    ["5⁴", "The answer is 2⁹.", "2ⁿ", "3₂", "4½²", "4.5½ cups", "4 5/3 cups", "4½–5½ cups", "4½/3 cups", "1,200½ km"],
)  # fmt: skip
def test_what_is_no_such_number_has_no_vote_of_its_first_digits(text):
    assert NumberAnswer().vote(Reply(text=text))[0] is None


def test_what_a_decimal_comma_leaves_open_is_clear_as_a_fraction():
    bound = NumberAnswer().for_question("Wie viele Kilogramm wiegt der Sack?")
    assert bound.vote(Reply(text="2⅜ kg"))[0] == "2.375 kg"
    assert bound.vote(Reply(text="2.375 kg"))[0] is None


@pytest.mark.parametrize("text", ["x½", "1/2", "24/7", "3 4/2", "on 5/6", "2^1/2", "1.5½"])
def test_other_texts_keep_their_fractions(text):
    assert mixed_as_one(text) == text


def test_the_last_number_of_a_text_may_be_mixed():
    words = (
        "there are many of them in the house, and in one of these there are in the end as I see it"
    )
    for text, vote in (
        (f"Of 9 pots {words} 4½ left over here", "4.5"),
        (f"{words} 4 left", "4"),
    ):
        assert NumberAnswer(anywhere=True).vote(Reply(text=text))[0] == vote

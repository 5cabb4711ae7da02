"""A dash right before a number is its sign, whichever dash it is; one between numbers is none."""

import pytest

from bestofinf.answers import AutoAnswer, MathAnswer, NumberAnswer, TextAnswer
from bestofinf.answers.numbers import minus_signs
from bestofinf.records import Reply

ASKED = "By how many metres did the level of the lake change?"
KINDS = {
    "auto": AutoAnswer(),
    "auto, bound": AutoAnswer().for_question(ASKED),
    "number": NumberAnswer(),
    "number, bound": NumberAnswer().for_question(ASKED),
    "math": MathAnswer(symbolic=False),
    "text": TextAnswer(),
}
BELOW_ZERO = [
    "-7", "-7 m", "-0.7", "The answer is -7.", "Answer: -7 m", r"\boxed{-7}", "**-7**", "$-7$", "#### -7", "-7%", "-1,200",
    "So the level fell, and the answer is **-7 m**.", "(-7, -3)", "x = -7", "Antwort: -7", "Ответ: -7", "Ответ -7", "-½",
    "Thus it is -7.", "It is -7 m.", "-$30", "-€1,200.50", "So the net change is -€7.", "The change is -$45.", "-US$20", "-7 °C",
]  # fmt: skip
NO_SIGN = [
    "7–9", "7–9 m", "$7–$9", "7 – 9", "x – 7", "2001–2010", "pages 7–9", "7 –9", "7%–9%", "7 °C–9 °C", "A–7",
    "the lake – 7 m in all – fell", "the lake –7 m in all– fell", "7–", "– 7 apples", "covid–19", "–x", "Oslo –Bergen",
]  # fmt: skip


@pytest.mark.parametrize("dash", "−–‒﹣－")
@pytest.mark.parametrize("kind", KINDS)
def test_a_number_below_zero_is_one_vote_with_any_dash(kind, dash):
    for text in BELOW_ZERO:
        wanted = KINDS[kind].vote(Reply(text=text))[0]
        assert KINDS[kind].vote(Reply(text=text.replace("-", dash)))[0] == wanted, text


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_never_the_number_above_zero(kind):
    for text in BELOW_ZERO:
        below = KINDS[kind].vote(Reply(text=text.replace("-", "–")))[0]
        above = KINDS[kind].vote(Reply(text=text.replace("-", "")))[0]
        assert below is None or (below != above and not KINDS[kind].same(below, above)), text


@pytest.mark.parametrize("text", NO_SIGN)
def test_a_dash_that_is_no_sign_stays(text):
    assert minus_signs(text) == text


def test_a_range_stays_a_range():
    minutes = AutoAnswer().for_question("How many minutes does the ferry take?")
    votes = {
        minutes.vote(Reply(text=text))[0] for text in ("40–50", "40-50 minutes", "40 – 50 minutes")
    }
    assert votes == {"40-50 minutes"}
    depths = AutoAnswer().for_question("At which depths in metres do they live?")
    votes = {
        depths.vote(Reply(text=text))[0] for text in ("from –40 to –20 m", "from -40 to -20 m")
    }
    assert votes == {"-40--20 meters"}
    assert NumberAnswer().vote(Reply(text="40–50"))[0] is None


def test_a_number_of_the_question_has_its_sign():
    bound = NumberAnswer().for_question("It was –3 °C at noon and rose to 3 °C. How warm was it?")
    assert bound.asked == {"-3", "3"}


@pytest.mark.parametrize("beside", ["\\left(−~\n4", "−~~7", "(– \\! 3", "x =−\\,5"])
def test_a_form_is_its_own_form_where_something_stood_behind_the_sign(beside):
    math = MathAnswer()
    value = math.vote(Reply(text=beside))[0]
    assert value is not None
    assert math.canonical(value) == value

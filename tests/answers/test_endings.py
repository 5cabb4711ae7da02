"""What is said around an answer is no part of it, and what could change it is."""

import pytest

from bestofinf.answers import AutoAnswer, ChoiceAnswer, MathAnswer, NumberAnswer
from bestofinf.answers.endings import answer_part, bare
from bestofinf.records import Reply

ENDINGS = [
    "\nConfidence: 90%",
    "\n\n(Confidence: 0.95)",
    "\n\n**Confidence:** High",
    "\nConfidence level: medium",
    "\n\nLet me know if you have any questions!",
    "\n\nI hope this helps! 😊",
    "\n\nFeel free to ask more.",
    "\n\nSource: Britannica",
    "\n\nSources:\n- https://example.org/1\n- https://example.org/2",
    "\n\nReferences\n[1] A book of 2020\n[2] Another",
    "[^1]\n\n[^1]: A book",
    " 【1†source】",
    " (confidence: 90%)",
    " (90% sure)",
    " (see the table)",
    " ✅",
    " 🎉",
    " ∎",
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_answer_is_the_same_with_an_ending_and_without(ending):
    for said in ("42", "Answer: 42"):
        for kind in (NumberAnswer(), MathAnswer(), AutoAnswer()):
            assert kind.vote(Reply(said + ending))[0] == "42"
    assert ChoiceAnswer().vote(Reply(f"B{ending}"))[0] == "B"
    assert ChoiceAnswer(("yes", "no")).vote(Reply(f"No{ending}"))[0] == "no"
    for auto in (AutoAnswer(), AutoAnswer().for_question("What is the capital of Norway?")):
        assert auto.vote(Reply(f"Oslo{ending}"))[0] == "oslo"


@pytest.mark.parametrize("sign", ["✅", "✔", "👉", "🎯", "📍"])
def test_harmless_signs_before_an_answer_are_none_of_it(sign):
    for kind, said in ((NumberAnswer(), "42"), (ChoiceAnswer(), "B"), (AutoAnswer(), "oslo")):
        assert kind.vote(Reply(f"{sign} {said}"))[0] == said


@pytest.mark.parametrize("sign", ["❌", "✘", "✗", "🚫", "👎"])
@pytest.mark.parametrize("question", [None, "What is the capital of Norway?"])
def test_signs_that_deny_do_not_vanish(sign, question):
    auto = AutoAnswer() if question is None else AutoAnswer().for_question(question)
    plain = auto.vote(Reply("Oslo"))[0]
    for text in (f"{sign} Oslo", f"Oslo {sign}"):
        assert auto.vote(Reply(text))[0] != plain
    for text in (f"{sign} 42", f"42 {sign}"):
        assert NumberAnswer().vote(Reply(text))[0] is None
    assert auto.vote(Reply(f"{sign} No"))[0] == auto.vote(Reply("No"))[0]


@pytest.mark.parametrize(
    "text",
    [
        *("Confidence: 90%", "Source: Kant", "Sources:\n- a\n- b", "👍", "⭐⭐⭐", "a\n- b\n- c", "A ✅ B", "A ❌\nB ✅"),
        *("Paris (Texas)", "24 (not 20)", "24 (or 20)", "Germany (since 1990)", "Yes (certainly not)", "f(2)", "a[1]"),
        *("It is [1]", "24 (4 + 6 = 10)", "Thanks to Eve\n5", "5\nor 6", "5\n\nNote: or 6"),
    ],
)  # fmt: skip
def test_what_is_or_changes_the_answer_stays(text):
    assert answer_part(text) == text


def test_a_calculation_of_the_value_is_a_remark():
    assert bare("24 trees (4 × 6 = 24)") == "24 trees"
    assert bare("24 trees (4 × 5 = 20)") == "24 trees (4 × 5 = 20)"


def test_about_how_much_an_exact_value_is_adds_nothing():
    math = MathAnswer()
    value = math.vote(Reply(r"Answer: $\sqrt{2}$ (≈ 1.414)"))[0]
    assert math.same(value, r"\sqrt{2}")
    assert not math.same(math.vote(Reply("f(2)"))[0], "f")


def test_what_the_question_asks_for_stays():
    asked = AutoAnswer().for_question("Who said it, and what is your source?")
    first, second = (
        asked.vote(Reply(f"Kant\nSource: {book}"))[0] for book in ("Critique", "Letters")
    )
    assert first != second

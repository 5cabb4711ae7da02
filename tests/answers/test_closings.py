"""The last line of a reply shows its answer by a label, a tag, a sign, or by being set apart."""

import pytest

from bestofinf.answers import AutoAnswer, ChoiceAnswer, MathAnswer, NumberAnswer
from bestofinf.answers.closings import labelled, set_apart
from bestofinf.records import Reply

PROSE = (
    "We look at what is given first. Then both factors are multiplied with care, and the product is"
    " checked once more by adding up, as one should.\n\n"
)
LABELS = [
    "Ans. {}",
    "Ans: {}",
    "Ans = {}",
    "Answer — {}",
    "Answer → {}",
    "**Answer** => {}",
    "final_answer: {}",
    "[ANSWER] {}",
    "[FINAL ANSWER] {}",
    "[ANSWER]{}[/ANSWER]",
    "[Answer: {}]",
    "<final>{}</final>",
    "<result>{}</result>",
    "<ans>{}</ans>",
    "| Answer | {} |",
    "| Step | Value |\n|---|---|\n| **Answer** | **{}** |",
    "> **Answer: {}**",
    "- **Final answer:** {}",
    "✅ Answer: {}",
]
SHOWN = [
    "∴ {}",
    "⇒ {}",
    "=> {}",
    "→ {}",
    "✅ {}",
    "**{}**",
    "`{}`",
    "> {}",
    "```\n{}\n```",
    "Result: {}",
    "**Total:** {}",
    "Ergebnis: {}",
    "## Solution\n\n{}",
    "**Conclusion**\n\n{}",
]


@pytest.mark.parametrize("form", [*LABELS, *SHOWN])
def test_a_value_is_read_by_every_type_that_looks_for_one(form):
    text = Reply(PROSE + form.format("42"))
    assert [kind.vote(text)[0] for kind in (NumberAnswer(), MathAnswer(), AutoAnswer())] == [
        "42"
    ] * 3
    text = Reply(PROSE + form.format("B"))
    assert [kind.vote(text)[0] for kind in (ChoiceAnswer(), AutoAnswer())] == ["B"] * 2


@pytest.mark.parametrize("form", [*LABELS, *SHOWN])
def test_words_count_where_they_answer_the_question(form):
    auto = AutoAnswer().for_question("What is the capital of Norway?")
    assert auto.vote(Reply(PROSE + form.format("Oslo")))[0] == "oslo"


def test_words_that_are_only_set_apart_are_none_without_a_question():
    for text in ("**Good luck**", "> To be or not to be", "```\nls -l\n```", "→ the other page"):
        assert AutoAnswer().vote(Reply(PROSE + text))[0] is None


def test_a_question_and_its_answer():
    for text in ("Q: What is 6 x 7?\nA: 42", "**Question:** 6 x 7?\n\n**A:** 42"):
        assert NumberAnswer().vote(Reply(text))[0] == "42"
    assert labelled("Some prose.\nA: 42") is None
    assert ChoiceAnswer().vote(Reply("Q: Which city?\nA: B"))[0] == "B"
    assert ChoiceAnswer().vote(Reply("Q: Which city?\nA: Paris"))[0] is None


@pytest.mark.parametrize(
    "text",
    [
        *("Wrong answer — 41", "Answer A | 41 |", "| Question | Answer |\n|---|---|\n| 6·6 | 36 |\n| 6·7 | 42 |"),
        *("Answer - 5", "Answer → not 5", "Intermediate result: 5", "Total rows: 5", "Result: 5?", "Ans. unclear"),
        *("→ 5 is too low", "⇒ x = 1 is impossible", "∴ 5 = 7, which is absurd", "→ 5\n→ 6", "- 5\n- 6", "> 5\n> 6"),
        *("```\n5\n6\n```", "```python\n5\n```", "The wrong value:\n\n> 5", "Not this one:\n\n**5**", "**5**\n\nis too low."),
        *("**5:**", "**Note**", "## 5", "5 → 6", "= 5, or 6", "Possible values:\n→ 5", "Eliminated:\n\n✅ 5", "5 is not it.\n\n**5**", "| Total | 5 | 6 |", "Former value:\n\n**5**"),
    ],
)  # fmt: skip
def test_what_shows_no_single_answer_is_none(text):
    assert NumberAnswer().vote(Reply(PROSE + text))[0] is None
    assert MathAnswer().vote(Reply(PROSE + text))[0] is None


def test_the_last_line_counts_even_after_an_announcement():
    text = f"The answer to the first part is 36.\n\n{PROSE}Ans. 42"
    assert NumberAnswer().vote(Reply(text))[0] == "42"


def test_a_last_line_is_read_in_the_same_way_however_long_the_text():
    assert set_apart("A line.\n" * 10_000 + "∴ 42") == "42"
    assert set_apart("∴ " + "4" * 10_000) is None

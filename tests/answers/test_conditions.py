"""What would be the answer in another case is no vote, where the answer in this case is told."""

import pytest

from bestofinf.answers import AutoAnswer, ChoiceAnswer, MathAnswer, NumberAnswer
from bestofinf.answers.finding import announced, find_answer
from bestofinf.records import Reply
from support.pace import keeps_pace

OTHER_CASES = [
    "If it had rained, the answer would be {}.", "If we leave out the first, the answer is {}.", "With two of them, the answer would be {}.",
    "Alternatively, if the ends count, the answer is {}.", "Had it been the largest, the answer would be {}.",
    "In that other case the answer would be {}.", "Suppose there were more; then the answer would be {}.",
    "Assuming the opposite, we would add, and the answer is {}.", "The answer would be {} for children.",
    "Unless the gate is shut, the answer is {}.", "If, on the other hand, nobody pays, the correct answer is {}.",
]  # fmt: skip
THIS_CASE = ["The answer is {}.", "**Answer:** {}.", "#### {}\n", r"\boxed{{{}}}.", r"The answer is \boxed{{{}}}."]  # fmt: skip
ABROAD = [
    ("Die Antwort ist {}.", "Wenn mehr kämen, wäre die Antwort: {}."),
    ("La réponse est {}.", "Si on comptait les autres, la réponse serait {}."),
    ("La respuesta es {}.", "Si fueran más, la respuesta sería {}."),
    ("La risposta è {}.", "Se fossero di più, la risposta sarebbe {}."),
    ("A resposta é {}.", "Se fossem mais, a resposta seria {}."),
    ("Ответ: {}.", "Если их больше, то ответ: {}."),
    ("答案是{}。", "如果有更多，答案是{}。"),
]


@pytest.mark.parametrize("first", THIS_CASE)
@pytest.mark.parametrize("then", OTHER_CASES)
def test_the_answer_in_this_case_is_the_vote(first, then):
    for between in (" ", "\n\n"):
        text = f"{first.format(12)}{between}{then.format(17)}"
        for kind in (AutoAnswer(), NumberAnswer(), MathAnswer(symbolic=False)):
            assert kind.vote(Reply(text=text))[0] == "12", text
        text = f"{first.format('B')}{between}{then.format('C')}"
        for kind in (AutoAnswer(), ChoiceAnswer(tuple("ABCD"))):
            assert kind.vote(Reply(text=text))[0] == "B", text


@pytest.mark.parametrize(("first", "then"), ABROAD)
def test_so_it_is_in_other_languages(first, then):
    assert announced(f"{first.format(12)}\n{then.format(17)}") == "12"
    assert announced(f"{then.format(17)}\n{first.format(12)}") == "12"
    assert announced(then.format(17)) == "17"


@pytest.mark.parametrize("then", OTHER_CASES)
def test_of_several_cases_this_one_may_come_last(then):
    assert announced(f"{then.format(17)} Here the answer is 12.") == "12"


@pytest.mark.parametrize("first", THIS_CASE[:3])
def test_a_box_for_another_case_is_none(first):
    for then in (r"If it had rained, the answer would be \boxed{17}.", r"For two the answer would be $\boxed{17}$."):  # fmt: skip
        box, span = find_answer(f"{first.format(12)} {then}")
        assert (box, span) == (None, "12")
        assert find_answer(rf"So \boxed{{12}}. {then}") == ("12", None)
        assert find_answer(then)[0] == "17"
    # What comes out step by step is no other case.
    for text in (r"We had \boxed{5}. That would give \boxed{17}.", r"\boxed{5}. If it is even, we get \boxed{17}."):  # fmt: skip
        assert find_answer(text)[0] == "17"


@pytest.mark.parametrize(
    "text",
    [
        "So the answer would be 12.", "The answer would be 12.", "If a = 3, then b = 9, so the answer is 12.",
        "If a = 3, the answer is 12.", "If it rains, we stay. The answer is 12.",
        "The answer is the number of cats. If we count them, the answer is 12.",
        "The answer is x + 4. If x = 8, the answer is 12.", r"\boxed{x+4}. If x = 8, the answer is 12.",
        "The answer is 11. Wait, if we count the last one, the answer is 12.",
        "The answer is 11. But I left out one, so the answer would be 12.",
        "The answer is 11. If I look again, I see one more, and therefore the answer is 12.",
        "The answer is not 11. If we count the last, the answer is 12.",
        "The answer is 11. On reflection, my final answer would be 12.",
        "The answer is 11. It might be less if it rains, but the answer is 12.",
        "If a is even, the answer is 11. If a is odd, the answer is 12.",
        "The answer is 11. Or rather: Tom had one more, and the answer is 12.",
        "First we ask whether the answer is 11. The answer is 12.",
    ],
)  # fmt: skip
def test_an_answer_that_is_the_only_or_the_last_word_is_read(text):
    assert NumberAnswer().vote(Reply(text=text))[0] == "12"


@pytest.mark.parametrize("case", [*OTHER_CASES, r"If so, it would be \boxed{{{}}}."])
def test_many_cases_are_read_in_time_in_proportion(case):
    for begin in ("", "The answer is 12. ", "if " * 80):
        text = case.format(17) + " "
        assert keeps_pace(
            lambda size, text=begin + text: find_answer(text * size), 40, step=4, notable=0.05
        )

"""Replies that settle nothing: denials, drafts, conditions and prose with notation in it."""

import pytest

from bestofinf.answers import ChoiceAnswer, MathAnswer, NumberAnswer, resolve_answer
from bestofinf.records import Reply


def vote(answer, text):
    return answer.vote(Reply(text=text))[0]


@pytest.mark.parametrize(
    "text", ["300페이지가 아닙니다.", "300페이지는 아닌 것 같다.", "300페이지가 아님."]
)
def test_a_denied_number_is_none_in_korean(text):
    assert vote(NumberAnswer().for_question("이 책은 몇 페이지입니까?"), text) is None


@pytest.mark.parametrize(
    "text",
    [
        "If the tax is raised, A; otherwise B.",
        "Wenn es regnet, A, sonst B.",
        "S'il pleut, A, sinon B.",
        "B is right if it rains, or else C.",
        "如果下雨选A，否则选B。",
    ],
)
def test_one_choice_for_each_case_is_none(text):
    assert vote(ChoiceAnswer(), text) is None


@pytest.mark.parametrize("behind", ["although a case can be made for C", "though C is common"])
def test_what_is_only_granted_is_not_chosen(behind):
    assert vote(ChoiceAnswer(), f"I lean towards A, {behind}.") == "A"


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("b)", "B"),
        ("La bonne réponse est la B.", "B"),
        ("A resposta correta é a alternativa B.", "B"),
        ("La risposta corretta è la lettera C.", "C"),
        ("सही उत्तर B है।", "B"),
        ("He got a B.", None),
        ("La A es incorrecta.", None),
    ],
)
def test_letters_are_choices_where_they_are_chosen(text, letter):
    assert vote(ChoiceAnswer(), text) == letter


@pytest.mark.parametrize(
    "text",
    [
        "We need to find $x$ such that $x^2 = 16$.",
        "Then $x^2 = 9$, so $x = 3$, but we need to check",
        "Suppose that $x = 3$.",
    ],
)
def test_what_is_sought_or_supposed_is_no_value(text):
    math = MathAnswer(symbolic=False)
    assert not any(math.same(vote(math, text), value) for value in ("x^2=16", "x=3", "3", "16"))


PROSE = (
    "There are several ways to see this. One could sum the 12 terms directly, or use the formula n(n+1)/2 with n = 12."
    " Both are valid, and which of them is better depends only on what you want to show to your students.",
    "def total(n):\n    # 42 for n = 6\n    return n * 7\n\nThe function above computes the sum, but nobody has run it"
    " for your input yet, so please try it out and tell us what you see when it comes back with something.",
)


@pytest.mark.parametrize("text", PROSE)
def test_prose_with_notation_in_it_is_free_text(text):
    assert resolve_answer("auto").vote(Reply(text=text)) == (None, "free text")


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("4\n\nThe answer is mostly right.", "4"),
        ("2\n\nThe answer is completely wrong.", "2"),
        ("**Score:** 4/5\n\nThe answer is correct but lacks sources.", "4"),
        ("The answer is mostly right.", None),
    ],
)
def test_how_right_an_answer_is_said_to_be_is_no_answer(text, score):
    for answer in (
        auto := resolve_answer("auto"),
        auto.for_question("Rate the answer from 1 to 5."),
    ):
        assert vote(answer, text) == score

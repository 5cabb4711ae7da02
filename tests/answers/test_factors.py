"""Letters side by side are factors in an expression, and a code elsewhere."""

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.answers.mathematics import missing_package
from bestofinf.records import Reply

QUESTION = "Expand the product."


def votes(question, *texts):
    answer = AutoAnswer().for_question(question)
    return answer, [answer.vote(Reply(text=text))[0] for text in texts]


@pytest.mark.skipif(bool(missing_package()), reason="needs the extra math")
@pytest.mark.parametrize(
    "texts",
    [
        (r"\boxed{3pq+r}", r"\boxed{r+3pq}", r"\boxed{3 p q + r}", "3pq + r"),
        (r"\boxed{u^2+uv}", r"\boxed{uv+u^2}", r"\boxed{u(u+v)}"),
        (r"\boxed{\frac{pq}{2}}", r"\boxed{\frac{1}{2}pq}", r"\boxed{\frac{qp}{2}}"),
        (r"\boxed{2\sin(xy)}", r"\boxed{2\sin(yx)}"),
        ("sqrt(8)", r"\boxed{2\sqrt{2}}", "2*sqrt(2)"),
        ("3*pi", r"\boxed{3\pi}"),
        (r"\boxed{3\sqrt{2}}", r"\boxed{3\sqrt{2}\text{ km}}", r"\boxed{\sqrt{18}\text{ km}}"),
    ],
)
def test_expressions_with_letters_side_by_side_are_compared_by_value(texts):
    answer, found = votes(QUESTION, *texts)
    assert all(answer.same(found[0], value) for value in found), found


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        (QUESTION, r"\boxed{3pq+r}", r"\boxed{3pr+q}"),
        ("Which gate is it?", "AB-12", "BA-12"),
        ("Which gate is it?", "ab-12", "ba-12"),
        ("Which plug fits?", "AC/DC", "CA/CD"),
        ("Which type is it?", r"\boxed{\text{AB}-12}", r"\boxed{\text{BA}-12}"),
        ("What is the exact value?", "sqrt(8)", "sqrt(2)"),
        ("What does the program print?", "uv+w", "vu+w"),
        ("Which assignment is wrong?", "s=uv", "s=vu"),
    ],
)
def test_codes_and_texts_are_compared_by_their_characters(question, first, second):
    answer, (one, other) = votes(question, first, second)
    assert not answer.same(one, other)

"""Questions: their solutions are right, and every way to a right answer is known."""

import re
from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.errors import UsageError
from bestofinf.tiny import FAMILIES, answer_of, questions
from bestofinf.tiny.alphabet import CHARACTERS, CONTEXT
from bestofinf.tiny.questions import CARELESS, DAYS, Problem, make, part_of, stream

problems = st.builds(
    lambda family, seed: make(family, Random(seed)),
    st.sampled_from(FAMILIES),
    st.integers(0, 2**32),
)


@given(problems)
def test_every_calculation_in_every_solution_is_right(problem):
    for solution in problem.solutions:
        for step in solution.splitlines()[0].split("; "):
            if re.fullmatch(r"[\d+*-]+=\d+", step):
                left, _, right = step.partition("=")
                a, operation, b = re.fullmatch(r"(\d+)([+*-])(\d+)", left).groups()
                assert {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}[
                    operation
                ] == int(right)


@given(problems)
def test_all_solutions_of_a_question_are_different_and_reach_its_answer(problem):
    assert len(set(problem.solutions)) == len(problem.solutions) >= 1
    assert {answer_of(solution) for solution in problem.solutions} == {problem.answer}


@given(st.integers(0, 2**32))
def test_the_answer_to_a_sum_is_what_python_makes_of_the_question(seed):
    problem = make("sum", Random(seed))
    expression = problem.question.removeprefix("What is ").removesuffix("?")
    total = sum(int(term) for term in expression.replace("- ", "-").replace("+ ", "").split())
    assert problem.answer == str(total)


@given(st.integers(0, 2**32))
def test_the_answer_to_a_product_is_what_python_makes_of_the_question(seed):
    problem = make("product", Random(seed))
    a, b = map(int, re.findall(r"\d+", problem.question))
    assert problem.answer == str(a * b)


@given(st.integers(0, 2**32))
def test_the_answer_to_a_time_question_is_the_time_of_day(seed):
    problem = make("clock", Random(seed))
    numbers = [int(n) for n in re.findall(r"\d+", problem.question)]
    if problem.question.startswith("Which day"):
        start = DAYS.index(problem.question[-4:-1])
        assert problem.answer == DAYS[(start + numbers[0]) % 7]
    else:
        delay, hour, minute = numbers
        end = (hour * 60 + minute + delay) % 1440
        assert problem.answer == f"{end // 60:02d}:{end % 60:02d}"


@given(st.integers(0, 2**32))
def test_the_answer_to_a_counting_question_is_the_count(seed):
    problem = make("count", Random(seed))
    letter, word = re.fullmatch(r"How many (.) are in (\w+)\?", problem.question).groups()
    assert problem.answer == str(word.count(letter))


@given(st.sampled_from(FAMILIES), st.integers(0, 2**32))
def test_a_careless_solver_gets_the_same_question_and_always_the_same_wrong_answer(family, seed):
    careful, careless = make(family, Random(seed)), make(family, Random(seed), CARELESS)
    assert careless.question == careful.question
    assert {answer_of(s) for s in careless.solutions} == {careless.answer}


def test_a_careless_solver_is_often_wrong_and_sometimes_right():
    pairs = zip(
        islice(stream(1, part="test"), 500),
        islice(stream(1, part="test", careful=False), 500),
        strict=True,
    )
    right = sum(careful.answer == careless.answer for careful, careless in pairs)
    assert 0.2 < right / 500 < 0.5


@given(problems)
def test_models_can_read_every_question_and_write_every_solution(problem):
    texts = [f"{problem.question}\n{solution}" for solution in problem.solutions]
    assert set("".join(texts)) < set(CHARACTERS)
    assert max(map(len, texts)) < CONTEXT


@given(problems, st.data())
def test_a_solution_is_right_as_long_as_it_goes_on_with_a_continuation(problem, data):
    text = ""
    while character := data.draw(st.sampled_from(sorted(problem.continuations(text)))):
        text += character
    assert text in problem.solutions


def test_a_wrong_beginning_has_no_continuation():
    problem = Problem("sum", "What is 1 + 2?", "3", ("1+2=3", "2+1=3"))
    assert problem.continuations("1+2=") == {"3"}
    assert problem.continuations("1+2=3") == {""}
    assert not problem.continuations("1+2=4")


def test_questions_are_different_of_all_families_and_of_the_part_asked_for():
    found = questions(300)
    assert len({problem.question for problem in found}) == 300
    assert {part_of(problem.question) for problem in found} == {"test"}
    assert min(Counter(problem.family for problem in found).values()) > 30
    assert questions(300) == found != questions(300, seed=1)


def test_an_eighth_of_the_questions_is_for_tests_and_an_eighth_for_calibration():
    rng = Random(0)
    parts = Counter(part_of(make("sum", rng).question) for _ in range(4000))
    assert parts["test"] / 4000 == pytest.approx(1 / 8, abs=0.02)
    assert parts["calibration"] / 4000 == pytest.approx(1 / 8, abs=0.02)


def test_an_unknown_family_is_refused():
    with pytest.raises(UsageError, match="family must be one of sum, product"):
        make("history", Random(0))


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("1+2=3\nThe answer is 3.", "3"),
        ("1+2=3\nThe answer is 14:05.", "14:05"),
        ("1+2=3\nThe answer is 3", None),
        ("1+2=3\nThe answer is .", None),
        ("1+2=3", None),
        ("", None),
    ],
)
def test_an_answer_counts_only_when_its_sentence_is_complete(reply, answer):
    assert answer_of(reply) == answer

"""The verifier: scores are probabilities, and right solutions have the higher ones."""

from random import Random

import pytest

from bestofinf import tiny

VERIFIER = tiny.load_verifier()
PROBLEMS = tiny.questions(60)


def spoilt(solution, rng):
    """Change one digit of the last step and the answer with it, where there is one."""
    places = [i for i, character in enumerate(solution) if character.isdigit()]
    place = rng.choice(places)
    digit = rng.choice([d for d in "0123456789" if d != solution[place]])
    return solution[:place] + digit + solution[place + 1 :]


def test_right_solutions_have_higher_scores_than_spoilt_ones():
    rng = Random(0)
    pairs = [(p.question, p.solutions[0]) for p in PROBLEMS]
    wrong = [(question, spoilt(solution, rng)) for question, solution in pairs]
    better = [
        right > spoilt_score
        for right, spoilt_score in zip(VERIFIER.scores(pairs), VERIFIER.scores(wrong), strict=True)
    ]
    assert sum(better) / len(better) > 0.9


def test_scores_are_probabilities_and_do_not_depend_on_the_batch():
    pairs = [(p.question, p.solutions[0]) for p in PROBLEMS[:10]]
    pairs += [("", ""), ("x" * 500, "y" * 500), ("What is 1 + 2?", "\ud800∞\0")]
    scores = VERIFIER.scores(pairs)
    assert all(0 <= score <= 1 for score in scores)
    # Some builds of BLAS add in another order for a single row: the last digit may differ.
    assert [VERIFIER.score(*pair) for pair in pairs] == pytest.approx(scores, rel=1e-12)
    assert VERIFIER.scores(pairs[::-1]) == pytest.approx(scores[::-1], rel=1e-12)
    assert VERIFIER.scores([]) == []


def test_each_step_has_a_probability_and_a_wrong_one_a_low_one():
    problem = next(p for p in PROBLEMS if p.family == "clock" and "time" in p.question)
    first, second, *rest = problem.solutions[0].split("; ")
    right = VERIFIER.steps(problem.question, problem.solutions[0])
    assert len(right) == 4
    assert min(right) > 0.5
    wrong = "; ".join([first, second[:-1] + str((int(second[-1]) + 5) % 10), *rest])
    steps = VERIFIER.steps(problem.question, wrong)
    assert steps[0] == right[0]
    assert steps[1] < 0.01


def test_a_solution_without_an_answer_scores_low():
    problem = PROBLEMS[0]
    cut = problem.solutions[0].partition("\n")[0]
    assert (
        VERIFIER.score(problem.question, cut)
        < 0.15
        < 0.85
        < VERIFIER.score(problem.question, problem.solutions[0])
    )


def test_another_question_makes_a_right_solution_wrong():
    first, second = [p for p in PROBLEMS if p.family == "product"][:2]
    assert VERIFIER.score(second.question, first.solutions[0]) < 0.05


def test_a_higher_product_of_steps_is_a_higher_score():
    pairs = [(p.question, p.solutions[0]) for p in PROBLEMS]
    products = []
    for pair in pairs:
        product = 1.0
        for step in VERIFIER.steps(*pair):
            product *= step
        products.append(product)
    order = sorted(range(len(pairs)), key=products.__getitem__)
    scores = VERIFIER.scores(pairs)
    assert [scores[i] for i in order] == pytest.approx(sorted(scores), abs=1e-6)

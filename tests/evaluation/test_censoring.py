"""Adaptive stopping biases plain statistics; what is said to be unbiased is."""

import math
import random

import pytest

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Explore, Question, Samples, accuracy, answer_shares
from bestofinf.evaluation.censoring import UNKNOWN_RULE, free_draws
from bestofinf.evaluation.exchange import question_from_rows
from bestofinf.evaluation.rows import CallRow, LabelRow, QuestionRow, SampleRow
from bestofinf.rules import AheadBy, FixedSamples
from bestofinf.rules.tally import Tally


@pytest.mark.parametrize(
    ("rule", "draws"),
    [
        ("ahead-by", 3),
        ("ahead-by:votes=5", 5),
        ("fixed:n=7", 7),
        ("ahead-by|max-samples:n=2", 2),
        (UNKNOWN_RULE, 1),
        ("a rule of next year", 1),
    ],
)
def test_the_first_draws_are_free_of_what_is_answered(rule, draws):
    assert free_draws(rule) == draws


def adaptive_call(number, question, p_right, rule, chance, limit=40):
    """Return the rows of one vote on a question with this probability of a right answer."""
    tally = Tally()
    answers = []
    while rule.check(tally) is None and len(answers) < limit:
        answer = "right" if chance.random() < p_right else chance.choice("xyz")
        tally.vote(answer)
        answers.append(answer)
    call = CallRow(f"c{number}", question, rule=str(rule))
    return call, [SampleRow(call.id, n, "gpt", answer) for n, answer in enumerate(answers)]


def collected(rule, seed, questions=400):
    """Return a set as production gives it: easy and hard questions, one vote each."""
    chance = random.Random(seed)
    truth = 0.0
    made = []
    for n in range(questions):
        p_right = chance.choice((0.95, 0.7, 0.45, 0.2))
        truth += p_right / questions
        call, rows = adaptive_call(n, f"q{n}", p_right, rule, chance)
        gold = LabelRow(f"l{n}", f"q{n}", "right")
        made.append(question_from_rows(QuestionRow(f"q{n}"), [call], rows, [gold]))
    return EvaluationSet(tuple(made)), truth


def test_fixed_samples_estimate_accuracy_without_bias_and_all_samples_do_not():
    rule = AheadBy(3)
    errors, pooled = [], []
    for seed in range(12):
        evaluation_set, truth = collected(rule, seed)
        estimate = accuracy(evaluation_set, "gpt")
        assert (estimate.questions, estimate.samples) == (400, 1200)
        errors.append((estimate.value - truth) / estimate.se)
        columns = [q.samples["gpt"] for q in evaluation_set]
        right = sum(column.answers.count("right") for column in columns)
        pooled.append(right / sum(map(len, columns)) - truth)
    # The mean of 12 standard errors of size 1 lies within 3 / sqrt(12) of 0.
    assert abs(sum(errors) / 12) < 3 / math.sqrt(12)
    # Hard questions have more samples, so that all samples together look worse.
    assert sum(pooled) / 12 < -0.05


def test_a_member_asked_only_where_others_disagree_is_not_judged_by_that():
    rows = [SampleRow("c", n, "first", "a") for n in range(3)]
    rows += [SampleRow("c", 3, "second", "b")]
    call = CallRow("c", "q", rule="ahead-by")
    question = question_from_rows(QuestionRow("q"), [call], rows, [LabelRow("l", "q", "a")])
    evaluation_set = EvaluationSet((question,))
    with pytest.raises(UsageError, match="no labelled question has an uncensored sample"):
        accuracy(evaluation_set, "second")
    assert accuracy(evaluation_set, "second", censored=True).value == 0
    one = accuracy(evaluation_set, "first")
    assert (one.value, one.samples) == (1.0, 3)
    assert math.isnan(one.se)


def test_failures_and_abstentions_are_no_free_votes():
    rows = [
        SampleRow("c", 0, "gpt", error="TimeoutError"),
        SampleRow("c", 1, "gpt", None),
        SampleRow("c", 2, "gpt", "a"),
        SampleRow("c", 3, "gpt", "a"),
    ]
    question = question_from_rows(QuestionRow("q"), [CallRow("c", "q", rule="ahead-by")], rows, [])
    assert question.samples["gpt"] == Samples((None, "a", "a"))


def test_shares_are_of_free_samples_unless_told_otherwise():
    question = Question(
        "q", {"gpt": Samples(("a", None, "a", "b"), calls=(0, 0, 1, 1))}, stopped={1: "ahead-by"}
    )
    assert answer_shares(question, "gpt") == {"a": 0.5}
    assert answer_shares(question, "gpt", censored=True) == {"a": 0.5, "b": 0.25}
    assert answer_shares(question, "llama") == {}


def test_the_share_of_explored_calls_is_as_asked_and_everywhere_the_same():
    explore = Explore(share=0.05)
    chosen = [n for n in range(20_000) if explore.chosen(f"call {n}")]
    assert abs(len(chosen) / 20_000 - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 20_000)
    assert chosen == [n for n in range(20_000) if Explore(0.05).chosen(f"call {n}")]
    assert chosen != [n for n in range(20_000) if Explore(0.05, seed=1).chosen(f"call {n}")]
    assert not any(Explore(share=0).chosen(f"{n}") for n in range(100))
    assert all(Explore(share=1).chosen(f"{n}") for n in range(100))
    assert Explore(0).settings("c", members=3) == {}
    asked = Explore(1, samples=4).settings("c", members=3)
    assert asked == {
        "rule": FixedSamples(12),
        "max_samples": 12,
        "schedule": "even",
        "abstain_limit": None,
    }


@pytest.mark.parametrize("options", [{"share": 1.1}, {"share": -0.1}, {"samples": 0}])
def test_exploration_out_of_range_is_refused(options):
    with pytest.raises(UsageError):
        Explore(**options)

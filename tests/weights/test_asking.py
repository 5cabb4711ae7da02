"""Which questions are asked for, and what decides between two candidates."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from math import factorial

import numpy as np
import pytest

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question
from bestofinf.weights import Decider, at_random, to_label
from bestofinf.weights.asking import ask_scores
from bestofinf.weights.ballots import Ballots
from bestofinf.weights.credit import credit
from bestofinf.weights.deciding import _greatest
from support.ensembles import from_votes, made_set


def test_the_questions_asked_for_split_the_members_and_may_be_lost() -> None:
    votes = [
        {"x": "AAAA", "y": "AAAA", "z": "AAAA"},
        {"x": "AAAA", "y": "BBBB", "z": "AABB"},
        {"x": "AABB", "y": "AABB", "z": "ABAB"},
        {"x": "AAAA", "y": "AAAA", "z": "BBBB"},
        {"x": "----", "y": "----", "z": "----"},
    ]
    evaluation_set = from_votes(*votes)
    bare = replace(evaluation_set, questions=tuple(replace(q, gold=None) for q in evaluation_set))
    wanted = to_label(bare, 5)
    assert [w.id for w in wanted] == ["q1", "q3"]
    assert wanted[0].votes == {"A": 6, "B": 6}
    assert wanted[0].score > wanted[1].score > 0
    labelled = EvaluationSet(
        tuple(replace(q, gold="A" if q.id == "q1" else None) for q in evaluation_set)
    )
    assert [w.id for w in to_label(labelled, 5)] == ["q3"]


def test_the_score_is_spread_times_risk() -> None:
    ballots = Ballots.of(made_set(20, members=3, samples=8, seed=2))
    scores = ask_scores(ballots)
    for q in range(20):
        rows = np.flatnonzero(ballots.question == q)
        mean = ballots.shares[rows].mean(axis=1)
        first, second = rows[np.argsort(-mean, kind="stable")[:2]]
        chosen = ballots.gold.copy()
        values = []
        for row in (first, second):
            chosen[q] = row
            values.append(credit(ballots.against(chosen))[q])
        difference = values[0] - values[1]
        gap = ballots.shares[first].mean() - ballots.shares[second].mean()
        risk = 1 / (1 + np.exp(8 * gap))
        expected = ((difference - difference.mean()) ** 2).sum() * risk * (1 - risk)
        assert scores[q] == pytest.approx(expected, abs=1e-9)


def test_one_member_or_a_bad_number_has_nothing_to_ask() -> None:
    alone = EvaluationSet(
        tuple(replace(q, gold=None) for q in from_votes({"x": "AB"}, {"x": "AAB"}))
    )
    assert to_label(alone, 3) == []
    with pytest.raises(UsageError, match="number must be a whole number of at least 1"):
        to_label(alone, 0)


def test_a_random_sample_is_drawn_from_all_questions_labelled_or_not() -> None:
    evaluation_set = made_set(60, members=2, samples=3)
    half = EvaluationSet(
        tuple(replace(q, gold=None) if i % 2 else q for i, q in enumerate(evaluation_set))
    )
    first = at_random(half, 10)
    assert {w.gold for w in first} == {None, "A"}
    more = at_random(half, 10, drawn=frozenset(w.id for w in first))
    assert [w.id for w in first + more] == [w.id for w in at_random(half, 20)]
    assert [w.id for w in at_random(half, 10, seed=1)] != [w.id for w in first]
    grown = EvaluationSet((*half.questions, Question("new", {})))
    assert [w.id for w in at_random(grown, 61) if w.id != "new"] == [
        w.id for w in at_random(half, 60)
    ]


def differing(outcomes: str) -> EvaluationSet:
    """One question a letter: 1 where x is right, 2 where y is, 0 where neither; = where they agree."""
    votes = {"1": {"x": "A", "y": "B"}, "2": {"x": "B", "y": "A"}, "0": {"x": "B", "y": "C"}}
    made = from_votes(*[votes.get(letter, {"x": "A", "y": "A"}) for letter in outcomes])
    return EvaluationSet(tuple(replace(q, gold=None) for q in made))


X, Y = {"x": 1.0}, {"y": 1.0}


def decided(decider: Decider) -> int:
    labels = 0
    while (wanted := decider.next()) is not None:
        decider.tell(wanted.id, "A")
        labels += 1
    return labels


def test_only_questions_with_different_answers_are_asked_and_few_of_them_where_one_is_better() -> (
    None
):
    decider = Decider(differing("=" * 40 + "1" * 36 + "2" * 4), X, Y)
    assert len(decider.differing) == 40
    labels = decided(decider)
    verdict = decider.verdict()
    assert verdict.winner == "first"
    assert labels < 20
    assert 0 < verdict.error <= 0.05
    assert verdict.left == 40 - labels
    assert "first: " in str(verdict)


@pytest.mark.parametrize("outcomes", ["1112", "12", "00", "1" * 5 + "2" * 5, "0120012"])
def test_when_all_are_labelled_the_verdict_is_certain(outcomes: str) -> None:
    decider = Decider(differing(outcomes), X, Y)
    while (wanted := decider.next()) is not None:
        decider.tell(wanted.id, "A")
    verdict = decider.verdict()
    ahead = outcomes.count("1") - outcomes.count("2")
    assert verdict.settled
    assert verdict.winner == (None if not ahead else "first" if ahead > 0 else "second")
    if not verdict.left:
        assert verdict.error == 0


def test_candidates_that_elect_the_same_are_settled_at_once() -> None:
    verdict = Decider(differing("===="), X, Y).verdict()
    assert (verdict.settled, verdict.winner, verdict.left) == (True, None, 0)


def test_a_wrong_decision_is_as_rare_as_promised() -> None:
    """Nearly equal candidates, where a test that looked after every label would err most."""
    wrong = 0
    for seed in range(200):
        decider = Decider(differing("1" * 14 + "2" * 16 + "0" * 3), X, Y, seed=seed)
        assert decided(decider) <= len(decider.differing)
        wrong += decider.verdict().winner == "first"
    assert wrong / 200 <= 0.05


def test_the_ratio_is_what_counting_all_orders_gives() -> None:
    """The chance of a prefix over its chance under a uniform prior, by listing every order."""
    for total in (3, 4):
        for favour in range(total + 1):
            things = "1" * favour + "2" * (total - favour)
            orders = ["".join(order) for order in permutations(things)]
            prefix = "12"
            chance = Fraction(sum(o.startswith(prefix) for o in orders), len(orders))
            prior = Fraction(factorial(1) * factorial(1), factorial(3))
            if chance and favour <= total - favour:
                assert _greatest(1, 1, total - 2, 0) >= float(chance / prior) - 1e-9
    assert _greatest(1, 1, 1, 0) == pytest.approx(3.0)
    assert _greatest(5, 1, 0, 0) == 0.0


def test_labels_that_were_there_count_as_facts_and_not_as_a_sample() -> None:
    open_ = differing("1" * 6 + "2" * 4)
    known = EvaluationSet(tuple(replace(q, gold="A") if i < 6 else q for i, q in enumerate(open_)))
    verdict = Decider(known, X, Y).verdict()
    assert (verdict.first, verdict.left, verdict.winner, verdict.error) == (6, 4, "first", 0.0)
    again = Decider(known, X, Y, earlier=frozenset(f"q{i}" for i in range(6))).verdict()
    assert again.first == 6


def test_a_label_can_be_taken_back() -> None:
    decider = Decider(differing("1122"), X, Y)
    wanted = decider.next()
    assert wanted is not None
    before = decider.verdict()
    decider.tell(wanted.id, "A")
    assert decider.undo() == wanted.id
    assert decider.verdict() == before
    assert decider.undo() is None


def test_a_decision_needs_two_candidates_and_an_error() -> None:
    open_ = differing("12")
    with pytest.raises(UsageError, match="a member with a weight above 0"):
        Decider(open_, {"x": 0.0}, Y)
    with pytest.raises(UsageError, match="numbers of at least 0"):
        Decider(open_, {"x": -1.0}, Y)
    with pytest.raises(UsageError, match="no member 'w'"):
        Decider(open_, {"w": 1.0}, Y)
    with pytest.raises(UsageError, match="error must lie between 0 and 1"):
        Decider(open_, X, Y, error=0)
    with pytest.raises(UsageError, match="same answer to question 'nowhere'"):
        Decider(open_, X, Y).tell("nowhere", "A")

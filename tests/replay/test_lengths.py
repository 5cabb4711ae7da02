"""Whether lengths pay is read from the questions."""

import math

import numpy as np

from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.replay import ReplayPlan, check_lengths
from bestofinf.rules import OptimalStopping

PLAN = ReplayPlan(trials=30, max_samples=40)


def questions(number, short):
    """Two answers; those for the mode are `short` times as long as the others."""
    rng = np.random.default_rng(1)
    found = []
    for i in range(number):
        lead = rng.uniform(0.55, 0.95)
        votes = rng.random(60) < lead
        tokens = np.where(votes, 1000 * short, 1000) * rng.lognormal(0, 0.1, 60)
        answers = tuple("right" if vote else "wrong" for vote in votes)
        samples = Samples(answers, tuple(tokens.astype(int).tolist()))
        found.append(Question(f"q{i}", {"m": samples}, gold="right"))
    return EvaluationSet(tuple(found))


def test_evidence_is_kept_where_the_mode_is_shorter():
    check = check_lengths(questions(60, short=0.4), plan=PLAN)
    assert check.pays
    assert check.ratio < 0.95
    assert check.rule == OptimalStopping()


def test_evidence_is_switched_off_where_the_mode_is_longer():
    check = check_lengths(questions(60, short=2.5), plan=PLAN)
    assert not check.pays
    assert check.ratio > 1
    assert check.rule == OptimalStopping(length_evidence=0)


def test_evidence_switched_off_by_hand_is_tried_at_its_default():
    off = OptimalStopping(length_evidence=0)
    assert check_lengths(questions(60, short=0.4), off, PLAN).rule == OptimalStopping()


def test_nothing_is_told_by_questions_without_a_doubt():
    same = EvaluationSet((Question("q", {"m": Samples(("a",) * 9, (5,) * 9)}, gold="a"),))
    check = check_lengths(same, plan=PLAN)
    assert check.rule == OptimalStopping()
    assert math.isnan(check.ratio) or check.ratio == 1

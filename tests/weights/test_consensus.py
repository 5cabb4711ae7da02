"""Weights from unlabelled answers and a few labels."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bestofinf import tiny
from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.weights import UnlabelledWeightsWarning, WeightFit, fit_weights
from bestofinf.weights.ballots import Ballots
from bestofinf.weights.consensus import SHRINK_ALL, SHRINK_RIGHT, consensus
from bestofinf.weights.credit import credit, sharpened, softmax_credit, vote_chance
from bestofinf.weights.solver.margins import Margins
from bestofinf.weights.unlabelled import alike_members
from support.ensembles import from_votes, made_set


def unlabelled(evaluation_set: EvaluationSet, but: set[str] | None = None) -> EvaluationSet:
    kept = but or set()
    return replace(
        evaluation_set,
        questions=tuple(q if q.id in kept else replace(q, gold=None) for q in evaluation_set),
    )


def colluding(samples: int = 8) -> EvaluationSet:
    """Two specialists, and three copies of a member that hurries."""
    random = np.random.default_rng(0)
    made = []
    for question in tiny.recorded():
        kept = {name: question.samples[name] for name in ("sum", "mul")}
        order = random.permutation(len(question.samples["hasty"]))
        for copy in range(3):
            kept[f"hasty{copy}"] = question.samples["hasty"].pick(order[copy::3][:samples])
        for name in ("sum", "mul"):
            kept[name] = kept[name].pick(range(samples))
        made.append(replace(question, samples=kept))
    return EvaluationSet(tuple(made))


def test_ballots_against_the_right_answers_are_the_margins() -> None:
    evaluation_set = made_set(30, members=3, samples=7)
    ballots, margins = Ballots.of(evaluation_set), Margins.of(evaluation_set)
    found = ballots.against(ballots.gold)
    weights = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    assert found.margins(weights) == pytest.approx(margins.margins(weights))
    assert credit(found) == pytest.approx(credit(margins))
    some = ballots.against(ballots.gold, np.array([3, 17]))
    assert some.ids == ("q3", "q17")
    assert some.margins(weights) == pytest.approx(margins.margins(weights)[:, [3, 17]])


def test_a_right_answer_that_nobody_gave_is_won_by_nobody() -> None:
    ballots = Ballots.of(from_votes({"x": "BBC", "y": "B"}, {"x": "--", "y": "-"}))
    margins = ballots.against(ballots.gold)
    assert (margins.margins(np.array([0.5, 0.5])) <= 0).all()
    assert not credit(margins).any()


def test_the_elected_are_the_leader_and_the_runner_up() -> None:
    ballots = Ballots.of(
        from_votes({"x": "AAB", "y": "CCC"}, {"x": "A", "y": "A"}, {"x": "-", "y": "-"})
    )
    first, second, lead = ballots.elected(np.array([0.7, 0.3]))
    assert [ballots.answers[row] for row in first] == ["A", "A", None]
    assert [ballots.answers[row] for row in second] == ["C", None, None]
    assert lead == pytest.approx([0.7 * 2 / 3 - 0.3, 1.0, 0.0])


def test_with_all_questions_labelled_it_is_the_supervised_learner() -> None:
    evaluation_set = made_set(60, members=4, samples=8)
    fit = fit_weights(evaluation_set, "consensus")
    assert fit.weights == pytest.approx(dict(fit_weights(evaluation_set, "softmax").weights))
    assert fit.proposal is not None
    assert (fit.proposal.labelled, fit.proposal.unlabelled) == (60, 0)
    assert (fit.total, fit.proposal.used) == (60, True)


def test_the_weights_are_the_formula_of_one_pass() -> None:
    full = made_set(50, members=3, samples=8, spread=1.5, seed=3)
    ballots = Ballots.of(full)
    known = np.array([4, 20, 33])
    found = consensus(ballots, known)
    right = np.array([ballots.shares[ballots.gold[q]] for q in known]).sum(axis=0)
    trust = (right + SHRINK_RIGHT) / (len(known) + SHRINK_ALL)
    weights = np.exp(8 * trust) / np.exp(8 * trust).sum()
    total = ballots.shares @ weights
    for q in range(50):
        rows = np.flatnonzero(ballots.question == q)[1:]
        expected = ballots.gold[q] if q in known else rows[total[rows].argmax()]
        assert found.reference[q] == expected
    mean = credit(ballots.against(found.reference)).mean(axis=0)
    assert found.weights == pytest.approx(sharpened(mean, found.temperature))


def test_without_labels_it_warns_and_keeps_equal_weights_unless_forced() -> None:
    bare = unlabelled(made_set(40, members=3, samples=8, spread=2.0, seed=5))
    with pytest.warns(UnlabelledWeightsWarning, match="no question is labelled"):
        fit = fit_weights(bare, "consensus")
    assert list(fit.weights.values()) == pytest.approx([1 / 3] * 3)
    assert (fit.total, fit.correct, fit.value, fit.bound, fit.margin) == (0, 0, None, None, None)
    assert (dict(fit.baselines), fit.questions) == ({}, ())
    assert fit.proposal is not None
    assert not fit.proposal.used
    assert f"on {len(fit.proposal.differs)} of 40 questions" in fit.proposal.warnings[0]
    assert WeightFit.from_json(json.loads(json.dumps(fit.to_json()))) == fit
    with pytest.warns(UnlabelledWeightsWarning, match="used as forced"):
        forced = fit_weights(bare, "consensus", force=True)
    assert dict(forced.weights) == pytest.approx(dict(fit.proposal.weights))


def test_what_differs_is_what_the_proposed_weights_elect_otherwise() -> None:
    votes = [{"x": "AAAA", "y": "AAAA", "z": "BCDE"}] * 8 + [
        {"x": "AAAB", "y": "BBBA", "z": "BBAA"}
    ]
    with pytest.warns(UnlabelledWeightsWarning):
        fit = fit_weights(unlabelled(from_votes(*votes)), "consensus")
    assert fit.proposal is not None
    ballots = Ballots.of(from_votes(*votes))
    proposed = ballots.elected(np.array(list(fit.proposal.weights.values())))[0]
    equal = ballots.elected(np.full(3, 1 / 3))[0]
    expected = tuple(ballots.ids[q] for q in np.flatnonzero(proposed != equal))
    assert fit.proposal.differs == expected


def test_copies_are_told_and_different_members_are_not() -> None:
    ballots = Ballots.of(colluding())
    copies = {("hasty0", "hasty1"), ("hasty0", "hasty2"), ("hasty1", "hasty2")}
    assert set(alike_members(ballots)) == copies
    assert alike_members(Ballots.of(tiny.recorded())) == ()
    assert alike_members(Ballots.of(made_set(150, members=4, samples=8))) == ()
    assert alike_members(Ballots.of(made_set(20, members=2, samples=8))) == ()


def test_five_labels_find_the_specialists_that_copies_outvote() -> None:
    from bestofinf.weights.asking import to_label

    evaluation_set = colluding()
    asked = {wanted.id for wanted in to_label(unlabelled(evaluation_set), 5)}
    with pytest.warns(UnlabelledWeightsWarning, match="hasty0 and hasty1"):
        fit = fit_weights(unlabelled(evaluation_set, but=asked), "consensus")
    margins = Margins.of(evaluation_set)
    weights = np.array([fit.weights[name] for name in margins.members])
    best = vote_chance(margins, softmax_credit(margins)).mean()
    assert vote_chance(margins, weights).mean() > best - 0.015
    equal = vote_chance(margins, np.full(5, 0.2)).mean()
    assert equal < best - 0.2


def test_members_that_share_too_little_are_refused() -> None:
    from bestofinf.errors import UsageError

    one = EvaluationSet((Question("q", {"x": Samples(("A",)), "y": Samples(("B",))}),))
    with pytest.raises(UsageError, match="at least two questions, got 1"):
        fit_weights(one, "consensus")

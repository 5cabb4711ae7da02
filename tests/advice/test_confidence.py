"""Confidence learned from labels is the chance to be right, on questions it did not see."""

import os
from pathlib import Path

import numpy as np
import pytest

from bestofinf import tiny
from bestofinf.calibration import expected_calibration_error, fit_confidence
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples, read_files
from bestofinf.replay.decisions import decisions
from support.populations import Population

DATA = Path(os.environ.get("BESTOFINF_DATA") or Path(__file__).parents[3] / "shared" / "data")
needs_data = pytest.mark.skipif(not (DATA / "boinf").is_dir(), reason="needs BESTOFINF_DATA")


def held_out(evaluation_set, rule, weights, seed, share=0.5):
    """Return chances and grades of the other part, one vote a question, and the calibration."""
    first, second = evaluation_set.split(share, seed=seed)
    fitted = fit_confidence(first, rule, weights)
    found = decisions(second, rule, weights=weights, trials=1, max_samples=fitted.max_samples)
    scores = found.shares if fitted.score == "share" else found.confidences
    return fitted, np.array([fitted.chance(s) for s in scores.tolist()]), found


def excess(chances, right, rng):
    """Return the calibration error above that of a perfect curve of the same size."""
    drawn = (rng.random((40, len(chances))) < chances).astype(float)
    perfect = np.mean([expected_calibration_error(chances, row) for row in drawn])
    return expected_calibration_error(chances, right) - perfect


@pytest.mark.parametrize("splits", [2, pytest.param(12, marks=pytest.mark.soak)])
@pytest.mark.parametrize("member", ["hasty", pytest.param("sum", marks=pytest.mark.soak)])
def test_on_the_tiny_models_it_is_as_good_as_a_perfect_curve(member, splits):
    recorded, rng = tiny.recorded(), np.random.default_rng(0)
    above, before = [], []
    for seed in range(splits):
        _, chances, found = held_out(recorded, "balanced", {member: 1.0}, seed)
        above.append(excess(chances, found.right, rng))
        before.append(excess(found.confidences, found.right, rng))
    assert np.mean(above) <= 0.02 + (splits < 5) * 0.02
    assert np.mean(before) > 0.05


@needs_data
@pytest.mark.parametrize("rule", ["balanced", pytest.param("fixed:n=5", marks=pytest.mark.soak)])
def test_on_math500_it_is_as_good_as_a_perfect_curve(rule):
    recorded, rng = read_files(sorted((DATA / "boinf").glob("math500_*"))), np.random.default_rng(0)
    above = []
    for seed in range(2):
        _, chances, found = held_out(recorded, rule, {"gpt-oss-20b": 1.0}, seed)
        above.append(excess(chances, found.right, rng))
    assert np.mean(above) <= 0.02


@needs_data
@pytest.mark.soak
def test_on_thirty_questions_the_error_of_all_members_together_is_below_that_before():
    recorded = read_files(sorted((DATA / "boinf").glob("aime2024_*")))
    chances, before, right = [], [], []
    for member in recorded.members:
        for seed in range(4):
            # Fifteen questions are too few to learn from.
            _, learned, found = held_out(recorded, "balanced", {member: 1.0}, seed, share=2 / 3)
            chances.append(learned)
            before.append(found.confidences)
            right.append(found.right)
    grades = np.concatenate(right)
    after = expected_calibration_error(np.concatenate(chances), grades)
    assert after < expected_calibration_error(np.concatenate(before), grades)


@pytest.mark.parametrize("splits", [4, pytest.param(20, marks=pytest.mark.soak)])
def test_the_curve_of_coverage_keeps_its_word_on_other_questions(splits):
    population = Population(0.75)
    within = []
    for seed in range(splits):
        recorded = population.recorded(400, 16, seed)
        fitted, chances, found = held_out(recorded, "fast", {"m0": 1.0}, seed)
        for point in fitted.curve:
            answered = chances >= point.least
            share = answered.mean()
            accuracy = found.right[answered].mean()
            error = np.hypot(point.se, found.right[answered].std() / np.sqrt(answered.sum()))
            within.append(abs(accuracy - point.accuracy) <= 1.96 * error)
            assert share == pytest.approx(point.coverage, abs=0.12)
    assert np.mean(within) >= (0.88 if splits > 9 else 0.75)  # those of a split go together


def test_the_curve_falls_in_coverage_and_rises_in_confidence():
    fitted = fit_confidence(tiny.recorded(), "fast", {"sum": 1.0})
    assert fitted.curve[0].coverage == 1
    assert fitted.curve[0].accuracy == pytest.approx(fitted.base_rate)
    steps = list(zip(fitted.curve, fitted.curve[1:], strict=False))
    assert all(b.coverage < a.coverage and b.least > a.least for a, b in steps)
    assert fitted.curve[-1].accuracy > fitted.base_rate + 0.2
    assert all(0 < point.se < 0.2 for point in fitted.curve)
    assert fitted.fits(
        rule="optimal:price=0.0066", max_samples=fitted.max_samples, weights={"sum": 3.0}
    )


def made(questions, right, samples=8):
    rows = []
    for number in range(questions):
        answers = ("a",) * samples if number < right else ("b",) * samples
        rows.append(Question(f"q{number}", {"m": Samples(answers)}, gold="a"))
    return EvaluationSet(tuple(rows))


def test_few_labels_do_not_make_certain():
    sure = fit_confidence(made(20, 20), "fast", {"m": 1.0})
    assert 0.9 < sure.chance(0.95) < 1
    half = fit_confidence(made(40, 20), "fast", {"m": 1.0})
    assert half.chance(0.9) == pytest.approx(0.5, abs=0.1)


def test_it_is_for_votes_of_as_many_samples_as_are_recorded():
    assert fit_confidence(made(30, 25), "fast", {"m": 1.0}).max_samples == 8
    assert fit_confidence(made(30, 25), "fast", {"m": 1.0}, max_samples=5).max_samples == 5


def test_too_few_labels_are_refused_with_the_numbers():
    with pytest.raises(UsageError, match="at least 20 labelled questions that all members were"):
        fit_confidence(made(19, 10), "fast", {"m": 1.0})
    unlabelled = EvaluationSet((Question("q", {"m": Samples(("a",))}),))
    with pytest.raises(UsageError, match="got 0"):
        fit_confidence(unlabelled, "fast", {"m": 1.0})
    with pytest.raises(UsageError, match="method must be one of auto, beta, isotonic"):
        fit_confidence(made(30, 20), "fast", {"m": 1.0}, method="platt")
    with pytest.raises(UsageError, match="no member 'n'"):
        fit_confidence(made(30, 20), "fast", {"n": 1.0})


@pytest.mark.parametrize("method", ["beta", "isotonic"])
def test_every_method_learns_and_repeats_itself(method):
    recorded = Population(0.75).recorded(80, 9, 1)
    weights = {"m0": 0.6, "m1": 0.4}
    found = [
        fit_confidence(part, "fast", weights, method=method)
        for part in (recorded, EvaluationSet(recorded.questions[::-1]))
    ]
    assert found[0] == found[1]
    assert found[0].method == method
    assert found[0].error < found[0].perfect + 0.05

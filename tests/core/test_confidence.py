"""The chance that a decision is right: a value that is checked, kept and asked."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf import Member, Sample, vote
from bestofinf.answers import JsonAnswer
from bestofinf.errors import UsageError
from bestofinf.records import Reply
from bestofinf.rules import FixedSamples
from bestofinf.voting.confidence import ConfidenceCalibration, CoveragePoint, share_of
from bestofinf.voting.engine import VotingEngine
from bestofinf.voting.selectors import Majority

CURVE = tuple(
    CoveragePoint(coverage, 1 - coverage / 5, 0.01, least)
    for coverage, least in ((1.0, 0.1), (0.8, 0.6), (0.5, 0.9))
)
PLAIN = ConfidenceCalibration(
    "confidence", "beta", "fixed:n=3", 64, {"a": 0.7, "b": 0.3}, curve=CURVE
)


def decided(*answers):
    engine = VotingEngine(FixedSamples(len(answers)), abstain_limit=None)
    return vote(engine, lambda draw: Sample(answers[draw.index]))


def test_without_labels_to_learn_from_the_chance_is_the_score():
    for score in (0.01, 0.3, 0.5, 0.97):
        assert PLAIN.chance(score) == pytest.approx(score)
    assert 0 < PLAIN.chance(0.0) < PLAIN.chance(1.0) < 1


@given(st.floats(0, 5), st.floats(0, 5), st.floats(-5, 5), st.floats(0, 1), st.floats(0, 1))
def test_the_chance_rises_with_the_score(a, b, c, one, other):
    curve = replace(PLAIN, a=a, b=b, c=c)
    low, high = sorted((one, other))
    assert 0 <= curve.chance(low) <= curve.chance(high) + 1e-12 <= 1 + 1e-12


def test_an_isotonic_curve_is_linear_between_its_knots():
    curve = replace(PLAIN, method="isotonic", scores=(0.2, 0.6), chances=(0.3, 0.5))
    assert [curve.chance(s) for s in (0.1, 0.2, 0.4, 0.6, 0.9)] == pytest.approx(
        [0.3, 0.3, 0.4, 0.5, 0.5]
    )


def test_a_decision_is_asked_for_its_confidence_or_its_share():
    found = decided("x", "x", "y")
    assert share_of(found) == pytest.approx(2.5 / 4)
    assert PLAIN.of(found) == pytest.approx(PLAIN.chance(found.confidence))
    assert replace(PLAIN, score="share").of(found) == pytest.approx(0.625)
    silent = decided("x", "x", None)
    assert share_of(silent) == pytest.approx(2.5 / 4)
    nothing = decided(None, None)
    assert (PLAIN.of(nothing), share_of(nothing)) == (0, 0)


def test_it_holds_for_the_rule_and_the_weights_it_was_learned_for():
    known = {"rule": "fixed:n=3", "max_samples": 64, "weights": {"a": 7.0, "b": 3.0, "idle": 0}}
    assert PLAIN.fits(**known)
    assert not PLAIN.fits(**{**known, "rule": "fixed:n=4"})
    assert not PLAIN.fits(**{**known, "max_samples": 32})
    assert not PLAIN.fits(**{**known, "weights": {"a": 0.5, "b": 0.5}})
    assert not PLAIN.fits(**{**known, "weights": {"a": 0.7, "c": 0.3}})
    assert not PLAIN.fits(**{**known, "weights": {"a": 0.0}})


def test_a_wanted_coverage_gives_the_confidence_to_answer_from():
    assert PLAIN.least_for(1.0) == 0.1
    assert PLAIN.least_for(0.8) == 0.6
    assert PLAIN.least_for(0.7) == 0.6  # answers a little more, never less
    assert PLAIN.least_for(0.2) == 0.9
    for wrong in (0, 1.1, float("nan"), "half"):
        with pytest.raises(UsageError, match="coverage must be"):
            PLAIN.least_for(wrong)
    with pytest.raises(UsageError, match="no coverage curve"):
        replace(PLAIN, curve=()).least_for(0.5)


def test_it_survives_being_written():
    for curve in (PLAIN, replace(PLAIN, method="isotonic", scores=(0.2,), chances=(0.3,))):
        assert ConfidenceCalibration.from_json(json.loads(json.dumps(curve.to_json()))) == curve


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "wanted format"),
        ({"format": "other"}, "wanted format"),
        (PLAIN.to_json() | {"version": 2}, "version 2"),
        (PLAIN.to_json() | {"weights": 3}, "not a calibration of confidence"),
        (PLAIN.to_json() | {"curve": [{"x": 1}]}, "not a calibration of confidence"),
        (PLAIN.to_json() | {"a": float("nan")}, "a and b must be at least 0"),
        (PLAIN.to_json() | {"b": -1.0}, "a and b must be at least 0"),
        (PLAIN.to_json() | {"score": "votes"}, "score must be"),
        (PLAIN.to_json() | {"method": "isotonic"}, "must rise within"),
        (PLAIN.to_json() | {"scores": [0.1]}, "1 scores but 0 chances"),
    ],
)
def test_what_is_no_calibration_is_refused(record, message):
    with pytest.raises(UsageError, match=message):
        ConfidenceCalibration.from_json(record)


# -- in a vote ----------------------------------------------------------------------------------


def calibrated(*answers, rule=None, left_out=(), **settings):
    engine = VotingEngine(
        rule or FixedSamples(len(answers)),
        [Member(None, 0.7, "a"), Member(None, 0.3, "b")],
        calibration=replace(PLAIN, c=-1.0),
        left_out=left_out,
        **settings,
    )
    return engine, vote(engine, lambda draw: Sample(answers[draw.index % len(answers)]))


def test_a_vote_that_its_rule_ended_has_the_chance_to_be_right():
    _, found = calibrated("x", "x", "y")
    plain = decided("x", "x", "y")
    assert found.calibrated
    assert not plain.calibrated
    assert found.confidence < plain.confidence


def test_a_vote_that_ended_otherwise_is_not_calibrated():
    _, without = calibrated("x", "x", "x", left_out=[1])
    _, silent = calibrated(None, None, None, rule=FixedSamples(5))
    _, scored = calibrated("x", "x", "y", selector=Majority())
    engine = VotingEngine(FixedSamples(4), calibration=PLAIN)
    for draw in engine.ask(1):
        engine.tell(draw, Sample("x"))
    engine.stop("deadline")
    assert not any(d.calibrated for d in (without, silent, scored, engine.decision()))


def test_votes_on_parts_are_not_calibrated():
    answer = JsonAnswer(fields=["a"])
    engine = VotingEngine(FixedSamples(2), answer=answer, calibration=PLAIN)
    found = vote(engine, lambda draw: Sample(answer.vote(Reply(text='{"a": 1}'))[0]))
    assert not found.calibrated

"""Confidence that was learned from labels: told as such, and asked for."""

import json

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from bestofinf import ConfidenceCalibration, Member
from bestofinf.errors import NoConsensusError, UsageError
from bestofinf.voting.confidence import CoveragePoint
from langchain_bestofinf import AdaptiveEnsembleChat

CURVE = (CoveragePoint(1.0, 0.8, 0.02, 0.1), CoveragePoint(0.7, 0.95, 0.02, 0.6))


def learned(**changes):
    settings = {"rule": "fixed:n=4", "max_samples": 64, "weights": {"m": 1.0}} | changes
    return ConfidenceCalibration("share", "beta", a=1.0, b=1.0, c=0.5, curve=CURVE, **settings)


def ensemble(replies, **settings):
    model = GenericFakeChatModel(messages=(AIMessage(text) for text in replies * 4))
    settings = {"rule": "fixed:n=4", "answer": "text", "calibration": learned()} | settings
    return AdaptiveEnsembleChat([Member(model, name="m")], **settings)


def told(model):
    return model.invoke("?").response_metadata["bestofinf"]


def test_the_trace_says_that_the_confidence_is_the_chance_to_be_right():
    trace = told(ensemble(["x", "x", "x", "y"]))
    assert trace["calibrated"] is True
    assert trace["confidence"] == pytest.approx(learned().chance(3.5 / 5))
    plain = told(ensemble(["x", "x", "x", "y"], calibration=None))
    assert plain["calibrated"] is False
    assert plain["confidence"] != trace["confidence"]


def test_its_json_form_will_do():
    record = json.loads(json.dumps(learned().to_json()))
    assert told(ensemble(["x"], calibration=record))["calibrated"] is True
    with pytest.raises(UsageError, match="not a calibration of confidence"):
        ensemble(["x"], calibration={"weights": {}})


@pytest.mark.parametrize(
    "changes",
    [{"rule": "fixed:n=5"}, {"max_samples": 8}, {"weights": {"m": 0.5, "n": 0.5}}],
)
def test_a_calibration_of_other_votes_is_refused(changes):
    with pytest.raises(UsageError, match=r"the calibration is of .* this ensemble votes by"):
        ensemble(["x"], calibration=learned(**changes))


def test_a_call_under_another_rule_is_not_calibrated():
    model = ensemble(["x", "x", "y", "x"])
    message = model.invoke("?", rule="fixed:n=3")
    assert message.response_metadata["bestofinf"]["calibrated"] is False


def test_a_wanted_coverage_refuses_the_least_sure():
    unsure, sure = ["x", "x", "y", "y"], ["x", "x", "x", "x"]
    assert learned().chance(2.5 / 5) > 0.6  # a tie is sure enough for this curve
    strict = (CURVE[0], CoveragePoint(0.7, 0.95, 0.02, 0.8))
    curve = ConfidenceCalibration("share", "beta", "fixed:n=4", 64, {"m": 1.0}, c=0.5, curve=strict)
    with pytest.raises(NoConsensusError, match=r"at least 0\.8 wanted"):
        told(ensemble(unsure, calibration=curve, coverage=0.7))
    assert told(ensemble(sure, calibration=curve, coverage=0.7))["confidence"] > 0.8
    assert told(ensemble(unsure, calibration=curve, coverage=1.0))["answer"] in ("x", "y")
    with pytest.raises(UsageError, match="coverage needs a calibration"):
        ensemble(sure, calibration=None, coverage=0.7)
    with pytest.raises(UsageError, match="coverage must be above 0"):
        ensemble(sure, coverage=0.0)
    grouped = ensemble(unsure, calibration=curve, otherwise={"coverage": 0.7})
    with pytest.raises(NoConsensusError):
        grouped.invoke("?")

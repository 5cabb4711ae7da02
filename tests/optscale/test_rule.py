import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf.errors import UsageError
from bestofinf.optscale.prior import ScorePrior
from bestofinf.optscale.reliability import Calibration
from bestofinf.optscale.truncnorm import NormalPrior, fit, samples_needed
from bestofinf.rules.budgets import MaxSamples
from bestofinf.rules.lead import AheadBy
from bestofinf.rules.optscale import OptScale
from bestofinf.rules.parse import parse_rule
from bestofinf.rules.tally import Tally

LOW = [0.31, 0.28, 0.34, 0.30, 0.29, 0.33]


def tally_of(scores, answer="a"):
    tally = Tally()
    for score in scores:
        tally.vote(answer)
        if score is not None:
            tally.score(score)
    return tally


def run(rule, scores):
    """Count scores until the rule fires; None when it never does."""
    tally = Tally()
    for score in scores:
        tally.vote("a")
        if score is not None:
            tally.score(score)
        verdict = rule.check(tally)
        if verdict is not None:
            return tally, verdict
    return tally, None


def test_target_attained_stops_at_once_and_says_so():
    tally, verdict = run(OptScale(), [0.8, 0.9, 0.96, 0.99])
    assert tally.n_samples == 3
    assert verdict.reason.startswith("optscale: score 0.96 attains 0.95 (N* ")
    assert verdict.confidence is None


def test_score_equal_to_the_target_attains_it():
    assert OptScale(min_score=1.0).check(tally_of([1.0])) is not None


def test_hopeless_question_is_given_up_long_before_the_cap():
    tally, verdict = run(OptScale(), LOW * 12)
    assert tally.n_samples <= 6
    assert "chance" in verdict.reason


def test_without_giving_up_a_hopeless_question_runs_to_the_cap():
    tally, verdict = run(OptScale(give_up=0, cap=40), np.linspace(0.2, 0.4, 60))
    assert tally.n_samples == 40
    assert verdict.reason == "optscale: cap of 40 samples"


def test_scores_that_creep_towards_the_target_are_not_given_up():
    assert OptScale().check(tally_of([0.85, 0.91, 0.93, 0.9])) is None


def test_published_rule_refits_after_every_sample_and_ignores_the_best():
    scores = np.random.default_rng(3).beta(12, 2, 64).tolist()
    stopped, verdict = run(OptScale(fit="mle"), scores)
    for n in range(3, 65):
        seen = np.array(scores[:n])
        found = fit(n, seen.sum(), (seen**2).sum())
        if n >= min(samples_needed(found.log_cdf(0.95), 0.95), 64):
            break
    assert stopped.n_samples == n
    assert stopped.best_score >= 0.95
    assert verdict.reason.endswith("needed")


def test_released_code_takes_its_count_from_the_first_scores_alone():
    rule = OptScale(fit="mle", mode="two_stage", cap=16)
    scores = np.random.default_rng(5).beta(6, 2, 16).tolist()
    tally, _ = run(rule, scores)
    first = np.array(scores[:5])
    least = samples_needed(fit(5, first.sum(), (first**2).sum()).log_cdf(0.95), 0.95)
    assert tally.n_samples == max(5, min(least, 16))
    other_rest = scores[:5] + [0.1] * 11
    assert run(rule, other_rest)[0].n_samples == tally.n_samples


@pytest.mark.parametrize(("cap", "peek"), [(8, 3), (16, 5), (32, 10), (64, 20)])
def test_released_code_never_stops_before_its_peek(cap, peek):
    easy = np.linspace(0.96, 0.99, 64)
    tally, _ = run(OptScale(fit="mle", mode="two_stage", cap=cap), easy)
    assert tally.n_samples == peek


def test_prior_moves_the_map_estimate():
    scores = [0.7, 0.9, 0.8]
    optimist = OptScale(fit="map", prior=NormalPrior(0.95, 0.2))
    pessimist = OptScale(fit="map", prior=NormalPrior(0.3, 0.01))
    tally = tally_of(scores)
    assert optimist.samples_needed(tally) < pessimist.samples_needed(tally)


def test_fitted_prior_is_used_where_it_is_given():
    rng = np.random.default_rng(0)
    hopeless = ScorePrior.fit([rng.beta(5, 10, 16) for _ in range(50)])
    tally = tally_of([0.6])
    assert OptScale(prior=hopeless).check(tally) is not None
    assert OptScale().check(tally) is None


def test_calibration_gives_confidence_and_prior(tmp_path):
    calibration = Calibration("isotonic", scores=(0.0, 1.0), chances=(0.1, 0.9))
    rule = OptScale(calibration=calibration)
    assert rule.check(tally_of([0.5, 0.975])).confidence == pytest.approx(0.88)
    path = tmp_path / "judge.json"
    calibration.save(path)
    from_file = OptScale(calibration=str(path))
    assert from_file.check(tally_of([0.975])).confidence == pytest.approx(0.88)
    assert str(from_file) == f"optscale:calibration={path}"
    assert str(rule) == "optscale"


def test_missing_calibration_file_is_found_when_the_rule_is_made():
    with pytest.raises(UsageError, match="nowhere"):
        OptScale(calibration="nowhere.json")


def test_samples_without_a_score_only_count_towards_the_cap():
    tally, verdict = run(OptScale(cap=7), [None] * 20)
    assert tally.n_samples == 7
    assert "cap" in verdict.reason
    tally, _ = run(OptScale(), [None, None, 0.99])
    assert tally.n_samples == 3


def test_abstentions_with_a_score_count_like_others():
    tally = Tally()
    tally.abstain()
    tally.score(0.97)
    assert OptScale().check(tally) is not None


@pytest.mark.parametrize("until", ["attained", "enough", "either"])
@pytest.mark.parametrize("fit", ["predictive", "mle"])
@pytest.mark.parametrize("value", [0.0, 0.5, 0.95, 1.0])
def test_equal_scores_are_decided_by_hits_without_nan(fit, until, value):
    rule = OptScale(fit=fit, until=until, cap=32)
    tally, verdict = run(rule, [value] * 40)
    assert verdict is not None
    assert tally.n_samples <= 32
    if value >= 0.95:
        assert tally.n_samples <= 4
    elif until != "enough":
        assert tally.n_samples < 32


def test_discrete_scores_of_a_judge_stop_by_their_hits():
    scores = [0.6, 0.8, 0.8, 0.6] * 16
    tally, verdict = run(OptScale(until="enough"), scores)
    assert tally.n_samples == 64
    mixed = [0.8, 1.0, 0.8, 1.0, 1.0, 0.8, 1.0, 0.8, 1.0]
    tally, verdict = run(OptScale(until="enough"), mixed)
    assert verdict is not None
    assert tally.n_samples <= 8


def test_one_sample_is_enough_to_be_asked():
    for fit_name in ("predictive", "mle"):
        assert OptScale(fit=fit_name, cap=1).check(tally_of([0.2])) is not None
    assert OptScale().check(tally_of([0.9])) is None
    assert OptScale().check(Tally()) is None


@pytest.mark.parametrize("score", [math.nan, -0.1, 1.1, math.inf])
def test_tally_refuses_what_is_not_a_score_and_stays_as_it_was(score):
    tally = tally_of([0.5])
    with pytest.raises(UsageError, match="must lie in"):
        tally.score(score)
    assert tally.scores == [0.5]
    assert tally.n_scored == 1


def test_copy_of_a_tally_has_its_own_scores():
    tally = tally_of([0.5])
    tally.copy().score(0.9)
    assert tally.scores == [0.5]


@pytest.mark.parametrize(
    "settings",
    [
        {"min_score": 0}, {"min_score": 1.01}, {"min_score": math.nan}, {"confidence": 1},
        {"confidence": 0}, {"fit": "mean"}, {"mode": "x"}, {"until": "never"}, {"give_up": 1},
        {"give_up": -0.1}, {"cap": 0}, {"cap": 2.5}, {"peek": 0}, {"peek": True},
        {"batch_risk": 1}, {"fit": "map"}, {"prior": NormalPrior(0.5, 0.1)},
        {"mode": "two_stage", "until": "attained"},
    ],
)  # fmt: skip
def test_wrong_settings_are_refused_with_what_was_wanted(settings):
    with pytest.raises(UsageError, match=r"(must|needs|takes)"):
        OptScale(**settings)


def test_batch_is_small_where_a_hit_is_near_and_larger_where_it_is_rare():
    rule = OptScale()
    ahead = [0] * 63
    near = rule.needed(tally_of([0.93, 0.9, 0.94, 0.92]), ahead)
    far = rule.needed(tally_of([0.8, 0.85, 0.75, 0.82, 0.78]), ahead)
    assert near == 1
    assert far > near


def test_batch_without_risk_is_one_sample():
    rule = OptScale(batch_risk=0)
    assert rule.needed(tally_of([0.5, 0.6, 0.55]), [0] * 20) == 1


def test_published_batch_is_what_is_missing_to_the_count():
    rule = OptScale(fit="mle")
    assert rule.needed(Tally(), [0] * 63) == 3
    scores = [0.7, 0.8, 0.6, 0.75]
    tally = tally_of(scores)
    assert rule.needed(tally, [0] * 63) == rule.samples_needed(tally) - 4


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 1), max_size=12),
    st.integers(0, 20),
    st.sampled_from(["attained", "enough", "either"]),
    st.sampled_from(["predictive", "mle"]),
)
def test_batch_is_always_within_what_may_be_asked(scores, ahead, until, fit_name):
    rule = OptScale(until=until, fit=fit_name, cap=16)
    tally = tally_of(scores)
    assert 1 <= rule.needed(tally, [0] * ahead) <= ahead + 1


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=16))
def test_more_confidence_and_a_higher_target_never_need_fewer_samples(scores):
    tally = tally_of(scores)
    counts = [OptScale(confidence=c).samples_needed(tally) for c in (0.5, 0.9, 0.99)]
    assert counts == sorted(counts)
    counts = [OptScale(min_score=s).samples_needed(tally) for s in (0.5, 0.8, 0.95)]
    assert counts == sorted(counts)


def test_votes_and_scores_stop_each_other():
    rule = OptScale() | AheadBy(3) | MaxSamples(10)
    by_votes = tally_of([0.7, 0.9, 0.8])
    assert rule.check(by_votes).reason.startswith("ahead-by")
    by_score = tally_of([0.99])
    assert rule.check(by_score).reason.startswith("optscale")
    assert rule.needed(by_score, [0] * 5) == 1
    both = OptScale() & AheadBy(2)
    assert both.check(tally_of([0.99])) is None
    assert both.check(tally_of([0.99, 0.5])) is not None


def test_rule_reads_as_it_is_written_on_the_command_line():
    assert str(OptScale()) == "optscale"
    assert str(OptScale(0.9, fit="mle", cap=16)) == "optscale:min_score=0.9,fit=mle,cap=16"


@pytest.mark.parametrize(
    "rule",
    [
        OptScale(),
        OptScale(0.9, fit="mle", cap=16, peek=4),
        OptScale(until="enough", give_up=0.2) | AheadBy(4),
        OptScale(fit="mle", mode="two_stage") & MaxSamples(3),
    ],
)
def test_command_line_form_gives_the_rule_back(rule):
    assert parse_rule(str(rule)) == rule


def test_command_line_takes_a_calibration_and_refuses_what_it_cannot_make(tmp_path):
    path = tmp_path / "judge.json"
    Calibration("logistic", slope=1.0).save(path)
    assert parse_rule(f"optscale:calibration={path}").calibration == str(path)
    for text in ("prior=0.5", "fit=mean", "cap=many", "until=never", "calibration=nowhere"):
        with pytest.raises(UsageError, match="optscale"):
            parse_rule(f"optscale:{text}")


def test_equal_rules_are_equal_and_can_be_keys():
    vague = ScorePrior.vague()
    assert {OptScale(prior=vague): 1}[OptScale(prior=ScorePrior.vague())] == 1
    assert OptScale() != OptScale(0.9)

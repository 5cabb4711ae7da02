"""Probabilities of replies as votes, on the recorded replies of a real model."""

import json
import math

import numpy as np
import pytest

from bestofinf import UsageError, tiny
from bestofinf.calibration import (
    ScorePool,
    fit_calibration,
    fit_kappa,
    read_pool,
    tells_probabilities,
)
from bestofinf.cli import main
from bestofinf.evaluation import EvaluationSet, read_file, write_file
from bestofinf.evaluation.canonical import canonical
from bestofinf.replay.draws import Resampler
from bestofinf.replay.populations import alone
from bestofinf.replay.singles import count_sample
from bestofinf.replay.voting import vote_recorded
from bestofinf.rules import MaxSamples, ProbabilityMass, StopRule
from bestofinf.rules.tally import Tally
from support.real.mixing import mixed
from support.real.recorded import evaluation_set


@pytest.fixture(scope="module")
def read():
    """Return the recorded set as texts that are their answers, by the kind of its probabilities."""
    return {kind: canonical(evaluation_set(kind), "text") for kind in ("raw", "processed")}


def few(evaluation_set, questions=96):
    return EvaluationSet(evaluation_set.questions[::2][:questions])


def test_answer_types_leave_the_probabilities_in_place(read, tmp_path):
    raw = read["raw"]
    assert tells_probabilities(raw)
    assert not tells_probabilities(tiny.recorded())
    before, after = (q.questions[5].samples["few"] for q in (evaluation_set("raw"), raw))
    assert after.likelihoods == before.likelihoods
    path = tmp_path / "set.jsonl"
    write_file(raw, path)
    assert read_file(path).questions == raw.questions


@pytest.mark.parametrize("kind", ["raw", "processed"])
def test_votes_one_by_one_are_votes_at_once(read, kind):
    populations = alone(few(read[kind], 20), ["two"])
    rule = ProbabilityMass(0.01, kappa=6.0) | MaxSamples(12)
    single = type("OneByOne", (ProbabilityMass,), {"check_many": StopRule.check_many})
    draws = Resampler(4, 12, replacement=True).draw(populations)
    one, many = (
        vote_recorded([r], populations, draws, stratified=True, usual=None, abstain_limit=None)[0]
        for r in (single(0.01, kappa=6.0) | MaxSamples(12), rule)
    )
    assert one.samples.tolist() == many.samples.tolist()
    assert one.answers.tolist() == many.answers.tolist()


def test_kappa_is_confirmed_on_questions_that_did_not_choose_it(read):
    fit = fit_kappa(few(read["raw"]), trials=4, max_samples=32)
    assert fit.confirmed
    assert fit.kappa > 0
    assert fit.gain > fit.se
    assert isinstance(fit.rule, ProbabilityMass)
    assert f"kappa {fit.kappa:g}" in str(fit)


def test_probabilities_that_say_nothing_are_hardly_ever_confirmed(read):
    fits = [
        fit_kappa(mixed(few(read["raw"]), np.random.default_rng(seed)), trials=4, max_samples=32)
        for seed in range(6)
    ]
    # Once in many sets chance gains one standard error (python -m benchmarks.kappa).
    refused = [fit for fit in fits if not fit.confirmed]
    assert len(refused) >= 5
    for fit in refused:
        assert fit.kappa == 0
        assert not isinstance(fit.rule, ProbabilityMass)
        assert "not confirmed" in str(fit)


def test_kappa_needs_probabilities():
    with pytest.raises(UsageError, match="at least 20 questions with log-probabilities, got 0"):
        fit_kappa(tiny.recorded())


def test_the_certificate_ends_votes_on_real_replies_after_few_and_on_the_mode(read):
    certificate = ProbabilityMass(1e-7, scatter=None)
    ended, samples = 0, 0
    for population in alone(read["processed"]):
        all_of_them = Tally()
        for sample in range(len(population.answers[0])):
            count_sample(all_of_them, population, 0, sample)
        known = all_of_them.masses.shares([1.0], all_members=True).seen
        tally = Tally()
        for sample in range(len(population.answers[0])):
            count_sample(tally, population, 0, sample)
            verdict = certificate.check(tally)
            if verdict is not None:
                ended, samples = ended + 1, samples + sample + 1
                # Servers tell the probability of one text differently, by a tenth and more.
                assert known[verdict.answer] > max(known.values()) - 0.1
                break
    assert ended > 250
    assert samples / ended < 5


def test_advice_tries_the_rule_where_replies_are_answers_and_their_probabilities_count(
    tmp_path, capsys
):
    def advised(questions, *options):
        path = tmp_path / "set.jsonl"
        write_file(few(evaluation_set("raw"), questions), path)
        given = [str(path), "--rule", "fast", "--trials", "2", "--max-samples", "16", "--json"]
        with pytest.raises(SystemExit) as ended:
            main(["advise", *given, *options])
        assert not ended.value.code
        return json.loads(capsys.readouterr().out)

    told = advised(128, "--answer", "text")
    assert told["kappa"]["confirmed"]
    assert any(f"mass:price=0.0066,kappa={told['kappa']['kappa']}" in n for n in told["heldout"])
    # Texts read by auto may have their answer behind reasoning.
    told = advised(24)
    assert told["kappa"] is None
    assert not any("mass" in name for name in told["heldout"])


def test_the_mean_probability_of_one_reply_tells_questions_apart(read, tmp_path):
    pool = ScorePool.from_set(read["raw"], member="two", probability=True)
    (first, *_) = sorted(pool, key=lambda question: question.id)
    of = {q.id: q for q in read["raw"]}[first.id].samples["two"].likelihoods
    assert first.scores == tuple(math.exp(told.logprob / told.tokens) for told in of)
    assert fit_calibration(pool).auc > 0.7
    path = tmp_path / "set.jsonl"
    write_file(evaluation_set("raw"), path)
    assert (
        read_pool([path], member="two", answer="text", probability=True).questions == pool.questions
    )
    with pytest.raises(UsageError, match="no question of the set has both"):
        ScorePool.from_set(tiny.recorded(), probability=True)

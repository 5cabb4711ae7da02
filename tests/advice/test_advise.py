"""Advice on sets whose truth is known."""

import itertools
import json
import math
import random
from dataclasses import replace

import pytest

from bestofinf.advice import advise
from bestofinf.cli import main
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples, write_file
from bestofinf.weights import compare_weights
from support.populations import COPIES


def made(skills, questions=60, samples=40, seed=0, tokens=100):
    """Members as functions from the number of a question to {answer: chance}; gold is "right"."""
    rng = random.Random(seed)
    rows = []
    for number in range(questions):
        by_member = {}
        for name, skill in skills.items():
            answers, chances = zip(*skill(number).items(), strict=True)
            drawn = tuple(rng.choices(answers, chances, k=samples))
            by_member[name] = Samples(drawn, (tokens,) * samples if tokens else ())
        rows.append(Question(f"q{number}", by_member, gold="right"))
    return EvaluationSet(tuple(rows))


def mostly_right(number):
    return {"right": 0.6, "wrong": 0.3, "other": 0.1}


def mostly_wrong(number):
    return {"right": 0.12, "wrong": 0.78, "other": 0.1}


def certain(number):
    return {"right": 1.0} if number % 3 else {"wrong": 1.0}


def good_at(rest):
    def skill(number):
        if number % 2 == rest:
            return {"right": 0.9, f"slip {number}": 0.1}
        return {"right": 0.35, f"a{number % 7}{rest}": 0.4, f"b{rest}": 0.25}

    return skill


def test_where_the_mode_is_right_voting_is_advised():
    advice = advise(made({"m": mostly_right}), trials=10)
    assert advice.chosen.kind == "votes"
    assert advice.price is not None
    assert advice.mode_wrong < 0.1
    assert advice.heldout[advice.chosen.name].accuracy > 0.85
    assert "'m'" in advice.code["langchain"]


def test_where_the_mode_is_wrong_voting_is_advised_against():
    advice = advise(made({"m": mostly_wrong}), trials=10)
    assert advice.chosen.kind == "one"
    assert advice.price is None
    assert advice.recommendation.startswith("Do not vote")
    assert advice.mode_wrong > 0.9
    votes = advice.heldout["votes of m, balanced"]
    assert votes.accuracy < advice.heldout["one answer of m"].accuracy


def test_where_a_member_never_changes_its_mind_one_answer_is_enough():
    advice = advise(made({"m": certain}), trials=5)
    assert advice.chosen.kind == "one"
    assert "a gain of votes is not shown" in advice.reason


def test_members_that_are_good_at_different_things_make_an_ensemble():
    advice = advise(made({"even": good_at(0), "odd": good_at(1)}, questions=80), trials=10)
    assert advice.chosen.kind == "ensemble"
    assert set(advice.weights) == {"even", "odd"}
    assert advice.heldout[advice.chosen.name].accuracy > (
        advice.heldout["limit of even"].accuracy + 0.1
    )


def test_a_member_that_adds_nothing_is_named_redundant():
    members = {"even": good_at(0), "odd": good_at(1), "bad": mostly_wrong}
    advice = advise(made(members, questions=80), trials=10)
    assert advice.redundant == ["bad"]
    assert "Not needed: bad." in advice.lines()


def test_the_same_seed_gives_the_same_advice():
    recorded = made({"even": good_at(0), "odd": good_at(1)}, questions=30)
    assert advise(recorded, trials=5).to_json() == advise(recorded, trials=5).to_json()


def test_advice_needs_labels():
    unlabelled = EvaluationSet(tuple(Question(f"q{i}", {"m": Samples(("a",))}) for i in range(20)))
    with pytest.raises(UsageError, match="at least 10 questions with a right answer, got 0"):
        advise(unlabelled)


def test_the_command_prints_the_keys_that_stay(tmp_path, capsys):
    path = tmp_path / "set.jsonl"
    write_file(made({"m": mostly_right}, questions=20), path)
    with pytest.raises(SystemExit) as ended:
        main(["advise", str(path), "--trials", "3", "--json"])
    assert ended.value.code == 0
    record = json.loads(capsys.readouterr().out)
    assert {"recommendation", "heldout", "coverage", "labels", "price", "reason"} <= record.keys()
    for measured in record["heldout"].values():
        assert {"accuracy", "se", "tokens"} <= measured.keys()


def test_the_command_says_what_is_wrong_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["advise", str(tmp_path / "missing.jsonl")])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "no such file" in error
    assert error.count("\n") == 1


# -- what it does not know ----------------------------------------------------------------------


def thinned(recorded, samples):
    """The first samples of every member alone; 0 for a member that was not asked."""
    rows = []
    for question in recorded:
        kept = {}
        for name, own in question.samples.items():
            number = samples(name, question.id) if callable(samples) else samples
            if number:
                kept[name] = own.pick(range(number))
        rows.append(replace(question, samples=kept))
    return EvaluationSet(tuple(rows))


@pytest.mark.parametrize("samples", [1, 2])
def test_from_one_or_two_samples_nothing_is_said_of_votes(samples):
    members = {"a": mostly_right, "b": mostly_right}
    advice = advise(thinned(made(members), samples), trials=4)
    assert advice.chosen.kind == "one"
    assert f"cannot be known from {samples} sample" in advice.reason
    assert "record at least 8" in advice.reason
    assert math.isnan(advice.mode_wrong)
    assert advice.to_json()["limit"] is None
    assert not any(o.strategy.kind in ("votes", "limit") for o in advice.heldout.values())


def test_the_limit_of_few_samples_is_not_taken_for_that_of_the_model():
    few = advise(thinned(made({"m": mostly_right}, questions=200), 8), trials=4)
    assert few.limit.value == pytest.approx(1, abs=1.96 * few.limit.se)
    assert few.max_samples == 8
    assert "at most 8 samples" in few.recommendation


def test_a_member_that_was_asked_the_easy_half_alone_is_not_recommended():
    def a(number):
        return {"right": 0.95, "x": 0.05} if number < 30 else {"right": 0.4, "x": 0.3, "y": 0.3}

    def b(number):
        return {"right": 0.85, "x": 0.15}

    recorded = thinned(
        made({"a": a, "b": b}), lambda name, i: 40 * (name == "a" or int(i[1:]) < 30)
    )
    advice = advise(recorded, trials=4)
    assert list(advice.weights) == ["a"]
    assert advice.coverage.asked == {"a": 60, "b": 30}
    assert (advice.questions, advice.labels) == (30, 60)
    assert any("asked a 60, b 30; compared on the 30" in line for line in advice.lines())


def test_members_that_share_no_question_are_refused_with_the_numbers():
    recorded = thinned(
        made({"a": mostly_right, "b": mostly_right}),
        lambda name, i: 9 * ((name == "a") == (int(i[1:]) < 40)),
    )
    with pytest.raises(UsageError, match="a 40 of 60, b 20 of 60"):
        advise(recorded)
    assert list(advise(recorded, members=["a"], trials=4).weights) == ["a"]


def test_advice_and_comparison_of_weights_are_one():
    for skills in ({"even": good_at(0), "odd": good_at(1)}, {"a": mostly_right, "b": mostly_right}):
        recorded = made(skills, questions=60, samples=12)
        advice, comparison = advise(recorded, trials=4), compare_weights(recorded, ("uniform",))
        assert advice.comparison.verdict == comparison.verdict
        kind = "votes" if comparison.recommended.objective == "single" else "ensemble"
        assert advice.chosen.kind == kind
        heaviest = max(comparison.recommended.weights.items(), key=lambda pair: pair[1])[0]
        assert max(advice.weights.items(), key=lambda pair: pair[1])[0] == heaviest


def test_every_order_of_files_and_members_gives_the_same_advice():
    whole = made(
        {"even": good_at(0), "odd": good_at(1), "m": mostly_right}, questions=24, samples=6
    )
    parts = [whole.only(name) for name in whole.members]
    told = {
        json.dumps(advise(EvaluationSet.merge(order), trials=3).to_json())
        for order in itertools.permutations(parts)
    }
    assert len(told) == 1


@pytest.mark.parametrize(
    ("samples", "runs"),
    [(4, 3), *(pytest.param(m, 40, marks=pytest.mark.soak) for m in (4, 8, 16, 64))],
)
def test_copies_of_one_model_are_not_recommended_as_an_ensemble(samples, runs):
    ensembles = 0
    for seed in range(300, 300 + runs):
        advice = advise(COPIES.recorded(200, samples, seed), rules=("fast",), trials=4)
        ensembles += advice.chosen.kind == "ensemble"
    assert ensembles <= 0.08 * runs


def test_the_number_of_strategies_is_paid_for():
    """Members that guess: the best of many looks good on the questions it was chosen by."""
    rng = random.Random(5)
    rows = []
    for number in range(60):
        luck = {f"m{k}": rng.choice(("right", "wrong")) for k in range(10)}
        rows.append(
            Question(f"q{number}", {m: Samples((a,) * 6) for m, a in luck.items()}, "right")
        )
    advice = advise(EvaluationSet(tuple(rows)), trials=3, value=1.0, unit="samples")
    best = max(o.accuracy for o in advice.heldout.values() if o.strategy.kind == "one")
    assert best > 0.58
    assert advice.choice.plain.accuracy == pytest.approx(0.5, abs=0.13)
    assert not advice.choice.shown


# -- prices -------------------------------------------------------------------------------------


def priced():
    """A dear model that is often right, and a cheap one that votes lift nearly as far."""
    dear = made({"dear": lambda n: {"right": 0.9, "wrong": 0.1}}, tokens=1000)
    cheap = made({"cheap": lambda n: mostly_right(n) if n % 4 else mostly_wrong(n)}, tokens=20)
    return EvaluationSet.merge([dear, cheap])


def test_a_value_chooses_on_the_frontier():
    little = advise(priced(), value=30, trials=10)
    much = advise(priced(), value=100_000, trials=10)
    assert little.weights == {"cheap": 1.0}
    assert little.chosen.kind == "one"
    assert "no votes are worth their price at 30 tokens for a right answer" in little.reason
    assert much.weights == {"dear": 1.0}
    assert much.chosen.kind == "votes"


def test_a_budget_chooses_on_the_frontier():
    advice = advise(priced(), budget=300, trials=10)
    assert advice.weights == {"cheap": 1.0}
    assert advice.chosen.kind == "votes"
    assert advice.choice.result.mean_cost <= 300
    small = advise(priced(), budget=25, trials=10)
    assert (small.weights, small.chosen.kind) == ({"cheap": 1.0}, "one")
    assert "nothing within 25 tokens a question is more accurate" in small.reason


def test_costs_are_counted_in_the_unit_asked_for():
    recorded = priced()
    prices = {"dear": 0.001, "cheap": 0.0001}
    money = advise(recorded, prices=prices, value=10.0, trials=4)
    assert money.unit.name == "money"
    assert money.heldout["one answer of dear"].mean_cost == pytest.approx(1.0)
    seconds = advise(recorded, unit="seconds", speed=50, budget=3.0, trials=2, rules=("fast",))
    assert seconds.heldout["one answer of dear"].mean_cost == pytest.approx(20)
    votes = seconds.heldout["votes of cheap, fast"]
    assert votes.mean_cost < votes.mean_tokens / 50  # some are asked at the same time
    samples = advise(recorded, unit="samples", budget=1, trials=2)
    assert samples.chosen.kind == "one"
    assert samples.weights == {"dear": 1.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"value": 1, "budget": 1}, "a value or a budget, not both"),
        ({"value": 0}, "value must be above 0"),
        ({"budget": float("nan")}, "budget must be above 0"),
        ({"unit": "yen"}, "unit must be one of money, tokens, seconds, samples"),
        ({"unit": "money"}, "need a price of every member: cheap, dear"),
        ({"unit": "seconds"}, "need the speed of a reply"),
        ({"unit": "seconds", "speed": 0}, "speed must be above 0"),
        ({"prices": {"dear": -1}}, "the price of 'dear' must be at least 0"),
        ({"members": ["nobody"]}, "no member 'nobody'"),
    ],
)
def test_wrong_settings_are_named(arguments, message):
    with pytest.raises(UsageError, match=message):
        advise(priced(), **arguments)


def test_tokens_that_nobody_recorded_are_no_costs():
    recorded = made({"m": mostly_right}, questions=12, samples=6, tokens=None)
    assert advise(recorded, trials=2).unit.name == "samples"
    with pytest.raises(UsageError, match="none are recorded for m: use the unit samples"):
        advise(recorded, unit="tokens", trials=2)


def test_the_command_says_it_in_ten_lines_and_all_on_request(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    path = tmp_path / "set.jsonl"
    write_file(made({"a": mostly_right, "b": mostly_right}, questions=30), path)

    def told(*options):
        with pytest.raises(SystemExit) as ended:
            main(["advise", str(path), "--trials", "3", *options])
        assert ended.value.code == 0
        return capsys.readouterr().out

    assert len(told().strip().splitlines()) <= 10
    everything = told("--all")
    assert "votes of the best member, thorough" in everything
    assert "AdaptiveEnsembleChat" in everything
    money = told("--price", "a=2", "--price", "b=2", "--budget", "0.0005", "--json")
    assert json.loads(money)["unit"] == "money"
    with pytest.raises(SystemExit):
        main(["advise", str(path), "--price", "two"])
    assert "NAME=MONEY" in capsys.readouterr().err

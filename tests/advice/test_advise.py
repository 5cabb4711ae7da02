"""Advice on sets whose truth is known."""

import json
import random

import pytest

from bestofinf.advice import advise
from bestofinf.cli import main
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples, write_file


def made(skills, questions=60, samples=40, seed=0, tokens=100):
    """Members as functions from the number of a question to {answer: chance}; gold is "right"."""
    rng = random.Random(seed)
    rows = []
    for number in range(questions):
        by_member = {}
        for name, skill in skills.items():
            answers, chances = zip(*skill(number).items(), strict=True)
            drawn = tuple(rng.choices(answers, chances, k=samples))
            by_member[name] = Samples(drawn, (tokens,) * samples)
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
    assert "no evidence of a gain" in advice.reason


def test_members_that_are_good_at_different_things_make_an_ensemble():
    advice = advise(made({"even": good_at(0), "odd": good_at(1)}, questions=80), trials=10)
    assert advice.chosen.kind == "ensemble"
    assert set(advice.weights) == {"even", "odd"}
    assert advice.heldout[advice.chosen.name].accuracy > (
        advice.heldout["limit of even"].accuracy + 0.1
    )


def test_a_member_that_adds_nothing_is_named_redundant():
    members = {"even": good_at(0), "odd": good_at(1), "bad": mostly_wrong}
    advice = advise(made(members, questions=80), trials=10, objectives=("maxmargin",))
    assert advice.redundant == ["bad"]


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
    assert {"recommendation", "heldout", "price", "reason"} <= record.keys()
    for measured in record["heldout"].values():
        assert {"accuracy", "se", "tokens"} <= measured.keys()


def test_the_command_says_what_is_wrong_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["advise", str(tmp_path / "missing.jsonl")])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "no such file" in error
    assert error.count("\n") == 1

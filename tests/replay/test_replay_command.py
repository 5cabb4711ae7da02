"""The replay command."""

import json

import pytest
import typer
from typer.testing import CliRunner

from bestofinf.cli.replay import replay
from bestofinf.errors import UsageError

app = typer.Typer()
app.command()(replay)


@pytest.fixture
def recorded(tmp_path):
    path = tmp_path / "set.jsonl"
    rows = [[["4", 100], ["4", 90], ["5", 200]], [["7", 50], ["7", 60], [None, 10]]]
    lines = [
        {"id": str(i), "gold": "4" if i == 0 else "7", "samples": {"m": r, "n": [["4", 9]]}}
        for i, r in enumerate(rows)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)


def test_json_has_the_keys_that_stay(recorded):
    result = run(recorded, "--rule", "ahead-by:votes=2", "--member", "m", "--trials", 9, "--json")
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    assert record["questions"] == 2
    assert record["trials"] == 9
    for key in ("mean_samples", "mean_tokens", "accuracy", "agreement", "bo1"):
        assert isinstance(record[key], float)
    assert record["bo_inf"] is None  # three samples say nothing of infinitely many
    assert (record["draws"], record["recorded"]) == ("without replacement", 3)
    # Two of three votes for one answer end it unless the third comes between them.
    assert record["reasons"].keys() == {"ahead-by", "out of samples"}


@pytest.mark.parametrize("answer", [(), ("--answer", "math"), ("--answer", "auto")])
def test_probabilities_of_replies_that_are_not_the_answers_are_refused(recorded, answer):
    with pytest.raises(UsageError, match=r"rule 'mass' .* behind reasoning"):
        run(recorded, "--rule", "fixed:n=1", "--rule", "mass|max-samples:n=3", *answer)
    told = run(recorded, "--rule", "mass|max-samples:n=3", "--answer", "text", "--json")
    assert json.loads(told.stdout)["questions"] == 2


def test_several_rules_give_a_list(recorded):
    result = run(recorded, "--member", "m", "--rule", "fixed:n=1", "--rule", "fixed:n=3", "--json")
    assert [r["mean_samples"] for r in json.loads(result.stdout)] == [1, 3]


def test_weights_make_members_vote_together(recorded, tmp_path):
    for record in ({"m": 0.7, "n": 0.3}, {"weights": {"m": 0.7, "n": 0.3}, "gap": 0}):
        weights = tmp_path / "w.json"
        weights.write_text(json.dumps(record))
        result = run(recorded, "--rule", "fixed:n=4", "--weights", weights, "--json")
        assert [g["group"] for g in json.loads(result.stdout)["groups"]] == ["ensemble"]


def test_table_is_for_people(recorded):
    result = run(recorded, "--rule", "balanced|max-samples:n=8", "--launch", "thrifty")
    assert "agreement" in result.stdout
    assert "2 questions" in result.stdout
    assert "drawn without replacement from 1 recorded samples" in result.stdout
    assert "cannot be known from 1 samples: record at least 8" in result.stdout


def test_draws_with_replacement_are_told(recorded):
    result = run(recorded, "--rule", "fixed:n=9", "--member", "m", "--with-replacement")
    assert "drawn with replacement" in result.stdout
    assert "is no verdict" in result.stdout
    json_of = run(
        recorded, "--rule", "fixed:n=9", "--member", "m", "--with-replacement", "--json"
    ).stdout
    assert json.loads(json_of)["mean_samples"] > 3  # more than were recorded


@pytest.mark.parametrize("text", ["[1, 2]", "{", "{}", '{"m": "heavy"}', '{"m": true}'])
def test_wrong_weights_are_refused(recorded, tmp_path, text):
    weights = tmp_path / "w.json"
    weights.write_text(text)
    with pytest.raises(UsageError, match=r"w\.json"):
        run(recorded, "--rule", "balanced", "--weights", weights)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rule", "magic"], "unknown rule"),
        (["--rule", "balanced", "--weights", "absent.json"], "cannot be read"),
        (["--rule", "balanced", "--schedule", "random"], "schedule"),
        (["--rule", "balanced", "--member", "x"], "no member 'x'"),
        (["--rule", "balanced", "--trials", "0"], "trials"),
        (["--rule", "balanced", "--answer", "magic"], "magic"),
    ],
)
def test_wrong_input_is_one_usage_error(recorded, arguments, message):
    with pytest.raises(UsageError, match=message):
        run(recorded, *arguments)


def test_prices_add_a_column_of_money(recorded):
    command = (recorded, "--rule", "fixed:n=2", "--trials", 9, "--price", "m=2", "--price", "n=1")
    record = json.loads(run(*command, "--member", "m", "--json").stdout)
    assert record["cost"] == pytest.approx(record["mean_tokens"] * 2e-6)
    assert "money" in run(*command).stdout
    assert "money" not in run(recorded, "--rule", "fixed:n=2").stdout


@pytest.mark.parametrize("price", ["m", "=3", "m=dear", "m=-1", "m=nan", "m=inf"])
def test_a_price_that_is_none_is_refused(recorded, price):
    with pytest.raises(UsageError, match="a price is NAME=MONEY for a million tokens"):
        run(recorded, "--rule", "fast", "--price", price)

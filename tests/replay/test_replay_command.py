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
    for key in ("mean_samples", "mean_tokens", "accuracy", "agreement", "bo1", "bo_inf"):
        assert isinstance(record[key], float)
    assert record["reasons"] == {"ahead-by": 1.0}


def test_several_rules_give_a_list(recorded):
    result = run(recorded, "--rule", "fixed:n=1", "--rule", "fixed:n=3", "--json")
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

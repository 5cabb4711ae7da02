from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from bestofinf.cli.fit import fit
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, write_file
from bestofinf.weights import WeightFit
from support.ensembles import from_votes, made_set

KEYS = [
    "weights",
    "objective",
    "correct",
    "ties",
    "total",
    "bound",
    "gap",
    "margin",
    "status",
    "seconds",
    "baselines",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_file(made_set(30, members=3, samples=10), tmp_path / "set.jsonl")
    return tmp_path / "set.jsonl"


def run(*arguments: Any) -> Result:
    app = typer.Typer()
    app.command()(fit)
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_json_has_the_keys_that_stay(path: Path) -> None:
    result = run(path, "--json")
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    assert record.keys() >= set(KEYS)
    assert (record["status"], record["total"]) == ("optimal", 30)
    assert record["correct"] == record["bound"]
    assert set(record["baselines"]) == {"single", "uniform"}
    assert sum(record["weights"].values()) == pytest.approx(1)


def test_the_file_written_can_be_loaded_and_started_from(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "w.json"
    assert run(path, "--out", out, "--json").exit_code == 0
    assert WeightFit.load(out).total == 30
    again = run(path, "--start", out, "--json")
    assert json.loads(again.stdout)["correct"] == WeightFit.load(out).correct


def test_options_reach_the_fit(path: Path) -> None:
    record = json.loads(
        run(
            *(path, "--json", "--solver", "highs", "--max-members", 2, "--members", "m0, m1,m2"),
            *("--bounds", "m0=0.25", "--bounds", "m1=0:0.5"),
        ).stdout
    )
    assert record["weights"]["m0"] == 0.25
    assert record["weights"]["m1"] <= 0.5
    assert record["solver"] == "highs"
    assert sum(w > 0 for w in record["weights"].values()) == 2
    cheap = json.loads(run(path, "--json", "--token-price", 1e6).stdout)
    assert cheap["weights"]["m0"] == pytest.approx(1, abs=1e-6)


def test_without_json_a_table_and_the_proof_are_shown(path: Path) -> None:
    result = run(path)
    assert result.exit_code == 0
    assert "no mixture wins more" in result.stdout
    assert "m0" in result.stdout
    assert "in exact arithmetic" in result.stdout


def test_answers_that_mean_the_same_are_counted_together(tmp_path: Path) -> None:
    votes = from_votes({"x": "AAB", "y": "B"}, {"x": "A", "y": "A"})
    write_file(votes, tmp_path / "set.jsonl")
    text = (tmp_path / "set.jsonl").read_text().replace('"A"', '"1/2"', 1).replace('"B"', '"3"')
    (tmp_path / "set.jsonl").write_text(text.replace('["A"]', '["0.5"]'))
    plain = json.loads(run(tmp_path, "--json").stdout)
    alike = json.loads(run(tmp_path, "--answer", "number", "--json").stdout)
    assert plain["correct"] < alike["correct"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bounds", "m0=x"],
        ["--bounds", "m0"],
        ["--objective", "x"],
        ["--answer", "x"],
        ["--time-limit", "0"],
        ["--start", "none.json"],
        ["--out", "no/such/folder/w.json"],
    ],
)
def test_bad_input_is_a_usage_error(arguments: list[str], path: Path) -> None:
    assert isinstance(run(path, *arguments).exception, UsageError)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = run(tmp_path / "none.jsonl")
    assert isinstance(result.exception, UsageError)
    assert "none.jsonl: no such file" in str(result.exception)


def test_a_price_asks_for_the_accuracy_of_so_many_votes(path: Path) -> None:
    record = json.loads(run(path, "--token-price", "0.5", "--votes", "8", "--json").stdout)
    assert record["objective"] == "finite-n"
    assert max(record["weights"].values()) > 0.9


def test_without_labels_weights_are_proposed_and_no_accuracy_is_shown(tmp_path: Path) -> None:
    bare = EvaluationSet(
        tuple(replace(q, gold=None) for q in made_set(30, members=3, samples=8, seed=5))
    )
    write_file(bare, tmp_path / "bare.jsonl")
    shown = run(tmp_path / "bare.jsonl", "--objective", "consensus").stdout
    assert "proposed, not used" in shown
    assert "no question is labelled" in shown
    assert "wins" not in shown
    forced = run(tmp_path / "bare.jsonl", "--objective", "consensus", "--force", "--json")
    record = json.loads(forced.stdout)
    assert record["proposal"]["used"]
    assert record["weights"] == pytest.approx(record["proposal"]["weights"])

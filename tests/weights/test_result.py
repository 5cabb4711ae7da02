from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bestofinf.errors import UsageError
from bestofinf.weights import OBJECTIVES, WeightFit, fit_weights
from support.ensembles import from_votes, made_set


@pytest.fixture(scope="module")
def fit() -> WeightFit:
    return fit_weights(made_set(20, members=3, samples=8))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_fit_is_read_back_as_it_was_written(objective: str, tmp_path: Path) -> None:
    written = fit_weights(from_votes({"x": "AAB", "y": "B"}, {"x": "B", "y": "A"}), objective)
    written.save(tmp_path / "w.json")
    assert WeightFit.load(tmp_path / "w.json") == written


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 1 are wanted, got 2"),
        ({"weights": {"m0": 0.5, "m1": 0.2}}, "sum to 1"),
        ({"weights": {"m0": 1.5, "m1": -0.5}}, r"lie in \[0, 1\]"),
        ({"weights": ["m0"]}, "not fitted weights"),
        ({"status": "done"}, "not fitted weights"),
        ({"more": 1}, "not fitted weights"),
        ({"baselines": {"single": {}}}, "not fitted weights"),
    ],
)
def test_what_is_not_a_fit_is_refused(
    change: dict[str, Any], message: str, fit: WeightFit, tmp_path: Path
) -> None:
    path = tmp_path / "w.json"
    path.write_text(json.dumps({**fit.to_json(), **change}))
    with pytest.raises(UsageError, match=message) as caught:
        WeightFit.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", "null", '{"weights": null}'])
def test_files_of_another_kind_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(text)
    with pytest.raises(UsageError, match=r"w\.json"):
        WeightFit.load(tmp_path / "w.json")


def test_missing_files_and_folders_are_named(fit: WeightFit, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        WeightFit.load(tmp_path / "none.json")
    with pytest.raises(UsageError, match="cannot be written"):
        fit.save(tmp_path / "no" / "w.json")

"""The examples run, offline, and show what they promise."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("chain", ["one call   The answer is 42.", "confidence", "samples"]),
        ("agent", ["The answer is 42.", "calls carried out:  [(17, 25)]"]),
        ("graph", ["sample 0:", "answer: The answer is 42."]),
        ("extraction", ["name='Ann' age=34 height_cm=171"] * 2),
        ("two_providers", ["answer 42 by", "refused: no consensus", "escalated to strong"]),
    ],
)
def test_an_example_runs(name, shown, monkeypatch, capsys):
    monkeypatch.syspath_prepend(EXAMPLES)
    runpy.run_path(str(EXAMPLES / f"langchain_{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    for text in shown:
        assert text in printed
        printed = printed[printed.index(text) + len(text) :]
    sys.modules.pop("simulated", None)

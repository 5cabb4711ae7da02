"""Examples that no recipe shows in full run, offline, and show what they promise."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_extraction_finds_the_object_in_both_ways(monkeypatch, capsys):
    monkeypatch.syspath_prepend(EXAMPLES)
    runpy.run_path(str(EXAMPLES / "langchain_extraction.py"), run_name="__main__")
    assert capsys.readouterr().out.count("name='Ann' age=34 height_cm=171") == 2
    sys.modules.pop("simulated", None)

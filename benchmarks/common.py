"""What the benchmarks share: finding the tests' server and recorded answers, and tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from bestofinf.evaluation import EvaluationSet, read_files

Figures: TypeAlias = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]


def connect_support() -> None:
    """Make the package `support`, the loopback server of the tests, importable."""
    folder = str(ROOT / "tests")
    if folder not in sys.path:
        sys.path.append(folder)


def table(head: str, rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table.

    Args:
        head: Titles of the columns, separated by ``|``.
        rows: Cells; the first column is text, the others are numbers.
    """
    titles = [title.strip() for title in head.split("|")]
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def recorded_answers() -> EvaluationSet | None:
    """Return the recorded answers where `BESTOFINF_DATA` points, or beside the repository."""
    folder = Path(os.environ.get("BESTOFINF_DATA") or ROOT.parent / "shared" / "data") / "boinf"
    return read_files([folder]) if folder.is_dir() else None

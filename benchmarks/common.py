"""What the benchmarks share: finding the tests' server, and tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

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

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def recorded_path() -> Callable[[str], Path]:
    """Path of a recorded file, or a skip that says which one is absent."""
    folder = Path(os.environ.get("BESTOFINF_DATA") or ROOT.parent / "shared" / "data")

    def path(name: str) -> Path:
        file = folder / "optscale" / name
        if not file.is_file():
            pytest.skip(f"recorded data absent: no optscale/{name} where BESTOFINF_DATA points")
        return file

    return path


@pytest.fixture(scope="session")
def recorded(recorded_path: Callable[[str], Path]) -> Callable[[str], list[dict[str, Any]]]:
    """Rows of a recorded JSONL file."""

    def rows(name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in recorded_path(name).read_text().splitlines()]

    return rows

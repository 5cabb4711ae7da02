"""Files of JSON Lines: one object on each line."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bestofinf.border import check_file, loads
from bestofinf.errors import UsageError


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the object on each line of a file, with the number of the line; blank lines are left out.

    Raises:
        UsageError: If a line is no JSON object in UTF-8, or the file cannot be read. It says if the
            file ends within the line, as one does that is still being written.
    """
    try:
        check_file(path)
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                line = line.removeprefix(BOM_UTF8) if number == 1 else line
                if line.strip():
                    yield number, _object(line, f"{path}, line {number}")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        value = loads(line.decode())
    except ValueError as error:
        why = f"not JSON: {error}"
        if isinstance(error, UnicodeDecodeError):
            why = f"not UTF-8 text (byte {error.start})"
        if not line.endswith(b"\n"):
            why += "; the file ends within this line: is it still being written?"
        raise UsageError(f"{where}: {why}") from None
    if not isinstance(value, dict):
        raise UsageError(f"{where}: wanted an object, got {type(value).__name__}")
    return value

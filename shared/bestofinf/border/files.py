"""Open files that others have written: only files, and texts with or without a mark of their order."""

from __future__ import annotations

import errno
import stat
from pathlib import Path
from typing import Any, TextIO

from bestofinf.border.values import loads

LARGEST_DOCUMENT = 1 << 28
"""Maximum size in bytes of a file that is read as a whole: weights, calibrations, reports, settings."""


def check_file(path: str | Path, largest: int | None = None) -> None:
    """Refuse a path that is not a file, such as a pipe or a device, from which reading may never end.

    Raises:
        OSError: With an explanation as its ``strerror``, also if there is no such file or it has more
            than `largest` bytes.
    """
    try:
        found = Path(path).stat()
    except ValueError:  # a NUL in the path
        raise OSError(errno.EINVAL, "the path has a character that no path can have") from None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, and a file was wanted")
    if not stat.S_ISREG(found.st_mode):
        why = "it is a pipe or a device: write what it holds into a file first"
        raise OSError(errno.EINVAL, why)
    if largest is not None and found.st_size > largest:
        raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes, at most {largest:,} are read")


def open_text(path: str | Path, *, newline: str | None = None) -> TextIO:
    """Open a text file in UTF-8, with or without a byte order mark.

    Raises:
        OSError: If it is not a file, or cannot be read; see `check_file`.
    """
    check_file(path)
    return Path(path).open(encoding="utf-8-sig", newline=newline)


def read_text(path: str | Path) -> str:
    """Return the text of a file that is read as a whole.

    Raises:
        OSError: If it is not a file, cannot be read or is too large; see `check_file`.
        ValueError: If it is not UTF-8.
    """
    check_file(path, LARGEST_DOCUMENT)
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start})") from None


def read_json(path: str | Path) -> Any:
    """Return the value of a JSON file.

    Raises:
        OSError: If it is not a file, cannot be read or is too large; see `check_file`.
        ValueError: If it is not JSON; see `loads`.
    """
    return loads(read_text(path))

"""A cache on disk for the values of mathematical expressions, which are slow to compute."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, MutableMapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bestofinf.answers.maths.client import Values
from bestofinf.answers.maths.worker import VALUES_VERSION

MAX_BYTES = 64 * 1024**2
"""Maximum size of the file in bytes; a larger one is emptied."""


def cache_folder() -> Path | None:
    """Return the folder of caches; None if the user has no home folder.

    ``BESTOFINF_CACHE`` if set, else ``bestofinf`` in ``XDG_CACHE_HOME`` or in ``~/.cache``.
    """
    if own := os.environ.get("BESTOFINF_CACHE"):
        return Path(own)
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        return None
    return Path(base) / "bestofinf"


class ValueCache(MutableMapping[str, Values]):
    """A mapping that appends new values to a file, one line for each, with a checksum.

    A damaged line is ignored. Several processes may append at once. If the file cannot be written,
    the mapping works in memory: a cache must never be a reason to fail.

    Args:
        path: The file; None keeps values in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._values: dict[str, Values] | None = None

    @classmethod
    def default(cls) -> ValueCache:
        """Return the user's cache for the installed version of math-verify."""
        folder = cache_folder()
        names = ("math-verify", "latex2sympy2-extended", "sympy")
        try:
            release = "-".join(version(name) for name in names)
        except PackageNotFoundError:
            return cls(None)
        return cls(folder and folder / f"math-{VALUES_VERSION}-{release}.jsonl")

    def __getitem__(self, key: str) -> Values:
        return self._loaded()[key]

    def __setitem__(self, key: str, value: Values) -> None:
        values = self._loaded()
        if key in values and values[key] == value:
            return
        values[key] = value
        self._append(json.dumps([key, value]))

    def __delitem__(self, key: str) -> None:
        """Forget a value in this process; the file keeps it."""
        del self._loaded()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def _loaded(self) -> dict[str, Values]:
        if self._values is None:
            self._values = {} if self._path is None else _read(self._path)
        return self._values

    def _append(self, text: str) -> None:
        if self._path is None:
            return
        line = f"\n{_checksum(text)} {text}\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # One write per line, and a line end before it, because the last line may be incomplete.
            with self._path.open("ab", buffering=0) as file:
                file.write(line.encode())
        except OSError:
            self._path = None


def _read(path: Path) -> dict[str, Values]:
    try:
        if path.stat().st_size > MAX_BYTES:
            path.unlink()
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return {}
    values: dict[str, Values] = {}
    for line in text.splitlines():
        checksum, _, rest = line.partition(" ")
        if checksum == _checksum(rest):
            key, value = json.loads(rest)
            values[key] = value
    return values


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"

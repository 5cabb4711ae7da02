"""One way to read an evaluation set, wherever it lies."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bestofinf.errors import UsageError
from bestofinf.evaluation.database import SQLITE_MAGIC
from bestofinf.evaluation.files import read_files
from bestofinf.evaluation.sets import EvaluationSet
from bestofinf.evaluation.store import EvaluationStore


def read(paths: str | Path | Iterable[str | Path]) -> EvaluationSet:
    """Read JSONL files, folders of them, the authors' recorded files, and stores, into one set.

    Args:
        paths: One or more; a store is named by its URL (``sqlite:///PATH``,
            ``postgresql://...``) or the path of its SQLite file.

    Raises:
        UsageError: If there is nothing to read, or a line is malformed.
        StoreError: If a store cannot be read.
    """
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    if not several:
        raise UsageError("nothing to read: name a file, a folder or a store")
    if not any(map(is_store, several)):
        return read_files(several)
    sets = [_read_store(path) if is_store(path) else read_files([path]) for path in several]
    return sets[0] if len(sets) == 1 else EvaluationSet.merge(sets)


def is_store(address: str | Path) -> bool:
    """Return whether an address means a store and not files."""
    if isinstance(address, str) and "://" in address:
        return True
    path = Path(address)
    if path.suffix in (".db", ".sqlite", ".sqlite3"):
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError:
        return False


def _read_store(address: str | Path) -> EvaluationSet:
    with EvaluationStore(address, readonly=True) as store:
        return store.read()

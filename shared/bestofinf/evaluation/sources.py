"""Sort the paths given to a command into stores, our own files and logs of other tools."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bestofinf.border import check_file
from bestofinf.errors import MissingExtraError, UsageError
from bestofinf.evaluation.files import AUTHORS_KEYS
from bestofinf.evaluation.logs.head import DATABASE, LINES, OTHER, Head, head_of
from bestofinf.evaluation.logs.kinds import is_foreign_database, reader_of
from bestofinf.evaluation.logs.protocol import LogReader
from bestofinf.evaluation.store.database import SQLITE_MAGIC

_LOOKED_AT = frozenset(
    {".jsonl", ".json", ".eval", ".csv", ".parquet", ".db", ".sqlite", ".sqlite3"}
)
"""Endings of the files in a folder that are examined; their content shows their kind."""


@dataclass(frozen=True)
class Sources:
    """The sources of recorded answers among some paths.

    Attributes:
        stores: Evaluation stores.
        own: JSONL files of ours and of the Best-of-∞ authors.
        logs: Logs of other tools, each with its reader.
        passed_over: Files in folders that are none of these.
    """

    stores: list[str | Path] = field(default_factory=list)
    own: list[Path] = field(default_factory=list)
    logs: list[tuple[Head, LogReader]] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)


def sources_of(paths: Iterable[str | Path]) -> Sources:
    """Return the sources among paths: for a folder its ``*.jsonl`` files, and logs at any depth.

    Raises:
        UsageError: If there is nothing to read, or a file is of an unknown kind.
    """
    found = Sources()
    for path in paths:
        if is_store(path):
            found.stores.append(path)
        elif Path(path).is_dir():
            _add_folder(found, Path(path))
        else:
            _check(path)
            _add_file(found, Path(path))
    return found


def _check(path: str | Path) -> None:
    try:
        check_file(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file or folder") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def is_store(address: str | Path) -> bool:
    """Return whether an address is that of a store and not of a file or folder."""
    if isinstance(address, str) and "://" in address:
        return True
    path = Path(address)
    try:
        check_file(path)
        with path.open("rb") as file:
            if file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC:
                return not is_foreign_database(path)
    except OSError:
        pass
    return path.suffix in (".db", ".sqlite", ".sqlite3")


def _add_file(found: Sources, path: Path) -> None:
    if not path.stat().st_size:
        raise UsageError(f"{path}: no questions in the file: it is empty")
    head = head_of(path)
    reader = reader_of(head)
    if reader is not None:
        found.logs.append((head, reader))
    elif head.form in (LINES, OTHER) or _is_ours(head) or not head.keys:
        found.own.append(path)
    else:
        keys = ", ".join(map(repr, sorted(head.keys)[:6]))
        raise UsageError(
            f"{path}: no kind of log that is known, and not our JSONL (it begins with {keys}); "
            "bestofinf import --formats lists what can be read"
        )


def _add_folder(found: Sources, folder: Path) -> None:
    before = len(found.own) + len(found.logs)
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.suffix not in _LOOKED_AT or not path.is_file() or not path.stat().st_size:
            continue
        try:
            head = head_of(path)
        except MissingExtraError:  # a table that was not named by the user
            found.passed_over.append(path)
            continue
        reader = reader_of(head)
        if reader is not None:
            found.logs.append((head, reader))
        elif path.suffix == ".jsonl" and path.parent == folder and head.form != DATABASE:
            found.own.append(path)
        else:
            found.passed_over.append(path)
    if len(found.own) + len(found.logs) == before:
        raise UsageError(f"{folder}: no *.jsonl file and no log in the folder")


def _is_ours(head: Head) -> bool:
    ours = "id" in head.keys and bool(head.keys & {"samples", "replies"})
    return ours or head.keys >= AUTHORS_KEYS

"""Open the recorded answers given to a command as one store, a temporary one for files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bestofinf.evaluation import EvaluationStore


@contextmanager
def to_read(paths: Sequence[str], *, answer: str | None = None) -> Iterator[EvaluationStore]:
    """Open one store for reading, or gather several stores and files in a temporary one.

    Args:
        paths: Stores, files and folders.
        answer: The answer type that reads whole replies of files; None for auto.
    """
    from bestofinf.evaluation import EvaluationStore
    from bestofinf.evaluation.sources import is_store

    if len(paths) == 1 and is_store(paths[0]):
        with EvaluationStore(paths[0], readonly=True) as store:
            if store.catalogue.counted:
                yield store
                return
    with together(paths, answer=answer) as store:
        yield store


@contextmanager
def together(paths: Sequence[str], *, answer: str | None = None) -> Iterator[EvaluationStore]:
    """Gather stores and files in a temporary store, which is deleted afterwards."""
    from bestofinf.evaluation import EvaluationStore, export_jsonl, import_files
    from bestofinf.evaluation.sources import is_store

    with TemporaryDirectory(prefix="bestofinf-") as folder:
        files = []
        for place, path in enumerate(paths):
            if is_store(path):
                copy = Path(folder) / f"store{place}.jsonl"
                with EvaluationStore(path, readonly=True) as store:
                    export_jsonl(store, copy)
                files.append(copy)
            else:
                files.append(Path(path))
        with EvaluationStore(Path(folder) / "files.db") as store:
            import_files(store, files, answer=answer or "auto")
            yield store

"""Convert stores to tables of columns for pandas and Parquet, and back without loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any

from bestofinf._extras import require
from bestofinf.errors import UsageError
from bestofinf.evaluation.export import Moved, _row, add_all
from bestofinf.evaluation.rows import (
    CallRecord,
    CallRow,
    LabelRow,
    QuestionRow,
    SampleRow,
    columns,
)
from bestofinf.evaluation.store.store import EvaluationStore

Frames = dict[str, dict[str, list[Any]]]
"""Columns by table and name; all columns of a table have the same length."""

TABLES: Mapping[str, type[Any]] = {
    "questions": QuestionRow,
    "calls": CallRow,
    "samples": SampleRow,
    "labels": LabelRow,
}

_CHUNK = 500  # questions in one row group


def to_frames(store: EvaluationStore) -> Frames:
    """Return a store as columns: ``pandas.DataFrame(to_frames(store)["samples"])`` is a table.

    Raises:
        StoreError: If the store cannot be read.
    """
    return _columns(store.records())


def from_frames(store: EvaluationStore, frames: Mapping[str, Mapping[str, Sequence[Any]]]) -> Moved:
    """Add the content of frames to a store. Rows that it already has are unchanged.

    Args:
        store: The store to add to.
        frames: Tables as from `to_frames`, also as data frames. NaN stands for None.

    Raises:
        UsageError: If a table or a column is missing, or a value has the wrong type. Optional
            columns may be missing, as they are in files of earlier versions.
        StoreError: If the database fails.
    """
    rows = {name: list(_rows(name, kind, frames)) for name, kind in TABLES.items()}
    samples: dict[str, list[SampleRow]] = {}
    for sample in rows["samples"]:
        samples.setdefault(sample.call_id, []).append(sample)
    labels: dict[str, list[LabelRow]] = {}
    for label in rows["labels"]:
        labels.setdefault(label.question_id, []).append(label)

    def incoming() -> Iterator[CallRecord]:
        for q in rows["questions"]:
            yield CallRecord(q, None, (), tuple(labels.get(q.id, ())))
        for call in rows["calls"]:
            yield CallRecord(None, call, tuple(samples.get(call.id, ())))

    return add_all(store, incoming())


def export_parquet(store: EvaluationStore, folder: str | Path) -> Moved:
    """Write a store to ``questions.parquet``, ``calls.parquet`` and so on in a folder.

    Raises:
        MissingExtraError: If pyarrow is not installed.
        StoreError: If the store cannot be read.
        UsageError: If the files cannot be written.
    """
    parquet, schemas = _parquet()
    folder = Path(folder)
    counts = dict.fromkeys(TABLES, 0)
    source = store.records()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writers = {
            name: parquet.ParquetWriter(str(folder / f"{name}.parquet"), schema)
            for name, schema in schemas.items()
        }
        try:
            while chunk := list(islice(source, _CHUNK)):
                for name, frame in _columns(iter(chunk)).items():
                    arrow = require("pyarrow", extra="frames", purpose="Parquet")
                    table = arrow.Table.from_pydict(frame, schema=schemas[name])
                    writers[name].write_table(table)
                    counts[name] += table.num_rows
        finally:
            for writer in writers.values():
                writer.close()
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error}") from None
    return Moved(counts["questions"], counts["samples"], counts["labels"])


def import_parquet(store: EvaluationStore, folder: str | Path) -> Moved:
    """Add the files that `export_parquet` wrote to a store.

    Raises:
        MissingExtraError: If pyarrow is not installed.
        UsageError: If a file is missing or malformed.
        StoreError: If the database fails.
    """
    parquet, _ = _parquet()
    frames: Frames = {}
    for name in TABLES:
        path = Path(folder) / f"{name}.parquet"
        try:
            frames[name] = parquet.read_table(str(path)).to_pydict()
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: cannot be read: {error}") from None
    return from_frames(store, frames)


def _columns(source: Iterator[tuple[Any, list[Any], list[Any], list[Any]]]) -> Frames:
    frames: Frames = {name: {c: [] for c in columns(kind)} for name, kind in TABLES.items()}
    for question, *others in source:
        for frame, rows in zip(frames.values(), ([question], *others), strict=True):
            for name, column in frame.items():
                column.extend(getattr(row, name) for row in rows)
    return frames


def _rows(
    name: str, kind: type[Any], frames: Mapping[str, Mapping[str, Sequence[Any]]]
) -> Iterator[Any]:
    if name not in frames:
        raise UsageError(f"the frames lack the table {name!r}")
    frame = frames[name]
    types = {f.name: str(f.type) for f in fields(kind)}
    present = [column for column in columns(kind) if column in frame]
    missing = [c for c in columns(kind) if c not in frame and not types[c].endswith("None")]
    if missing:
        raise UsageError(f"the table {name!r} lacks the column {missing[0]!r}")
    taken = [[_plain(v, types[c].removesuffix(" | None")) for v in frame[c]] for c in present]
    for place, values in enumerate(zip(*taken, strict=True)):
        try:
            yield _row(kind, dict(zip(present, values, strict=True)))
        except (ValueError, OverflowError) as error:
            raise UsageError(f"table {name!r}, row {place}: {error}") from None


def _plain(value: Any, wanted: str) -> Any:
    """Return a value of a data frame as Python's own type, with None for NaN."""
    if value is None or value != value:
        return None
    if wanted == "int":
        return int(value)
    if wanted == "float":
        return float(value)
    return bool(value) if wanted == "bool" else value


def _parquet() -> tuple[Any, dict[str, Any]]:
    arrow = require("pyarrow", extra="frames", purpose="Parquet")
    kinds = {
        "str": arrow.string(),
        "int": arrow.int64(),
        "float": arrow.float64(),
        "bool": arrow.bool_(),
    }
    schemas = {
        name: arrow.schema(
            [(f.name, kinds[str(f.type).removesuffix(" | None")]) for f in fields(kind)]
        )
        for name, kind in TABLES.items()
    }
    return require("pyarrow.parquet", extra="frames", purpose="Parquet"), schemas

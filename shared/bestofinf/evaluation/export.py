"""Whole stores to files and back, without loss.

JSONL: one line a question in the format of `bestofinf.evaluation.files`, which every command
reads, with all that the store knows beyond it under the key ``record``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from bestofinf.errors import UsageError
from bestofinf.evaluation.exchange import (
    calls_from_question,
    question_from_rows,
    rows_from_question,
)
from bestofinf.evaluation.files import as_line, as_record, expand, read_question, records
from bestofinf.evaluation.rows import (
    CallRecord,
    CallRow,
    LabelRow,
    QuestionRow,
    Row,
    SampleRow,
    as_dict,
)
from bestofinf.evaluation.store import EvaluationStore

R = TypeVar("R", QuestionRow, CallRow, SampleRow, LabelRow)

_BATCH = 5_000  # samples in one transaction


@dataclass(frozen=True, slots=True)
class Moved:
    """How much was written or read.

    Attributes:
        questions: Number of questions.
        samples: Samples and failures.
        labels: Labels of the history.
    """

    questions: int
    samples: int
    labels: int


def export_jsonl(store: EvaluationStore, path: str | Path) -> Moved:
    """Write a store to a JSONL file; `import_files` makes the same store of it.

    The file appears only when it is complete.

    Raises:
        StoreError: If the store cannot be read.
        UsageError: If the file cannot be written.
    """
    questions = n_samples = n_labels = 0
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            for question, calls, samples, labels in store.records():
                file.write(_line(question, calls, samples, labels))
                questions, n_samples = questions + 1, n_samples + len(samples)
                n_labels += len(labels)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    return Moved(questions, n_samples, n_labels)


def save_records(records: Iterable[CallRecord], path: Path) -> int:
    """Write records that a store did not take to a new file, for `import_files`.

    Returns:
        How many were written: those that bring their question.

    Raises:
        OSError: If the file cannot be written.
    """
    lines = [
        _line(r.question, [r.call] if r.call else [], r.samples, r.labels)
        for r in records
        if r.question is not None
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    return len(lines)


def _line(
    question: QuestionRow,
    calls: Sequence[CallRow],
    samples: Sequence[SampleRow],
    labels: Sequence[LabelRow],
) -> str:
    line = as_record(question_from_rows(question, calls, samples, labels))
    line["record"] = {
        "question": _brief(question),
        "calls": [_brief(call) for call in calls],
        "samples": [_brief(sample) for sample in samples],
        "labels": [_brief(label) for label in labels],
    }
    return as_line(line)


def import_files(store: EvaluationStore, paths: Iterable[str | Path]) -> Moved:
    """Add files to a store: exports of a store, our JSONL, and the authors' recorded files.

    All files are read through before anything is written. Importing a file twice adds nothing.

    Raises:
        UsageError: If there is nothing to read, or a line is malformed.
        StoreError: If the database fails.
    """
    files = [file for path in paths for file in expand(Path(path))]
    for file in files:
        for _ in _file_records(file):
            pass
    return add_all(store, (record for file in files for record in _file_records(file)))


def add_all(store: EvaluationStore, incoming: Iterable[CallRecord]) -> Moved:
    """Add records in transactions of a few thousand samples."""
    batch: list[CallRecord] = []
    waiting = n_samples = 0
    questions: set[str] = set()
    labels: set[str] = set()
    for record in incoming:
        batch.append(record)
        waiting += len(record.samples) + 1
        if record.question is not None:
            questions.add(record.question.id)
        n_samples += len(record.samples)
        labels.update(label.id for label in record.labels)
        if waiting >= _BATCH:
            store.add(batch)
            batch, waiting = [], 0
    store.add(batch)
    return Moved(len(questions), n_samples, len(labels))


def _file_records(path: Path) -> Iterator[CallRecord]:
    empty = True
    for number, line in records(path):
        empty = False
        question = read_question(line, path, number)
        if "record" in line:
            try:
                yield from _from_record(line["record"])
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise UsageError(
                    f"{path}, line {number}: 'record' is not as exported: {error}"
                ) from None
        else:
            yield rows_from_question(question, source=f"import {path.name}")
            yield from calls_from_question(question)
    if empty:
        raise UsageError(f"{path}: no questions in the file")


def _from_record(record: Mapping[str, Any]) -> Iterator[CallRecord]:
    samples: dict[str, list[SampleRow]] = {}
    for sample in record["samples"]:
        samples.setdefault(sample["call_id"], []).append(_row(SampleRow, sample))
    labels = tuple(_row(LabelRow, label) for label in record["labels"])
    yield CallRecord(_row(QuestionRow, record["question"]), None, (), labels)
    for fact in record["calls"]:
        call = _row(CallRow, fact)
        yield CallRecord(None, call, tuple(samples.pop(call.id, ())))
    if samples:
        raise ValueError(f"samples of an unknown call {min(samples)!r}")


def _row(kind: type[R], facts: Mapping[str, Any]) -> R:
    """Return the row of these facts; values of the wrong type raise ValueError."""
    row = kind(**facts)
    for f in fields(kind):
        value = getattr(row, f.name)
        if not _fits(value, str(f.type)):
            raise ValueError(f"{f.name!r} must be {f.type}, got {value!r:.60}")
    return row


def _fits(value: Any, wanted: str) -> bool:
    kinds: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float)}
    name = wanted.removesuffix(" | None")
    if value is None:
        return wanted.endswith("None")
    if name == "bool" or isinstance(value, bool):
        return name == "bool" and isinstance(value, bool)
    return isinstance(value, kinds[name])


def _brief(row: Row) -> dict[str, Any]:
    return {name: value for name, value in as_dict(row).items() if value is not None}

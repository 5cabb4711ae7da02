"""Export whole stores to files and import them, without loss.

The JSONL has one line for each question in the format of `bestofinf.evaluation.files`, which every
command reads. Everything else that the store holds is under the key ``record``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from bestofinf.answers.base import Answer
from bestofinf.answers.named import AnswerLike
from bestofinf.errors import UsageError, shown
from bestofinf.evaluation.canonical import canonical, recorded_answer
from bestofinf.evaluation.exchange import (
    calls_from_question,
    question_from_rows,
    rows_from_question,
)
from bestofinf.evaluation.files import as_line, as_record, read_question
from bestofinf.evaluation.lines import json_lines
from bestofinf.evaluation.logs.gathering import Logs
from bestofinf.evaluation.logs.options import LogOptions
from bestofinf.evaluation.logs.report import LogReport
from bestofinf.evaluation.logs.rows import records_of
from bestofinf.evaluation.rows import (
    CallRecord,
    CallRow,
    LabelRow,
    QuestionRow,
    Row,
    SampleRow,
    as_dict,
    checked,
)
from bestofinf.evaluation.sets import EvaluationSet, Question
from bestofinf.evaluation.sources import sources_of
from bestofinf.evaluation.store.store import EvaluationStore

R = TypeVar("R", QuestionRow, CallRow, SampleRow, LabelRow)


@dataclass(frozen=True, slots=True)
class Moved:
    """Counts of what an export or import moved.

    Attributes:
        questions: Number of questions.
        samples: Number of samples and failures.
        labels: Number of labels, including earlier ones of the same question.
        logs: Report of the logs of other tools; None if there were none.
    """

    questions: int
    samples: int
    labels: int
    logs: LogReport | None = field(default=None, compare=False, repr=False)


def export_jsonl(store: EvaluationStore, path: str | Path) -> Moved:
    """Write a store to a JSONL file, from which `import_files` restores it.

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
    """Append records that a store did not take to a file, for `import_files`.

    Values that a database cannot hold are replaced: numbers by unknown, other values by their text.

    Returns:
        Number of records written. Records without their question are not.

    Raises:
        OSError: If the file cannot be written.
    """
    lines = [
        _line(
            _fitting(r.question),
            [_fitting(r.call)] if r.call else [],
            [_fitting(sample) for sample in r.samples],
            [_fitting(label) for label in r.labels],
        )
        for r in records
        if r.question is not None
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
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


def import_files(
    store: EvaluationStore,
    paths: Iterable[str | Path],
    *,
    answer: AnswerLike = "auto",
    options: LogOptions | None = None,
) -> Moved:
    """Add files to a store: exports of a store, our JSONL, the authors' files, logs of other tools.

    All files are read to the end, and all answers of logs are taken, before anything is written.
    Then everything is written in one transaction. Importing a file twice adds nothing.

    Args:
        store: The store to add to.
        paths: Files and folders.
        answer: The answer type that reads whole replies, whose texts are stored too.
        options: How to read logs of other tools.

    Raises:
        UsageError: If there is nothing to read, or a file is malformed. Nothing is written then.
        StoreError: If the database fails. Nothing is written then.
    """
    found = sources_of(paths)
    if found.stores:
        raise UsageError(
            f"{found.stores[0]} is a store, wanted files: use bestofinf export to make one"
        )
    for file in found.own:
        for _ in _file_records(file, None):
            pass
    kind = recorded_answer(answer)
    own = (record for file in found.own for record in _file_records(file, kind))
    if not found.logs:
        return add_all(store, own)
    with Logs(found.logs, options) as logs:
        logs.take_answers(kind)
        if not logs.report.questions:
            raise UsageError(f"{', '.join(logs.names[:3])}: no samples in the log")
        for path in found.passed_over:
            logs.report.remarks[f"{path}: no log, passed over"] = None
        moved = add_all(store, chain(own, records_of(logs)))
        return replace(moved, logs=logs.report)


def add_all(store: EvaluationStore, incoming: Iterable[CallRecord]) -> Moved:
    """Add any number of records in one transaction, a few at a time in memory."""
    n_samples = 0
    questions: set[str] = set()
    labels: set[str] = set()

    def counted() -> Iterator[CallRecord]:
        nonlocal n_samples
        for record in incoming:
            if record.question is not None:
                questions.add(record.question.id)
            n_samples += len(record.samples)
            labels.update(label.id for label in record.labels)
            yield record

    store.add(counted())
    return Moved(len(questions), n_samples, len(labels))


def _file_records(path: Path, answer: Answer | None) -> Iterator[CallRecord]:
    empty = True
    for number, line in json_lines(path):
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
            read = _with_votes(question, answer)
            # The right answer is stored in the form of the votes, so that the two can be compared.
            told = question if read is None else replace(question, gold=read.gold, wrong=read.wrong)
            yield rows_from_question(told, source=f"import {path.name}")
            yield from calls_from_question(question, answers=read)
    if empty:
        raise UsageError(f"{path}: no questions in the file")


def _with_votes(question: Question, answer: Answer | None) -> Question | None:
    """Return the question with the votes of its replies; None without replies or answer type."""
    if answer is None or not any(s.replies for s in question.samples.values()):
        return None
    (read,) = canonical(EvaluationSet((question,)), answer)
    return read


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
    """Return a row with these values; a value of the wrong type raises ValueError."""
    row = checked(kind(**facts))
    for f in fields(kind):
        value = getattr(row, f.name)
        if not _fits(value, str(f.type)):
            raise ValueError(f"{f.name!r} must be {f.type}, got {value!r:.60}")
    return row


def _fitting(row: R) -> R:
    """Return a row that `_row` can read back; optional values of the wrong type become None.

    Raises:
        ValueError: If a required value is of the wrong type.
    """
    row = checked(row)
    for f in fields(row):
        value = getattr(row, f.name)
        if _fits(value, str(f.type)):
            continue
        if not str(f.type).startswith("str") and f.default is MISSING:
            raise ValueError(f"{f.name!r} must be {f.type}, got {shown(value)}")
        change: dict[str, Any] = {
            f.name: str(value) if str(f.type).startswith("str") else f.default
        }
        row = replace(row, **change)
    return row


def _fits(value: Any, wanted: str) -> bool:
    kinds: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float)}
    name = wanted.removesuffix(" | None")
    if value is None:
        return wanted.endswith("None")
    if name == "bool" or isinstance(value, bool):
        return name == "bool" and isinstance(value, bool)
    if wanted == "int":  # the index of a draw
        return isinstance(value, int) and 0 <= value < 2**31
    return isinstance(value, kinds[name])


def _brief(row: Row) -> dict[str, Any]:
    return {name: value for name, value in as_dict(row).items() if value is not None}

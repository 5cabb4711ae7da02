"""Questions from CSV, JSONL and Parquet files, and answers to them."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import IO, Any, TypeAlias

from bestofinf._extras import require
from bestofinf.errors import UsageError, shown
from bestofinf.evaluation.lines import json_lines
from bestofinf.evaluation.tables import check_columns, table_rows

AnswerRow: TypeAlias = dict[str, Any]
"""A row of a file: JSON values by column."""

PROMPT_COLUMNS = ("prompt", "question", "text", "input")
"""Columns that are tried for the prompt if there is no template."""

LONGEST_ID = 400
"""Maximum number of characters of a question's id."""

_PARQUET_ROWS = 1000  # read and written at a time


@dataclass(frozen=True, slots=True)
class JobQuestion:
    """A question of a job.

    Attributes:
        number: Index in the file, from 0.
        id: Id, unique in the file.
        prompt: The prompt for the members.
        attempt: Number of the attempt at it, from 1; above 1 if earlier runs ended with an error.
    """

    number: int
    id: str
    prompt: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """A file of questions: ``.csv``, ``.jsonl`` or ``.parquet``.

    Attributes:
        path: The file.
        template: The prompt, with the names of columns in braces, as ``Classify: {text}``. None
            takes the column ``prompt``, ``question``, ``text`` or ``input``.
        id_column: Column of the ids. None takes the column ``id``, or the row's index from 0 if
            there is no such column.
    """

    path: Path
    template: str | None = None
    id_column: str | None = None

    def __post_init__(self) -> None:
        format_of(self.path)
        if self.template is not None and not any(True for _ in self._wanted()):
            raise UsageError(
                f"the prompt {self.template!r} names no column: write one in braces, as {{text}}"
            )

    def __iter__(self) -> Iterator[JobQuestion]:
        """Yield the questions in order, one row in memory at a time.

        Raises:
            UsageError: If the file cannot be read, or a row has no valid question.
        """
        for question, _ in self._placed():
            yield question

    def check(self) -> int:
        """Read the whole file once and return the number of its questions.

        Raises:
            UsageError: If there is no question, a row has no valid one, or an id occurs twice.
        """
        seen: set[str] = set()
        for question, where in self._placed():
            if question.id in seen:
                first = next(place for one, place in self._placed() if one.id == question.id)
                raise UsageError(
                    f"{self.path}, {where}: the id {question.id!r} comes twice, first in {first}"
                )
            seen.add(question.id)
        if not seen:
            raise UsageError(f"{self.path} has no question")
        return len(seen)

    def _placed(self) -> Iterator[tuple[JobQuestion, str]]:
        """Yield the questions, each with its position in words."""
        for number, (where, row) in enumerate(read_rows(self.path)):
            place = f"{self.path}, {where}"
            yield JobQuestion(number, self._id(row, number, place), self._prompt(row, place)), where

    def _id(self, row: AnswerRow, number: int, place: str) -> str:
        name = self.id_column or "id"
        if name not in row:
            if self.id_column is not None:
                raise UsageError(
                    f"{place}: no column {name!r} for the id; there are {_listed(row)}"
                )
            return str(number)
        id_ = "" if row[name] is None else str(row[name])
        if not 0 < len(id_) <= LONGEST_ID:
            raise UsageError(f"{place}: an id has 1 to {LONGEST_ID} characters, got {shown(id_)}")
        return id_

    def _wanted(self) -> Iterator[str]:
        try:
            for _, name, _, _ in Formatter().parse(self.template or ""):
                if name is not None:
                    yield name
        except ValueError as error:
            raise UsageError(f"the prompt {self.template!r} cannot be read: {error}") from None

    def _prompt(self, row: AnswerRow, where: str) -> str:
        if self.template is not None:
            for name in self._wanted():
                if name not in row:
                    raise UsageError(
                        f"{where}: no column {name!r} for the prompt; there are {_listed(row)}"
                    )
                if row[name] is None:
                    raise UsageError(f"{where}: nothing under {name!r}, which the prompt wants")
            return self.template.format_map(row)
        there = [name for name in PROMPT_COLUMNS if name in row]
        for name in there:
            if isinstance(row[name], str) and row[name].strip():
                return str(row[name])
        if there:
            raise UsageError(f"{where}: no text under {there[0]!r}, got {row[there[0]]!r:.50}")
        raise UsageError(
            f"{where}: no column {', '.join(PROMPT_COLUMNS)}: name that of the text with a prompt "
            f"such as '{{body}}'; there are {_listed(row)}"
        )


def _listed(row: AnswerRow) -> str:
    return ", ".join(map(str, row)) or "no columns"


def format_of(path: Path) -> str:
    """Return the suffix of a file, which is its format.

    Raises:
        UsageError: If it is not ``.csv``, ``.jsonl`` or ``.parquet``.
        MissingExtraError: If it is Parquet and pyarrow is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise UsageError(f"{path}: wanted a file ending in {', '.join(_READERS)}")
    if suffix == ".parquet":
        require("pyarrow.parquet", extra="frames", purpose="Parquet")
    return suffix


def read_rows(path: Path) -> Iterator[tuple[str, AnswerRow]]:
    """Yield the rows of a file, each with its position in words, such as ``line 7``.

    Raises:
        UsageError: If it cannot be read.
    """
    yield from _READERS[format_of(path)](path)


def _read_jsonl(path: Path) -> Iterator[tuple[str, AnswerRow]]:
    return ((f"line {number}", row) for number, row in json_lines(path))


def _read_parquet(path: Path) -> Iterator[tuple[str, AnswerRow]]:
    pyarrow = require("pyarrow", extra="frames", purpose="Parquet")
    parquet = require("pyarrow.parquet", extra="frames", purpose="Parquet")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            check_columns(file.schema_arrow.names, str(path))
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except (OSError, pyarrow.ArrowException) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


_READERS: Mapping[str, Callable[[Path], Iterator[tuple[str, AnswerRow]]]] = {
    ".csv": table_rows,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}


def write_rows(path: Path, rows: Iterable[AnswerRow], columns: Mapping[str, type]) -> None:
    """Write a file that appears only when it is complete.

    Args:
        path: The file; its suffix is the format.
        rows: Values by column, None where missing.
        columns: All columns in order, with the type of their values. Objects (``dict``) are JSON
            text outside JSONL.

    Raises:
        UsageError: If it cannot be written.
    """
    partial = path.with_name(f"{path.name}.new")
    try:
        _WRITERS[format_of(path)](partial, rows, columns)
        os.replace(partial, path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _synced(path: Path, **options: Any) -> Iterator[IO[str]]:
    with path.open("w", encoding="utf-8", **options) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def json_line(row: AnswerRow) -> bytes:
    """Return a row as one line of JSON."""
    # Lone surrogates, which broken replies may contain, cannot be encoded and are escaped.
    text = json.dumps(row, ensure_ascii=False)
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(row)}\n".encode()


_FORMULA = "=+-@\t\r\n|%＝＋－＠"
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d{1,9})?\s?[%°]?")


def without_formulas(row: AnswerRow) -> AnswerRow:
    """Return a row whose texts no spreadsheet executes: ``=1+1`` becomes ``'=1+1``.

    Numbers are unchanged: ``-5`` is one, ``-5+3`` is not.
    """
    return {
        name: f"'{value}"
        if isinstance(value, str) and value[:1] in _FORMULA and value and not _plain_number(value)
        else value
        for name, value in row.items()
    }


def _plain_number(text: str) -> bool:
    return len(text) <= 60 and _NUMBER.fullmatch(text) is not None


def _flat(row: AnswerRow) -> AnswerRow:
    flat = {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        for name, value in row.items()
    }
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in flat.items()
    }


def _write_jsonl(path: Path, rows: Iterable[AnswerRow], columns: Mapping[str, type]) -> None:
    with _synced(path) as file:
        file.writelines(
            json_line({name: row.get(name) for name in columns}).decode() for row in rows
        )


def _write_csv(path: Path, rows: Iterable[AnswerRow], columns: Mapping[str, type]) -> None:
    with _synced(path, newline="") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows(map(_flat, rows))


def _write_parquet(path: Path, rows: Iterable[AnswerRow], columns: Mapping[str, type]) -> None:
    pyarrow = require("pyarrow", extra="frames", purpose="Parquet")
    parquet = require("pyarrow.parquet", extra="frames", purpose="Parquet")
    kinds = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64()}
    schema = pyarrow.schema([(name, kinds.get(kind, kinds[str])) for name, kind in columns.items()])
    with parquet.ParquetWriter(path, schema) as writer:
        some: list[AnswerRow] = []
        for row in map(_flat, rows):
            some.append(row)
            if len(some) == _PARQUET_ROWS:
                writer.write_table(pyarrow.Table.from_pylist(some, schema))
                some = []
        writer.write_table(pyarrow.Table.from_pylist(some, schema))


_WRITERS: Mapping[str, Callable[[Path, Iterable[AnswerRow], Mapping[str, type]], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}

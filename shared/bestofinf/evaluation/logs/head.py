"""The beginning of a file, which shows what kind it is, and its records one by one.

Nothing here depends on the name of a file, and at most one record is held in memory.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bestofinf._extras import require
from bestofinf.errors import MissingExtraError, UsageError
from bestofinf.evaluation.lines import json_lines
from bestofinf.evaluation.logs.numbers import FiniteNumbers
from bestofinf.evaluation.store.database import SQLITE_MAGIC
from bestofinf.evaluation.tables import check_columns, table_rows

LOOK = 1 << 20
"""Number of bytes at the beginning of a file that are examined."""

LINES, DOCUMENT, LIST, TABLE = "lines", "document", "list", "table"
ZIP, DATABASE, PARQUET, OTHER = "zip", "database", "parquet", "other"

_PURPOSE = "Reading this log"
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}


@dataclass(frozen=True)
class Head:
    """The form of a file and its first record.

    Attributes:
        path: The file.
        form: One of "lines" (a JSON object in each), "document" (one object), "list" (of objects),
            "table" (CSV), "zip", "database" (SQLite), "parquet", "other".
        keys: Keys of the first object, columns, names of tables, or some names in the archive.
        record: The first object, as far as it was read.
    """

    path: Path
    form: str
    keys: frozenset[str] = frozenset()
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def has(self, *keys: str) -> bool:
        """Return whether the first record has all of these keys."""
        return self.keys >= {*keys}

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield every record with its position in words, whatever the form of the file.

        Raises:
            UsageError: If a record is broken; the message has the position.
        """
        if self.form == LINES:
            return ((f"line {number}", record) for number, record in json_lines(self.path))
        if self.form == TABLE:
            return table_rows(self.path)
        if self.form == PARQUET:
            return _parquet_rows(self.path)
        return self.items("item" if self.form == LIST else "")

    def items(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the objects at a path of a JSON document, such as ``"samples.item"``.

        Raises:
            UsageError: If the document is broken; the message has the number of the last object.
        """
        ijson = require("ijson", extra="logs", purpose=_PURPOSE)
        number = 0
        try:
            with self.path.open("rb") as file:
                for value in ijson.items(FiniteNumbers(file), prefix, use_float=True):
                    number += 1
                    if isinstance(value, dict):
                        yield f"record {number}", value
        except (ValueError, ijson.JSONError) as error:
            raise UsageError(
                f"{self.path}, after record {number}: not JSON: {_first_line(error)}"
            ) from None
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {error.strerror}") from None


def head_of(path: Path) -> Head:
    """Return the head of a file.

    Raises:
        UsageError: If it is empty, compressed as a whole, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(LOOK)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    if start.startswith(b"PK\x03\x04"):
        return Head(path, ZIP, _packed(path))
    if start.startswith(SQLITE_MAGIC):
        return Head(path, DATABASE, _tables(path))
    if start.startswith(b"PAR1"):
        return Head(path, PARQUET, _columns(path))
    for magic, name in _COMPRESSED.items():
        if start.startswith(magic):
            raise UsageError(f"{path}: compressed by {name}: unpack it first")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"{", b"[")):
        return _json_head(path, text)
    if b"," in text.split(b"\n", 1)[0] and b"\x00" not in text:
        columns = _header(path)
        return Head(path, TABLE if len(columns) > 1 else OTHER, frozenset(columns))
    return Head(path, OTHER)


def _json_head(path: Path, text: bytes) -> Head:
    line, newline, rest = text.partition(b"\n")
    if newline or len(text) < LOOK:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            pass
        else:
            if isinstance(record, dict):
                alone = not rest.strip() and len(text) < LOOK
                return Head(path, DOCUMENT if alone else LINES, frozenset(record), record)
    form = LIST if text.startswith(b"[") else DOCUMENT
    record = _first_object(text)
    if form == DOCUMENT and newline and line.strip() != b"{":
        form = LINES  # the first line is broken: the reader will report it
    return Head(path, form, frozenset(record), record)


def _first_object(text: bytes) -> dict[str, Any]:
    """Return the top-level values of the first object of a JSON text, as far as the text goes."""
    try:
        ijson = require("ijson", extra="logs", purpose=_PURPOSE)
    except MissingExtraError:
        if not text.startswith((b"{\n", b"{\r", b"[")):  # rather JSONL with a broken line
            return {}
        raise
    depth, at = 0, 1 if text.startswith(b"[") else 0
    record: dict[str, Any] = {}
    key = ""
    try:
        for event, value in ijson.basic_parse(io.BytesIO(text), use_float=True):
            if event in ("start_map", "start_array"):
                depth += 1
            elif event in ("end_map", "end_array"):
                depth -= 1
                if depth == at:
                    return record
            elif event == "map_key":
                if depth == at + 1:
                    key = value
                    record[key] = None
            elif depth == at + 1 and key:
                record[key] = value
    except (ValueError, ijson.JSONError):
        pass
    return record


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next((row for row in csv.reader(file) if row), [])
    except (OSError, ValueError, csv.Error):
        return []


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    parquet = require("pyarrow.parquet", extra="frames", purpose="Reading Parquet files")
    arrow = require("pyarrow", extra="frames", purpose="Reading Parquet files")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            check_columns(file.schema_arrow.names, str(path))
            for batch in file.iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except (OSError, arrow.ArrowException) as error:
        raise UsageError(f"{path}, after row {number}: {_first_line(error)}") from None


def _columns(path: Path) -> frozenset[str]:
    parquet = require("pyarrow.parquet", extra="frames", purpose="Reading Parquet files")
    arrow = require("pyarrow", extra="frames", purpose="Reading Parquet files")
    try:
        return frozenset(parquet.read_schema(path).names)
    except (OSError, arrow.ArrowException) as error:
        raise UsageError(f"{path}: no Parquet file: {_first_line(error)}") from None


def _packed(path: Path) -> frozenset[str]:
    try:
        with zipfile.ZipFile(path) as packed:
            return frozenset(packed.namelist()[:1000]) | frozenset(packed.namelist()[-1000:])
    except (OSError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path}: a broken zip archive: {_first_line(error)}") from None


def _tables(path: Path) -> frozenset[str]:
    """Return the names of a database's tables; empty if it cannot be opened."""
    try:
        database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return frozenset(name for (name,) in found)
        finally:
            database.close()
    except sqlite3.Error:
        return frozenset()


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__

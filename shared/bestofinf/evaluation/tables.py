"""Tables of separated values: questions, labels, right answers and logs are read by one reader."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from bestofinf.border import open_text
from bestofinf.errors import UsageError, shown

_LONGEST_CELL = 1 << 28
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}


def table_rows(path: Path, delimiter: str = ",") -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a table by column, each with the line where it begins, such as ``line 7``.

    The first line has the names of the columns; blank lines are left out.

    Args:
        path: The file.
        delimiter: The character between two values.

    Raises:
        UsageError: If a row has more or fewer values than there are columns, a column comes twice, a
            quote is never closed, or the file cannot be read.
    """
    begin = 1
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with open_text(path, newline="") as file:
            # Strict, because a quote that is never closed would otherwise swallow all rows after it.
            rows = csv.reader(file, strict=True, delimiter=delimiter)
            columns: list[str] | None = None
            for values in rows:
                where, begin = f"line {begin}", rows.line_num + 1
                if not values:
                    continue
                if columns is None:
                    columns = values
                    _check_delimiter(columns, delimiter, path)
                    check_columns(columns, f"{path}, {where}")
                    continue
                if len(values) != len(columns):
                    raise UsageError(
                        f"{path}, {where}: {len(values)} values for {len(columns)} columns; texts "
                        f"with {_NAMES[delimiter]}, quotes or line breaks must be in quotes"
                    )
                yield where, dict(zip(columns, values, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path}, line {begin}: not CSV: {error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8: {error.reason} {error.object[error.start : error.end]!r}; "
            "save it in that encoding"
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error


def check_columns(names: Iterable[str], where: str) -> None:
    """Refuse a name that two columns have: which of them is meant cannot be known.

    Columns without a name, as spreadsheets leave at the end of a row, may be several.

    Raises:
        UsageError: If a name comes twice; it begins with `where`.
    """
    seen = {""}
    for name in names:
        if name and name in seen:
            raise UsageError(f"{where}: the column {shown(name)} comes twice")
        seen.add(name)


def _check_delimiter(columns: list[str], delimiter: str, path: Path) -> None:
    if len(columns) == 1 and any(other in columns[0] for other in _NAMES if other != delimiter):
        raise UsageError(
            f"{path}: columns must be separated by {_NAMES[delimiter]}, got {columns[0]!r:.80}"
        )

"""Tables that fit the terminal: columns if they fit, else row by row with one line for each value."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from bestofinf.border import printable
from bestofinf.cli.terminal import Console

_GAP = 2
_LONGEST_WORD = 40
_PREFIX = 12


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Heading of the column.
        kind: ``text`` breaks between words, ``number`` never breaks, ``id`` is cut, if it does not
            fit, to a beginning that still tells the ids apart.
    """

    name: str
    kind: Literal["text", "number", "id"] = "text"


def show_table(
    console: Console,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    styles: Sequence[str] = (),
) -> None:
    """Print a table in which no word is broken, unless it is longer than a line.

    Args:
        console: Where to print; its width decides between the two forms.
        columns: The columns, as many as a row has cells.
        rows: The rows, each a sequence of plain texts.
        title: Line above the table; empty for none.
        styles: Rich style of each row; none by default.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    styles = styles or [""] * len(rows)
    if title:
        console.print(Text(printable(title), style="bold"))
    for short in (False, True):
        shown = _shortened(columns, cells) if short else cells
        least = [_least(column, at, shown) for at, column in enumerate(columns)]
        if sum(least) + _GAP * (len(columns) - 1) <= console.width:
            widths = _shared_out(columns, shown, least, console.width)
            console.print(_columns(columns, shown, widths, styles))
            return
    _print_records(console, columns, shown, styles)


def _shortened(columns: Sequence[Column], rows: list[list[str]]) -> list[list[str]]:
    """Return the rows with ids cut to beginnings that tell them apart."""
    rows = [list(row) for row in rows]
    for at, column in enumerate(columns):
        if column.kind == "id":
            ids = {row[at] for row in rows}
            for length in range(_PREFIX, max(map(len, ids), default=0)):
                if len({one[:length] for one in ids}) == len(ids):
                    break
            else:
                continue
            for row in rows:
                row[at] = row[at][:length]
    return rows


def _least(column: Column, at: int, rows: list[list[str]]) -> int:
    """Return the width below which a column would break a word."""
    texts = [column.name, *(row[at] for row in rows)]
    if column.kind != "text":
        return max(map(cell_len, texts))
    longest = max(cell_len(word) for text in texts for word in (text.split() or [""]))
    # Prose is hard to read in a column that is only as wide as its longest word.
    return max(longest, min(24, max(map(cell_len, texts)))) if longest <= _LONGEST_WORD else longest


def _shared_out(
    columns: Sequence[Column], rows: list[list[str]], least: list[int], width: int
) -> list[int]:
    """Return the widths of the columns: that of their longest text, as far as there is room."""
    whole = [
        max(map(cell_len, (column.name, *(row[at] for row in rows))))
        for at, column in enumerate(columns)
    ]
    widths, room = list(least), width - sum(least) - _GAP * (len(columns) - 1)
    # Columns that need the least extra width get it first.
    for n_left, at in zip(
        range(len(columns), 0, -1),
        sorted(range(len(columns)), key=lambda at: whole[at] - least[at]),
        strict=True,
    ):
        more = min(whole[at] - least[at], room // n_left)
        widths[at] += more
        room -= more
    return widths


def _columns(
    columns: Sequence[Column], rows: list[list[str]], widths: list[int], styles: Sequence[str]
) -> Table:
    header = any(column.name for column in columns)
    table = Table(
        box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0), show_header=header
    )
    for column, width in zip(columns, widths, strict=True):
        side: Literal["left", "right"] = "right" if column.kind == "number" else "left"
        table.add_column(Text(column.name), justify=side, width=width)
    for row, style in zip(rows, styles, strict=True):
        table.add_row(*map(Text, row), style=style)
    return table


def _print_records(
    console: Console, columns: Sequence[Column], rows: list[list[str]], styles: Sequence[str]
) -> None:
    for row, style in zip(rows, styles, strict=True):
        console.print(Text(row[0], style=f"bold {style}".strip()))
        for column, cell in zip(columns[1:], row[1:], strict=True):
            if cell:
                for line in _lines(
                    f"{column.name}: {cell}" if column.name else cell, console.width
                ):
                    console.print(Text(line, style=style))


def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        max(width, 20),
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )

"""How objects are displayed: bars and tables in notebooks, and a `repr` that fits a screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import fields
from html import escape
from typing import Any

_MOST = 12
_TEXT, _ITEMS, _FIELD = 60, 8, 160


class Brief:
    """A dataclass (with ``repr=False``) whose `repr` fits a screen.

    Long texts are cut, and collections of many items are counted. Fields with ``repr=False`` are
    left out.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        told = (f"{f.name}={_cut(getattr(self, f.name))}" for f in fields(self) if f.repr)  # type: ignore[arg-type]
        return f"{type(self).__qualname__}({', '.join(told)})"


def _cut(value: Any) -> str:
    if isinstance(value, str | bytes) and len(value) > _TEXT:
        return f"{value[:_TEXT]!r}..."
    many = isinstance(value, Mapping | Sequence | Set) and not isinstance(value, str | bytes)
    if many and len(value) > _ITEMS:
        return f"<{len(value):,} items>"
    told = repr(value)
    if len(told) <= _FIELD:
        return told
    return f"<{len(value):,} items>" if many else f"<{type(value).__name__}>"


def bars(title: str, rows: Iterable[tuple[str, float, str]], *, note: str = "") -> str:
    """Return labelled bars as HTML that suits light and dark pages.

    Args:
        title: Above the bars.
        rows: Label, length (at least 0), and the text next to the bar; the first twelve are shown.
        note: Below the bars.
    """
    rows = list(rows)
    longest = max((length for _, length, _ in rows), default=0.0) or 1.0
    lines = [
        f'<tr><td style="text-align:left;max-width:28em;overflow:hidden">{escape(label[:80])}</td>'
        f'<td style="width:14em"><div style="width:{100 * length / longest:.1f}%;height:.8em;'
        f'background:#0f9d8a;border-radius:2px"></div></td>'
        f'<td style="text-align:right">{escape(text)}</td></tr>'
        for label, length, text in rows[:_MOST]
    ]
    return _framed(title, lines, len(rows), columns=3, note=note)


def vote(answer: object, confidence: float, votes: Mapping[Any, int], *, note: str) -> str:
    """Return a vote as HTML: the answer with its confidence, and a bar for each answer.

    Args:
        answer: The winner.
        confidence: In [0, 1].
        votes: Votes by answer.
        note: Below the bars.
    """
    rows = [(str(voted), float(count), str(count)) for voted, count in votes.items()]
    return bars(f"{str(answer)[:160]} (confidence {confidence:.3f})", rows, note=note)


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, note: str = "") -> str:
    """Return a table as HTML; the first twelve rows are shown.

    Args:
        title: Above the table.
        head: Names of the columns; the first is aligned to the left, the others to the right.
        rows: One text for each column.
        note: Below the table.
    """
    rows = list(rows)

    def line(cells: Sequence[str], tag: str) -> str:
        sides = ("left", *("right" for _ in cells[1:]))
        shown = zip(cells, sides, strict=True)
        return "".join(
            f'<{tag} style="text-align:{side}">{escape(cell[:80])}</{tag}>' for cell, side in shown
        )

    lines = [f"<tr>{line(cells, 'td')}</tr>" for cells in rows[:_MOST]]
    if rows:
        lines.insert(0, f"<tr>{line(head, 'th')}</tr>")
    return _framed(title, lines, len(rows), columns=len(head), note=note)


def _framed(title: str, lines: list[str], n_rows: int, *, columns: int, note: str) -> str:
    if n_rows > _MOST:
        lines.append(f'<tr><td colspan="{columns}">and {n_rows - _MOST} more</td></tr>')
    below = f'<div style="opacity:.7">{escape(note)}</div>' if note else ""
    return f"<div><b>{escape(title)}</b><table>{''.join(lines)}</table>{below}</div>"

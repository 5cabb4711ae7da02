"""Bars for notebooks: what ``_repr_html_`` of decisions, fits and replays returns."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_MOST = 12


def bars(title: str, rows: Iterable[tuple[str, float, str]], *, note: str = "") -> str:
    """Return labelled bars as HTML that suits light and dark pages.

    Args:
        title: Above the bars.
        rows: Label, length at least 0, and the text beside the bar; the first twelve are shown.
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
    if len(rows) > _MOST:
        lines.append(f'<tr><td colspan="3">and {len(rows) - _MOST} more</td></tr>')
    below = f'<div style="opacity:.7">{escape(note)}</div>' if note else ""
    return f"<div><b>{escape(title)}</b><table>{''.join(lines)}</table>{below}</div>"

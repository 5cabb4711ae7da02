"""Compute the positions of the marks of a figure; templates draw them as SVG.

Figures are 360 units wide, about the width of a phone's screen in pixels, so that their letters are
readable there; on larger screens they are shown somewhat larger.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bestofinf.evaluation.store.picture import Picture, Step
from bestofinf.view.render import number

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 10, 34

MOST_BARS = 40
"""Maximum number of bars of a histogram; if there are more values, they share bars."""

_OVER_TIME = {"questions": "New questions", "tokens": "Tokens", "cost": "Cost"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A label at a position on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its position, and its description."""

    x: float
    y: float
    width: float
    height: float
    told: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A figure of bars.

    Attributes:
        title: Title of the figure.
        across: Name of the x axis.
        bars: The bars from left to right.
        ticks_x: Labels of the x axis.
        ticks_y: Labels of the y axis.
        rows: The values as a table: label and value.
        head: Names of its two columns.
    """

    title: str
    across: str
    bars: Sequence[Bar]
    ticks_x: Sequence[Mark]
    ticks_y: Sequence[Mark]
    rows: Sequence[tuple[str, str]]
    head: tuple[str, str]


def bars(
    title: str,
    across: str,
    values: Sequence[tuple[str, float]],
    *,
    head: tuple[str, str],
) -> Bars | None:
    """Return a figure of labelled values; None if there are fewer than two.

    Args:
        title: Title of the figure.
        across: Name of the x axis.
        values: Label and value of each bar.
        head: Names of the columns of the table.
    """
    if len(values) < 2 or not any(value > 0 for _, value in values):
        return None
    ticks = round_ticks(max(value for _, value in values))
    most = ticks[-1]
    inner = WIDTH - LEFT - RIGHT
    tall = HEIGHT - TOP - BOTTOM
    step = inner / len(values)
    gap = min(3.0, step * 0.15)
    drawn = []
    for place, (label, value) in enumerate(values):
        height = tall * value / most
        if value > 0:
            height = max(height, 1.5)
        x = LEFT + place * step + gap / 2
        told = f"{label}: {number(value)}"
        drawn.append(Bar(round(x, 1), round(TOP + tall - height, 1), round(step - gap, 1), round(height, 1), told))  # fmt: skip
    widest = max(len(label) for label, _ in values)
    every = max(1, math.ceil(len(values) * (widest * 7 + 8) / inner))
    return Bars(
        title,
        across,
        drawn,
        [
            Mark(round(LEFT + (place + 0.5) * step, 1), label)
            for place, (label, _) in enumerate(values)
            if place % every == 0
        ],
        [Mark(round(TOP + tall - tall * tick / most, 1), short(tick)) for tick in ticks],
        [(label, number(value)) for label, value in values],
        head,
    )


def short(value: float) -> str:
    """Return a number in a few characters.

    >>> short(1_500_000), short(20_000), short(400), short(0.25)
    ('1.5M', '20k', '400', '0.25')
    """
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def round_ticks(most: float) -> list[float]:
    """Return about five round numbers from 0 to at least `most`.

    >>> round_ticks(37), round_ticks(1)
    ([0.0, 10.0, 20.0, 30.0, 40.0], [0.0, 0.5, 1.0])
    """
    if not most > 0 or not math.isfinite(most):
        return [0.0, 1.0]
    raw = most / 4
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * f for f in (1, 2, 5, 10) if size * f >= raw * 0.999)
    count = math.ceil(most / step - 1e-9)
    return [round(step * place, 12) for place in range(max(count, 1) + 1)]


def of_picture(picture: Picture) -> dict[str, Any]:
    """Return the figures of an overview, by their names in the template."""
    found = [over_time(picture.steps, picture.step, what=what) for what in _OVER_TIME]
    return {"sizes": sizes(picture.sizes), "over_time": [figure for figure in found if figure]}


def sizes(counts: Mapping[int, int], *, title: str = "Samples a question") -> Bars | None:
    """Return the figure of the number of samples per question."""
    if not counts:
        return None
    least, most = min(counts), max(counts)
    width = max(1, math.ceil((most - least + 1) / MOST_BARS))
    values = []
    for start in range(least, most + 1, width):
        total = sum(counts.get(size, 0) for size in range(start, start + width))
        label = str(start) if width == 1 else f"{start}–{start + width - 1}"
        values.append((label, float(total)))
    return bars(title, "samples", values, head=("samples", "questions"))


def over_time(steps: Sequence[Step], step: int, *, what: str) -> Bars | None:
    """Return the figure of new questions, or their tokens or cost, over time, with empty intervals.

    Args:
        steps: The intervals in order of time.
        step: Length of an interval in seconds.
        what: "questions", "tokens" or "cost".
    """
    if not steps:
        return None
    form = "%H:%M" if step < 86_400 else "%d %b"
    known = {s.start: float(getattr(s, what)) for s in steps}
    first = steps[0].start
    spans = range(first, min(steps[-1].start, first + 400 * step) + 1, step)
    values = [(time.strftime(form, time.gmtime(at)), known.get(at, 0.0)) for at in spans]
    name = {3_600: "hour", 86_400: "day"}.get(step, "week")
    title = _OVER_TIME[what]
    return bars(
        f"{title} by {name}", f"{name} (UTC) of the question's first call", values,
        head=(name, what),
    )  # fmt: skip

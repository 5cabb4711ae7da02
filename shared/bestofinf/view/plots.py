"""Figures of the advice: accuracy against cost, by coverage, by confidence and by agreement."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestofinf.advice.advise import Advice
from bestofinf.report.facts import VOTES, Facts
from bestofinf.view.figures import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Mark, short
from bestofinf.view.render import number, percent

LINES = 5
"""Maximum number of lines of a plot; more could not be distinguished."""

BINS = 10
"""Number of points of a line of frequencies."""

Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a plot, with its error bar and its description."""

    x: float
    y: float
    low: float
    high: float
    told: str


@dataclass(frozen=True, slots=True)
class Line:
    """The points of one series.

    Attributes:
        name: Name of the series.
        points: The points from left to right.
        path: SVG path of their line; "" for points without a line.
    """

    name: str
    points: Sequence[Point]
    path: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure of lines and points.

    Attributes:
        title: Title of the figure.
        across: Name of the x axis.
        upward: Name of the y axis.
        lines: The lines.
        ticks_x: Labels of the x axis.
        ticks_y: Labels of the y axis.
        rows: The values as a table: line, x, y, error.
        guide: SVG path of the line y = x; "" for none.
    """

    title: str
    across: str
    upward: str
    lines: Sequence[Line]
    ticks_x: Sequence[Mark]
    ticks_y: Sequence[Mark]
    rows: Sequence[tuple[str, str, str, str]]
    guide: str = ""


Data: TypeAlias = Sequence[tuple[str, bool, Sequence[tuple[float, float, float]]]]


def of_facts(facts: Facts) -> list[Plot]:
    """Return the figures of an advice."""
    found = (frontier(facts.advice), coverage(facts.advice), calibration(facts), agreement(facts))
    return [plot for plot in found if plot is not None]


def frontier(advice: Advice) -> Plot | None:
    """Return accuracy against cost, one line for each kind of strategy."""
    lines: dict[str, list[tuple[float, float, float]]] = {}
    for outcome in advice.heldout.values():
        strategy, cost = outcome.strategy, outcome.mean_cost
        if strategy.kind == "limit" or cost is None or not 0 < cost < math.inf:
            continue
        if strategy.kind == "one" and strategy.member is not None:
            name = "one answer of a member"
        elif strategy.member is not None:
            name = f"votes of {strategy.member}"
        elif strategy.objective is not None:
            name = f"ensemble, {strategy.objective} weights"
        else:
            continue
        lines.setdefault(name, []).append((cost, outcome.accuracy, _known(outcome.se)))
    found = sorted(lines.items(), key=lambda pair: -max(point[1] for point in pair[1]))
    first = [pair for pair in found if not pair[0].startswith("votes of ")]
    shown = (first + [pair for pair in found if pair[0].startswith("votes of ")])[:LINES]
    return plot(
        "Accuracy against cost",
        f"{advice.unit.name} a question",
        "right, held out",
        [(name, not name.startswith("one answer"), sorted(points)) for name, points in shown],
        logarithmic=True,
    )


def coverage(advice: Advice) -> Plot | None:
    """Return the accuracy of the surest answers, by coverage."""
    if advice.calibration is None:
        return None
    points = [(p.coverage, p.accuracy, _known(p.se)) for p in advice.calibration.curve]
    return plot(
        "Accuracy where only the surest are answered",
        "share of the questions answered",
        "right, held out",
        [("surest first", True, sorted(points))],
    )


def calibration(facts: Facts) -> Plot | None:
    """Return how often decisions are right, and agree with all samples, by confidence."""
    if not len(facts.confidences):
        return None
    confidence, agrees, right = facts.confidences.T
    return plot(
        "Whether the confidence holds",
        "confidence of the decision",
        "share",
        [
            ("the winner is right", True, _by(confidence, right, each=VOTES)),
            ("the winner is what all samples elect", True, _by(confidence, agrees, each=VOTES)),
        ],
        guide=True,
    )


def agreement(facts: Facts) -> Plot | None:
    """Return how often the most frequent answer is right, by its share of the votes."""
    shares = np.array([q.share for q in facts.questions])
    right = np.array([float(q.right) for q in facts.questions])
    return plot(
        "Whether agreement means right",
        "share of the most frequent answer",
        "share right",
        [("the most frequent answer", True, _by(shares, right, each=1))],
        guide=True,
    )


def _by(given: Numbers, seen: Numbers, *, each: int) -> list[tuple[float, float, float]]:
    """Return means of `given` and of `seen`, with the error of the latter, in bins of equal size.

    The bins are those of sorted `given`; equal numbers are in the same bin.

    Args:
        given: Numbers in [0, 1], such as confidences.
        seen: A number in [0, 1] for each of them, such as whether the decision is right.
        each: How many consecutive entries are of the same question; the error is over questions.
    """
    parts = min(BINS, max(1, len(given) // (5 * each)))
    edges = np.unique(np.quantile(given, np.linspace(0, 1, parts + 1)[1:-1]))
    place = np.searchsorted(edges, given)
    points = []
    for part in np.unique(place):
        some = place == part
        mean, questions = float(seen[some].mean()), some.sum() / each
        error = math.sqrt(mean * (1 - mean) / max(questions, 1))
        points.append((float(given[some].mean()), mean, error))
    return points


def plot(
    title: str,
    across: str,
    upward: str,
    data: Data,
    *,
    logarithmic: bool = False,
    guide: bool = False,
) -> Plot | None:
    """Return a figure of lines; None if there are fewer than two points.

    Args:
        title: Title of the figure.
        across: Name of the x axis.
        upward: Name of the y axis; its values are shares.
        data: For each series its name, whether a line is drawn, and its points (x, y, error of y).
        logarithmic: Use a logarithmic x axis; x must be above 0.
        guide: Also draw the line y = x.
    """
    points = [point for _, _, some in data for point in some]
    if len(points) < 2:
        return None
    scale = math.log10 if logarithmic else float
    xs = [scale(x) for x, _, _ in points]
    left, right = min(xs), max(xs)
    margin = (right - left) * 0.06 or 0.5
    left, right = left - margin, right + margin
    bottom = max(0.0, math.floor(20 * min(y - e for _, y, e in points)) / 20)
    top = min(1.0, math.ceil(20 * max(y + e for _, y, e in points)) / 20)
    top = max(top, bottom + 0.05)

    def at_x(x: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (scale(x) - left) / (right - left), 1)

    def at_y(y: float) -> float:
        inside = min(max(y, bottom), top)
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (top - inside) / (top - bottom), 1)

    lines, rows = [], []
    for name, joined, some in data:
        drawn = []
        for x, y, e in some:
            told = f"{name}: {percent(y, 1)} ± {percent(e, 1)} at {number(x)} {across}"
            drawn.append(Point(at_x(x), at_y(y), at_y(y - e), at_y(y + e), told))
            rows.append((name, number(x), percent(y, 1), percent(e, 1)))
        path = "M" + " L".join(f"{p.x} {p.y}" for p in drawn) if joined and len(drawn) > 1 else ""
        lines.append(Line(name, drawn, path))
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2) if (top - bottom) / s <= 5.01)
    first = math.ceil(bottom / step - 1e-9)
    uppers = [round(step * n, 4) for n in range(first, math.floor(top / step + 1e-9) + 1)]
    return Plot(
        title,
        across,
        upward,
        lines,
        [Mark(at_x(x), short(x)) for x in _across(left, right, logarithmic)],
        [Mark(at_y(y), percent(y)) for y in uppers],
        rows,
        _guide(max(left, bottom), min(right, top), at_x, at_y) if guide else "",
    )


def _guide(
    least: float, most: float, at_x: Callable[[float], float], at_y: Callable[[float], float]
) -> str:
    if least >= most:
        return ""
    return f"M{at_x(least)} {at_y(least)} L{at_x(most)} {at_y(most)}"


def _across(left: float, right: float, logarithmic: bool) -> list[float]:
    if not logarithmic:
        step = next((s for s in (0.05, 0.1, 0.2, 0.5) if (right - left) / s <= 6), 1.0)
        return [round(step * n, 4) for n in range(math.ceil(left / step), int(right / step) + 1)]
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        found = [
            step * 10.0**power
            for power in range(math.floor(left), math.ceil(right) + 1)
            for step in steps
            if left <= math.log10(step * 10.0**power) <= right
        ]
        if len(found) > 2:
            return found[:8]
    return found


def _known(error: float) -> float:
    return error if math.isfinite(error) else 0.0

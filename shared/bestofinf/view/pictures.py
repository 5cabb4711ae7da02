"""Write single figures as files: SVG as in the page, or PNG."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any, Literal, TypeAlias

from bestofinf._extras import require
from bestofinf.errors import UsageError
from bestofinf.report.facts import Facts
from bestofinf.view import figures, maps, plots
from bestofinf.view.figures import HEIGHT, LEFT, RIGHT, WIDTH, Bars
from bestofinf.view.maps import LEVELS, Map
from bestofinf.view.plots import Plot
from bestofinf.view.render import marked, rendered, static

Figure: TypeAlias = Plot | Bars | Map

_INK, _SOFT, _LINE, _MARK = "#1d2429", "#59646d", "#d9dee1", "#0b7f70"
_SERIES = (_MARK, "#b4620e", "#5565c9", "#a83250", "#6f7d22")
_SHAPES = ("o", "s", "^")
_FONT = 12.0  # in points: 12 units of a figure that is 5.5 inches wide are 13 points


def of_facts(facts: Facts) -> dict[str, Figure]:
    """Return the figures of a report by name; empty ones are left out."""
    counted = Counter(max(1, round(q.samples)) for q in facts.questions)
    found: dict[str, Figure | None] = {
        "frontier": plots.frontier(facts.advice),
        "coverage": plots.coverage(facts.advice),
        "calibration": plots.calibration(facts),
        "agreement": plots.agreement(facts),
        "simplex": maps.of_facts(facts),
        "samples": figures.sizes(counted, title="Samples until settled"),
        "weights": figures.bars(
            "Weights", "member", [*facts.advice.weights.items()], head=("member", "weight")
        ),
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def write_pictures(facts: Facts, path: str | Path, form: Literal["svg", "png"]) -> list[Path]:
    """Write every figure beside `path`, as NAME-FIGURE.svg or .png; return the paths.

    Raises:
        UsageError: If a file cannot be written.
        MissingExtraError: If matplotlib (for PNG) or jinja2 (for SVG) is not installed.
    """
    path, written = Path(path), []
    for name, figure in of_facts(facts).items():
        target = path.with_name(f"{path.stem}-{name}.{form}")
        data = as_svg(figure).encode() if form == "svg" else as_png(figure)
        try:
            target.write_bytes(data)
        except OSError as error:
            raise UsageError(f"{target}: cannot be written: {error.strerror}") from None
        written.append(target)
    return written


def as_svg(figure: Figure) -> str:
    """Return a figure as an SVG file, which follows the light or dark mode of the screen."""
    kind = "plot" if isinstance(figure, Plot) else "map" if isinstance(figure, Map) else "bars"
    style = marked(static("figure.css").decode("utf-8"))
    return rendered("figure.svg.j2", figure=figure, kind=kind, style=style)


def as_png(figure: Figure) -> bytes:
    """Return a figure as PNG, on white."""
    matplotlib = require("matplotlib", extra="plots", purpose="a PNG")
    pyplot_figure = require("matplotlib.figure", extra="plots", purpose="a PNG").Figure
    lines = figure.lines if isinstance(figure, Plot) and len(figure.lines) > 1 else ()
    tall = HEIGHT + 28 + 16 * len(lines)
    with matplotlib.rc_context({"font.size": _FONT, "text.color": _SOFT}):
        drawn = pyplot_figure(figsize=(5.5, 5.5 * tall / WIDTH))
        axes = drawn.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(tall - 24, -24))
        axes.axis("off")
        axes.text(8, -7, figure.title, color=_INK)
        if isinstance(figure, Map):
            _draw_map(axes, figure)
        else:
            _draw_axes(axes, figure)
        for place, one in enumerate(lines):
            y = HEIGHT + 10 + 16 * place
            axes.plot([52], [y], _SHAPES[place % 3], color=_SERIES[place], markersize=5)
            axes.text(62, y, one.name, va="center")
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="png", dpi=200, facecolor="white")
    return buffer.getvalue()


def _draw_axes(axes: Any, figure: Plot | Bars) -> None:
    for tick in figure.ticks_y:
        axes.plot([LEFT, WIDTH - RIGHT], [tick.at, tick.at], color=_LINE, linewidth=0.7)
        axes.text(LEFT - 5, tick.at, tick.text, ha="right", va="center")
    for tick in figure.ticks_x:
        axes.text(tick.at, 171, tick.text, ha="center")
    axes.text((LEFT + WIDTH - RIGHT) / 2, 186, figure.across, ha="center")
    if isinstance(figure, Bars):
        for bar in figure.bars:
            axes.bar(bar.x, bar.height, bar.width, bar.y, align="edge", color=_MARK)
        return
    if figure.guide:
        axes.plot(*_path(figure.guide), color=_SOFT, linewidth=0.7, linestyle=":")
    for place, one in enumerate(figure.lines):
        xs, ys = [p.x for p in one.points], [p.y for p in one.points]
        low, high = [p.low - p.y for p in one.points], [p.y - p.high for p in one.points]
        axes.errorbar(
            xs, ys, yerr=(high, low), color=_SERIES[place], marker=_SHAPES[place % 3], markersize=4,
            linewidth=1.1, elinewidth=0.7, linestyle="-" if one.path else "none",
        )  # fmt: skip


def _draw_map(axes: Any, figure: Map) -> None:
    xs, ys = [c.x for c in figure.cells], [c.y for c in figure.cells]
    levels = [c.level for c in figure.cells]
    axes.scatter(xs, ys, c=levels, s=70, cmap="BuGn", vmin=-1, vmax=LEVELS - 1, linewidths=0)
    for corner in figure.corners:
        aligned = {"start": "left", "end": "right"}[corner.anchor]
        axes.text(corner.x, corner.y, corner.name, ha=aligned)
    if figure.star is not None:
        axes.plot(*figure.star, "*", color="white", markeredgecolor="#a83250", markersize=10)
    axes.text(284, 60, f"{figure.scale[1]} (darkest)")
    axes.text(284, 124, f"{figure.scale[0]} (lightest)")


def _path(drawn: str) -> tuple[list[float], list[float]]:
    """Return the points of an SVG path such as "M1 2 L3 4"."""
    points = [pair.split() for pair in drawn.replace("M", "").split(" L")]
    return [float(x) for x, _ in points], [float(y) for _, y in points]

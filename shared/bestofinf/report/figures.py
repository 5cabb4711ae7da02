"""The pictures of a report, drawn by matplotlib."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from bestofinf._extras import require
from bestofinf.report.facts import Facts

Picture: TypeAlias = Callable[[Any, Facts], None]

_INK = "#010203"  # stands for the colour of the page's text
_COLOURS = ("#0f9d8a", "#e08a1e", "#6b7fd7", "#c2556e", "#8a9a3b", "#7f7f7f")
_RIGHT, _WRONG = _COLOURS[0], _COLOURS[3]


def _frontier(axes: Any, facts: Facts) -> None:
    """Accuracy against tokens, one line a kind of strategy."""
    lines: dict[str, list[tuple[float, float, float]]] = {}
    known = all(
        o.mean_tokens is not None
        for o in facts.advice.heldout.values()
        if o.strategy.kind != "limit"
    )
    for outcome in facts.advice.heldout.values():
        strategy = outcome.strategy
        cost = outcome.mean_tokens if known else outcome.mean_samples
        if strategy.kind == "limit" or cost is None or not math.isfinite(cost):
            continue
        if strategy.kind == "one" and strategy.member is not None:
            name = "one answer of each member"
        elif strategy.member is not None:
            name = f"votes of {strategy.member}"
        elif strategy.objective is not None:
            name = f"{strategy.objective} ensemble"
        else:
            continue
        lines.setdefault(name, []).append((cost, outcome.accuracy, outcome.se))
    ranked = sorted(lines.items(), key=lambda pair: -max(point[1] for point in pair[1]))
    shown = [pair for pair in ranked if not pair[0].startswith("votes of")]
    shown += [pair for pair in ranked if pair[0].startswith("votes of")][:3]
    for place, (name, points) in enumerate(shown[: len(_COLOURS)]):
        costs, accuracies, errors = zip(*sorted(points), strict=True)
        style = "none" if name.startswith("one answer") else "-"
        axes.errorbar(
            costs, accuracies, errors, marker="o", markersize=4, linestyle=style, capsize=2,
            linewidth=1.4, elinewidth=0.6, color=_COLOURS[place % len(_COLOURS)], label=name,
        )  # fmt: skip
    axes.set(
        xscale="log",
        xlabel="tokens a question" if known else "samples a question",
        ylabel="share right, held out",
    )
    axes.legend(fontsize=7)


def _agreement(axes: Any, facts: Facts) -> None:
    """How large the share of the most frequent answer is."""
    shares = [[q.share for q in facts.questions if q.right is right] for right in (True, False)]
    axes.hist(
        shares, bins=np.linspace(0, 1, 21), stacked=True, color=[_RIGHT, _WRONG],
        label=["it is right", "it is wrong"],
    )  # fmt: skip
    axes.set(xlabel="share of the most frequent answer", ylabel="questions")
    axes.legend(fontsize=7)


def _samples(axes: Any, facts: Facts) -> None:
    """How many samples the questions need."""
    samples = [q.samples for q in facts.questions]
    axes.hist(samples, bins=np.arange(0.5, max(samples, default=1) + 1.5), color=_COLOURS[2])
    axes.set(xlabel="samples until settled", ylabel="questions")


def _weights(axes: Any, facts: Facts) -> None:
    """The weights in use."""
    weights = dict(sorted(facts.advice.weights.items(), key=lambda pair: pair[1]))
    axes.barh(list(weights), list(weights.values()), height=0.6, color=_COLOURS[0])
    axes.set(xlabel="weight", xlim=(0, 1), ylim=(-0.6, max(len(weights), 4) - 0.4))


def _simplex(axes: Any, facts: Facts) -> None:
    """Questions won by mixtures of the three heaviest members."""
    corners = np.array([(0.0, 0.0), (1.0, 0.0), (0.5, math.sqrt(3) / 2)])
    places = facts.map_points @ corners
    if facts.map_won.min() == facts.map_won.max():
        drawn = axes.scatter(*places.T, c=facts.map_won, s=6, cmap="viridis")
    else:
        levels = np.arange(facts.map_won.min() - 0.5, facts.map_won.max() + 1)
        levels = levels[:: max(1, len(levels) // 24)]
        drawn = axes.tricontourf(*places.T, facts.map_won, levels=levels, cmap="viridis")
    axes.figure.colorbar(drawn, ax=axes, label="questions won", shrink=0.8)
    for name, (x, y), where in zip(
        facts.map_members, corners, ("left", "right", "center"), strict=True
    ):
        axes.annotate(
            name, (x, y), ha=where, va="top" if y == 0 else "bottom", fontsize=7,
            xytext=(0, -6 if y == 0 else 4), textcoords="offset points",
        )  # fmt: skip
    chosen = np.array([facts.advice.weights.get(name, 0.0) for name in facts.map_members])
    if chosen.sum() > 0:
        axes.plot(*(chosen / chosen.sum() @ corners), marker="*", markersize=13, color="white",
                  markeredgecolor=_WRONG)  # fmt: skip
    axes.set_aspect("equal")
    axes.axis("off")


def _calibration(axes: Any, facts: Facts) -> None:
    """Whether a confidence of 90 % means 90 %."""
    confidence, agrees, right = facts.confidences.T
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, min(10, max(1, len(order) // 20))) if len(part)]
    stated = [confidence[part].mean() for part in parts]
    for values, name, colour in (
        (agrees, "the winner is the mode", _COLOURS[0]),
        (right, "the winner is right", _COLOURS[1]),
    ):
        seen = [values[part].mean() for part in parts]
        axes.plot(stated, seen, marker="o", markersize=4, color=colour, label=name)
    axes.axline((1, 1), slope=1, color="#888888", linewidth=0.8, linestyle=":")
    least = math.floor(10 * min(*stated, *axes.get_ylim(), 0.9)) / 10
    axes.set(
        xlabel="confidence of the decision", ylabel="share", xlim=(least, 1.02), ylim=(least, 1.02)
    )
    axes.legend(fontsize=7)


PICTURES: Mapping[str, tuple[str, Picture]] = {
    "frontier": ("Accuracy against cost, on held-out questions", _frontier),
    "agreement": ("How far the answers agree", _agreement),
    "samples": ("Samples per question", _samples),
    "weights": ("Weights", _weights),
    "simplex": ("Questions won by mixtures of three members; the star is the advice", _simplex),
    "calibration": ("Calibration of the confidence", _calibration),
}
"""Pictures by name, with their titles."""


def drawn(name: str, facts: Facts, form: str) -> bytes | None:
    """Return a picture as SVG or PNG; None where there is nothing to show.

    Args:
        name: One of `PICTURES`.
        facts: What to show.
        form: "svg", whose text takes the colour of the page, or "png" on white.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    if (name == "simplex" and not facts.map_members) or (
        name == "calibration" and not len(facts.confidences)
    ):
        return None
    matplotlib = require("matplotlib", extra="plots", purpose="a report")
    figures = require("matplotlib.figure", extra="plots", purpose="a report")
    ink = _INK if form == "svg" else "#222222"
    style = dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), ink
    )
    settings: dict[str, Any] = {
        **style, "font.size": 9, "svg.hashsalt": "bestofinf", "svg.fonttype": "none",
        "legend.framealpha": 0.0, "axes.grid": name not in ("simplex", "weights"),
        "grid.alpha": 0.25, "axes.spines.top": False, "axes.spines.right": False,
    }  # fmt: skip
    with matplotlib.rc_context(settings):
        figure = figures.Figure(figsize=(6.4, 3.8), layout="constrained")
        PICTURES[name][1](figure.subplots(), facts)
        buffer = io.BytesIO()
        figure.savefig(
            buffer,
            format=form,
            dpi=130,
            transparent=form == "svg",
            metadata={"Date": None} if form == "svg" else None,
        )
    data = buffer.getvalue()
    return data.replace(_INK.encode(), b"currentColor") if form == "svg" else data

"""The map of weights: how many questions every mixture of three members wins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bestofinf.report.facts import Facts
from bestofinf.view.render import number

LEVELS = 8
"""Number of shades between the fewest questions won and the most."""

_CORNERS = np.array([(96.0, 160.0), (264.0, 160.0), (180.0, 14.5)])
_NAME = 26  # maximum number of characters of a member's name at a corner


@dataclass(frozen=True, slots=True)
class Cell:
    """A mixture: its position, its shade from 0 to `LEVELS` - 1, and its description."""

    x: float
    y: float
    level: int
    told: str


@dataclass(frozen=True, slots=True)
class Corner:
    """A member alone: the position of its name, and the alignment of the text."""

    x: float
    y: float
    anchor: str
    name: str


@dataclass(frozen=True, slots=True)
class Map:
    """A map of weights.

    Attributes:
        title: Title of the map.
        cells: The mixtures.
        radius: Radius of a cell.
        corners: The members.
        star: Position of the advised weights; None if they are 0 for these members.
        rows: The values as a table: mixture, questions won.
        head: Names of its two columns.
        scale: Meaning of the lightest and the darkest shade.
    """

    title: str
    cells: Sequence[Cell]
    radius: float
    corners: Sequence[Corner]
    star: tuple[float, float] | None
    rows: Sequence[tuple[str, str]]
    head: tuple[str, str]
    scale: tuple[str, str]


def of_facts(facts: Facts) -> Map | None:
    """Return the map; None if there are fewer than three members."""
    names = facts.map_members
    if not names:
        return None
    points, won = facts.map_points, facts.map_won
    least, most = float(won.min()), float(won.max())
    places = points @ _CORNERS
    cells = [
        Cell(
            round(float(x), 1),
            round(float(y), 1),
            LEVELS - 1 if most == least else int((LEVELS - 1) * (w - least) / (most - least) + 0.5),
            f"{_mixture(names, point.tolist())}: {number(w)}",
        )
        for (x, y), point, w in zip(places, points, won.tolist(), strict=True)
    ]
    steps = round((math.sqrt(8 * len(points) + 1) - 3) / 2)  # along an edge
    advised = np.array([facts.advice.weights.get(name, 0.0) for name in names])
    star = None
    if advised.sum() > 0:
        x, y = (advised / advised.sum() @ _CORNERS).tolist()
        star = (round(x, 1), round(y, 1))
    best = points[int(won.argmax())].tolist()
    alone = [(name, points[:, place].argmax()) for place, name in enumerate(names)]
    rows = [(f"{name} alone", number(float(won[row]))) for name, row in alone]
    rows.append((f"the most: {_mixture(names, best)}", number(most)))
    anchors = ((8, 180, "start"), (352, 180, "end"), (190, 14, "start"))
    return Map(
        "Questions won by mixtures; the star is the advice",
        cells,
        round(0.58 * 168 / steps, 2),
        [
            Corner(x, y, anchor, name if len(name) <= _NAME else name[: _NAME - 1] + "…")
            for (x, y, anchor), name in zip(anchors, names, strict=True)
        ],
        star,
        rows,
        ("mixture", "questions won"),
        (number(least), number(most)),
    )


def _mixture(names: Sequence[str], weights: Sequence[float]) -> str:
    return ", ".join(f"{name} {weight:.2f}" for name, weight in zip(names, weights, strict=True))

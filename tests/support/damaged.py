"""JSON values in which some places hold something else, hold nothing, or have another name."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

from support.hostile import NUMBERS

INSTEAD: tuple[Any, ...] = (
    *(*NUMBERS, 10**400),
    *(
        None,
        False,
        0,
        0.1,
        "",
        "NaN",
        "x" * 3000,
        "\x00",
        "\x1b[2J",
        "\u202e",
        "2026-13-45T99:00:00Z",
    ),
    *([], {}, [None], [True], [[[[]]]], [[1, 2], [3]], {"a": None}, {"role": 5}, {"type": "text"}),
    *([{"type": "text"}], [{"type": ["text"]}], [{"type": "text", "text": 5}]),
)
NAMES = ("id", "text", "type", "", "x" * 50)


def damaged(value: Any, random: Random) -> Any:
    """Return a copy of a JSON value with one to four places changed, which may lie in one another."""
    value = copy.deepcopy(value)
    places = [place for place in _places(value) if place]
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        *way, last = random.choice(places)
        at = value
        try:
            for step in way:
                at = at[step]
            _change(at, last, random)
        except (KeyError, IndexError, TypeError):  # an earlier change took the place away
            continue
    return value


def _change(at: Any, last: Any, random: Random) -> None:
    how = random.random()
    if how < 0.7:
        at[last] = copy.deepcopy(random.choice(INSTEAD))
    elif how < 0.85:
        del at[last]
    elif isinstance(at, dict):
        at[random.choice(NAMES)] = at.pop(last)
    elif isinstance(at, list):
        at.append(copy.deepcopy(at[last]))


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value if isinstance(value, list) else ())
    )
    for name, inside in inner:
        yield from _places(inside, (*way, name))

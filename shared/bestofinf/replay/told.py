"""Probabilities of recorded replies, in the form that a replay's tallies take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bestofinf.replay.draws import Draws
from bestofinf.replay.populations import Bools, Floats, Ints, Population
from bestofinf.rules.mass_arrays import MassArrays


class Told:
    """The probabilities of the replies in the draws of some populations.

    Args:
        populations: The populations, each with the same number of rows of draws.
        draws: The draws, with rows ordered by population.
    """

    def __init__(self, populations: Sequence[Population], draws: Draws) -> None:
        each = len(draws.lengths) // len(populations)
        sizes = [[len(answers) for answers in p.answers] for p in populations]
        before = np.cumsum([0, *(sum(own) for own in sizes)])[:-1]
        starts = [
            start + np.cumsum([0, *own[:-1]]) for start, own in zip(before, sizes, strict=True)
        ]
        self._start: Ints = np.repeat(np.array(starts, dtype=np.int64), each, axis=0)
        self._draws = draws
        self._said: Ints = _joined([p.said for p in populations])
        self._probabilities: Floats = _joined([p.probabilities for p in populations])
        self._processed: Bools = _joined([p.processed for p in populations])
        self._replies = int(self._said.max(initial=-1)) + 1

    @property
    def anything(self) -> bool:
        """Whether any reply has a probability."""
        return self._replies > 0

    def masses(self, rows: int, answers: int, members: int) -> MassArrays:
        """Return an empty `MassArrays` of the right size."""
        return MassArrays(rows, answers, members, self._replies)

    def at(self, rows: Ints, step: int) -> tuple[Ints, Floats, Bools]:
        """Return for draw `step` of some rows: reply number, probability, whether it is "processed"."""
        member = self._draws.members[rows, step]
        places = self._start[rows, member] + self._draws.samples[rows, step]
        return self._said[places], self._probabilities[places], self._processed[places]


def _joined(columns: Sequence[Sequence[NDArray[np.generic]]]) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate([values for column in columns for values in column])

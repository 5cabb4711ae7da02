"""Collect the votes of a replay into the columns of its result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bestofinf.replay.populations import Floats, Population
from bestofinf.replay.results import Grid, ReplayResult
from bestofinf.replay.votes import Votes


class Book:
    """Collects the results of the trials of each population.

    Args:
        populations: The populations that are voted on.
        grid: Their questions, for means.
        rule: The rule, as on the command line.
        trials: Number of votes per population.
        priced: Whether samples have a price.
        replacement: Whether samples were drawn with replacement.
        left_out: Number of questions that not all members of the ensemble were asked.
        limits: Accuracy with infinitely many votes and its extrapolation step, per population.
    """

    def __init__(
        self,
        populations: Sequence[Population],
        grid: Grid,
        rule: str,
        *,
        trials: int,
        priced: bool,
        replacement: bool,
        left_out: int,
        limits: tuple[Floats, Floats],
    ) -> None:
        self._populations = populations
        self._grid = grid
        self._rule = rule
        self._trials = trials
        self._priced = priced
        self._replacement = replacement
        self._left_out = left_out
        self._limits = limits
        self._columns: dict[str, Floats] = {}
        self._reasons: dict[str, float] = {}

    def enter(
        self,
        rows: Sequence[int],
        chunk: Sequence[Population],
        votes: Votes,
        **more: Floats,
    ) -> None:
        """Enter the votes of some populations.

        Args:
            rows: Indices of these populations among all.
            chunk: The populations.
            votes: Results of their trials.
            more: Further columns with one entry per trial.
        """
        shape = (len(chunk), self._trials)
        values = {
            "samples": votes.samples.reshape(shape),
            "tokens": votes.tokens.reshape(shape),
            **({"cost": votes.costs.reshape(shape)} if self._priced else {}),
            **graded(votes, chunk, shape),
            **{name: column.reshape(shape) for name, column in more.items()},
        }
        for name, value in values.items():
            self._column(name)[list(rows)] = value.mean(axis=1)
        for place, population in zip(rows, chunk, strict=True):
            if population.p_right is not None:
                self._column("bo1")[place] = population.p_right
        counts = np.bincount(votes.reasons, minlength=len(votes.names))
        for name, count in zip(votes.names, counts.tolist(), strict=True):
            self._reasons[name] = self._reasons.get(name, 0) + count

    def _column(self, name: str) -> Floats:
        return self._columns.setdefault(name, np.full(len(self._populations), np.nan))

    def result(self) -> ReplayResult:
        """Return the result of everything entered."""
        self._column("bo1")
        values, steps = self._limits
        graded = np.array([p.right is not None for p in self._populations])
        # A mean over only some questions would not be comparable with the other means.
        known = bool(graded.any()) and not np.isnan(values[graded]).any()
        self._columns["bo_inf"] = values if known else np.full(len(values), np.nan)
        total = sum(self._reasons.values())
        shares = {name: count / total for name, count in self._reasons.items() if count}
        return ReplayResult(
            rule=self._rule,
            trials=self._trials,
            grid=self._grid,
            columns=self._columns,
            reasons=shares,
            recorded=min(len(a) for p in self._populations for a in p.answers),
            replacement=self._replacement,
            left_out=self._left_out,
            steps=steps,
        )


def graded(votes: Votes, chunk: Sequence[Population], shape: tuple[int, int]) -> dict[str, Floats]:
    """Return accuracy and agreement per population and trial; tied answers share the credit."""
    winners = votes.answers.reshape(shape)
    named = winners >= 0
    modes, right = np.zeros(shape), np.full(shape, np.nan)
    for place, population in enumerate(chunk):
        winner = winners[place]
        modes[place] = named[place] & population.modes[winner]
        if population.right is not None:
            right[place] = named[place] & (winner == population.right)
    for row, tied in votes.tied.items():
        place, trial = divmod(row, shape[1])
        population = chunk[place]
        modes[place, trial] = population.modes[tied].mean()
        if population.right is not None:
            right[place, trial] = (tied == population.right).mean()
    return {"accuracy": right, "agreement": modes}

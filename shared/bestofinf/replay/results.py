"""What a replay gives: numbers per question, their means, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEASURES = ("samples", "tokens", "accuracy", "agreement", "bo1", "bo_inf")
RESAMPLES = 300


@dataclass(frozen=True)
class Grid:
    """The questions of a replay, and how means over them are taken.

    A mean is over the questions of a group (a member, or the ensemble) and data set, then over
    the groups of a data set, then over the data sets: large sets do not drown small ones.

    Attributes:
        questions: Name of the question per entry.
        datasets: Data set per entry.
        groups: Group per entry.
    """

    questions: tuple[str, ...]
    datasets: tuple[str, ...]
    groups: tuple[str, ...]

    def mean(self, values: Floats, times: Floats | None = None) -> float:
        """Return the mean over questions, groups and data sets.

        Args:
            values: One per entry; NaN is left out.
            times: How often each entry is taken; None for once.
        """
        known = ~np.isnan(values)
        times = known.astype(np.float64) if times is None else times * known
        cells = self._cells
        weight = np.bincount(cells, times, minlength=len(self._dataset_of_cell))
        total = np.bincount(cells, times * np.where(known, values, 0.0), minlength=len(weight))
        filled = weight > 0
        if not filled.any():
            return float("nan")
        means = total[filled] / weight[filled]
        datasets = self._dataset_of_cell[filled]
        sizes = np.bincount(datasets)
        return float((np.bincount(datasets, means)[sizes > 0] / sizes[sizes > 0]).mean())

    def resampled(self, seed: int = 0, times: int = RESAMPLES) -> list[Floats]:
        """Return how often each entry is taken in bootstrap samples of the questions.

        Questions are drawn with replacement within each data set, the same for all groups.
        """
        rng = np.random.default_rng(seed)
        names, place = np.unique(
            np.array([f"{d}\0{q}" for d, q in zip(self.datasets, self.questions, strict=True)]),
            return_inverse=True,
        )
        dataset = np.array([name.partition("\0")[0] for name in names.tolist()])
        strata = [np.flatnonzero(dataset == name) for name in dict.fromkeys(dataset.tolist())]
        found = []
        for _ in range(times):
            drawn = np.concatenate([rng.choice(rows, len(rows)) for rows in strata])
            found.append(np.bincount(drawn, minlength=len(names))[place].astype(np.float64))
        return found

    @cached_property
    def _cells(self) -> NDArray[np.int64]:
        return np.array([self._cell_names.index(c) for c in self._labels], dtype=np.int64)

    @cached_property
    def _labels(self) -> list[tuple[str, str]]:
        return list(zip(self.datasets, self.groups, strict=True))

    @cached_property
    def _cell_names(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys(self._labels))

    @cached_property
    def _dataset_of_cell(self) -> NDArray[np.int64]:
        names = list(dict.fromkeys(dataset for dataset, _ in self._cell_names))
        return np.array([names.index(d) for d, _ in self._cell_names], dtype=np.int64)


@dataclass(frozen=True)
class ReplayResult:
    """How a rule fared.

    Attributes:
        rule: The rule, as on the command line.
        trials: Trials per question and group.
        grid: The questions.
        columns: Mean over the trials of a question, by measure: ``samples``, ``tokens``,
            ``accuracy`` (NaN without a right answer), ``agreement`` with the mode, ``bo1``
            (chance that one sample is right), ``bo_inf`` (whether the mode is right), and, of a
            timed replay, ``seconds`` (in tokens) and ``started`` (draws).
        reasons: Share of the votes that each rule ended.
        seed: Seed of the draws, and of the bootstrap.
    """

    rule: str
    trials: int
    grid: Grid = field(repr=False)
    columns: Mapping[str, Floats] = field(repr=False)
    reasons: Mapping[str, float]
    seed: int = 0

    def mean(self, measure: str) -> float:
        """Return the mean of a measure over questions, groups and data sets; NaN without any."""
        return self.grid.mean(self.columns[measure])

    @property
    def samples(self) -> float:
        """Mean samples of a vote."""
        return self.mean("samples")

    @property
    def tokens(self) -> float:
        """Mean tokens of a vote."""
        return self.mean("tokens")

    @property
    def accuracy(self) -> float:
        """Share of right winners, over questions whose right answer is known."""
        return self.mean("accuracy")

    @property
    def agreement(self) -> float:
        """Share of winners that are the mode of what was recorded."""
        return self.mean("agreement")

    def standard_error(self, measure: str) -> float:
        """Return the bootstrap standard error of a mean, over questions."""
        return bootstrap(self.grid, lambda times: self.grid.mean(self.columns[measure], times))

    def per_group(self) -> list[dict[str, Any]]:
        """Return the means of every data set and group, one record each."""
        labels = list(zip(self.grid.datasets, self.grid.groups, strict=True))
        records = []
        for dataset, group in dict.fromkeys(labels):
            rows = np.array([label == (dataset, group) for label in labels])
            means = {name: _mean(column[rows]) for name, column in self.columns.items()}
            records.append(
                {"dataset": dataset, "group": group, "questions": int(rows.sum()), **means}
            )
        return records

    def to_json(self, *, errors: bool = True) -> dict[str, Any]:
        """Return the record that the command line prints; shares and means are floats or null."""
        record: dict[str, Any] = {
            "rule": self.rule,
            "questions": len(set(zip(self.grid.datasets, self.grid.questions, strict=True))),
            "trials": self.trials,
            "mean_samples": _or_none(self.samples),
            "mean_tokens": _or_none(self.tokens),
            "accuracy": _or_none(self.accuracy),
            "agreement": _or_none(self.agreement),
            "bo1": _or_none(self.mean("bo1")),
            "bo_inf": _or_none(self.mean("bo_inf")),
            "reasons": dict(self.reasons),
        }
        record |= {name: _or_none(self.mean(name)) for name in self.columns if name not in MEASURES}
        if errors:
            record["standard_errors"] = {
                name: _or_none(self.standard_error(name)) for name in self.columns
            }
        record["groups"] = self.per_group()
        return record


def bootstrap(grid: Grid, statistic: Callable[[Floats], float], *, seed: int = 0) -> float:
    """Return the standard deviation of a statistic over bootstrap samples of the questions.

    Args:
        grid: The questions.
        statistic: Takes how often each entry is taken.
        seed: Start of the resampling; the same seed pairs two statistics.
    """
    values = [statistic(times) for times in grid.resampled(seed)]
    known = [value for value in values if not np.isnan(value)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else float("nan")


def cost_at(points: Sequence[tuple[float, float]], quality: float) -> float:
    """Return the cost of a quality on the upper concave hull of (cost, quality) points.

    Mixing two rules at random attains every point between them, so the hull is what a family of
    rules offers. NaN where the quality is out of its reach.
    """
    hull: list[tuple[float, float]] = []
    best = -np.inf
    for cost, value in sorted(points, key=lambda p: (p[0], -p[1])):
        if value <= best:
            continue
        best = value
        while len(hull) > 1 and _turns_left(hull[-2], hull[-1], (cost, value)):
            hull.pop()
        hull.append((cost, value))
    if not hull or quality > hull[-1][1]:
        return float("nan")
    if quality <= hull[0][1]:
        return hull[0][0]
    costs, values = zip(*hull, strict=True)
    return float(np.interp(quality, values, costs))


def _turns_left(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value

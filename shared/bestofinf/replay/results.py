"""Results of a replay: numbers per question, their means and their errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestofinf.records.display import bars

Floats = NDArray[np.float64]

MEASURES = ("samples", "tokens", "accuracy", "agreement", "bo1", "bo_inf")
RESAMPLES = 300


@dataclass(frozen=True)
class Grid:
    """The questions of a replay, and how means over them are taken.

    A mean is over the questions of a group (a member, or the ensemble) and data set, then over
    the groups of a data set, then over the data sets, so all data sets count equally.

    Attributes:
        questions: Name of the question per entry.
        datasets: Data set per entry.
        groups: Group per entry.
    """

    questions: tuple[str, ...]
    datasets: tuple[str, ...]
    groups: tuple[str, ...]

    def mean(self, values: Floats) -> float:
        """Return the mean over questions, groups and data sets; NaN entries are left out.

        Args:
            values: One per entry.
        """
        return float(self.means(values, np.ones((1, len(values))))[0])

    def means(self, values: Floats, times: Floats) -> Floats:
        """Return the means of resamples, one per row of `times`, computed as in `mean`.

        Args:
            values: One per entry; NaN is left out.
            times: How often each entry is drawn, shape (resamples, entries).
        """
        known = ~np.isnan(values)
        weight = (times * known) @ self._in_cell
        total = (times * np.where(known, values, 0.0)) @ self._in_cell
        filled = (weight > 0).astype(np.float64)
        cells = filled * total / np.where(weight > 0, weight, 1.0)
        sizes = filled @ self._in_dataset
        datasets = (cells @ self._in_dataset) / np.where(sizes > 0, sizes, 1.0)
        number = (sizes > 0).sum(axis=1)
        result: Floats = np.where(number > 0, datasets.sum(axis=1) / np.maximum(number, 1), np.nan)
        return result

    @cached_property
    def resamples(self) -> Floats:
        """How often each entry is drawn in bootstrap samples of the questions.

        Shape (300, entries). Questions are drawn with replacement within each data set, the same
        for all groups. The samples are always the same, so that statistics are paired.
        """
        rng = np.random.default_rng(0)
        keys = list(zip(self.datasets, self.questions, strict=True))
        places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        strata: dict[str, list[int]] = {}
        for (dataset, _), place in places.items():
            strata.setdefault(dataset, []).append(place)
        entry = np.array([places[key] for key in keys], dtype=np.int64)
        rows = []
        for _ in range(RESAMPLES):
            drawn = np.concatenate([rng.choice(own, len(own)) for own in strata.values()])
            rows.append(np.bincount(drawn, minlength=len(places))[entry])
        return np.array(rows, dtype=np.float64)

    @cached_property
    def _in_cell(self) -> Floats:
        """1 if an entry is in a group of a data set, else 0."""
        cells = self._cells
        names = list(dict.fromkeys(cells))
        return np.array([[cell == name for name in names] for cell in cells], dtype=np.float64)

    @cached_property
    def _in_dataset(self) -> Floats:
        """1 if a group is of a data set, else 0."""
        cells = dict.fromkeys(self._cells)
        names = list(dict.fromkeys(self.datasets))
        return np.array([[cell[0] == name for name in names] for cell in cells], dtype=np.float64)

    @cached_property
    def _cells(self) -> list[tuple[str, str]]:
        return list(zip(self.datasets, self.groups, strict=True))


@dataclass(frozen=True)
class ReplayResult:
    """The result of a rule on recorded answers.

    Attributes:
        rule: The rule, as on the command line.
        trials: Trials per question and group.
        grid: The questions.
        columns: Mean over the trials of a question, by measure: ``samples``, ``tokens``,
            ``accuracy`` (NaN without a right answer), ``agreement`` with what all recorded
            samples elect, ``bo1`` (chance that one sample is right), ``bo_inf`` (accuracy with
            infinitely many votes, see `bestofinf.evaluation.limits`; all NaN if it cannot be
            estimated), with prices ``cost``, and in a timed replay ``seconds`` (one token takes one
            second) and ``started`` (draws).
        reasons: Share of the votes by the reason they ended for.
        recorded: Smallest number of recorded samples of a voting member for a question.
        replacement: Whether samples were drawn with replacement.
        left_out: Number of questions that not all members of an ensemble were asked.
        steps: How far ``bo_inf`` of each question was extrapolated beyond the recorded samples.
    """

    rule: str
    trials: int
    grid: Grid = field(repr=False)
    columns: Mapping[str, Floats] = field(repr=False)
    reasons: Mapping[str, float]
    recorded: int
    replacement: bool
    left_out: int
    steps: Floats = field(repr=False)

    def mean(self, measure: str) -> float:
        """Return the mean of a measure over questions, groups and data sets; NaN if there is none."""
        mean = self.grid.mean(self.columns[measure])
        return min(max(mean, 0.0), 1.0) if measure == "bo_inf" and mean == mean else mean

    @property
    def samples(self) -> float:
        """Mean number of samples of a vote."""
        return self.mean("samples")

    @property
    def tokens(self) -> float:
        """Mean number of tokens of a vote."""
        return self.mean("tokens")

    @property
    def accuracy(self) -> float:
        """Share of right winners, over questions whose right answer is known."""
        return self.mean("accuracy")

    @property
    def agreement(self) -> float:
        """Share of winners that all recorded samples elect."""
        return self.mean("agreement")

    def standard_error(self, measure: str) -> float:
        """Return the standard error of a mean, by bootstrap over questions.

        Each question has its own samples, so this includes the error over samples. The error of
        ``bo_inf`` also includes half of its extrapolation step.
        """
        column = self.columns[measure]
        error = bootstrap(self.grid, lambda times: self.grid.means(column, times))
        return math.hypot(error, self.grid.mean(self.steps) / 2) if measure == "bo_inf" else error

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

    def _repr_html_(self) -> str:
        shares = ("accuracy", "agreement", "bo1", "bo_inf")
        rows = [(name, self.mean(name)) for name in shares]
        return bars(
            self.rule,
            [(name, mean, f"{mean:.3f}") for name, mean in rows if mean == mean],
            note=f"{self.samples:.1f} samples, {self.tokens:,.0f} tokens a question",
        )

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
            "draws": "with replacement" if self.replacement else "without replacement",
            "recorded": self.recorded,
            "left_out": self.left_out,
        }
        record |= {name: _or_none(self.mean(name)) for name in self.columns if name not in MEASURES}
        if errors:
            record["standard_errors"] = {
                name: _or_none(self.standard_error(name)) for name in self.columns
            }
        record["groups"] = self.per_group()
        return record


def bootstrap(grid: Grid, statistic: Callable[[Floats], Floats]) -> float:
    """Return the standard deviation of a statistic over bootstrap samples of the questions.

    Args:
        grid: The questions.
        statistic: Function from how often each entry is drawn, shape (resamples, entries), to one
            value per resample; NaN for no value.
    """
    values = statistic(grid.resamples)
    known = values[~np.isnan(values)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else float("nan")


def cost_at(points: Sequence[tuple[float, float]], quality: float) -> float:
    """Return the cost of a quality on the upper concave hull of (cost, quality) points.

    Choosing between two rules at random attains every point between them, so the hull is what a
    family of rules offers. NaN if the quality is out of reach.
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

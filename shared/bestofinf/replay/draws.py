"""The samples that a replay takes: seeded, and the same for every rule."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bestofinf.replay.populations import Floats, Ints, Population
from bestofinf.voting.schedule import Schedule, ScheduleKind


@dataclass(frozen=True)
class Draws:
    """The draws of the trials of some populations, as arrays of shape (rows, samples).

    There is one row per trial.

    Attributes:
        members: Position of the member asked.
        samples: Index of the recorded sample that the draw returns.
        answers: The answer; -1 if it abstains.
        tokens: Its length; 0 if unknown.
        costs: Its cost in money.
        lengths: Number of valid draws in each row, until a member has no recorded samples left;
            later entries are not draws. Shape (rows,).
    """

    members: Ints
    samples: Ints
    answers: Ints
    tokens: Ints
    costs: Floats
    lengths: Ints


@dataclass
class Resampler:
    """Draws from the recorded samples, in a different order for each trial.

    The draws of a member depend only on the seed, the question and the trial. So all rules and
    ensembles see the same samples (common random numbers), and a question has the same draws in
    every set.

    Attributes:
        trials: Number of trials per population.
        samples: Maximum number of draws per trial.
        seed: Seed of all random numbers.
        schedule: Kind of schedule for several members.
        costs: Relative price of a sample by member name, for the greedy schedule.
        replacement: Draw with replacement, so that samples never run out; the recorded shares are
            then taken as the member's true ones.
    """

    trials: int
    samples: int
    seed: int = 0
    schedule: ScheduleKind = "greedy"
    costs: Mapping[str, float] = field(default_factory=dict)
    replacement: bool = False
    _orders: dict[tuple[tuple[str, ...], tuple[float, ...]], Ints] = field(default_factory=dict)

    def draw(self, populations: Sequence[Population]) -> Draws:
        """Return the draws of all trials, population by population."""
        parts = [self._one(population) for population in populations]
        return Draws(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _one(self, population: Population) -> tuple[Ints, Ints, Ints, Ints, Floats, Ints]:
        shape = (self.trials, self.samples)
        alone = len(population.members) == 1
        members = np.zeros(shape, dtype=np.int64) if alone else self.order(population)
        sample = np.zeros(shape, dtype=np.int64)
        lengths = np.full(self.trials, self.samples)
        for position, name in enumerate(population.members):
            mine = members == position
            turn = np.cumsum(mine, axis=1) - 1
            turns = int(turn[:, -1].max()) + 1
            size = len(population.answers[position])
            known = self._places(population, name, size, turns)
            beyond = mine & (turn >= known.shape[1])
            lengths = np.where(
                beyond.any(axis=1), np.minimum(lengths, beyond.argmax(axis=1)), lengths
            )
            rows, columns = np.nonzero(mine & ~beyond)
            sample[rows, columns] = known[rows, turn[rows, columns]]
        sizes = np.array([len(answers) for answers in population.answers])
        flat = (np.cumsum(sizes) - sizes)[members] + sample
        answers = np.concatenate(population.answers)[flat]
        tokens = np.concatenate(population.tokens)[flat]
        behind = np.arange(self.samples) >= lengths[:, None]
        answers[behind], tokens[behind] = -1, 0
        costs = tokens * np.array(population.prices)[members]
        return members, sample, answers, tokens, costs, lengths

    def _places(self, population: Population, name: str, size: int, turns: int) -> Ints:
        """Return the index of the sample for each turn of a member, shape (trials, turns or fewer)."""
        key = f"{population.dataset}\0{population.question}\0{name}"
        rng = np.random.default_rng([self.seed, zlib.crc32(key.encode("utf-8", "surrogatepass"))])
        if self.replacement:
            return (rng.random((self.trials, turns)) * size).astype(np.int64)
        return np.argsort(rng.random((self.trials, size)), axis=1)[:, :turns]

    def order(self, population: Population) -> Ints:
        """Return the positions of the members asked, shape (trials, samples)."""
        key = (population.members, population.weights)
        known = self._orders.get(key)
        if known is None:
            trials = self.trials if self.schedule in ("golden", "independent") else 1
            rows = [
                self.schedule_of(population, trial).peek(self.samples) for trial in range(trials)
            ]
            known = np.broadcast_to(np.array(rows, dtype=np.int64), (self.trials, self.samples))
            self._orders[key] = known
        return known

    def schedule_of(self, population: Population, trial: int) -> Schedule:
        """Return the schedule of one trial, from its start."""
        costs = [self.costs.get(name, 1.0) for name in population.members]
        return Schedule(self.schedule, population.weights, costs=costs, seed=self.trial_seed(trial))

    def trial_seed(self, trial: int) -> int:
        """Return the seed of a trial's schedule."""
        return self.seed * 1_000_003 + trial

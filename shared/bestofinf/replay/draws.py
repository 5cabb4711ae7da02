"""The samples that a replay takes: seeded, and the same for every rule."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bestofinf.replay.populations import Floats, Ints, Population
from bestofinf.schedule import Schedule, ScheduleKind


@dataclass(frozen=True)
class Draws:
    """What the trials of some populations draw; shape (rows, samples), a row per trial.

    Attributes:
        members: Position of the member asked.
        samples: Which of its recorded samples comes back.
        answers: The answer; -1 where it abstains.
        tokens: Its length; 0 where unknown.
        costs: Its money.
    """

    members: Ints
    samples: Ints
    answers: Ints
    tokens: Ints
    costs: Floats


@dataclass
class Sampler:
    """Draws with replacement from the recorded samples.

    What a trial draws depends on the seed, the question, the group and the trial, so that all
    rules see the same samples (common random numbers) and a question the same in every set.

    Attributes:
        trials: Trials per population.
        samples: Draws per trial.
        seed: Start of everything random.
        schedule: Kind of schedule for several members.
        costs: Relative price of a sample by member name, for the greedy schedule.
    """

    trials: int
    samples: int
    seed: int = 0
    schedule: ScheduleKind = "greedy"
    costs: Mapping[str, float] = field(default_factory=dict)
    _orders: dict[tuple[tuple[str, ...], tuple[float, ...]], Ints] = field(default_factory=dict)

    def draw(self, populations: Sequence[Population]) -> Draws:
        """Return the draws of all trials, population by population."""
        parts = [self._one(population) for population in populations]
        return Draws(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _one(self, population: Population) -> tuple[Ints, Ints, Ints, Ints, Floats]:
        key = f"{population.dataset}\0{population.question}\0{population.group}"
        rng = np.random.default_rng([self.seed, zlib.crc32(key.encode())])
        uniform = rng.random((self.trials, self.samples))
        if len(population.members) == 1:
            members = np.zeros(uniform.shape, dtype=np.int64)
        else:
            members = self.order(population)
        sizes = np.array([len(answers) for answers in population.answers])
        starts = np.cumsum(sizes) - sizes
        sample = (uniform * sizes[members]).astype(np.int64)
        flat = starts[members] + sample
        answers = np.concatenate(population.answers)[flat]
        tokens = np.concatenate(population.tokens)[flat]
        return members, sample, answers, tokens, tokens * np.array(population.prices)[members]

    def order(self, population: Population) -> Ints:
        """Return who is asked, shape (trials, samples)."""
        key = (population.members, population.weights)
        known = self._orders.get(key)
        if known is None:
            trials = 1 if self.schedule == "greedy" else self.trials
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

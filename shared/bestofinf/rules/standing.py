"""The counts of the two leading answers, as `bestofinf.rules.optimal` uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bestofinf._arrays import Floats, Ints, np
from bestofinf.records import AnswerValue
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays


class Standing(NamedTuple):
    """The two leading answers of a vote.

    Attributes:
        leader, runner_up: The answers; None if there is none.
        c1, c2: Their counts.
        n: Total count of all answers and abstentions.
    """

    leader: AnswerValue | None
    runner_up: AnswerValue | None
    c1: float
    c2: float
    n: float

    @classmethod
    def of(cls, tally: Tally) -> Standing:
        """Return how answers stand by votes alone."""
        n = tally.n * tally.n_samples / tally.n_votes if tally.n_votes else 0.0
        return cls(tally.leader, tally.runner_up, tally.c1, tally.c2, n)


@dataclass(frozen=True)
class StandingArrays:
    """The same for many votes, as arrays of one entry per row; answers are -1 if there is none."""

    leader: Ints
    runner_up: Ints
    c1: Floats
    c2: Floats
    n: Floats

    @classmethod
    def of(cls, tallies: TallyArrays) -> StandingArrays:
        """Return how answers stand by votes alone."""
        n = np.maximum(tallies.n * tallies.n_samples / np.maximum(tallies.n_votes, 1), 1e-9)
        return cls(tallies.leader, tallies.runner_up, tallies.c1, tallies.c2, n)

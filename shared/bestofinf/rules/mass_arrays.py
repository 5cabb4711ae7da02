"""Probabilities of replies in many tallies at once: the array form of `bestofinf.rules.masses`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bestofinf._arrays import Bools, Floats, Ints, np
from bestofinf.rules.masses import SILENT


@dataclass(frozen=True)
class SharesArrays:
    """What is known of the answers' shares; see `bestofinf.rules.masses.Shares`.

    Attributes:
        seen: Array of shape (rows, answers).
        unseen, told, complete, exact, excess: Arrays of shape (rows,).
    """

    seen: Floats
    unseen: Floats
    told: Bools
    complete: Bools
    exact: Bools
    excess: Floats


class MassArrays:
    """Probabilities of the distinct replies, in independent rows.

    Args:
        rows: Number of rows.
        answers: Number of distinct answers a row can have; they are numbered from 0.
        members: Number of members.
        replies: Number of distinct replies a row can have, over all members; numbered from 0.
    """

    def __init__(self, rows: int, answers: int, members: int, replies: int) -> None:
        self._said: Floats = np.zeros((rows, replies))
        self._times: Ints = np.zeros((rows, replies), dtype=np.int64)
        self._whose: Ints = np.full((rows, replies), -1)  # also of replies without an answer
        self._by_answer: Floats = np.zeros((rows, members, answers))
        self._silent: Floats = np.zeros((rows, members))
        self._total: Floats = np.zeros((rows, members))
        self._heard: Bools = np.zeros((rows, members), dtype=np.bool_)
        self._exact: Bools = np.ones((rows, members), dtype=np.bool_)

    def keep(self, rows: Bools | Ints) -> None:
        """Keep only these rows, given as a mask or as indices."""
        for name, value in vars(self).items():
            setattr(self, name, value[rows])

    def add(
        self, answer: Ints, member: Ints, said: Ints, probability: Floats, processed: Bools
    ) -> None:
        """Add one reply in every row.

        Args:
            answer: Number of its answer; -1 abstains. Shape (rows,), like all others.
            member: Position of the member that gave it.
            said: Number of the reply; -1 if it has no probability.
            probability: Its probability.
            processed: Whether that is its probability under the distribution sampled from.
        """
        rows = np.flatnonzero(said >= 0)
        answer, member, said = answer[rows], member[rows], said[rows]
        self._heard[rows, member] = True
        self._exact[rows, member] &= processed[rows]
        self._times[rows, said] += 1
        mean = self._said[rows, said]
        more = (probability[rows] - mean) / self._times[rows, said]
        self._said[rows, said] += more
        self._total[rows, member] += more
        first = (self._whose[rows, said] < 0) & (answer >= 0)
        whose = self._whose[rows, said] = np.where(first, answer, self._whose[rows, said])
        silent = whose < 0
        self._silent[rows, member] += np.where(silent, more, np.where(first, -mean, 0.0))
        self._by_answer[rows, member, np.maximum(whose, 0)] += np.where(
            silent, 0.0, np.where(first, more + mean, more)
        )

    def shares(self, weights: Sequence[float] | Floats, *, all_members: bool) -> SharesArrays:
        """Return what is known of the answers' shares; see `Masses.shares`."""
        given = np.asarray(weights, dtype=np.float64)
        chosen = (given > 0) & (self._heard | all_members)
        part = np.where(chosen, given, 0.0)
        part /= np.maximum(part.sum(axis=1, keepdims=True), 1e-300)
        voting = 1 - self._silent
        known = chosen & self._heard & (voting > 1 - SILENT)
        scale = np.where(known, part / np.where(known, voting, 1.0), 0.0)
        left = scale * np.maximum(1 - self._total, 0.0) + np.where(known, 0.0, part)
        return SharesArrays(
            np.einsum("rma,rm->ra", self._by_answer, scale),
            np.minimum(left.sum(axis=1), 1.0),
            np.logical_or.reduce(self._heard, axis=1),
            np.logical_and.reduce(self._heard | ~chosen, axis=1),
            np.logical_and.reduce(self._exact | ~(chosen & self._heard), axis=1),
            np.maximum(np.where(chosen, self._total - 1, 0.0).max(axis=1), 0.0),
        )

"""The probabilities of the distinct replies seen, summed by answer.

If a reply is nothing but its answer, its probability counts for the answer. Two replies that say the
same are one event and count once. Distinct replies exclude each other, so the probabilities of those
with the same answer add up to a lower bound of the answer's share. The rest up to 1 is *unseen*.

Replies without an answer have a probability too, but no vote. So the masses of a member are taken
relative to its replies with an answer: ``m(answer) / (1 - s)``, where ``s`` is the probability of its
silent replies. These shares enter the election with the member's weight, as votes do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bestofinf.records import AnswerValue, Likelihood

EXCESS = 0.01
"""Largest accepted excess over 1 of the sum over distinct replies, because servers round."""

SILENT = 1 - 1e-9
"""A member whose silent replies have at least this probability in total has no share."""


class Shares(NamedTuple):
    """What is known of the answers' shares.

    Attributes:
        seen: Lower bound of the share of each answer that was seen with a probability.
        unseen: Probability not seen, which may belong to any answer, known or new.
        told: Whether any reply had a probability.
        complete: Whether every member had a reply with a probability.
        exact: Whether all are probabilities under the distribution that is sampled from.
        excess: By how much the sum over a member's distinct replies exceeds 1; 0 if it does not.
    """

    seen: dict[AnswerValue, float]
    unseen: float
    told: bool
    complete: bool
    exact: bool
    excess: float

    def leaders(self, lot: Callable[[AnswerValue], int]) -> tuple[AnswerValue | None, float, float]:
        """Return the answer with the largest share, that share, and the second-largest share.

        Args:
            lot: Decides between answers whose shares are equal up to rounding; the highest wins.
        """
        if not self.seen:
            return None, 0.0, 0.0
        best = max(self.seen, key=lambda answer: (round(self.seen[answer], 12), lot(answer)))
        others = (share for answer, share in self.seen.items() if answer != best)
        return best, self.seen[best], max(others, default=0.0)


class Masses:
    """Probabilities of the distinct replies of each member.

    Args:
        members: Number of members.
    """

    __slots__ = ("_by_answer", "_exact", "_said", "_silent", "_total")

    def __init__(self, members: int) -> None:
        self._said: list[dict[str, tuple[float, int, AnswerValue | None]]] = [
            {} for _ in range(members)
        ]
        self._by_answer: list[dict[AnswerValue, float]] = [{} for _ in range(members)]
        self._silent = [0.0] * members
        self._total = [0.0] * members
        self._exact = [True] * members

    def add(self, answer: AnswerValue | None, told: Likelihood, member: int) -> None:
        """Add a reply; one seen before only updates the mean of its reported probabilities.

        The reports of one text differ: it can be split into tokens in several ways, each of which
        gives a lower bound for the text, and servers compute a little differently on each request.
        A text that is read as several answers, as a judge may do, counts for the first of them.
        """
        self._exact[member] &= told.kind == "processed"
        mean, times, whose = self._said[member].get(told.said, (0.0, 0, None))
        more = (told.probability - mean) / (times + 1)
        self._total[member] += more
        found = mean + more
        if whose is None and answer is not None:  # it was silent, or is new
            self._silent[member] -= mean
            whose, more = answer, more + mean
        self._said[member][told.said] = (found, times + 1, whose)
        if whose is None:
            self._silent[member] += more
        else:
            by_answer = self._by_answer[member]
            by_answer[whose] = by_answer.get(whose, 0.0) + more

    def shares(self, weights: Sequence[float], *, all_members: bool) -> Shares:
        """Return what is known of the answers' shares.

        Args:
            weights: Weight per member.
            all_members: Count members without any probability as unseen instead of leaving them out.
        """
        heard = [bool(said) for said in self._said]
        chosen = [i for i, w in enumerate(weights) if w > 0 and (all_members or heard[i])]
        total = sum(weights[i] for i in chosen)
        seen: dict[AnswerValue, float] = {}
        unseen = 0.0
        for i in chosen:
            part, voting = weights[i] / total, 1 - self._silent[i]
            if not heard[i] or voting <= 1 - SILENT:
                unseen += part
                continue
            unseen += part * max(0.0, 1 - self._total[i]) / voting
            for answer, mass in self._by_answer[i].items():
                seen[answer] = seen.get(answer, 0.0) + part * mass / voting
        return Shares(
            seen,
            min(unseen, 1.0),
            told=any(heard),
            complete=all(heard[i] for i in chosen),
            exact=all(self._exact[i] for i in chosen if heard[i]),
            excess=max(0.0, *(self._total[i] - 1 for i in chosen)) if chosen else 0.0,
        )

    def copy(self) -> Masses:
        """Return an independent copy."""
        other = Masses.__new__(Masses)
        other._said = [said.copy() for said in self._said]
        other._by_answer = [by_answer.copy() for by_answer in self._by_answer]
        other._silent, other._total = self._silent.copy(), self._total.copy()
        other._exact = self._exact.copy()
        return other

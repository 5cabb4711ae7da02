"""Ask for labels that decide which of two candidates is better, only on questions where they differ.

Theory and test are in `bestofinf.weights.deciding`. Here the questions are drawn from a store of any
size, in an order that is independent of their content, up to `MOST` on which the candidates differ.
They are drawn once, when a decision is first requested, so that the decision does not change while it
lasts.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.canonical import read_answers
from bestofinf.evaluation.store.listing import Wanted
from bestofinf.weights import Decider, Verdict
from bestofinf.weights.ballots import in_hash_order

MOST = 1_000
"""Maximum number of questions of one decision; the test's memory grows with its square."""

EQUAL = "uniform"
"""Name of the candidate in which all members have the same weight."""

SEEN = " (votes seen)"
"""End of the source of a label if the votes were seen before it was given."""

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The weights of two candidates, and the numbers of questions on which they differ."""

    first: Mapping[str, float]
    second: Mapping[str, float]
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a decision.

    Attributes:
        first: Name of the first candidate.
        second: Name of the second.
        differing: Number of questions on which they differ, at most `MOST`.
        verdict: The result of the labels so far.
    """

    first: str
    second: str
    differing: int
    verdict: Verdict

    def __str__(self) -> str:
        told = str(self.verdict)
        for place, name in (("first", self.first), ("second", self.second)):
            told = told.replace(f"{place}:", f"{name} is better:")
        return f"{self.first} against {self.second}, who differ on {self.differing}: {told}"


class Deciding:
    """The decisions between two candidates over a store.

    Args:
        store: The store whose questions are labelled.
    """

    def __init__(self, store: EvaluationStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._drawn: dict[tuple[str, str], _Drawn] = {}
        self._last: tuple[object, Decider, dict[str, int]] | None = None

    def following(self, first: str, second: str, passed: Collection[int]) -> int | None:
        """Return the number of the next question to label; None if none is left or the test is settled.

        Args:
            first: A member, or `EQUAL`.
            second: Another one.
            passed: Numbers of questions to skip.
        """
        decider, number_of = self._decider(first, second)
        if decider.verdict().settled:
            return None
        open_ = set(self._store.catalogue.numbers(Wanted("open"))).difference(passed)
        numbers = (number_of[id_] for id_ in decider.differing)
        return next((number for number in numbers if number in open_), None)

    def standing(self, first: str, second: str) -> Standing:
        """Return the state of a decision."""
        decider, _ = self._decider(first, second)
        return Standing(first, second, len(decider.differing), decider.verdict())

    def weights(self, name: str) -> Mapping[str, float]:
        """Return the weights of a candidate.

        Raises:
            UsageError: If there is no candidate of that name.
        """
        members = self._store.catalogue.members()
        if name == EQUAL and members:
            return {member: 1 / len(members) for member in members}
        if name in members:
            return {name: 1.0}
        raise UsageError(f"a candidate is a member or {EQUAL!r}, got {name[:80]!r}")

    def _decider(self, first: str, second: str) -> tuple[Decider, dict[str, int]]:
        """Return the decision with all existing labels, and the numbers of its questions by id."""
        if first == second:
            raise UsageError(f"two different candidates are compared, got {first[:80]!r} twice")
        with self._lock:
            if (first, second) not in self._drawn:
                self._drawn[first, second] = self._draw(self.weights(first), self.weights(second))
            drawn = self._drawn[first, second]
        catalogue, asked = self._store.catalogue, purpose(first, second)
        mark = (first, second, catalogue.mark())
        last = self._last
        if last is not None and last[0] == mark:  # each page needs it twice
            return last[1], last[2]
        history = catalogue.labels(drawn.numbers)
        earlier = frozenset(
            id_ for id_, said in history.values() if said and given_for(said[-1].source, asked)
        )
        votes = read_answers(catalogue.votes(drawn.numbers), None).evaluation_set
        number_of = {id_: number for number, (id_, _) in history.items()}
        decider = Decider(votes, drawn.first, drawn.second, earlier=earlier)
        self._last = (mark, decider, number_of)
        return decider, number_of

    def _draw(self, first: Mapping[str, float], second: Mapping[str, float]) -> _Drawn:
        """Draw questions until there are `MOST` on which the candidates differ."""
        catalogue = self._store.catalogue
        numbers = sorted(catalogue.numbers(Wanted()))
        order = [numbers[place] for place in in_hash_order([str(number) for number in numbers])]
        found: list[int] = []
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            votes = read_answers(catalogue.votes(some), None).evaluation_set
            try:
                differing = set(Decider(votes, first, second).differing)
            except UsageError:  # no question was asked of all their members
                continue
            known = catalogue.labels(some)
            found += [n for n in some if n in known and known[n][0] in differing]
            if len(found) >= MOST:
                break
        if not found:
            raise UsageError("the two candidates elect the same answer to every question")
        return _Drawn(first, second, found[:MOST])


def purpose(first: str, second: str) -> str:
    """Return the end of the source of labels that were asked for a decision."""
    return f"decide {first} {second}"


def given_for(source: str, wanted: str) -> bool:
    """Return whether a label with this source was asked for this purpose."""
    return source.removesuffix(SEEN).endswith(wanted)

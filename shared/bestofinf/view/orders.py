"""The order of labelling: for the weights, to decide between two candidates, or at random."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationStore, Label
from bestofinf.evaluation.canonical import read_answers
from bestofinf.evaluation.store.listing import Wanted
from bestofinf.view.deciding import EQUAL, Deciding, Standing
from bestofinf.weights import to_label
from bestofinf.weights.ballots import in_hash_order

ORDERS = {
    "random": "at random: for the advice",
    "asked": "what teaches the weights most: says nothing of accuracy",
    "decide": "what decides between two candidates",
}

RANKED = 1_000
"""Number of most contested questions that are ranked by the value of their label; others follow."""

FRESH = 30.0
"""Seconds for which the ranking and the names of the members are cached."""

_BATCH = 50


@dataclass(frozen=True, slots=True)
class Order:
    """An order of labelling, as given in a URL or a form.

    Attributes:
        kind: One of `ORDERS`.
        first: The first candidate, for "decide".
        second: The second candidate, for "decide".
    """

    kind: str = "random"
    first: str = ""
    second: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Order:
        """Read an order. Who names a question and no order has chosen it, and has not drawn it.

        Raises:
            UsageError: If there is no order of that name.
        """
        kind = given.get("order", "asked" if given.get("at") else "random")
        if kind not in ORDERS:
            raise UsageError(f"order must be one of {', '.join(ORDERS)}, got {kind[:80]!r}")
        if kind != "decide":
            return cls(kind)
        return cls(kind, given.get("first", ""), given.get("second", ""))

    @property
    def fields(self) -> dict[str, str]:
        """The fields of a URL or a form for it."""
        if self.kind != "decide":
            return {"order": self.kind}
        return {"order": self.kind, "first": self.first, "second": self.second}


class Orders:
    """The orders in which a store's questions are labelled.

    Args:
        store: The store with the questions.
    """

    def __init__(self, store: EvaluationStore) -> None:
        self._store = store
        self._deciding = Deciding(store)
        self._noted: set[int] = set()  # questions recorded as drawn at random
        self._lock = threading.Lock()
        self._ranked: tuple[float, list[int]] = (-FRESH, [])
        self._members: tuple[float, list[str]] = (-FRESH, [])
        self._shuffle: tuple[tuple[int, int], list[int]] = ((0, 0), [])

    def following(self, order: Order, passed: Collection[int]) -> int | None:
        """Return the number of the next question to label; None if none is left.

        Args:
            order: The order.
            passed: Numbers of questions to skip.
        """
        if order.kind == "decide":
            return self._deciding.following(order.first, order.second, passed)
        return self._at_random(passed) if order.kind == "random" else self._asked(passed)

    def candidates(self) -> list[str]:
        """Return the candidates for a decision; empty if there are fewer than two."""
        with self._lock:
            if time.monotonic() - self._members[0] > FRESH:
                self._members = (time.monotonic(), self._store.catalogue.members())
            members = self._members[1]
        return [*members, EQUAL] if len(members) > 1 else []

    def standing(self, order: Order) -> Standing | None:
        """Return the state of a decision; None for an order that is not a decision."""
        if order.kind != "decide":
            return None
        return self._deciding.standing(order.first, order.second)

    def _asked(self, passed: Collection[int]) -> int | None:
        with self._lock:
            if time.monotonic() - self._ranked[0] > FRESH:
                self._ranked = (time.monotonic(), self._rank())
            ranked = self._ranked[1]
        open_ = set(self._store.catalogue.numbers(Wanted("open"))).difference(passed)
        number = next((number for number in ranked if number in open_), None)
        return self._contested(passed) if number is None else number

    def _rank(self) -> list[int]:
        """Return the contested questions whose labels distinguish members, the best first."""
        catalogue = self._store.catalogue
        contested = catalogue.page(Wanted("open"), limit=RANKED).questions
        number_of = {listed.id: listed.number for listed in contested}
        votes = read_answers(catalogue.votes([*number_of.values()]), None).evaluation_set
        try:
            return [number_of[wanted.id] for wanted in to_label(votes, RANKED)]
        except UsageError:  # no question, or none in common
            return []

    def _contested(self, passed: Collection[int]) -> int | None:
        after = None
        while True:
            page = self._store.catalogue.page(Wanted("open"), after=after, limit=_BATCH)
            for listed in page.questions:
                if listed.number not in passed:
                    return listed.number
            after = page.following
            if after is None:
                return None

    def drawn_with(self, number: int) -> list[Label]:
        """Return labels that record already labelled questions as drawn at random.

        Questions whose right answer is known are drawn like others, because the remaining ones are
        not a random sample. The labels are for those before this question in the random order.

        Args:
            number: Number of the question that is being labelled.
        """
        order = self._shuffled()
        before = order[: order.index(number)] if number in order else []
        known = set(self._store.catalogue.numbers(Wanted("labelled"))) - self._noted
        found = self._store.catalogue.truths([n for n in before if n in known])
        self._noted |= found.keys()
        return [
            Label(id_, truth.gold, provenance="random")
            for id_, truth in found.values()
            if truth.gold is not None and truth.provenance != "random"
        ]

    def _at_random(self, passed: Collection[int]) -> int | None:
        open_ = set(self._store.catalogue.numbers(Wanted("open"))).difference(passed)
        return next((number for number in self._shuffled() if number in open_), None)

    def _shuffled(self) -> list[int]:
        """Return all questions in an order that is independent of their content."""
        numbers = sorted(self._store.catalogue.numbers(Wanted()))
        mark = (len(numbers), numbers[-1] if numbers else 0)  # numbers are never reused
        if mark != self._shuffle[0]:
            order = in_hash_order([str(number) for number in numbers])
            self._shuffle = (mark, [numbers[place] for place in order])
        return self._shuffle[1]

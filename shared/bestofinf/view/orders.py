"""What to label next: for the weights, to decide between two candidates, at random for an accuracy."""

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
"""The most contested questions, of which those that teach most come first; the others follow."""

FRESH = 30.0
"""Seconds for which their order and the names of the members stay as they are."""

_BATCH = 50


@dataclass(frozen=True, slots=True)
class Order:
    """An order, as an address or a form tells it.

    Attributes:
        kind: One of `ORDERS`.
        first: Of "decide", the first candidate.
        second: Of "decide", the second.
    """

    kind: str = "random"
    first: str = ""
    second: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Order:
        """Read an order. Who names a question and no order has chosen it, and has not drawn it.

        Raises:
            UsageError: If there is none of that name.
        """
        kind = given.get("order", "asked" if given.get("at") else "random")
        if kind not in ORDERS:
            raise UsageError(f"order must be one of {', '.join(ORDERS)}, got {kind[:80]!r}")
        if kind != "decide":
            return cls(kind)
        return cls(kind, given.get("first", ""), given.get("second", ""))

    @property
    def fields(self) -> dict[str, str]:
        """What an address or a form tells of it."""
        if self.kind != "decide":
            return {"order": self.kind}
        return {"order": self.kind, "first": self.first, "second": self.second}


class Orders:
    """The orders in which a store's questions are labelled.

    Args:
        store: Whose questions.
    """

    def __init__(self, store: EvaluationStore) -> None:
        self._store = store
        self._deciding = Deciding(store)
        self._noted: set[int] = set()  # known to be recorded as drawn at random
        self._lock = threading.Lock()
        self._ranked: tuple[float, list[int]] = (-FRESH, [])
        self._members: tuple[float, list[str]] = (-FRESH, [])
        self._shuffle: tuple[tuple[int, int], list[int]] = ((0, 0), [])

    def following(self, order: Order, passed: Collection[int]) -> int | None:
        """Return the number of the next question to label; None where nothing is left.

        Args:
            order: Which.
            passed: Numbers of questions that are not wanted now.
        """
        if order.kind == "decide":
            return self._deciding.following(order.first, order.second, passed)
        return self._at_random(passed) if order.kind == "random" else self._asked(passed)

    def candidates(self) -> list[str]:
        """Return the candidates that may be decided between; none where there are no two."""
        with self._lock:
            if time.monotonic() - self._members[0] > FRESH:
                self._members = (time.monotonic(), self._store.catalogue.members())
            members = self._members[1]
        return [*members, EQUAL] if len(members) > 1 else []

    def standing(self, order: Order) -> Standing | None:
        """Return what the labels so far settle; None for an order that is to settle nothing."""
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
        """Return the contested questions whose labels tell members apart, the best first."""
        catalogue = self._store.catalogue
        contested = catalogue.page(Wanted("open"), limit=RANKED).questions
        number_of = {listed.id: listed.number for listed in contested}
        votes = read_answers(catalogue.votes([*number_of.values()]), None).evaluation_set
        try:
            return [number_of[wanted.id] for wanted in to_label(votes, RANKED)]
        except UsageError:  # no question, or none that the members share
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
        """Return the labels that say of what is right already that it was drawn at random, too.

        Questions whose right answer is known are drawn like others, as those that remain are no
        random sample. They stand in the random order before a question that is labelled now.

        Args:
            number: Of the question that is labelled now.
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
        """Return all questions in an order that knows nothing of what they are."""
        numbers = sorted(self._store.catalogue.numbers(Wanted()))
        mark = (len(numbers), numbers[-1] if numbers else 0)  # numbers are never given again
        if mark != self._shuffle[0]:
            order = in_hash_order([str(number) for number in numbers])
            self._shuffle = (mark, [numbers[place] for place in order])
        return self._shuffle[1]

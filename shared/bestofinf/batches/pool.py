"""A pool: one budget over many questions, the next draw where it helps most.

Theory of operation
-------------------
A pool holds a `VotingEngine` for every question and, like it, does no I/O. Every question first
gets one draw. After that the next draw goes to the question whose next sample has the highest value
by the index of the rule, until the budget is spent. A question with draws in flight is rated as if
they had voted for its leader, so that free slots are spread over the questions.

Giving every draw to the highest index is the same as stopping every question at one common
price, namely the one that just spends the budget; no price has to be chosen.

The places of a question:

* `_fresh`: added and never asked, in order of addition.
* `_heap`: ordered by worth, then by the fewest samples, then by addition. A change of the tally
  or of its draws in flight adds a new entry with a higher `version`. Older entries are void and are
  skipped when they come up, because a heap cannot move an entry.
* `_resumed`: draws that an earlier run had in flight; they come before all others.
* `_settled`: its vote has ended; it is returned once none of its draws is in flight.

Invariants: an open question is in `_fresh`, has one valid entry in the heap, or waits for its own
draws in flight, whose outcomes put it back. `_open` counts the questions whose engine is not done,
`_in_flight` the draws asked for and not told, and `spent` the booked cost. An engine refuses an
illegal outcome before anything here changes.

An interrupt leaves all of this intact, because the pool never waits. The driver then tells the draws
in flight as given up, and goes on or calls `close`. At any moment the votes so far are the best answers
for the money spent.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar, runtime_checkable

from bestofinf.errors import ProtocolMisuseError, UsageError
from bestofinf.records import Draw, Failure, Outcome
from bestofinf.rules.base import StopRule
from bestofinf.rules.tally import Tally
from bestofinf.voting.engine import VotingEngine

Q = TypeVar("Q", bound=Hashable)

_LEADER = object()


@runtime_checkable
class Indexed(Protocol):
    """A rule that can rate the value of one more sample."""

    def index(self, tally: Tally) -> float:
        """Return log(value of one more sample / its price); higher values come first."""


def indexed(rule: StopRule) -> Indexed:
    """Return the part of a rule that rates the next sample.

    Raises:
        UsageError: If it has no such part.
    """
    for part in rule.parts():
        if isinstance(part, Indexed):
            return part
    raise _unranked(rule)


def _unranked(rule: object) -> UsageError:
    return UsageError(
        "a shared budget needs a rule that values the next sample, to rank the questions by it "
        f"('balanced', 'exhaustive', any OptimalStopping); got {rule}"
    )


@dataclass(frozen=True, slots=True)
class Budget:
    """The total that all questions together may spend.

    Attributes:
        total: The amount, above 0.
        unit: ``samples``, ``tokens`` (generated), or ``cost`` (money, by the members' prices).
    """

    total: float
    unit: Literal["samples", "tokens", "cost"] = "samples"

    def __post_init__(self) -> None:
        if self.unit not in ("samples", "tokens", "cost"):
            raise UsageError(f"unit must be samples, tokens or cost, got {self.unit!r}")
        if not 0 < self.total < math.inf:
            raise UsageError(f"a budget must be above 0 and finite, got {self.total!r}")

    def of(self, outcome: Outcome) -> float:
        """Return the cost of an outcome in the unit of the budget."""
        if self.unit == "samples":
            return 0.0 if isinstance(outcome, Failure) else 1.0
        if self.unit == "tokens":
            return float(outcome.usage.output_tokens)
        return outcome.usage.cost

    def unknown(self, outcome: Outcome) -> bool:
        """Return whether the cost of an outcome is unknown, so that the budget cannot include it."""
        usage = outcome.usage
        if self.unit == "samples":
            return False
        unpriced = self.unit == "cost" and not usage.cost
        return bool(usage.unmetered or (unpriced and (usage.input_tokens or usage.output_tokens)))


class UnboundBudgetWarning(UserWarning):
    """A budget cannot be enforced on replies whose cost is unknown."""


_COUNT = Budget(1, "samples")


@dataclass(slots=True)
class _Entry(Generic[Q]):
    """A question in the pool."""

    question: Q
    engine: VotingEngine
    number: int  # number in the order of addition
    in_flight: int = 0
    version: int = 0  # version of the valid entry in the heap


class Pool(Generic[Q]):
    """Many votes under one budget.

    Args:
        rule: A rule whose index orders the questions.
        budget: The total; None for no limit, so that every vote runs until its own rule ends it.

    Each question is added with an engine, whose own rule may end its vote earlier (it should at
    least limit the samples).
    """

    def __init__(self, rule: Indexed, budget: Budget | None = None) -> None:
        if not isinstance(rule, Indexed):
            raise _unranked(rule)
        self._rule = rule
        self.budget = budget
        self.spent = 0.0  # in the unit of the budget; samples if there is none
        self._entries: dict[Q, _Entry[Q]] = {}
        self._resumed: deque[tuple[_Entry[Q], Draw]] = deque()
        self._fresh: deque[_Entry[Q]] = deque()
        self._heap: list[tuple[float, int, int, int]] = []  # worth, samples, question, version
        self._by_number: dict[int, _Entry[Q]] = {}
        self._added = 0
        self._in_flight = 0
        self._told = 0
        self._open = 0
        self._settled: deque[_Entry[Q]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Return the number of questions that `settled` has not yielded."""
        return len(self._entries)

    @property
    def open(self) -> int:
        """Number of questions whose votes have not ended."""
        return self._open

    def add(self, question: Q, engine: VotingEngine) -> None:
        """Add a question. Its engine may have samples already, as after a restart.

        Draws that its engine has in flight are returned by `ask` before all others.

        Raises:
            UsageError: If the question is in the pool already.
        """
        if question in self._entries:
            raise UsageError(f"question {question!r} is in the pool already")
        entry = self._entries[question] = _Entry(question, engine, self._added)
        self._by_number[self._added] = entry
        self._added += 1
        if engine.done:
            self._settled.append(entry)
            return
        self._open += 1
        self._resumed.extend((entry, draw) for draw in engine.in_flight)
        if engine.tally.n_samples or engine.in_flight:
            self._place(entry)
        else:
            self._fresh.append(entry)

    def book(self, outcome: Outcome) -> None:
        """Count the earlier cost of a question that is being added."""
        self.spent += (self.budget or _COUNT).of(outcome)
        self._told += not isinstance(outcome, Failure)

    def ask(self, free_slots: int = 1) -> list[tuple[Q, Draw]]:
        """Return draws to start now, at most `free_slots`, each with its question.

        An empty list means that the caller must wait for draws in flight or add questions, or that
        the pool is done.
        """
        draws: list[tuple[Q, Draw]] = []
        while len(draws) < free_slots and not self._closed and self._wanted():
            if self._resumed:
                entry, draw = self._resumed.popleft()
                if not entry.engine.done:
                    draws.append((entry.question, draw))
                    entry.in_flight += 1
                    self._in_flight += 1
                continue
            following = self._next()
            if following is None:
                break
            started = following.engine.ask(1)
            if not started:
                continue  # its own rule needs the draws in flight first
            draws.append((following.question, started[0]))
            following.in_flight += 1
            self._in_flight += 1
            self._place(following)
        return draws

    def tell(self, question: Q, draw: Draw, outcome: Outcome, *, booked: bool = False) -> None:
        """Take the outcome of a draw; `booked` says that its cost was counted already."""
        entry = self._entries.get(question)
        if entry is None:
            raise ProtocolMisuseError(f"question {question!r} is not in the pool")
        was_done = entry.engine.done
        entry.engine.tell(draw, outcome)
        entry.in_flight -= 1
        self._in_flight -= 1
        if not booked:
            self.book(outcome)
        if entry.engine.done:
            if not was_done:
                self._settle(entry)
        else:
            self._place(entry)

    def engine(self, question: Q) -> VotingEngine:
        """Return the engine of a question that `settled` has not yielded."""
        return self._entries[question].engine

    @property
    def in_flight(self) -> int:
        """Number of draws asked for and not told."""
        return self._in_flight

    @property
    def done(self) -> bool:
        """Whether nothing is in flight and no draw can be started unless questions are added."""
        if self._in_flight:
            return False
        return self._closed or not self._affordable() or not self._open

    def close(self, reason: str = "budget") -> None:
        """End all votes; `settled` then yields all remaining questions."""
        self._closed = True
        for entry in self._entries.values():
            if not entry.engine.done:
                entry.engine.stop(self._why(reason))
                self._settle(entry)

    def settled(self) -> Iterator[tuple[Q, VotingEngine]]:
        """Yield the questions whose votes have ended, in the order of ending, and forget them.

        A question with draws still in flight is held back until they are told, so that their
        cost is in its decision.
        """
        for _ in range(len(self._settled)):
            entry = self._settled.popleft()
            if entry.in_flight:
                self._settled.append(entry)
                continue
            del self._entries[entry.question], self._by_number[entry.number]
            yield entry.question, entry.engine

    def _why(self, reason: str) -> str:
        if reason != "budget" or self.budget is None:
            return reason
        return f"budget: {self.spent:g} of {self.budget.total:g} {self.budget.unit} spent"

    def _settle(self, entry: _Entry[Q]) -> None:
        self._open -= 1
        self._settled.append(entry)

    def _wanted(self) -> bool:
        """Return whether one more draw should start now.

        Under a budget there is at most one in flight for each open question, because more would be
        spent before it is known where they help.
        """
        if self.budget is not None and 0 < self._open <= self._in_flight:
            return False
        return self._affordable()

    def _affordable(self) -> bool:
        """Return whether the budget allows one more draw, with those in flight at the mean cost."""
        if self.budget is None:
            return True
        if self.budget.unit == "samples":
            return self.spent + self._in_flight + 1 <= self.budget.total
        mean = self.spent / self._told if self._told else 0.0
        return self.spent + self._in_flight * mean < self.budget.total

    def _next(self) -> _Entry[Q] | None:
        """Return the question to ask next: a fresh one first, then the highest index."""
        if self._fresh:
            return self._fresh.popleft()
        while self._heap:
            *_, number, version = heapq.heappop(self._heap)
            entry = self._by_number.get(number)
            if entry and version == entry.version and not entry.engine.done:
                return entry
        return None

    def _place(self, entry: _Entry[Q]) -> None:
        """Put a question into the heap by the value of its next sample."""
        entry.version += 1
        tally = entry.engine.tally
        in_flight = entry.engine.in_flight
        if in_flight:
            tally = tally.copy()
            leader = tally.leader if tally.leader is not None else _LEADER
            for draw in in_flight:
                tally.vote(leader, member=draw.member)
        worth = -self._rule.index(tally)
        heapq.heappush(self._heap, (worth, tally.n_samples, entry.number, entry.version))

"""The ledger of a vote: every draw that was asked for, its outcome and its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bestofinf.border import LARGEST
from bestofinf.errors import ProtocolMisuseError, shown
from bestofinf.records import AnswerValue, Draw, Failure, Outcome, Sample, TrailEntry, Usage
from bestofinf.voting.selectors import Candidate


class Ledger:
    """Draws, outcomes and costs of one vote. An illegal call raises and changes nothing.

    Args:
        names: Names of the members.

    Attributes:
        draws: All draws, in order.
        outcomes: The outcomes told so far, by index of the draw.
        counted: The votes counted so far, by index of the draw; None for an abstention or a
            failure.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self.draws: list[Draw] = []
        self.outcomes: dict[int, Outcome] = {}
        self.counted: dict[int, AnswerValue | None] = {}
        self._booked: list[tuple[Draw, Usage]] = []
        self._unsent = [0] * len(names)
        self._turns = [0] * len(names)

    def ask(self, member: int) -> Draw:
        """Enter a draw of a member and return it."""
        draw = Draw(len(self.draws), member, self._turns[member])
        self._turns[member] += 1
        self.draws.append(draw)
        return draw

    def tell(self, draw: Draw, outcome: Outcome) -> None:
        """Enter the outcome of a draw.

        Raises:
            ProtocolMisuseError: If the draw was not asked for or was told before, or the outcome is
                neither a `Sample` nor a `Failure`.
        """
        self._check(draw)
        if draw.index in self.outcomes:
            raise ProtocolMisuseError(f"{draw} has been told before")
        if not isinstance(outcome, Sample | Failure):
            raise ProtocolMisuseError(f"an outcome is a Sample or a Failure, got {shown(outcome)}")
        self.outcomes[draw.index] = outcome

    def book(self, draw: Draw, usage: Usage, *, unsent: int) -> None:
        """Enter a cost of a draw beyond that of its outcome, less the requests never sent.

        Raises:
            ProtocolMisuseError: If the draw was not asked for.
        """
        self._check(draw)
        self._booked.append((draw, usage))
        self._unsent[draw.member] += unsent

    def _check(self, draw: Draw) -> None:
        if not 0 <= draw.index < len(self.draws) or self.draws[draw.index] != draw:
            raise ProtocolMisuseError(f"{draw} was not asked for")

    def in_flight(self, first: int) -> tuple[Draw, ...]:
        """Return the draws from index `first` on that have not been told."""
        return tuple(d for d in self.draws[first:] if d.index not in self.outcomes)

    def uncounted(self, first: int) -> list[Draw]:
        """Return the draws from index `first` on that have not been counted."""
        return [d for d in self.draws[first:] if d.index not in self.counted]

    def candidates(self) -> list[Candidate]:
        """Return the counted samples in the order they were counted."""
        return [
            Candidate(self.draws[index], outcome, value)
            for index, value in self.counted.items()
            if isinstance(outcome := self.outcomes[index], Sample)
        ]

    def causes(self) -> tuple[BaseException, ...]:
        """Return the errors of all failed draws, in draw order."""
        return tuple(
            outcome.error
            for _, outcome in sorted(self.outcomes.items())
            if isinstance(outcome, Failure) and not outcome.cancelled
        )

    def trail(self) -> tuple[TrailEntry, ...]:
        """Return every draw with its outcome."""
        return tuple(
            TrailEntry(d, self.outcomes.get(d.index), d.index in self.counted) for d in self.draws
        )

    def usage(self) -> dict[str, Usage]:
        """Return the cost by member name, of everything told and booked."""
        costs: dict[str, list[Usage]] = {name: [] for name in self._names}
        for index, outcome in self.outcomes.items():
            costs[self._names[self.draws[index].member]].append(outcome.usage)
        for draw, cost in self._booked:
            costs[self._names[draw.member]].append(cost)
        usage = {name: _total(own) for name, own in costs.items()}
        for name, unsent in zip(self._names, self._unsent, strict=True):
            if unsent:
                usage[name] = replace(usage[name], calls=usage[name].calls - unsent)
        return usage


def _total(costs: Sequence[Usage]) -> Usage:
    # Summed column by column: a `Usage` for every partial sum would take a sixth of a vote's time.
    if len(costs) == 1:
        return costs[0]
    read = written = calls = unmetered = 0
    money = 0.0
    for cost in costs:
        read += cost.input_tokens
        written += cost.output_tokens
        calls += cost.calls
        unmetered += cost.unmetered
        money += cost.cost
    read, written, calls, unmetered = (min(n, LARGEST) for n in (read, written, calls, unmetered))
    return Usage(read, written, min(money, LARGEST), calls, unmetered)

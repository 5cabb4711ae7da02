"""The clock of a vote, simulated: what concurrency costs and saves.

The engine itself is driven, as in a live vote. A reply takes as long as it has tokens, so that
one "second" is the time of one token.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from bestofinf.engine import Launch, Order, VotingEngine
from bestofinf.errors import UsageError
from bestofinf.records import Draw, Member, Sample, Usage
from bestofinf.replay.draws import Draws, Sampler
from bestofinf.replay.populations import Floats, Lengths, Population
from bestofinf.replay.voting import Votes, known_lengths, name_of, names_of, parts
from bestofinf.rules.base import StopRule
from bestofinf.rules.budgets import MaxSamples


@dataclass(frozen=True)
class Timing:
    """How draws are launched and counted.

    Attributes:
        launch: ``thrifty`` or ``eager``, see `VoteSettings`.
        order: ``draw`` or ``arrival``.
        slots: Draws in flight at most.
    """

    launch: Launch = "thrifty"
    order: Order = "draw"
    slots: int = 8

    def __post_init__(self) -> None:
        if isinstance(self.slots, bool) or not isinstance(self.slots, int) or self.slots < 1:
            raise UsageError(f"slots must be a whole number of at least 1, got {self.slots!r}")


@dataclass(frozen=True)
class TimedVotes:
    """How timed trials ended.

    Attributes:
        votes: As of a vote without a clock; tokens are those of all draws started.
        seconds: Time to the decision, in tokens.
        started: Draws started.
    """

    votes: Votes
    seconds: Floats
    started: Floats


def timed_vote(
    rule: StopRule,
    populations: Sequence[Population],
    draws: Draws,
    sampler: Sampler,
    timing: Timing,
    *,
    usual: Sequence[Lengths] | None,
) -> TimedVotes:
    """Let every row of draws vote against the clock; see `vote` for the arguments."""
    rows, length = draws.answers.shape
    capped = rule | MaxSamples(length)
    samples, tokens, answers, reasons = (np.zeros(rows, dtype=np.int64) for _ in range(4))
    votes = Votes(samples, tokens, answers, reasons, names_of(rule))
    seconds, started = np.zeros(rows), np.zeros(rows)
    each = rows // len(populations)
    for row in range(rows):
        population = populations[row // each]
        engine = VotingEngine(
            capped,
            [
                Member(None, weight=w, name=name, cost=sampler.costs.get(name, 1.0))
                for name, w in zip(population.members, population.weights, strict=True)
            ],
            launch=timing.launch,
            order=timing.order,
            schedule=sampler.schedule,
            seed=sampler.trial_seed(row % each),
            abstain_limit=None,
        )
        if usual is not None:
            engine.tally.usual = tuple(known_lengths(population, usual[row // each]))
        seconds[row] = _drive(engine, population, draws, row, timing.slots)
        late = [_outcome(population, draws, row, draw) for draw in engine.in_flight]
        _enter(engine, rule, votes, row)
        votes.tokens[row] += sum(sample.tokens or 0 for sample in late)
        started[row] = votes.samples[row] + len(late)
    return TimedVotes(votes, seconds, started)


def _drive(
    engine: VotingEngine, population: Population, draws: Draws, row: int, slots: int
) -> float:
    """Run one vote; return when it was decided."""
    now = 0.0
    running: list[tuple[float, Draw]] = []
    while not engine.done:
        for draw in engine.ask(slots - len(running)):
            tokens = _outcome(population, draws, row, draw).tokens or 1
            heapq.heappush(running, (now + tokens, draw))
        now, draw = heapq.heappop(running)
        engine.advance(now)
        if not engine.done:
            engine.tell(draw, _outcome(population, draws, row, draw))
    return now


def _outcome(population: Population, draws: Draws, row: int, draw: Draw) -> Sample:
    # Eager launches go past the last draw of the row; what they bring is never counted.
    place = int(draws.samples[row, min(draw.index, draws.samples.shape[1] - 1)])
    place %= len(population.answers[draw.member])
    answer = int(population.answers[draw.member][place])
    tokens = int(population.tokens[draw.member][place])
    score = float(population.scores[draw.member][place])
    cost = tokens * population.prices[draw.member]
    return Sample(
        None if answer < 0 else answer,
        tokens=tokens,
        usage=Usage(output_tokens=tokens, cost=cost, calls=1),
        score=None if math.isnan(score) else score,
    )


def _enter(engine: VotingEngine, rule: StopRule, votes: Votes, row: int) -> None:
    decision = engine.decision()
    votes.samples[row] = decision.n_samples
    votes.tokens[row] = decision.usage.output_tokens
    votes.answers[row] = -1 if decision.answer is None else cast(int, decision.answer)
    votes.reasons[row] = len(votes.names) - 1
    for part in parts(rule):
        if part.check(engine.tally) is not None:
            votes.reasons[row] = votes.names.index(name_of(part))
            break

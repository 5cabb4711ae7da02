"""Pools by replay: one budget over recorded questions, beside what else could be done with it.

All ways see the same votes in the same order, so that their differences are not those of luck.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betainc

from bestofinf.batches.pool import Budget, Indexed, Pool
from bestofinf.evaluation import EvaluationSet
from bestofinf.records import Sample, Usage
from bestofinf.rules import FixedSamples, MaxSamples, OptimalStopping, StopRule
from bestofinf.rules.controller import BudgetController
from bestofinf.rules.tally import Tally
from bestofinf.voting.engine import VotingEngine

LONGEST = 160
"""Votes that are drawn for a question at most."""

PRICES = tuple(float(price) for price in np.geomspace(0.03, 0.0001, 15))


@dataclass(frozen=True)
class Stream:
    """The votes on one question, as they would come.

    Attributes:
        samples: In their order.
        mode: The answer that infinitely many would elect.
    """

    samples: tuple[Sample, ...]
    mode: str


class LeastSure:
    """The pool of Adaptive-Consistency: the next sample to where its Beta criterion is lowest.

    Source:
        Aggarwal et al., arXiv 2305.11860, the Beta criterion.
    """

    def index(self, tally: Tally) -> float:
        return float(betainc(tally.c1 + 1, tally.c2 + 1, 0.5))


@dataclass(frozen=True)
class Point:
    """What a way of spending has come to.

    Attributes:
        spent: Mean spending of a question, in the unit of the budget.
        agreement: Share of questions whose answer is the mode.
        right: For each question, in the order of the streams, whether it is.
    """

    spent: float
    agreement: float
    right: tuple[bool, ...]


def streams(recorded: EvaluationSet, *, trial: int, member: str | None = None) -> list[Stream]:
    """Return votes drawn with replacement from recorded answers, one stream a question and member.

    Invalid answers are left out. A token costs one thousandth.
    """
    found = []
    for question in recorded:
        for name, samples in question.samples.items():
            if member not in (None, name):
                continue
            tokens = samples.tokens or (1000,) * len(samples)
            valid = [(a, t) for a, t in zip(samples.answers, tokens, strict=True) if a is not None]
            mode = samples.mode()
            if mode is None:
                continue
            rng = random.Random(f"{trial}/{question.id}/{name}")
            drawn = rng.choices(valid, k=LONGEST)
            found.append(
                Stream(
                    tuple(
                        Sample(a, tokens=t, usage=Usage(1, t or 0, (t or 0) / 1000, 1))
                        for a, t in drawn
                    ),
                    mode,
                )
            )
    return found


def pooled(votes: Sequence[Stream], budget: Budget, rule: Indexed, *, slots: int = 1) -> Point:
    """Spend a total by a pool."""
    pool: Pool[int] = Pool(rule, budget)
    for place in range(len(votes)):
        # No rule of its own ends a question: the pool alone decides.
        pool.add(place, VotingEngine(MaxSamples(LONGEST)))
    while not pool.done:
        for place, draw in pool.ask(slots):
            pool.tell(place, draw, votes[place].samples[draw.index])
    pool.close()
    answers = {place: engine.decision().answer for place, engine in pool.settled()}
    right = tuple(answers[place] == stream.mode for place, stream in enumerate(votes))
    return Point(pool.spent / len(votes), float(np.mean(right)), right)


def alone(votes: Sequence[Stream], rule: StopRule, budget: Budget = Budget(1)) -> Point:  # noqa: B008
    """Vote on each question by itself."""
    spent, right = zip(*(_voted(stream, rule, budget) for stream in votes), strict=True)
    return Point(float(np.mean(spent)), float(np.mean(right)), right)


def _voted(stream: Stream, rule: StopRule, budget: Budget) -> tuple[float, bool]:
    tally = Tally()
    spent = 0.0
    for sample in stream.samples:
        tally.vote(sample.answer, tokens=sample.tokens)
        spent += budget.of(sample)
        if rule.check(tally) is not None:
            break
    return spent, tally.leader == stream.mode


def fixed(votes: Sequence[Stream], mean: int) -> Point:
    """Give every question the same number of samples."""
    return alone(votes, FixedSamples(mean))


def priced(votes: Sequence[Stream], rule: OptimalStopping) -> list[Point]:
    """Vote on each question by itself at many prices, from the cheapest vote to the dearest."""
    return [alone(votes, replace(rule, price=price)) for price in PRICES]


def best_price(points: Sequence[Point], spent: float) -> float:
    """Return the agreement at the price that would have spent just that; linear in between."""
    return float(
        np.interp(np.log(spent), np.log([p.spent for p in points]), [p.agreement for p in points])
    )


def held(votes: Sequence[Stream], mean: float, rate: float = 0.03) -> Point:
    """Hold a mean budget over questions that come one by one."""
    controller = BudgetController(mean, OptimalStopping(), rate)
    right = []
    for stream in votes:
        spent, is_mode = _voted(stream, controller.rule, Budget(1))
        controller.book(spent)
        right.append(is_mode)
    return Point(controller.mean, float(np.mean(right)), tuple(right))


def shuffled(votes: Sequence[Stream], seed: int) -> list[Stream]:
    """Return the streams in a random order."""
    mixed = list(votes)
    random.Random(seed).shuffle(mixed)
    return mixed

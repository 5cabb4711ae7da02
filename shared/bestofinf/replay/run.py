"""Replay: recorded samples, voted on again under any rule. No model is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet
from bestofinf.replay.draws import Draws, Sampler
from bestofinf.replay.populations import (
    Floats,
    Lengths,
    Population,
    alone,
    together,
    usual_lengths,
)
from bestofinf.replay.results import Grid, ReplayResult
from bestofinf.replay.timing import Timing, timed_vote
from bestofinf.replay.voting import Votes, vote
from bestofinf.rules import StopRule, parse_rule
from bestofinf.schedule import ScheduleKind

Costs = Literal["equal", "usual"]

_CELLS = 2_000_000  # rows times answers of one pass: about 100 MB


@dataclass(frozen=True)
class ReplayPlan:
    """How recorded answers are voted on again.

    Attributes:
        members: Members that vote alone, each on all its questions; None for all.
        weights: Weights of members that vote together instead; then `members` must be None.
        schedule: In what order several members are asked.
        costs: What the greedy schedule takes as the price of a member's sample: ``"equal"``, or
            ``"usual"`` for its mean tokens (times its price, where given).
        prices: Money for one generated token, by member.
        max_samples: Samples of a vote at most.
        trials: Votes per question and group.
        seed: Start of everything random.
        drop_invalid: Leave invalid answers out, as studies do that count valid ones alone.
            Otherwise they are samples that abstain, as in a live vote.
        timing: Simulate the clock as well, with tokens as seconds; None for the votes alone.
    """

    members: Sequence[str] | None = None
    weights: Mapping[str, float] | None = None
    schedule: ScheduleKind = "greedy"
    costs: Costs = "equal"
    prices: Mapping[str, float] | None = None
    max_samples: int = 100
    trials: int = 100
    seed: int = 0
    drop_invalid: bool = False
    timing: Timing | None = None

    def __post_init__(self) -> None:
        for name in ("max_samples", "trials"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"{name} must be a whole number of at least 1, got {value!r}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise UsageError(f"seed must be a whole number of at least 0, got {self.seed!r}")
        if self.members is not None and self.weights is not None:
            raise UsageError("give members, which vote alone, or weights, to vote together")
        for name, choices in (("costs", get_args(Costs)), ("schedule", get_args(ScheduleKind))):
            if getattr(self, name) not in choices:
                raise UsageError(
                    f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}"
                )


def replay(
    evaluation_set: EvaluationSet,
    rule: StopRule | str,
    plan: ReplayPlan | None = None,
    **changes: object,
) -> ReplayResult:
    """Vote again on recorded answers under a rule.

    Samples are drawn with replacement from what was recorded. The mode is that of the recorded
    answers, invalid ones left out, weighted where members vote together.

    Args:
        evaluation_set: Recorded answers.
        rule: A rule, or its text.
        plan: How it is done.
        changes: Single settings of the plan by keyword, as ``trials=20``.

    Raises:
        UsageError: If a setting is wrong or there is nothing to vote on.
    """
    return replay_all(evaluation_set, [rule], plan, **changes)[0]


def replay_all(
    evaluation_set: EvaluationSet,
    rules: Sequence[StopRule | str],
    plan: ReplayPlan | None = None,
    **changes: object,
) -> list[ReplayResult]:
    """Vote again under several rules, all on the same samples; see `replay`."""
    plan = replace(plan or ReplayPlan(), **changes)  # type: ignore[arg-type]
    parsed = [parse_rule(rule) if isinstance(rule, str) else rule for rule in rules]
    populations = populations_of(evaluation_set, plan)
    books = [_Book(populations, str(rule), plan) for rule in parsed]
    for rows, chunk, draws, usual in drawn(populations, plan):
        for rule, book in zip(parsed, books, strict=True):
            if plan.timing is None:
                book.enter(
                    rows, chunk, vote(rule, chunk, draws, stratified=stratified(plan), usual=usual)
                )
            else:
                sampler = sampler_of(populations, plan)
                timed = timed_vote(rule, chunk, draws, sampler, plan.timing, usual=usual)
                book.enter(rows, chunk, timed.votes, seconds=timed.seconds, started=timed.started)
    return [book.result() for book in books]


def populations_of(evaluation_set: EvaluationSet, plan: ReplayPlan) -> list[Population]:
    """Return what the plan votes on."""
    if plan.weights is None:
        found = alone(
            evaluation_set, plan.members, drop_invalid=plan.drop_invalid, prices=plan.prices
        )
    else:
        found = together(
            evaluation_set, plan.weights, drop_invalid=plan.drop_invalid, prices=plan.prices
        )
    if not found:
        raise UsageError("nothing to replay: no question has recorded answers of these members")
    return found


def stratified(plan: ReplayPlan) -> bool:
    """Return whether members are strata: not where they are drawn at random."""
    return plan.schedule != "independent"


def sampler_of(populations: Sequence[Population], plan: ReplayPlan) -> Sampler:
    """Return what draws the samples of a plan."""
    costs: dict[str, float] = {}
    if plan.costs == "usual":
        spent: dict[str, list[float]] = {}
        for population in populations:
            for name, tokens, price in zip(
                population.members, population.tokens, population.prices, strict=True
            ):
                known = tokens[tokens > 0] * (price or 1.0)
                spent.setdefault(name, []).extend(known.tolist())
        costs = {name: sum(values) / len(values) for name, values in spent.items() if values}
    return Sampler(plan.trials, plan.max_samples, plan.seed, plan.schedule, costs)


def drawn(
    populations: Sequence[Population], plan: ReplayPlan
) -> Iterator[tuple[list[int], list[Population], Draws, list[Lengths] | None]]:
    """Yield populations with their draws, a few at a time.

    Those together have the same members and weights, and similar numbers of answers. With them
    come their places among all and their usual lengths.
    """
    usual = usual_lengths(populations)
    sampler = sampler_of(populations, plan)
    kinds: dict[object, list[int]] = {}
    for place, population in enumerate(populations):
        # Alone, members differ only in name; together, in who was asked.
        key = (len(population.weights), population.weights)
        kinds.setdefault(key, []).append(place)
    for places in kinds.values():
        places.sort(key=lambda p: len(populations[p].shares))
        start = 0
        while start < len(places):
            end = start + 1
            members = len(populations[places[0]].members)
            while end < len(places):
                answers = len(populations[places[end]].shares) + plan.max_samples
                if (end + 1 - start) * plan.trials * answers * members > _CELLS:
                    break
                end += 1
            rows = places[start:end]
            chunk = [populations[p] for p in rows]
            lengths = None if usual is None else [usual[p] for p in rows]
            yield rows, chunk, sampler.draw(chunk), lengths
            start = end


class _Book:
    """Collects what the trials of each population gave."""

    def __init__(self, populations: Sequence[Population], rule: str, plan: ReplayPlan) -> None:
        self._populations = populations
        self._rule = rule
        self._plan = plan
        self._columns: dict[str, Floats] = {}
        self._reasons: dict[str, float] = {}

    def enter(
        self,
        rows: Sequence[int],
        chunk: Sequence[Population],
        votes: Votes,
        **more: Floats,
    ) -> None:
        shape = (len(chunk), self._plan.trials)
        winners = votes.answers.reshape(shape)
        named = winners >= 0
        modes = np.zeros(shape)
        right = np.full(shape, np.nan)
        for place, population in enumerate(chunk):
            winner = winners[place]
            modes[place] = named[place] & population.modes[winner]
            if population.right is not None:
                right[place] = named[place] & (winner == population.right)
        values = {
            "samples": votes.samples.reshape(shape),
            "tokens": votes.tokens.reshape(shape),
            "accuracy": right,
            "agreement": modes,
            **{name: column.reshape(shape) for name, column in more.items()},
        }
        for name, value in values.items():
            self._column(name)[list(rows)] = value.mean(axis=1)
        for place, population in zip(rows, chunk, strict=True):
            if population.right is not None and population.p_right is not None:
                self._column("bo1")[place] = population.p_right
                elected = population.first_mode
                self._column("bo_inf")[place] = elected >= 0 and elected == population.right
        counts = np.bincount(votes.reasons, minlength=len(votes.names))
        for name, count in zip(votes.names, counts.tolist(), strict=True):
            self._reasons[name] = self._reasons.get(name, 0) + count

    def _column(self, name: str) -> Floats:
        return self._columns.setdefault(name, np.full(len(self._populations), np.nan))

    def result(self) -> ReplayResult:
        for name in ("bo1", "bo_inf"):
            self._column(name)
        total = sum(self._reasons.values())
        shares = {name: count / total for name, count in self._reasons.items() if count}
        return ReplayResult(
            rule=self._rule,
            trials=self._plan.trials,
            grid=grid_of(self._populations),
            columns=self._columns,
            reasons=shares,
        )


def grid_of(populations: Sequence[Population]) -> Grid:
    """Return the questions of these populations, for means over them."""
    return Grid(
        tuple(p.question for p in populations),
        tuple(p.dataset for p in populations),
        tuple(p.group for p in populations),
    )

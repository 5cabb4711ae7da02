"""Vote again on recorded samples under any rule. No model is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from bestofinf.errors import UsageError, one_of, whole
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.limits import Elections
from bestofinf.evaluation.provenance import for_estimates
from bestofinf.replay.books import Book
from bestofinf.replay.draws import Draws, Resampler
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
from bestofinf.replay.voting import vote_recorded
from bestofinf.rules import StopRule, parse_rule
from bestofinf.voting.engine import VotingEngine
from bestofinf.voting.schedule import ScheduleChoice, ScheduleKind

Costs = Literal["equal", "usual"]

_CELLS = 2_000_000  # maximum of rows times answers in one pass: about 100 MB


@dataclass(frozen=True)
class ReplayPlan:
    """How recorded answers are voted on again.

    Attributes:
        members: Members that vote alone, each on all its questions; None for all.
        weights: Weights of members that vote together instead; then `members` must be None.
        schedule: Order in which several members are asked; ``auto`` for the order of each rule.
        costs: Price of a member's sample for the greedy schedule: ``"equal"``, ``"usual"`` for its
            mean tokens (times its price, if given), or numbers by member.
        prices: Money for one generated token, by member.
        max_samples: Maximum number of samples of a vote.
        trials: Number of votes per question and group.
        seed: Seed of all random numbers.
        drop_invalid: Leave invalid answers out, as in studies that count only valid ones.
            Otherwise they are samples that abstain, as in a live vote.
        abstain_limit: End a vote after this many samples without an answer; see `VoteSettings`.
        replacement: Draw samples with replacement. The recorded shares are then taken as the
            member's true ones, and no vote runs out of samples. Use it to compare rules on many
            recorded samples, not to judge a rule from few.
        timing: Simulate the clock as well, with one second per token; None for no clock.
    """

    members: Sequence[str] | None = None
    weights: Mapping[str, float] | None = None
    schedule: ScheduleChoice = "auto"
    costs: Costs | Mapping[str, float] = "equal"
    prices: Mapping[str, float] | None = None
    max_samples: int = 100
    trials: int = 100
    seed: int = 0
    drop_invalid: bool = False
    abstain_limit: int | Literal["auto"] | None = "auto"
    replacement: bool = False
    timing: Timing | None = None

    def __post_init__(self) -> None:
        for name, least in (("max_samples", 1), ("trials", 1), ("seed", 0)):
            whole(name, getattr(self, name), least)
        if self.members is not None and self.weights is not None:
            raise UsageError("give members, which vote alone, or weights, to vote together")
        if not isinstance(self.costs, Mapping):
            one_of("costs", self.costs, get_args(Costs))
        one_of("schedule", self.schedule, get_args(ScheduleChoice))


def replay(
    evaluation_set: EvaluationSet,
    rule: StopRule | str,
    plan: ReplayPlan | None = None,
    **changes: object,
) -> ReplayResult:
    """Vote again on recorded answers under a rule.

    Samples are drawn without replacement, so every vote is one that the members could have given,
    and the accuracy is unbiased for the rule with at most the recorded number of samples. A vote
    that the rule does not end before ends "out of samples". Agreement is with what all recorded
    samples elect, weighted if members vote together. A tie that only the lot decides counts in
    equal shares. Samples that were drawn because of earlier answers are left out; see
    `EvaluationSet.fixed`.

    Args:
        evaluation_set: Recorded answers. Labels that accuracies cannot be estimated from are left
            out (`bestofinf.evaluation.provenance`).
        rule: A rule, or its text.
        plan: Settings of the replay; the defaults of `ReplayPlan` if None.
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
    recorded = for_estimates(evaluation_set)[0].fixed().ordered
    populations = populations_of(recorded, plan)
    left_out = 0
    if plan.weights is not None:
        heavy = {name for name, weight in plan.weights.items() if weight > 0}
        left_out = sum(not heavy.isdisjoint(q.samples) for q in recorded) - len(populations)
    limits = _limits(recorded, populations, plan)
    return replay_populations(populations, parsed, plan, limits=limits, left_out=left_out)


def replay_populations(
    populations: Sequence[Population],
    rules: Sequence[StopRule],
    plan: ReplayPlan,
    *,
    limits: tuple[Floats, Floats] | None = None,
    left_out: int = 0,
) -> list[ReplayResult]:
    """Vote on populations under several rules; see `replay_all`.

    Args:
        populations: Populations as from `populations_of` with the same plan.
        rules: The rules.
        plan: Settings of the replay.
        limits: Accuracy with infinitely many votes and its extrapolation step, per population; None
            if not wanted.
        left_out: Number of questions that not all members of the ensemble were asked.
    """
    unknown = np.full(len(populations), np.nan)
    books = [
        Book(
            populations,
            grid_of(populations),
            str(rule),
            trials=plan.trials,
            priced=bool(plan.prices),
            replacement=plan.replacement,
            left_out=left_out,
            limits=limits or (unknown, unknown),
        )
        for rule in rules
    ]
    for kind, rows, chunk, draws, usual in _drawn_for(rules, populations, plan):
        alike = [(r, b) for r, b in zip(rules, books, strict=True) if kind == _order(r, plan)]
        # There is no answer type here, so the limit is the same for all rules.
        first = VotingEngine(alike[0][0], chunk[0].weights, abstain_limit=plan.abstain_limit)
        limit = first.abstain_limit
        if plan.timing is None:
            found = vote_recorded(
                [rule for rule, _ in alike],
                chunk,
                draws,
                stratified=stratified(plan),
                usual=usual,
                abstain_limit=limit,
            )
            for (_, book), votes in zip(alike, found, strict=True):
                book.enter(rows, chunk, votes)
            continue
        resampler = resampler_of(populations, replace(plan, schedule=kind))
        for rule, book in alike:
            timed = timed_vote(
                rule, chunk, draws, resampler, plan.timing, usual=usual, abstain_limit=limit
            )
            book.enter(rows, chunk, timed.votes, seconds=timed.seconds, started=timed.started)
    return [book.result() for book in books]


def _order(rule: StopRule, plan: ReplayPlan) -> ScheduleKind:
    return rule.member_order if plan.schedule == "auto" else plan.schedule


def _drawn_for(
    rules: Sequence[StopRule], populations: Sequence[Population], plan: ReplayPlan
) -> Iterator[tuple[ScheduleKind, list[int], list[Population], Draws, list[Lengths] | None]]:
    """Yield `drawn` for every order of members that one of the rules wants."""
    for kind in dict.fromkeys(_order(rule, plan) for rule in rules):
        for found in drawn(populations, replace(plan, schedule=kind)):
            yield (kind, *found)


def populations_of(recorded: EvaluationSet, plan: ReplayPlan) -> list[Population]:
    """Return the populations that the plan votes on."""
    if plan.weights is None:
        found = alone(recorded, plan.members, drop_invalid=plan.drop_invalid, prices=plan.prices)
    else:
        found = together(recorded, plan.weights, drop_invalid=plan.drop_invalid, prices=plan.prices)
    if found:
        return found
    asked = {name: sum(name in q.samples for q in recorded) for name in recorded.members}
    raise UsageError(
        "nothing to replay: no question has recorded answers of all these members; asked were "
        + (", ".join(f"{name} {n}" for name, n in asked.items()) or "none")
    )


def _limits(
    recorded: EvaluationSet, populations: Sequence[Population], plan: ReplayPlan
) -> tuple[Floats, Floats]:
    """Return the accuracy with infinitely many votes and its extrapolation step, per population."""
    place = {question.id: i for i, question in enumerate(recorded)}
    rows = np.array([place[population.question] for population in populations])
    names = recorded.members
    elections = Elections(recorded, names, seed=plan.seed)
    values, steps = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    groups = np.array([population.group for population in populations])
    for group in dict.fromkeys(groups.tolist()):
        weights = plan.weights or {group: 1.0}
        mine = groups == group
        limit, step = elections.limits([weights.get(name, 0.0) for name in names])
        values[mine], steps[mine] = limit[rows[mine]], step[rows[mine]]
    return values, steps


def stratified(plan: ReplayPlan) -> bool:
    """Return whether members are strata of the tally; they are not if drawn at random."""
    return plan.schedule != "independent"


def resampler_of(populations: Sequence[Population], plan: ReplayPlan) -> Resampler:
    """Return the resampler that draws the samples of a plan."""
    costs: dict[str, float] = dict(plan.costs) if isinstance(plan.costs, Mapping) else {}
    if plan.costs == "usual":
        spent: dict[str, list[float]] = {}
        for population in populations:
            for name, tokens, price in zip(
                population.members, population.tokens, population.prices, strict=True
            ):
                known = tokens[tokens > 0] * (price or 1.0)
                spent.setdefault(name, []).extend(known.tolist())
        costs = {name: sum(values) / len(values) for name, values in spent.items() if values}
    return Resampler(
        plan.trials,
        plan.max_samples,
        plan.seed,
        "greedy" if plan.schedule == "auto" else plan.schedule,
        costs,
        plan.replacement,
    )


def drawn(
    populations: Sequence[Population], plan: ReplayPlan
) -> Iterator[tuple[list[int], list[Population], Draws, list[Lengths] | None]]:
    """Yield populations with their draws, a few at a time.

    The populations of one item have the same members and weights and similar numbers of answers. An
    item has their indices among all, the populations, their draws and their usual lengths.
    """
    usual = usual_lengths(populations)
    resampler = resampler_of(populations, plan)
    kinds: dict[object, list[int]] = {}
    for place, population in enumerate(populations):
        # Members that vote alone differ only in name; ensembles differ in their members.
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
            yield rows, chunk, resampler.draw(chunk), lengths
            start = end


def grid_of(populations: Sequence[Population]) -> Grid:
    """Return the questions of these populations, for means over them."""
    return Grid(
        tuple(p.question for p in populations),
        tuple(p.dataset for p in populations),
        tuple(p.group for p in populations),
    )

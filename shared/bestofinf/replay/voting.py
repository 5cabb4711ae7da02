"""Run the votes of many trials at once, or one by one if a rule needs that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from bestofinf.replay.draws import Draws
from bestofinf.replay.populations import Bools, Ints, Lengths, Population
from bestofinf.replay.singles import Singles
from bestofinf.replay.told import Told
from bestofinf.replay.votes import SPENT, UNVOTABLE, Votes, name_of, parts
from bestofinf.rules.base import AllOf, AnyOf, StopRule
from bestofinf.rules.tally import EPSILON
from bestofinf.rules.tally_arrays import TallyArrays

_CROWD = 0.8  # ended rows are removed from the arrays when fewer than this share still votes


def vote_recorded(
    rules: Sequence[StopRule],
    populations: Sequence[Population],
    draws: Draws,
    *,
    stratified: bool,
    usual: Sequence[Lengths] | None,
    abstain_limit: int | None,
) -> list[Votes]:
    """Run the vote of every row of draws under each rule until the rule fires or the row ends.

    The votes are counted once for all rules that can read many tallies in one step.

    Args:
        rules: The rules.
        populations: Populations with the same members and weights; each has the same number of
            rows of draws.
        draws: The draws, with rows ordered by population.
        stratified: Whether members are strata of the tally.
        usual: Usual lengths per population, or None.
        abstain_limit: End a vote after this many samples without an answer, while none has one.

    Returns:
        The results of the votes, one entry per rule.
    """
    rows = len(draws.lengths)
    each = rows // len(populations)
    columns: dict[str, Any] = {}
    if usual is not None:
        columns = {
            "usual_tokens": np.repeat(np.array([u.tokens for u in usual]), each, axis=0),
            "usual_log_tokens": np.repeat(np.array([u.log_tokens for u in usual]), each, axis=0),
        }
    tallies = TallyArrays(
        rows,
        max(len(population.shares) for population in populations),
        weights=populations[0].weights,
        stratified=stratified,
        **columns,
    )
    told = Told(populations, draws) if any(rule.reads_replies for rule in rules) else None
    if told is not None and told.anything:
        tallies.masses = told.masses(rows, tallies.counts.shape[1], len(tallies.weights))
    courses = [_Course.open(rule, draws.lengths, abstain_limit) for rule in rules]
    together = [course for course in courses if not _reads_one(course.rule, tallies)]
    if together:
        _all_at_once(together, tallies, draws, told)
    for course in courses:
        if course not in together:
            singles = Singles(course.rule, populations, stratified, usual, abstain_limit)
            singles.run(draws, course.votes)
    return [course.votes for course in courses]


def _reads_one(rule: StopRule, tallies: TallyArrays) -> bool:
    """Return whether the rule, or an alternative of it, can only check one tally at a time."""
    nested = any(
        isinstance(inner, AnyOf)
        for part in parts(rule)
        if isinstance(part, AllOf)
        for inner in part.rules
    )
    if nested:
        return True
    empty = TallyArrays(0, 1, weights=tallies.weights.tolist(), stratified=tallies.stratified)
    if tallies.usual_tokens is not None and tallies.usual_log_tokens is not None:
        empty.usual_tokens = tallies.usual_tokens[:0]
        empty.usual_log_tokens = tallies.usual_log_tokens[:0]
    alternatives = parts(rule)
    budgets = [budget for part in alternatives if (budget := part.budget()) is not None]
    return any(part.check_many(empty) is None for part in (*alternatives, *budgets))


def _named(part: StopRule, tallies: TallyArrays) -> Ints:
    """Return whom the verdicts of a rule that fires name; of several, the last that names anybody."""
    rules = part.rules if isinstance(part, AllOf) else (part,)
    named = [rule.answers_many(tallies) for rule in rules]
    return reduce(lambda first, then: np.where(then < 0, first, then), named)


@dataclass(eq=False)
class _Course:
    """The votes under one rule, on tallies that all rules share.

    Attributes:
        rule: The rule.
        votes: The results so far.
        going: Which rows of the tallies still vote.
        abstain_limit: As of `vote_recorded`.
        budgets: What of each alternative of the rule is a budget; None where nothing is.
    """

    rule: StopRule
    votes: Votes
    going: Bools
    abstain_limit: int | None
    budgets: tuple[StopRule | None, ...]

    @classmethod
    def open(cls, rule: StopRule, lengths: Ints, abstain_limit: int | None) -> _Course:
        """Return votes of which none has ended."""
        going = np.ones(len(lengths), dtype=np.bool_)
        budgets = tuple(part.budget() for part in parts(rule))
        return cls(rule, Votes.open(rule, lengths), going, abstain_limit, budgets)

    def step(self, tallies: TallyArrays, rows: Ints, samples: int, lengths: Ints) -> None:
        """End the votes that end after this number of samples.

        Args:
            tallies: The votes so far.
            rows: The row of the draws for each row of the tallies.
            samples: Number of samples counted in each row.
            lengths: Number of samples available in each row.
        """
        limit = self.abstain_limit
        silent = (tallies.n_votes == 0) & (limit is not None)
        if limit is not None:
            hopeless = silent & (tallies.n_abstained >= limit)
            self._end(hopeless, tallies, rows, samples, UNVOTABLE)
        for part, budget in zip(parts(self.rule), self.budgets, strict=True):
            fired = part.check_many(tallies)
            if fired is None:
                continue
            if silent.any():  # with nothing to elect yet, only a budget ends a vote
                spent = None if budget is None else budget.check_many(tallies)
                fired = np.where(silent, False if spent is None else spent, fired)
            self._end(fired, tallies, rows, samples, name_of(part), part)
        self._end(lengths == samples, tallies, rows, samples, SPENT)

    def _end(
        self,
        stops: Bools,
        tallies: TallyArrays,
        rows: Ints,
        samples: int,
        reason: str,
        part: StopRule | None = None,
    ) -> None:
        places = np.flatnonzero(self.going & stops)
        if not len(places):
            return
        votes, ended = self.votes, rows[places]
        votes.samples[ended] = samples
        votes.tokens[ended] = tallies.tokens[places]
        votes.costs[ended] = tallies.cost[places]
        votes.reasons[ended] = votes.names.index(reason)
        self.going[places] = False
        chosen = np.full(len(tallies), -1) if part is None else _named(part, tallies)
        elected = self.rule.elects_many(tallies)
        if elected is not None:
            chosen = np.where(chosen < 0, elected, chosen)
        votes.answers[ended] = np.where(chosen < 0, tallies.leader, chosen)[places]
        close = tallies.c2[places] >= tallies.c1[places] * (1 - EPSILON)
        level = places[close & (chosen[places] < 0)]
        for place, tied in zip(level.tolist(), tallies.tied(level), strict=True):
            if tied.sum() > 1:
                votes.tied[int(rows[place])] = np.flatnonzero(tied)


def _all_at_once(
    courses: Sequence[_Course], tallies: TallyArrays, draws: Draws, told: Told | None
) -> None:
    rows, priced = np.arange(len(tallies)), bool(draws.costs.any())
    for step in range(draws.answers.shape[1]):
        tallies.count(
            draws.answers[rows, step],
            tokens=draws.tokens[rows, step],
            member=draws.members[rows, step],
            cost=draws.costs[rows, step] if priced else None,
            said=told.at(rows, step) if told is not None and told.anything else None,
        )
        lengths = draws.lengths[rows]
        for course in courses:
            course.step(tallies, rows, step + 1, lengths)
        courses = [course for course in courses if course.going.any()]
        if not courses:
            return
        going = np.logical_or.reduce([course.going for course in courses])
        if going.sum() < _CROWD * len(rows):
            tallies.keep(going)
            rows = rows[going]
            for course in courses:
                course.going = course.going[going]

"""Votes of many trials at once, or one after the other where a rule needs it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bestofinf.likelihood import Likelihood, LogprobKind
from bestofinf.records import AnswerValue, Usual
from bestofinf.replay.draws import Draws
from bestofinf.replay.populations import Floats, Ints, Lengths, Population
from bestofinf.replay.told import Told
from bestofinf.rules.base import AllOf, AnyOf, StopRule
from bestofinf.rules.tally import EPSILON, Tally
from bestofinf.rules.tally_arrays import TallyArrays

SPENT = "out of samples"
"""Reason of a vote that the rule did not end before the samples did."""

UNVOTABLE = "unvotable"
"""Reason of a vote that ended because too many samples abstained and none had voted."""

_SURE = 10**9  # samples behind a usual length taken from a whole recorded set
_CROWD = 0.8  # rows are dropped from the columns when fewer than this share goes on


@dataclass
class Votes:
    """The results of the trials; one entry a row of the draws.

    Attributes:
        samples: Samples counted.
        tokens: Tokens of these.
        costs: Money of these.
        answers: Winner; -1 where nobody voted.
        tied: Where only the lot chose the winner, the answers it chose from, by row.
        reasons: Position in `names`.
        names: Reasons: names of rules, `UNVOTABLE` and `SPENT`.
    """

    samples: Ints
    tokens: Ints
    costs: Floats
    answers: Ints
    tied: dict[int, Ints]
    reasons: Ints
    names: list[str]

    @classmethod
    def open(cls, rule: StopRule, lengths: Ints) -> Votes:
        """Return votes that take all their draws and elect nobody."""
        names = names_of(rule)
        rows = len(lengths)
        return cls(
            samples=lengths.copy(),
            tokens=np.zeros(rows, dtype=np.int64),
            costs=np.zeros(rows),
            answers=np.full(rows, -1),
            tied={},
            reasons=np.full(rows, names.index(SPENT)),
            names=names,
        )


def vote_recorded(
    rule: StopRule,
    populations: Sequence[Population],
    draws: Draws,
    *,
    stratified: bool,
    usual: Sequence[Lengths] | None,
    abstain_limit: int | None,
) -> Votes:
    """Let every row of draws vote until the rule fires or the row ends.

    Args:
        rule: The rule.
        populations: All with the same members and weights; as many rows of draws for each.
        draws: The samples, rows population by population.
        stratified: Whether members are strata of the tally.
        usual: Usual lengths per population, or None.
        abstain_limit: End a vote after this many samples without an answer, while none has one.
    """
    rows = len(draws.lengths)
    votes = Votes.open(rule, draws.lengths)
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
    told = Told(populations, draws) if rule.reads_replies else None
    if told is not None and told.anything:
        tallies.masses = told.masses(rows, tallies.counts.shape[1], len(tallies.weights))
    if _reads_one(rule, tallies):
        singles = _Singles(rule, populations, stratified, usual, abstain_limit)
        singles.run(draws, votes)
    else:
        _all_at_once(rule, tallies, draws, votes, abstain_limit, told)
    return votes


def parts(rule: StopRule) -> tuple[StopRule, ...]:
    """Return the alternatives of a rule, each a reason to stop."""
    return rule.rules if isinstance(rule, AnyOf) else (rule,)


def names_of(rule: StopRule) -> list[str]:
    """Return all reasons that a vote can end for."""
    return list(dict.fromkeys([*(name_of(part) for part in parts(rule)), UNVOTABLE, SPENT]))


def name_of(rule: StopRule) -> str:
    """Return the reason that one alternative of a rule is booked under."""
    return " and ".join(r.name for r in rule.rules) if isinstance(rule, AllOf) else rule.name


def _reads_one(rule: StopRule, tallies: TallyArrays) -> bool:
    """Return whether the rule, or an alternative in a joint rule, can only read one tally."""
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
    return any(part.check_many(empty) is None for part in parts(rule))


def _names_answer(part: StopRule) -> bool:
    """Return whether the rule says itself who has won, and does not leave it to the tally."""
    rules = part.rules if isinstance(part, AllOf) else (part,)
    return any(type(rule).answers_many is not StopRule.answers_many for rule in rules)


def _answers(part: StopRule, tallies: TallyArrays) -> Ints:
    rules = part.rules if isinstance(part, AllOf) else (part,)
    own = [rule for rule in rules if _names_answer(rule)]
    return own[-1].answers_many(tallies) if own else tallies.leader


def _all_at_once(
    rule: StopRule,
    tallies: TallyArrays,
    draws: Draws,
    votes: Votes,
    abstain_limit: int | None,
    told: Told | None,
) -> None:
    rows, priced = np.arange(len(tallies)), bool(draws.costs.any())
    going = np.ones(len(rows), dtype=np.bool_)

    def end(stops: NDArray[np.bool_], reason: str, part: StopRule | None = None) -> None:
        places = np.flatnonzero(stops)
        ended = rows[places]
        votes.samples[ended] = step + 1
        votes.tokens[ended] = tallies.tokens[places]
        votes.costs[ended] = tallies.cost[places]
        votes.reasons[ended] = votes.names.index(reason)
        names = part is not None and _names_answer(part)
        chosen = None if names else rule.elects_many(tallies)
        if part is not None and names:
            votes.answers[ended] = _answers(part, tallies)[places]
        else:
            votes.answers[ended] = (tallies.leader if chosen is None else chosen)[places]
        if not names and chosen is None:
            level = places[tallies.c2[places] >= tallies.c1[places] * (1 - EPSILON)]
            for place, tied in zip(level.tolist(), tallies.tied(level), strict=True):
                if tied.sum() > 1:
                    votes.tied[int(rows[place])] = np.flatnonzero(tied)
        going[places] = False

    for step in range(draws.answers.shape[1]):
        tallies.count(
            draws.answers[rows, step],
            tokens=draws.tokens[rows, step],
            member=draws.members[rows, step],
            cost=draws.costs[rows, step] if priced else None,
            said=told.at(rows, step) if told is not None and told.anything else None,
        )
        if abstain_limit is not None:
            end(going & (tallies.n_votes == 0) & (tallies.n_abstained >= abstain_limit), UNVOTABLE)
        for part in parts(rule):
            fired = part.check_many(tallies)
            if fired is not None:
                end(going & fired, name_of(part), part)
        end(going & (draws.lengths[rows] == step + 1), SPENT)
        left = int(going.sum())
        if left == 0:
            return
        if left < _CROWD * len(rows):
            tallies.keep(going)
            rows, going = rows[going], np.ones(left, dtype=np.bool_)


@dataclass(frozen=True)
class _Singles:
    """Votes one after the other; the arguments of `vote_recorded`."""

    rule: StopRule
    populations: Sequence[Population]
    stratified: bool
    usual: Sequence[Lengths] | None
    abstain_limit: int | None

    def run(self, draws: Draws, votes: Votes) -> None:
        each = len(votes.samples) // len(self.populations)
        for row in range(len(votes.samples)):
            place = row // each
            population = self.populations[place]
            lengths = None if self.usual is None else known_lengths(population, self.usual[place])
            tally = Tally(population.weights, stratified=self.stratified, usual=lengths)
            named = None
            for step in range(draws.lengths[row]):
                member, sample = int(draws.members[row, step]), int(draws.samples[row, step])
                count_sample(tally, population, member, sample)
                ended = self._ended(tally)
                if ended is not None:
                    reason, named = ended
                    votes.samples[row] = step + 1
                    votes.reasons[row] = votes.names.index(reason)
                    break
            votes.tokens[row], votes.costs[row] = tally.tokens, tally.cost
            enter_winner(votes, row, named, tally, self.rule)

    def _ended(self, tally: Tally) -> tuple[str, AnswerValue | None] | None:
        """Return why a vote ends and whom the rule names, or None where it goes on."""
        limit = self.abstain_limit
        if limit is not None and not tally.n_votes and tally.n_abstained >= limit:
            return UNVOTABLE, None
        for part in parts(self.rule):
            verdict = part.check(tally)
            if verdict is not None:
                return name_of(part), verdict.answer
        return None


def enter_winner(
    votes: Votes, row: int, named: AnswerValue | None, tally: Tally, rule: StopRule
) -> None:
    """Enter who has won a vote: whom the rule names, or the leader of the tally with its equals."""
    if named is None and (chosen := rule.elects(tally)) is not None:
        named = chosen.answer
    winner = tally.leader if named is None else named
    votes.answers[row] = -1 if winner is None else cast(int, winner)
    if named is None and len(tally.tied) > 1:
        votes.tied[row] = np.array(sorted(cast("tuple[int, ...]", tally.tied)))


def known_lengths(population: Population, lengths: Lengths) -> list[Usual]:
    """Return usual lengths as a tally takes them."""
    return [
        Usual(tokens, log_tokens, tokens * price, _SURE)
        for tokens, log_tokens, price in zip(
            lengths.tokens, lengths.log_tokens, population.prices, strict=True
        )
    ]


def likelihood_of(population: Population, member: int, sample: int) -> Likelihood | None:
    """Return how probable a recorded reply was; None where it does not tell."""
    said = int(population.said[member][sample])
    if said < 0:
        return None
    chance = float(population.probabilities[member][sample])
    kind: LogprobKind = "processed" if population.processed[member][sample] else "raw"
    return Likelihood(math.log(chance) if chance > 0 else -math.inf, 0, kind, str(said))


def count_sample(tally: Tally, population: Population, member: int, sample: int) -> None:
    """Count one recorded sample in a tally."""
    answer = int(population.answers[member][sample])
    tokens = int(population.tokens[member][sample])
    score = float(population.scores[member][sample])
    tally.spend(tokens=tokens, cost=tokens * population.prices[member])
    known = likelihood_of(population, member, sample)
    if known is not None:
        tally.told(None if answer < 0 else answer, known, member=member)
    if not math.isnan(score):
        tally.score(score)
    if answer < 0:
        tally.abstain()
    else:
        tally.vote(answer, member=member, tokens=tokens)

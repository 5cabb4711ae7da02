"""Votes of many trials at once, or one after the other where a rule needs it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from bestofinf.records import AnswerValue
from bestofinf.replay.draws import Draws
from bestofinf.replay.populations import Ints, Lengths, Population
from bestofinf.rules.base import AllOf, AnyOf, StopRule
from bestofinf.tallies import Tallies
from bestofinf.tally import Tally, Usual

SPENT = "out of samples"
"""Reason of a vote that the rule did not end."""

_SURE = 10**9  # samples behind a usual length taken from a whole recorded set
_CROWD = 0.8  # rows are dropped from the columns when fewer than this share goes on


@dataclass
class Votes:
    """How the trials ended; one entry a row of the draws.

    Attributes:
        samples: Samples counted.
        tokens: Tokens of these.
        answers: Winner; -1 where nobody voted.
        reasons: Position in `names`.
        names: Reasons: names of rules, and `SPENT`.
    """

    samples: Ints
    tokens: Ints
    answers: Ints
    reasons: Ints
    names: list[str]


def vote(
    rule: StopRule,
    populations: Sequence[Population],
    draws: Draws,
    *,
    stratified: bool,
    usual: Sequence[Lengths] | None,
) -> Votes:
    """Let every row of draws vote until the rule fires or the row ends.

    Args:
        rule: The rule.
        populations: All with the same members and weights; as many rows of draws for each.
        draws: The samples, rows population by population.
        stratified: Whether members are strata of the tally.
        usual: Usual lengths per population, or None.
    """
    names = names_of(rule)
    rows, length = draws.answers.shape
    votes = Votes(
        samples=np.full(rows, length),
        tokens=np.zeros(rows, dtype=np.int64),
        answers=np.full(rows, -1),
        reasons=np.full(rows, len(names) - 1),
        names=names,
    )
    each = rows // len(populations)
    columns = {}
    if usual is not None:
        columns = {
            "usual_tokens": np.repeat(np.array([u.tokens for u in usual]), each, axis=0),
            "usual_log_tokens": np.repeat(np.array([u.log_tokens for u in usual]), each, axis=0),
        }
    tallies = Tallies(
        rows,
        max(len(population.shares) for population in populations),
        weights=populations[0].weights,
        stratified=stratified,
        **columns,
    )
    if _reads_one(rule, tallies):
        _one_by_one(rule, populations, draws, votes, stratified=stratified, usual=usual)
    else:
        _all_at_once(rule, tallies, draws, votes)
    return votes


def parts(rule: StopRule) -> tuple[StopRule, ...]:
    """Return the alternatives of a rule, each a reason to stop."""
    return rule.rules if isinstance(rule, AnyOf) else (rule,)


def names_of(rule: StopRule) -> list[str]:
    """Return all reasons that a vote can end for, `SPENT` last."""
    return list(dict.fromkeys([*(name_of(part) for part in parts(rule)), SPENT]))


def name_of(rule: StopRule) -> str:
    """Return the reason that one alternative of a rule is booked under."""
    return " and ".join(r.name for r in rule.rules) if isinstance(rule, AllOf) else rule.name


def _reads_one(rule: StopRule, tallies: Tallies) -> bool:
    """Return whether the rule, or an alternative in a joint rule, can only read one tally."""
    nested = any(
        isinstance(inner, AnyOf)
        for part in parts(rule)
        if isinstance(part, AllOf)
        for inner in part.rules
    )
    if nested:
        return True
    empty = Tallies(0, 1, weights=tallies.weights.tolist(), stratified=tallies.stratified)
    if tallies.usual_tokens is not None and tallies.usual_log_tokens is not None:
        empty.usual_tokens = tallies.usual_tokens[:0]
        empty.usual_log_tokens = tallies.usual_log_tokens[:0]
    return any(part.check_many(empty) is None for part in parts(rule))


def _answers(part: StopRule, tallies: Tallies) -> Ints:
    if not isinstance(part, AllOf):
        return part.answers_many(tallies)
    own = [rule for rule in part.rules if type(rule).answers_many is not StopRule.answers_many]
    return own[-1].answers_many(tallies) if own else tallies.leader


def _all_at_once(rule: StopRule, tallies: Tallies, draws: Draws, votes: Votes) -> None:
    rows, priced = np.arange(len(tallies)), bool(draws.costs.any())
    going = np.ones(len(rows), dtype=np.bool_)
    for step in range(draws.answers.shape[1]):
        tallies.count(
            draws.answers[rows, step],
            tokens=draws.tokens[rows, step],
            member=draws.members[rows, step],
            cost=draws.costs[rows, step] if priced else None,
        )
        for part in parts(rule):
            fired = part.check_many(tallies)
            stops = going & fired if fired is not None else ~going
            if not stops.any():
                continue
            ended = rows[stops]
            votes.samples[ended] = step + 1
            votes.tokens[ended] = tallies.tokens[stops]
            votes.answers[ended] = _answers(part, tallies)[stops]
            votes.reasons[ended] = votes.names.index(name_of(part))
            going &= ~stops
        left = int(going.sum())
        if left == 0:
            return
        if left < _CROWD * len(rows):
            tallies.keep(going)
            rows, going = rows[going], np.ones(left, dtype=np.bool_)
    votes.tokens[rows[going]] = tallies.tokens[going]
    votes.answers[rows[going]] = tallies.leader[going]


def _one_by_one(
    rule: StopRule,
    populations: Sequence[Population],
    draws: Draws,
    votes: Votes,
    *,
    stratified: bool,
    usual: Sequence[Lengths] | None,
) -> None:
    each = len(votes.samples) // len(populations)
    for row in range(len(votes.samples)):
        population = populations[row // each]
        lengths = known_lengths(population, usual[row // each]) if usual is not None else None
        tally = Tally(population.weights, stratified=stratified, usual=lengths)
        answer: AnswerValue | None = None
        for step in range(draws.answers.shape[1]):
            member, sample = int(draws.members[row, step]), int(draws.samples[row, step])
            count_sample(tally, population, member, sample)
            fired = ((part, part.check(tally)) for part in parts(rule))
            part, verdict = next(((p, v) for p, v in fired if v is not None), (None, None))
            if part is not None and verdict is not None:
                answer = verdict.answer
                votes.samples[row] = step + 1
                votes.reasons[row] = votes.names.index(name_of(part))
                break
        votes.tokens[row] = tally.tokens
        winner = tally.leader if answer is None else answer
        votes.answers[row] = -1 if winner is None else cast(int, winner)


def known_lengths(population: Population, lengths: Lengths) -> list[Usual]:
    """Return usual lengths as a tally takes them."""
    return [
        Usual(tokens, log_tokens, tokens * price, _SURE)
        for tokens, log_tokens, price in zip(
            lengths.tokens, lengths.log_tokens, population.prices, strict=True
        )
    ]


def count_sample(tally: Tally, population: Population, member: int, sample: int) -> None:
    """Count one recorded sample in a tally."""
    answer = int(population.answers[member][sample])
    tokens = int(population.tokens[member][sample])
    score = float(population.scores[member][sample])
    tally.spend(tokens=tokens, cost=tokens * population.prices[member])
    if not math.isnan(score):
        tally.score(score)
    if answer < 0:
        tally.abstain()
    else:
        tally.vote(answer, member=member, tokens=tokens)

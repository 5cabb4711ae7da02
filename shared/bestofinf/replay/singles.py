"""Vote on recorded samples one row at a time, for rules that can only check a single tally."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from bestofinf.records import AnswerValue, Likelihood, LogprobKind, Usual
from bestofinf.replay.draws import Draws
from bestofinf.replay.populations import Lengths, Population
from bestofinf.replay.votes import UNVOTABLE, Votes, name_of, parts
from bestofinf.rules.base import StopRule
from bestofinf.rules.tally import Tally

_SURE = 10**9  # number of samples that a usual length from a whole recorded set counts as


@dataclass(frozen=True)
class Singles:
    """The arguments of `bestofinf.replay.voting.vote_recorded`."""

    rule: StopRule
    populations: Sequence[Population]
    stratified: bool
    usual: Sequence[Lengths] | None
    abstain_limit: int | None

    def run(self, draws: Draws, votes: Votes) -> None:
        """Run the vote of every row of draws."""
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
                ended = ended_by(self.rule, tally, self.abstain_limit)
                if ended is not None:
                    reason, named = ended
                    votes.samples[row] = step + 1
                    votes.reasons[row] = votes.names.index(reason)
                    break
            votes.tokens[row], votes.costs[row] = tally.tokens, tally.cost
            enter_winner(votes, row, named, tally, self.rule)


def ended_by(
    rule: StopRule, tally: Tally, abstain_limit: int | None
) -> tuple[str, AnswerValue | None] | None:
    """Return why a vote ends and whom the rule names, or None where it goes on.

    Where replies must vote to win and none has, only a budget ends it, as in a live vote.
    """
    silent = abstain_limit is not None and not tally.n_votes
    if abstain_limit is not None and silent and tally.n_abstained >= abstain_limit:
        return UNVOTABLE, None
    for part in parts(rule):
        stops = part.budget() if silent else part
        verdict = stops.check(tally) if stops is not None else None
        if verdict is not None:
            return name_of(part), verdict.answer
    return None


def enter_winner(
    votes: Votes, row: int, named: AnswerValue | None, tally: Tally, rule: StopRule
) -> None:
    """Enter the winner of a vote: the answer that the rule names, or the tally's leader and its ties."""
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
    """Return the probability of a recorded reply; None if it has none."""
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

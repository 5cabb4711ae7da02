"""Which questions to label first: those whose vote is most contested."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bestofinf.answers.base import Answer
from bestofinf.evaluation.equivalence import representatives

EVEN = 0.5
"""The lead if the two leading answers have the same number of votes, or if there are no votes."""

_EXACT = 1_000  # up to so many tosses, binomial coefficients are quick to compute exactly


@dataclass(frozen=True, slots=True)
class Contested:
    """A question without a label.

    Attributes:
        id: Id of the question.
        prompt: Its prompt; None if not stored.
        votes: Votes per answer, most first.
        lead: Probability that the leader is truly ahead of the runner-up, in [0.5, 1]; 0.5 is
            most contested.
    """

    id: str
    prompt: str | None
    votes: Mapping[str, int]
    lead: float


def contested_first(
    questions: Sequence[tuple[str, str | None]],
    counts: Mapping[str, Mapping[str, int]],
    *,
    answer: Answer | None = None,
) -> list[Contested]:
    """Return the questions in the order in which to label them.

    Args:
        questions: Id and prompt of each question.
        counts: Votes per question and answer; a question without votes may be absent.
        answer: The answer type that merges equivalent answers; None compares text.

    Returns:
        The least certain lead first, because weights can change these decisions; with equal leads
        the question with more votes first. Questions without votes come last: no weights can change
        their result.
    """
    found = [
        _contested(id_, prompt, counts.get(id_, {}), answer=answer) for id_, prompt in questions
    ]
    return sorted(found, key=lambda c: (not c.votes, c.lead, -sum(c.votes.values())))


def _contested(
    id_: str, prompt: str | None, counts: Mapping[str, int], *, answer: Answer | None
) -> Contested:
    ranked = sorted(counts, key=lambda vote: (-counts[vote], vote))
    names = representatives(ranked, answer, prompt=prompt)
    votes: dict[str, int] = {}
    for vote, count in counts.items():
        name = names[vote]
        if name is not None:
            votes[name] = votes.get(name, 0) + count
    votes = dict(sorted(votes.items(), key=lambda item: (-item[1], item[0])))
    return Contested(id_, prompt, votes, lead_probability(*[*votes.values(), 0, 0][:2]))


@lru_cache(maxsize=100_000)
def lead_probability(first: int, second: int) -> float:
    """Return P(p > 1/2) for p ~ Beta(first + 1, second + 1): a uniform prior on two answers.

    It equals the chance of at most `first` heads in first + second + 1 tosses of a fair coin (the
    incomplete beta function at 1/2 as a binomial sum). The sum is taken over the smaller tail.

    >>> lead_probability(3, 0)
    0.9375
    """
    if first == second:
        return EVEN  # exactly 0.5, so that the number of votes decides the order
    if first < second:
        return 1.0 - lead_probability(second, first)
    tosses, heads = first + second + 1, first + 1
    if tosses <= _EXACT:
        term = math.comb(tosses, heads) / 2**tosses
    else:
        logs = math.lgamma(tosses + 1) - math.lgamma(heads + 1) - math.lgamma(second + 1)
        term = math.exp(logs - tosses * math.log(2))
    beyond = 0.0
    while heads <= tosses and term > 1e-18:
        beyond += term
        term *= (tosses - heads) / (heads + 1)
        heads += 1
    return 1.0 - beyond

"""Scores from the log-probabilities of the reply's own tokens: no further call, no cost.

A model's certainty about its words says little about its answer. But it is free if the provider
sends log-probabilities. It must be calibrated like every other score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bestofinf.border import as_logprob
from bestofinf.records import Reply
from bestofinf.scorers.base import BaseScorer, Score, ScoringError

TopLogprobs: TypeAlias = Sequence[Sequence[float]]
"""For every generated token, the log-probabilities of the most probable tokens at its position."""


def mean_probability(logprobs: Sequence[float]) -> float:
    """Return the geometric mean of the tokens' probabilities, ``exp(mean log p)``, in [0, 1].

    Raises:
        ScoringError: If there are no tokens, or a value is not a log-probability.

    >>> round(mean_probability([math.log(0.5), math.log(0.125)]), 6)
    0.25
    """
    if not logprobs:
        raise ScoringError("no log-probabilities of tokens")
    if any(math.isnan(value) or value > 1e-3 for value in logprobs):
        raise ScoringError("log-probabilities must be numbers of at most 0")
    return min(math.exp(sum(logprobs) / len(logprobs)), 1.0)


def self_certainty(top: TopLogprobs) -> float:
    """Return the self-certainty of a reply, from the most probable tokens, in [0, 1).

    Self-certainty is the mean over positions of the divergence from the uniform distribution to the
    model's, ``KL(U || p) = -log V - (1/V) sum_j log p_j`` (arXiv 2502.18581, equation 6). Only the
    k tokens that the provider sends are known: p is normalised over them, and U is uniform over
    them. ``1 - exp(-x)`` maps the result to [0, 1) and keeps the order.

    Values that are no log-probabilities are left out, and positions with fewer than two others.

    Raises:
        ScoringError: If no position has two tokens.
    """
    divergences = []
    for place in top:
        known = map(as_logprob, place)
        finite = [value for value in known if value is not None]
        if len(finite) < 2:
            continue
        largest = max(finite)
        log_total = largest + math.log(sum(math.exp(value - largest) for value in finite))
        mean = sum(finite) / len(finite)
        divergences.append(max(0.0, log_total - mean - math.log(len(finite))))
    if not divergences:
        raise ScoringError("self-certainty needs at least two log-probabilities for a token")
    return -math.expm1(-sum(divergences) / len(divergences))


@dataclass(frozen=True)
class MeanLogprob(BaseScorer):
    """The geometric mean of the probabilities of the reply's tokens."""

    def _try(self, prompt: str, reply: Reply) -> Score:
        return Score(mean_probability(reply.logprobs or ()))

    async def _atry(self, prompt: str, reply: Reply) -> Score:
        return self._try(prompt, reply)


@dataclass(frozen=True)
class SelfCertainty(BaseScorer):
    """Self-certainty, for providers that send the most probable tokens at every position.

    Attributes:
        top: Function that returns them from the reply, None if there are none. ``top_logprobs`` of
            both adapters reads them from the framework's own message.
    """

    top: Callable[[Reply], TopLogprobs | None]

    def _try(self, prompt: str, reply: Reply) -> Score:
        return Score(self_certainty(self.top(reply) or ()))

    async def _atry(self, prompt: str, reply: Reply) -> Score:
        return self._try(prompt, reply)

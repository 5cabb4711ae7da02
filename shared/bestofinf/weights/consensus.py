"""Weights from unlabelled answers and a few labels.

Members are credited (`bestofinf.weights.credit`) with what they do for a *reference*: the right
answer where a question is labelled, elsewhere the consensus of all members, weighted by what the
labels say of them. One pass: to credit members with a consensus that follows their own weights,
and again, makes the strong stronger and falls for members that copy each other.

The labels count twice: they say which members the consensus should trust, and they are the truth
on the very questions where it is in doubt, if they were chosen by `bestofinf.weights.asking`. With
all questions labelled this is the learner `softmax`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bestofinf.weights.ballots import Ballots
from bestofinf.weights.credit import best_temperature, credit, sharpened
from bestofinf.weights.solver.margins import Floats, Ints

SHRINK_RIGHT, SHRINK_ALL = 6.0, 10.0
"""Every member's share of right answers starts as if 6 of 10 had been right. Only differences
between members matter, so that it does no harm that labelled questions are harder than others."""

TRUST = 8.0
"""Sharpness of the weights in the consensus."""


@dataclass(frozen=True, eq=False)
class Consensus:
    """What answers and labels say of the members.

    Attributes:
        weights: Proposed, shape (K,).
        credit: Mean credit of each member, shape (K,).
        temperature: Sharpness of the weights.
        reference: Row of `Ballots` that was taken for right on each question, shape (Q,).
        differs: Questions on which the weights elect another answer than equal weights do.
    """

    weights: Floats
    credit: Floats
    temperature: float
    reference: Ints
    differs: Ints


def consensus(ballots: Ballots, labelled: Ints | None = None) -> Consensus:
    """Return the weights that the answers and the labels propose.

    Args:
        ballots: The votes.
        labelled: The questions whose label is used; None for all that have one.
    """
    known = np.flatnonzero(ballots.labelled) if labelled is None else labelled
    k = len(ballots.members)
    right = ballots.shares[ballots.gold[known]]
    trust = (right.sum(axis=0) + SHRINK_RIGHT) / (len(known) + SHRINK_ALL)
    reference = ballots.elected(sharpened(trust, TRUST))[0]
    reference[known] = ballots.gold[known]
    margins = ballots.against(reference)
    mean = credit(margins).mean(axis=0)
    temperature = best_temperature(margins)
    weights = sharpened(mean, temperature)
    equal = ballots.elected(np.full(k, 1 / k))[0]
    return Consensus(
        weights=weights,
        credit=mean,
        temperature=temperature,
        reference=reference,
        differs=np.flatnonzero(ballots.elected(weights)[0] != equal),
    )

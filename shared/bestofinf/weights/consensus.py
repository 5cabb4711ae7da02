"""Weights from unlabelled answers and a few labels.

The credit of members (`bestofinf.weights.credit`) is computed against a *reference*: the right answer
of a labelled question, otherwise the consensus of all members, weighted by their success on the
labels. There is only one pass: repeating it with a consensus under the new weights would favour strong
members more and more, and members that copy each other.

Labels are used twice. They say which members the consensus should trust, and they are the truth on the
questions on which the consensus is in doubt, if these were chosen by `bestofinf.weights.asking`. If
all questions are labelled, this is the learner `softmax`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bestofinf.weights.ballots import Ballots
from bestofinf.weights.credit import best_temperature, credit, sharpened
from bestofinf.weights.solver.margins import Floats, Ints

SHRINK_RIGHT, SHRINK_ALL = 6.0, 10.0
"""Prior of every member's share of right answers: 6 of 10 right. Only differences between members
matter, so it does not matter that the labelled questions are harder than others."""

TRUST = 8.0
"""Sharpness of the weights in the consensus."""


@dataclass(frozen=True, eq=False)
class Consensus:
    """Weights proposed by answers and labels.

    Attributes:
        weights: The proposed weights, shape (K,).
        credit: Mean credit of each member, shape (K,).
        temperature: Sharpness of the weights.
        reference: Row of `Ballots` taken as the right answer of each question, shape (Q,).
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
        labelled: Indices of the questions whose label is used; None for all labelled ones.
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

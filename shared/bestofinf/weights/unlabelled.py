"""Fit weights to answers of which few or none are labelled, with warnings about their limits."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.coverage import comparable
from bestofinf.evaluation.provenance import label_counts
from bestofinf.weights.ballots import Ballots
from bestofinf.weights.consensus import consensus
from bestofinf.weights.options import Limits
from bestofinf.weights.result import FitStatus, Proposal, UnlabelledWeightsWarning, WeightFit
from bestofinf.weights.scored import Fitted, scored
from bestofinf.weights.solver.clock import Clock
from bestofinf.weights.solver.margins import Floats

ALIKE, SHARED = 0.9, 2.0
"""Two members are alike if their answers that differ from the consensus of the others have a cosine
similarity of at least ALIKE, with agreements on at least SHARED questions. Copies of one model have
about 1, different models of the recorded sets up to 0.85."""


def fit_consensus(
    evaluation_set: EvaluationSet,
    members: Sequence[str] | None,
    *,
    clock: Clock,
    force: bool = False,
) -> WeightFit:
    """Fit the weights of `bestofinf.weights.consensus`.

    Args:
        evaluation_set: Recorded answers, labelled or not.
        members: Members to use; None chooses, see `bestofinf.evaluation.coverage`.
        clock: Measures the time.
        force: Use the proposed weights even if no question is labelled.

    Raises:
        UsageError: If fewer than two questions have samples of every member.
    """
    common, coverage = comparable(evaluation_set, members)
    if len(common) < 2:
        raise UsageError(f"weights need at least two questions, got {len(common)} ({coverage})")
    ballots = Ballots.of(common)
    found = consensus(ballots)
    known = np.flatnonzero(ballots.labelled)
    names, alike = ballots.members, alike_members(ballots)
    used = force or bool(len(known))
    proposal = Proposal(
        weights=dict(zip(names, found.weights.tolist(), strict=True)),
        temperature=found.temperature,
        labelled=len(known),
        unlabelled=len(ballots) - len(known),
        differs=tuple(ballots.ids[q] for q in found.differs),
        alike=alike,
        used=used,
        warnings=_warnings(len(known), len(found.differs), len(ballots), alike, used=used),
    )
    for text in proposal.warnings:
        warnings.warn(text, UnlabelledWeightsWarning, stacklevel=3)
    margins = ballots.against(ballots.gold, known)
    weights = found.weights if used else np.full(len(names), 1 / len(names))
    fitted = Fitted(weights, FitStatus.COMPUTED, proposal=proposal)
    return scored(
        margins,
        "consensus",
        fitted,
        Limits.none(len(names)),
        None,
        clock,
        coverage,
        label_counts(common),
    )


def alike_members(ballots: Ballots) -> tuple[tuple[str, str], ...]:
    """Return the pairs of members that agree unusually often in answers the others do not give.

    Such members may be one model counted twice: without labels, three good members cannot be
    distinguished from three copies. With fewer than three members the result is empty.
    """
    k = len(ballots.members)
    if k < 3:
        return ()
    chance = ballots.shares
    valid = ballots.valid[ballots.question]
    # chance that two different votes of one member agree
    own = ballots.votes * (ballots.votes - 1) / np.maximum(valid * (valid - 1), 1)
    found = []
    for i, j in combinations(range(k), 2):
        others: Floats = np.ones(k) / (k - 2)
        others[[i, j]] = 0.0
        aside = np.ones(len(chance), dtype=np.bool_)
        aside[ballots.elected(others)[0]] = False
        shared = float(chance[aside, i] @ chance[aside, j])
        alone = own[aside][:, [i, j]].sum(axis=0)
        if shared >= SHARED and shared >= ALIKE * np.sqrt(alone[0] * alone[1]):
            found.append((ballots.members[i], ballots.members[j]))
    return tuple(found)


def _warnings(
    labelled: int, differs: int, total: int, alike: Sequence[tuple[str, str]], *, used: bool
) -> tuple[str, ...]:
    told = []
    if not labelled:
        doing = "they are used as forced" if used else "equal weights are kept"
        told.append(
            f"no question is labelled: the weights proposed elect another answer than equal ones "
            f"on {differs} of {total} questions, nobody can say with what accuracy, and {doing}; "
            "label 5 questions that `bestofinf label STORE --ask 5` names"
        )
    if alike:
        pairs = ", ".join(f"{one} and {other}" for one, other in alike)
        told.append(
            f"{pairs} agree far above the rest in answers that the others do not give, as copies of "
            "one model do: only labels can tell whether they are right"
        )
    return tuple(told)

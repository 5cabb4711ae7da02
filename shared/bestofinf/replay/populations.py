"""Populations that a replay draws from: the recorded answers of one question, as numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question
from bestofinf.evaluation.samples import coded

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Population:
    """One question with the samples of the members that vote on it.

    Attributes:
        question, dataset: Id of the question and name of its data set.
        group: Name of the member or ensemble under which results are grouped.
        members: Names of the members.
        weights: Weights of the members.
        prices: Money for one token of each member.
        texts: Distinct answers; the answers below are indices into it.
        answers, tokens, scores: Recorded samples per member: answer, -1 if invalid; tokens, 0 if
            unknown; score, NaN if there is none.
        said, probabilities, processed: Per member the number of the reply of each sample, -1 if it
            has no probability; its probability; whether that is under the distribution sampled from.
        modes: Per answer, whether no other has a larger (weighted) share.
        right: The right answer; -1 if no member gave it, None if it is not known.
        shares: Weighted share of every answer among the valid ones.
        p_right: Chance that one sample is right, with invalid ones counting as wrong; None if the
            right answer is not known.
    """

    question: str
    dataset: str
    group: str
    members: tuple[str, ...]
    weights: tuple[float, ...]
    prices: tuple[float, ...]
    texts: tuple[str, ...]
    answers: tuple[Ints, ...]
    tokens: tuple[Ints, ...]
    scores: tuple[Floats, ...]
    said: tuple[Ints, ...]
    probabilities: tuple[Floats, ...]
    processed: tuple[Bools, ...]
    modes: Bools
    right: int | None
    shares: Floats
    p_right: float | None


@dataclass(frozen=True)
class Lengths:
    """Usual lengths of replies per member, on the other questions of a data set.

    Attributes:
        tokens: Mean tokens per member.
        log_tokens: Mean log tokens per member.
    """

    tokens: tuple[float, ...]
    log_tokens: tuple[float, ...]


def alone(
    evaluation_set: EvaluationSet,
    members: Sequence[str] | None = None,
    *,
    drop_invalid: bool = False,
    prices: Mapping[str, float] | None = None,
) -> list[Population]:
    """Return the populations in which every member votes alone: one per question and member.

    Args:
        evaluation_set: Recorded answers.
        members: Names of the members; None for all.
        drop_invalid: Leave invalid answers out, as if they had not been drawn.
        prices: Money for one token by member; 0 for others.
    """
    names = _checked(evaluation_set, members)
    return [
        population
        for name in names
        for question in evaluation_set
        if name in question.samples
        and (population := _population(question, {name: 1.0}, name, drop_invalid, prices or {}))
        is not None
    ]


def together(
    evaluation_set: EvaluationSet,
    weights: Mapping[str, float],
    *,
    drop_invalid: bool = False,
    prices: Mapping[str, float] | None = None,
    group: str = "ensemble",
) -> list[Population]:
    """Return the populations in which the members vote together: one per question.

    Members with weight 0 are left out. So are questions that any other member was not asked.

    Raises:
        UsageError: If a member is unknown or a weight is wrong.
    """
    heavy = {name: weights[name] for name in sorted(weights) if weights[name] > 0}
    if not heavy or not all(math.isfinite(w) and w >= 0 for w in weights.values()):
        raise UsageError(f"weights must be at least 0 and not all 0, got {dict(weights)}")
    _checked(evaluation_set, list(heavy))
    found = (
        _population(question, heavy, group, drop_invalid, prices or {})
        for question in evaluation_set
    )
    return [p for p in found if p is not None and len(p.members) == len(heavy)]


def _checked(evaluation_set: EvaluationSet, names: Sequence[str] | None) -> Sequence[str]:
    if names is None:
        return evaluation_set.members
    for name in names:
        if name not in evaluation_set.members:
            raise UsageError(
                f"no member {name!r} in the set; it has {', '.join(evaluation_set.members)}"
            )
    return names


def _population(
    question: Question,
    weights: Mapping[str, float],
    group: str,
    drop_invalid: bool,
    prices: Mapping[str, float],
) -> Population | None:
    place: dict[str, int] = {}
    columns: list[tuple[Any, ...]] = []
    replies: dict[tuple[str, str], int] = {}
    for name, weight in weights.items():
        recorded = question.samples.get(name)
        if recorded is None or not len(recorded):
            continue
        own = coded(recorded)
        tokens, scores = own.tokens, own.scores
        places = [place.setdefault(text, len(place)) for text in own.texts]
        answer = np.array([*places, -1], dtype=np.int64)[own.answers]
        valid = answer >= 0 if drop_invalid else slice(None)
        if drop_invalid and not (answer >= 0).any():
            continue
        told = recorded.likelihoods or (None,) * len(recorded)
        said = np.array(
            [-1 if t is None else replies.setdefault((name, t.said), len(replies)) for t in told],
            dtype=np.int64,
        )
        probabilities = np.array([0.0 if t is None else t.probability for t in told])
        processed = np.array([t is not None and t.kind == "processed" for t in told])
        columns.append(
            (
                *(name, weight, answer[valid], tokens[valid], scores[valid]),
                *(said[valid], probabilities[valid], processed[valid]),
            )
        )
    if not columns:
        return None
    right = None if question.gold is None else place.get(question.gold, -1)
    shares = np.zeros(max(len(place), 1))
    p_right, total = 0.0, sum(weight for _, weight, *_ in columns)
    for _, weight, answer, *_ in columns:
        counts = np.bincount(answer[answer >= 0], minlength=len(shares))
        shares += weight * counts / max(counts.sum(), 1)
        p_right += weight / total * float((answer == right).mean()) if right != -1 else 0.0
    modes = (shares >= shares.max() - 1e-12) & (shares > 0)
    return Population(
        question=question.id,
        dataset=question.dataset,
        group=group,
        members=tuple(name for name, *_ in columns),
        weights=tuple(weight for _, weight, *_ in columns),
        prices=tuple(prices.get(name, 0.0) for name, *_ in columns),
        texts=tuple(place),
        answers=tuple(column[2] for column in columns),
        tokens=tuple(column[3] for column in columns),
        scores=tuple(column[4] for column in columns),
        said=tuple(column[5] for column in columns),
        probabilities=tuple(column[6] for column in columns),
        processed=tuple(column[7] for column in columns),
        modes=modes,
        right=right,
        shares=shares / max(shares.sum(), 1e-300),
        p_right=None if right is None else p_right,
    )


def usual_lengths(populations: Sequence[Population]) -> list[Lengths] | None:
    """Return the usual lengths for each population's members, from the other questions.

    Means are over the samples of a data set without the question itself, because a live vote does
    not know the lengths to come. None if a member has no other question with lengths.
    """
    sums: dict[tuple[str, str], Floats] = {}
    own: list[list[Floats]] = []
    for population in populations:
        rows = []
        for name, tokens in zip(population.members, population.tokens, strict=True):
            known = tokens[tokens > 0]
            row = np.array([known.sum(), np.log(known).sum(), len(known)], dtype=np.float64)
            key = (population.dataset, name)
            sums[key] = sums.get(key, np.zeros(3)) + row
            rows.append(row)
        own.append(rows)
    found = []
    for population, rows in zip(populations, own, strict=True):
        others = [
            sums[population.dataset, name] - row
            for name, row in zip(population.members, rows, strict=True)
        ]
        if any(row[2] < 1 for row in others):
            return None
        found.append(
            Lengths(
                tuple(float(row[0] / row[2]) for row in others),
                tuple(float(row[1] / row[2]) for row in others),
            )
        )
    return found

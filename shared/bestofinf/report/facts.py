"""The facts of a report: the advice, every question, and the calibration of confidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bestofinf.advice import Advice, advise
from bestofinf.evaluation import EvaluationSet, Question
from bestofinf.evaluation.provenance import for_estimates
from bestofinf.replay.decisions import decisions

VOTES = 4
"""Number of votes per question for the calibration of confidence and the mean samples."""

GRID = 24
"""Number of steps along an edge of the simplex in the map of weights."""


@dataclass(frozen=True, slots=True)
class QuestionFacts:
    """One line of the table of questions.

    Attributes:
        id: Id of the question.
        dataset: Name of its data set.
        prompt: Its prompt; None if not stored.
        gold: The right answer.
        mode: The most frequent answer under the chosen weights; None without any answer.
        share: Share of the mode in the weighted votes, from 0 to 1.
        right: Whether the mode is right.
        samples: Mean number of samples of a vote under the chosen rule.
    """

    id: str
    dataset: str
    prompt: str | None
    gold: str
    mode: str | None
    share: float
    right: bool
    samples: float


@dataclass(frozen=True)
class Facts:
    """All facts that a report shows.

    Attributes:
        name: Name of the evaluation set.
        advice: The advice; see `advise`.
        questions: One entry per labelled question.
        confidences: Confidence, agreement with all recorded samples, and whether it was right, of
            every simulated vote: shape (votes, 3).
        map_members: The three heaviest members, for the map of weights; empty if there are fewer.
        map_points: Weights of these three, shape (points, 3).
        map_won: Number of questions won with these weights, all other members having 0. Shape
            (points,).
    """

    name: str
    advice: Advice
    questions: Sequence[QuestionFacts]
    confidences: np.ndarray[Any, np.dtype[np.float64]] = field(repr=False)
    map_members: Sequence[str]
    map_points: np.ndarray[Any, np.dtype[np.float64]] = field(repr=False)
    map_won: np.ndarray[Any, np.dtype[np.float64]] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as stored in the page for the next report."""
        return {
            "name": self.name,
            "advice": self.advice.to_json(),
            "questions": {
                q.id: {"mode": q.mode, "share": round(q.share, 4), "right": q.right}
                for q in self.questions
            },
        }


def gather(
    evaluation_set: EvaluationSet,
    *,
    unit: str | None = None,
    prices: Mapping[str, float] | None = None,
    trials: int = 20,
    max_samples: int = 64,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Facts:
    """Gather the facts for a report.

    Args:
        evaluation_set: Recorded answers; questions without a right answer are left out.
        unit: Unit of costs: "tokens", "money" or "samples"; None chooses, see `advise`.
        prices: Money for one generated token, by member.
        trials: Number of votes per question behind the advice.
        max_samples: Maximum number of samples of a vote.
        seed: Seed of all random numbers.
        progress: Called with (steps done, all steps) of the advice.

    Raises:
        UsageError: If fewer than ten questions are labelled.
    """
    labelled = for_estimates(evaluation_set)[0].labelled()
    advice = advise(
        evaluation_set,
        unit=unit,
        prices=prices,
        trials=trials,
        max_samples=max_samples,
        seed=seed,
        progress=progress,
    )
    votes = decisions(
        labelled,
        advice.chosen.rule or "fixed:n=1",
        weights=advice.weights,
        trials=VOTES,
        max_samples=max_samples,
        seed=seed,
    )
    counted = dict.fromkeys(votes.questions, 0.0)
    for name, samples in zip(votes.questions, votes.samples.tolist(), strict=True):
        counted[name] += samples / VOTES
    rows = []
    for question in labelled:
        shares = _shares(question, advice.weights)
        mode, share = shares[0] if shares else (None, 0.0)
        rows.append(
            QuestionFacts(
                id=question.id,
                dataset=question.dataset,
                prompt=question.prompt,
                gold=str(question.gold),
                mode=mode,
                share=share,
                right=mode == question.gold,
                samples=counted.get(question.id, 0.0),
            )
        )
    names = _heaviest(labelled, advice)
    points, won = _map(labelled, names)
    return Facts(
        name=evaluation_set.name or "evaluation set",
        advice=advice,
        questions=tuple(rows),
        confidences=np.stack([votes.confidences, votes.agreement, votes.right], axis=1),
        map_members=names,
        map_points=points,
        map_won=won,
    )


def _shares(question: Question, weights: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the weighted shares of the answers, largest first; they sum to 1."""
    shares: dict[str, float] = {}
    heard = 0.0
    for name, samples in question.samples.items():
        counts, weight = samples.counts(), weights.get(name, 0.0)
        heard += weight if counts else 0.0
        for answer, count in counts.items():
            shares[answer] = shares.get(answer, 0.0) + weight * count / counts.total()
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    return [(answer, share / heard) for answer, share in ranked] if heard else []


def _heaviest(labelled: EvaluationSet, advice: Advice) -> tuple[str, ...]:
    """Return three members for the map: by weight, then by the accuracy of one answer."""
    accuracy = {
        name: outcome.accuracy
        for name in labelled.members
        if (outcome := advice.heldout.get(f"one answer of {name}"))
    }
    ranked = sorted(accuracy, key=lambda name: (-advice.weights.get(name, 0.0), -accuracy[name]))
    return tuple(ranked[:3]) if len(ranked) >= 3 else ()


def _map(
    labelled: EvaluationSet, names: Sequence[str]
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.float64]]]:
    """Return points of the simplex of three members, and the questions won at each."""
    if not names:
        return np.empty((0, 3)), np.empty(0)
    points = np.array(
        [
            (i / GRID, j / GRID, (GRID - i - j) / GRID)
            for i in range(GRID + 1)
            for j in range(GRID + 1 - i)
        ]
    )
    won = np.zeros(len(points))
    for question in labelled:
        answers = dict.fromkeys(
            a for n in names if n in question.samples for a in question.samples[n].counts()
        )
        if question.gold not in answers:
            continue
        table = np.array([_column(question, name, list(answers)) for name in names])
        totals = points @ table
        right = totals[:, list(answers).index(question.gold)]
        others = np.delete(totals, list(answers).index(question.gold), axis=1)
        rival = others.max(axis=1) if others.size else np.zeros(len(points))
        won += right > rival + 1e-12
    return points, won


def _column(question: Question, name: str, answers: Sequence[str]) -> list[float]:
    counts = question.samples[name].counts() if name in question.samples else {}
    total = sum(counts.values()) or 1
    return [counts.get(answer, 0) / total for answer in answers]

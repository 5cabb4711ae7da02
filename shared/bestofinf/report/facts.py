"""What a report is about: the advice, every question, and how well confidence is calibrated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bestofinf.advice import Advice, advise
from bestofinf.engine import VotingEngine
from bestofinf.evaluation import EvaluationSet, Question
from bestofinf.records import Member, Sample
from bestofinf.rules import MaxSamples, parse_rule

VOTES = 4
"""Votes per question that the calibration of confidence and the samples are taken from."""

GRID = 40
"""Steps along an edge of the simplex in the map of weights."""


@dataclass(frozen=True, slots=True)
class QuestionFacts:
    """One line of the table of questions.

    Attributes:
        id: Of the question.
        dataset: Where it comes from.
        prompt: Its text, where kept.
        gold: The right answer.
        mode: The most frequent answer under the chosen weights; None without any answer.
        share: Its share of the weighted votes.
        right: Whether it is right.
        samples: Mean samples of a vote under the chosen rule.
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
    """All a report shows.

    Attributes:
        name: Of the evaluation set.
        advice: What to use; see `advise`.
        questions: One entry a labelled question.
        confidences: Confidence, whether the winner was the mode, and whether it was right, of
            every simulated vote: shape (votes, 3).
        map_members: The members of the map of weights: the three heaviest; empty with fewer.
        map_points: Weights of these three, shape (points, 3).
        map_won: Questions won with these weights and no others, shape (points,).
    """

    name: str
    advice: Advice
    questions: Sequence[QuestionFacts]
    confidences: np.ndarray[Any, np.dtype[np.float64]] = field(repr=False)
    map_members: Sequence[str]
    map_points: np.ndarray[Any, np.dtype[np.float64]] = field(repr=False)
    map_won: np.ndarray[Any, np.dtype[np.float64]] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as they are kept in the page for the next report."""
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
    trials: int = 20,
    max_samples: int = 64,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Facts:
    """Gather the facts for a report.

    Args:
        evaluation_set: Recorded answers; questions without a right answer are left out.
        trials: Votes per question behind the advice.
        max_samples: Samples of a vote at most.
        seed: Of everything random.
        progress: Told (steps done, all steps) of the advice.

    Raises:
        UsageError: If fewer than ten questions are labelled.
    """
    labelled = evaluation_set.labelled()
    advice = advise(labelled, trials=trials, max_samples=max_samples, seed=seed, progress=progress)
    rng = np.random.default_rng(seed)
    rows: list[QuestionFacts] = []
    votes: list[tuple[float, float, float]] = []
    for question in labelled:
        shares = _shares(question, advice.weights)
        mode, share = shares[0] if shares else (None, 0.0)
        samples = []
        for _ in range(VOTES if shares else 0):
            decision = _vote(question, advice, max_samples, rng)
            samples.append(decision.n_samples)
            votes.append(
                (
                    decision.confidence,
                    float(decision.answer == mode),
                    float(decision.answer == question.gold),
                )
            )
        rows.append(
            QuestionFacts(
                id=question.id,
                dataset=question.dataset,
                prompt=question.prompt,
                gold=str(question.gold),
                mode=mode,
                share=share,
                right=mode == question.gold,
                samples=float(np.mean(samples)) if samples else 0.0,
            )
        )
    names = _heaviest(labelled, advice)
    points, won = _map(labelled, names)
    return Facts(
        name=evaluation_set.name or "evaluation set",
        advice=advice,
        questions=tuple(rows),
        confidences=np.array(votes).reshape(-1, 3),
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


def _vote(question: Question, advice: Advice, max_samples: int, rng: np.random.Generator) -> Any:
    """Run one vote of the advised kind on the recorded answers, drawn with replacement."""
    rule = parse_rule(advice.chosen.rule or "fixed:n=1") | MaxSamples(max_samples)
    members = [
        Member(question.samples[name], weight=weight, name=name)
        for name, weight in advice.weights.items()
        if name in question.samples and question.samples[name].counts()
    ]
    engine = VotingEngine(rule, members, abstain_limit=None)
    while not engine.done:
        for draw in engine.ask(1):
            recorded = members[draw.member].model
            place = int(rng.integers(len(recorded)))
            tokens = recorded.tokens[place] if recorded.tokens else None
            engine.tell(draw, Sample(recorded.answers[place], tokens=tokens))
    return engine.decision()


def _heaviest(labelled: EvaluationSet, advice: Advice) -> tuple[str, ...]:
    """Return three members for the map: by weight, then by their limit."""
    limit = {
        name: outcome.accuracy
        for name in labelled.members
        if (outcome := advice.heldout.get(f"limit of {name}"))
    }
    ranked = sorted(limit, key=lambda name: (-advice.weights.get(name, 0.0), -limit[name]))
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

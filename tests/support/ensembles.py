"""Evaluation sets made for tests and benchmarks of the weights, and the recorded ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from bestofinf.evaluation import EvaluationSet, Question, Samples, read_files

DATA = Path(
    os.environ.get("BESTOFINF_DATA") or Path(__file__).parents[2].parent / "shared" / "data"
)


def recorded(dataset: str) -> EvaluationSet | None:
    """Read the recorded answers to a dataset; None when they are not on this machine."""
    files = sorted((DATA / "boinf").glob(f"{dataset}_*.jsonl"))
    return read_files(files) if files else None


def made_set(
    questions: int = 198,
    *,
    members: int = 6,
    samples: int = 80,
    options: int = 4,
    spread: float = 1.0,
    seed: int = 0,
) -> EvaluationSet:
    """Make answers of models of similar strength that fail on different questions.

    Every question has a difficulty common to all members, a tempting wrong option, and a
    deviation of each member; with the defaults about a third of the questions is contested, as
    on the hard sets of the literature.

    Args:
        questions: Number of questions.
        members: Number of members.
        samples: Answers per member and question.
        options: Number of different answers.
        spread: Standard deviation of a member's own deviation, in logits.
        seed: Seed.
    """
    random = np.random.default_rng(seed)
    ability = random.normal(0.75, 0.1, members)
    made = []
    for q in range(questions):
        difficulty = random.normal(0, 2.2)
        own = random.normal(0, spread, members)
        tempting = random.normal(0, 1.3, options)
        answers = {}
        for k in range(members):
            logits = tempting + random.normal(0, 0.6, options)
            logits[0] = np.log(np.exp(logits[1:]).sum()) + ability[k] + difficulty + own[k]
            chances = np.exp(logits - logits.max())
            chances /= chances.sum()
            drawn = random.choice(options, size=samples, p=chances)
            lengths = random.integers(100 * (k + 1), 200 * (k + 1), samples)
            answers[f"m{k}"] = Samples(
                tuple(chr(65 + a) for a in drawn), tuple(int(n) for n in lengths)
            )
        made.append(Question(id=f"q{q}", samples=answers, gold="A"))
    return EvaluationSet(tuple(made), name=f"made-{questions}-{seed}")


def from_votes(*questions: dict[str, str], gold: str = "A") -> EvaluationSet:
    """Make a set from strings of one-letter answers by member; "-" abstains."""
    return EvaluationSet(
        tuple(
            Question(
                id=f"q{i}",
                samples={
                    name: Samples(tuple(None if a == "-" else a for a in letters))
                    for name, letters in votes.items()
                },
                gold=gold,
            )
            for i, votes in enumerate(questions)
        )
    )

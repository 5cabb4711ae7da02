"""Score pools: recorded replies with their scores and whether they were right.

Calibrations are fitted to pools, and stopping by scores is replayed on them. A pool comes from an
evaluation set, from graded JSONL, or from a simulation, which is marked as such.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bestofinf._arrays import Floats
from bestofinf.answers import AnswerLike
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.evaluation.canonical import ReadSet, read_answers
from bestofinf.evaluation.coverage import Coverage, comparable
from bestofinf.evaluation.lines import json_lines
from bestofinf.evaluation.provenance import for_estimates
from bestofinf.evaluation.reading import read_raw
from bestofinf.evaluation.sources import is_store
from bestofinf.records.display import Brief


@dataclass(frozen=True, slots=True, repr=False)
class ScoredQuestion(Brief):
    """The recorded replies to one question, in the order they were drawn.

    Attributes:
        id: Unique within the pool.
        answers: Answer of each reply; a reply without one (None) is wrong.
        correct: Whether each reply is right.
        scores: Score of each reply in [0, 1]; None if scoring failed.
        tokens: Generated tokens of each reply; 0 if unknown.
    """

    id: str
    answers: tuple[str | None, ...]
    correct: tuple[bool, ...]
    scores: tuple[float | None, ...]
    tokens: tuple[int, ...]

    def __post_init__(self) -> None:
        sizes = {len(self.answers), len(self.correct), len(self.scores), len(self.tokens)}
        if len(sizes) != 1:
            raise UsageError(f"question {self.id!r}: columns of different lengths {sorted(sizes)}")
        for score in self.scores:
            if score is not None and not 0 <= score <= 1:
                raise UsageError(
                    f"question {self.id!r}: a score must lie in [0, 1], got {score!r}; rescale "
                    "scores of other ranges first"
                )

    def __len__(self) -> int:
        return len(self.answers)


@dataclass(frozen=True, repr=False)
class ScorePool(Brief):
    """Questions with scored and graded replies.

    Attributes:
        questions: The questions in a fixed order, at least one.
        name: Name shown in reports.
        simulated: True if scores or grades are random instead of recorded; every result of the pool
            says so.
        coverage: How many questions each member was asked; None unless from an evaluation set.
        read: What an answer type found in its texts; None if these were not read.
    """

    questions: tuple[ScoredQuestion, ...]
    name: str = field(default="", compare=False)
    simulated: bool = False
    coverage: Coverage | None = None
    read: ReadSet | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.questions)

    def __iter__(self) -> Iterator[ScoredQuestion]:
        return iter(self.questions)

    def columns(self) -> tuple[Floats, Floats, Floats]:
        """Return scores, grades (1 right, 0 wrong) and question numbers of all scored replies."""
        rows = [
            (score, float(right), number)
            for number, question in enumerate(self.questions)
            for score, right in zip(question.scores, question.correct, strict=True)
            if score is not None
        ]
        scores, grades, numbers = np.array(rows, dtype=np.float64).reshape(-1, 3).T
        return scores, grades, numbers

    def score_lists(self) -> list[list[float]]:
        """Return the scores of every question that has some."""
        lists = [[s for s in question.scores if s is not None] for question in self.questions]
        return [scores for scores in lists if scores]

    def split(self, fraction: float = 0.5, *, seed: int = 0) -> tuple[ScorePool, ScorePool]:
        """Split the questions at random into two pools, each in the original order."""
        order = np.random.default_rng(seed).permutation(len(self))
        chosen = set(order[: round(fraction * len(self))].tolist())
        halves: tuple[list[ScoredQuestion], list[ScoredQuestion]] = ([], [])
        for number, question in enumerate(self.questions):
            halves[number not in chosen].append(question)
        first, second = (ScorePool(tuple(h), self.name, self.simulated) for h in halves)
        return first, second

    @classmethod
    def from_set(
        cls,
        evaluation_set: EvaluationSet,
        *,
        member: str | None = None,
        probability: bool = False,
    ) -> ScorePool:
        """Grade the scored samples of an evaluation set.

        A sample is right if its answer is equal to the right one as text; see `read_pool` for
        answers that may be written in several ways.

        Args:
            evaluation_set: Recorded answers with scores. Questions without a right answer or scores
                are left out, and so are labels that accuracies cannot be estimated from
                (`bestofinf.evaluation.provenance`).
            member: Use only this member's samples; None uses those of all members, on the questions
                that all of them were asked and scored on.
            probability: Score each reply by the mean probability of its tokens, as
                `bestofinf.scorers.MeanLogprob` does, if its log-probability was recorded.

        Raises:
            UsageError: If no question has both a right answer and a score, or the members share
                no such question.
        """
        evaluation_set, sources = for_estimates(evaluation_set)
        if probability:
            chances = tuple(map(_by_probability, evaluation_set))
            evaluation_set = replace(evaluation_set, questions=chances)
        labelled = evaluation_set.labelled()
        if member is not None:
            labelled = (evaluation_set if member not in labelled.members else labelled).only(member)
        scored = replace(labelled, questions=tuple(map(_scored, labelled.labelled())))
        if not scored.members:
            others = f" ({sources})" if sources.left_out else ""
            raise UsageError(f"no question of the set has both a right answer and scores{others}")
        common, coverage = comparable(scored)
        kept = {question.id for question in common}
        questions = [
            _graded(question, coverage.compared) for question in scored if question.id in kept
        ]
        questions.sort(key=lambda question: question.id)
        return cls(tuple(questions), evaluation_set.name, coverage=coverage)


def _by_probability(question: Question) -> Question:
    """Return the question with replies scored by the mean probability of their tokens."""

    def scored(samples: Samples) -> Samples:
        told = [known if known and known.tokens else None for known in samples.likelihoods]
        return replace(samples, scores=tuple(None if t is None else math.exp(t.mean) for t in told))

    return replace(question, samples={k: scored(s) for k, s in question.samples.items()})


def _scored(question: Question) -> Question:
    """Return the question with only the samples of members that were scored."""
    return replace(question, samples={k: s for k, s in question.samples.items() if s.scores})


def _graded(question: Question, members: Sequence[str]) -> ScoredQuestion:
    """Return the members' samples in the order drawn, graded."""
    columns = [question.samples[name] for name in members]
    return ScoredQuestion(
        question.id,
        answers=tuple(answer for s in columns for answer in s.answers),
        correct=tuple(answer == question.gold for s in columns for answer in s.answers),
        scores=tuple(score for s in columns for score in s.scores),
        tokens=tuple(t or 0 for s in columns for t in s.tokens or (0,) * len(s)),
    )


def read_pool(
    paths: str | Path | Iterable[str | Path],
    *,
    column: int = 0,
    member: str | None = None,
    answer: AnswerLike | None = None,
    probability: bool = False,
) -> ScorePool:
    """Read scored replies into a pool.

    The sources are those of `bestofinf.evaluation.read`: JSONL files, folders, stores. JSONL files
    may also have graded samples, one line for each question::

        {"id": "q1", "samples": [["42", 1, 117, 0.93], ["41", 0, 98, 0.35]]}

    with answer, whether it is right, tokens, and one or more scores.

    Args:
        paths: One or more paths.
        column: Index of the score to use, if graded samples have several.
        member: Use only this member's samples, if samples are not graded.
        answer: Answer type that reads the texts and compares answers with the right one. None:
            ``auto`` for whole replies, else ``text``.
        probability: Score replies by the mean probability of their tokens; see `ScorePool.from_set`.

    Raises:
        UsageError: If there is nothing to read or a line is malformed; the message names the file
            and the line.
    """
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    questions: list[ScoredQuestion] = []
    others: list[str | Path] = []
    for path in several:
        for file in _files(path):
            graded = None if is_store(file) else _graded_rows(Path(file))
            if graded is None:
                others.append(file)
            else:
                questions.extend(_graded_questions(Path(file), graded, column))
    name = Path(str(several[0])).stem if len(several) == 1 else ""
    coverage = texts = None
    if others or not questions:
        texts = read_answers(read_raw(others), answer)
        known = ScorePool.from_set(texts.evaluation_set, member=member, probability=probability)
        questions.extend(known)
        coverage = known.coverage
    return ScorePool(tuple(questions), name, coverage=coverage, read=texts)


def _files(path: str | Path) -> list[str | Path]:
    """Return the JSONL files of a folder; any other path itself."""
    if is_store(path) or not Path(path).is_dir():
        return [path]
    files = sorted(Path(path).glob("*.jsonl"))
    if not files:
        raise UsageError(f"{path}: no *.jsonl file in the folder")
    return [*files]


def _graded_questions(
    path: Path, rows: list[tuple[int, dict[str, Any]]], column: int
) -> Iterator[ScoredQuestion]:
    for line, record in rows:
        try:
            yield _graded_question(record, column)
        except UsageError as error:
            raise UsageError(f"{path}, line {line}: {error}") from None


def simulate_pool(
    moments: Iterable[tuple[float, float]], *, samples: int = 64, seed: int = 0
) -> ScorePool:
    """Simulate a pool from the mean and the standard deviation of each question's scores.

    Scores are drawn from Beta distributions with these moments, not from truncated normal
    distributions, so that the model of `OptScale` is tested on other data. Grades are simulated: a
    question has a difficulty that falls with its mean score, and within a question replies with
    better scores are right more often. With the moments recorded for MATH500 this is close to the
    recorded accuracy of one reply and of the best of 8. Accuracies are only indicative; numbers of
    samples and the share of questions that reach a target are as meaningful as the moments. A wrong
    reply has one of five answers, the first of them half of the time. All replies have 1000 tokens.

    Args:
        moments: Mean and standard deviation per question, the mean in [0, 1].
        samples: Number of replies per question.
        seed: The same seed gives the same pool.
    """
    rng = np.random.default_rng(seed)
    questions = []
    for number, (mean, spread) in enumerate(moments):
        scores = rng.beta(*_beta(mean, spread), size=samples)
        level = 5.5 + 28 * (mean - 0.93) + 2.0 * rng.standard_normal() - 8 * (rng.random() < 0.04)
        chance = 1 / (1 + np.exp(-(level + 14 * (scores - mean))))
        right = rng.random(samples) < chance
        wrong = rng.choice(5, size=samples, p=(0.5, 0.2, 0.1, 0.1, 0.1))
        questions.append(
            ScoredQuestion(
                str(number),
                tuple("right" if r else f"wrong {w}" for r, w in zip(right, wrong, strict=True)),
                tuple(right.tolist()),
                tuple(scores.tolist()),
                (1000,) * samples,
            )
        )
    return ScorePool(tuple(questions), "simulated", simulated=True)


def _beta(mean: float, spread: float) -> tuple[float, float]:
    """Return the parameters of the Beta distribution with these moments."""
    mean = min(max(mean, 1e-3), 1 - 1e-3)
    variance = min(max(spread**2, 1e-6), 0.98 * mean * (1 - mean))
    strength = mean * (1 - mean) / variance - 1
    return mean * strength, (1 - mean) * strength


def _graded_rows(path: Path) -> list[tuple[int, dict[str, Any]]] | None:
    """Return the lines of a file of graded samples; None if it is not such a file."""
    rows: list[tuple[int, dict[str, Any]]] = []
    for number, record in json_lines(path):
        if not rows and not _is_graded(record):
            return None
        rows.append((number, record))
    return rows or None


def _is_graded(record: dict[str, Any]) -> bool:
    """Return whether a line has graded samples: rows of four or more entries."""
    samples = record.get("samples")
    first = samples[0] if isinstance(samples, list) and samples else None
    return isinstance(first, list) and len(first) >= 4


def _graded_question(record: Any, column: int) -> ScoredQuestion:
    if not isinstance(record, dict) or not isinstance(record.get("samples"), list):
        raise UsageError("wanted an object with a list 'samples'")
    answers, correct, tokens, scores = [], [], [], []
    for place, row in enumerate(record["samples"]):
        if not isinstance(row, list) or len(row) < 4 + column:
            raise UsageError(
                f"sample {place}: wanted [answer, right, tokens, {column + 1} or more scores], "
                f"got {row!r:.60}"
            )
        answer, right, length, score = row[0], row[1], row[2], row[3 + column]
        if right not in (0, 1):
            raise UsageError(f"sample {place}: right must be 0 or 1, got {right!r}")
        if score is not None and not _is_number(score):
            raise UsageError(f"sample {place}: a score must be a number, got {score!r:.60}")
        if length is not None and not (_is_number(length) and length >= 0):
            raise UsageError(f"sample {place}: tokens must be at least 0, got {length!r:.60}")
        answers.append(None if answer is None or answer == "" else str(answer))
        correct.append(bool(right))
        tokens.append(int(length or 0))
        scores.append(score)
    identifier = str(record.get("id", ""))
    return ScoredQuestion(identifier, tuple(answers), tuple(correct), tuple(scores), tuple(tokens))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

"""The accuracy of a few votes under given weights, from recorded samples without replacement.

Members are asked as in a live vote: the greedy schedule says how often each is asked, and its votes
share its weight (`bestofinf.rules.tally`). So every combination of that many recorded samples of each
member is a possible vote, and the mean over all of them is an unbiased estimate of the accuracy of N
votes. If there are few different combinations, all are counted with their chances; otherwise some are
drawn.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb, prod, sqrt

import numpy as np
from numpy.typing import NDArray

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question
from bestofinf.evaluation.chances import chance_of_right
from bestofinf.evaluation.coverage import Coverage, comparable
from bestofinf.evaluation.provenance import for_estimates
from bestofinf.evaluation.samples import coded
from bestofinf.rules.tally import EPSILON
from bestofinf.voting.schedule import Schedule

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

VOTES, FEWEST_VOTES = 5, 3
"""Number of votes that weights are scored by, if that many samples are recorded; and the minimum, as
two votes are right as often as one."""

FEWEST = 4
"""Minimum number of questions that members are compared on."""

COUNTED, DRAWN = 512, 256
"""Up to this many different combinations of a question's samples all are counted; and how many are
drawn if there are more."""


def common_questions(
    evaluation_set: EvaluationSet, members: Sequence[str] | None = None
) -> tuple[EvaluationSet, Coverage]:
    """Return the labelled questions that members are compared on, and their coverage.

    They have `VOTES` samples of every member, or as few as `FEWEST_VOTES` if that allows many more
    questions; if no question has that many, 1. `Coverage.samples` says how many. Labels that
    accuracies cannot be estimated from are left out (`bestofinf.evaluation.provenance`).

    Raises:
        UsageError: If fewer than four questions remain.
    """
    estimable, sources = for_estimates(evaluation_set)
    labelled = estimable.labelled().fixed()
    if sources.left_out and not len(estimable.labelled()):
        raise UsageError(
            f"no accuracy can be estimated: {sources}. Label some questions at random "
            "(bestofinf label STORE --random 25); weights can be learned from the labels there are "
            "with the objective 'consensus'"
        )
    if not labelled.members:
        raise UsageError(
            "comparing members needs labelled questions with recorded answers; of "
            f"{len(evaluation_set)} questions {len(estimable.labelled())} are labelled, and "
            "these have no sample that was drawn whatever was answered before"
        )
    found: list[tuple[EvaluationSet, Coverage]] = []
    for votes in (*range(VOTES, FEWEST_VOTES - 1, -1), 1):
        with suppress(UsageError):
            found.append(comparable(labelled, members, samples=votes))
            if votes >= FEWEST_VOTES and len(found[-1][0]) == len(labelled):
                break
    several = [pair for pair in found if pair[1].samples >= FEWEST_VOTES and len(pair[0]) >= FEWEST]
    if several:

        def precision(pair: tuple[EvaluationSet, Coverage]) -> float:
            covered = pair[1]
            return len(covered.compared) * sqrt(covered.common * (1 - 1 / covered.samples))

        chosen, coverage = max(several, key=precision)
    else:
        chosen, coverage = comparable(labelled, members)
    if len(chosen) < FEWEST:
        raise UsageError(
            f"comparing weights needs at least {FEWEST} labelled questions, got {len(chosen)} "
            f"({coverage})"
        )
    return chosen, coverage


@dataclass(frozen=True, slots=True)
class _Rows:
    """Votes on all questions with the same number of samples of each member.

    Attributes:
        answers: One vote per row, one sample per column: 0 is the right answer, -1 no answer. Shape
            (R, N).
        chances: Chance of each row; those of a question sum to 1. Shape (R,).
        starts: First row of each question, shape (Q,).
        members: Member of each column, shape (N,).
    """

    answers: Ints
    chances: Floats
    starts: Ints
    members: Ints


class FewVotes:
    """Accuracy of a few votes, question by question.

    Args:
        evaluation_set: Labelled questions, each with at least `votes` samples of every member.
        members: The members, in the order of the weights.
        votes: Number of samples of a vote, at least 1.
        seed: Seed of the combinations that are drawn.

    Raises:
        UsageError: If a question has no right answer or too few samples.
    """

    def __init__(
        self, evaluation_set: EvaluationSet, members: Sequence[str], votes: int, *, seed: int = 0
    ) -> None:
        self.members, self.votes = tuple(members), votes
        self._seed = seed
        self._questions = evaluation_set.questions
        self._codes = [self._coded(question) for question in self._questions]
        self._distinct = [[len(np.unique(codes)) for codes in row] for row in self._codes]
        self._outcomes: dict[tuple[int, int, int], tuple[Ints, Floats]] = {}
        self._patterns: dict[tuple[int, ...], _Rows] = {}

    def alone(self) -> Floats:
        """Return the exact accuracy of every member alone, shape (questions, members)."""
        return np.array([[self._chance(codes) for codes in row] for row in self._codes])

    def together(self, weights: Sequence[float] | Floats) -> Floats:
        """Return the accuracy under weights, shape (questions,)."""
        given = np.asarray(weights, dtype=np.float64)
        asked = self.asked(given)
        if (asked > 0).sum() == 1:
            only = int(asked.argmax())
            return np.array([self._chance(row[only]) for row in self._codes])
        rows = self._patterns.get(tuple(asked.tolist()))
        if rows is None:
            rows = self._patterns[tuple(asked.tolist())] = self._rows(asked)
        return np.add.reduceat(rows.chances * _elect(rows, given), rows.starts)

    def asked(self, weights: Sequence[float] | Floats) -> Ints:
        """Return how often each member is asked in a vote, shape (members,)."""
        order = Schedule("greedy", list(weights)).peek(self.votes)
        return np.bincount(order, minlength=len(self.members))

    def _coded(self, question: Question) -> list[Ints]:
        """Return each member's samples as numbers: 0 is right, -1 has no answer."""
        if question.gold is None:
            raise UsageError(f"question {question.id!r} has no right answer")
        place = {question.gold: 0}
        found = []
        for name in self.members:
            samples = question.samples.get(name)
            if samples is None or len(samples) < self.votes:
                raise UsageError(
                    f"question {question.id!r} has {0 if samples is None else len(samples)} "
                    f"samples of {name!r}, at least {self.votes} wanted"
                )
            own = coded(samples)
            places = [place.setdefault(text, len(place)) for text in own.texts]
            found.append(np.array([*places, -1], dtype=np.int64)[own.answers])
        return found

    def _chance(self, codes: Ints) -> float:
        counts = Counter(codes.tolist())
        right, silent = counts.pop(0, 0), counts.pop(-1, 0)
        return chance_of_right(right, list(counts.values()), silent, self.votes)

    def _rows(self, asked: Ints) -> _Rows:
        tables = [self._votes(place, asked) for place in range(len(self._questions))]
        sizes = np.array([len(chances) for _, chances in tables])
        return _Rows(
            answers=np.concatenate([answers for answers, _ in tables]),
            chances=np.concatenate([chances for _, chances in tables]),
            starts=np.cumsum(sizes) - sizes,
            members=np.repeat(np.arange(len(self.members)), asked),
        )

    def _votes(self, place: int, asked: Ints) -> tuple[Ints, Floats]:
        """Return the votes on one question, all or some, and their chances."""
        question, codes = self._questions[place], self._codes[place]
        heard = [(k, int(n)) for k, n in enumerate(asked) if n]
        if prod(comb(self._distinct[place][k] + n - 1, n) for k, n in heard) <= COUNTED:
            return _all_votes([self._drawings(place, k, n) for k, n in heard])
        key = f"{question.dataset}\0{question.id}".encode("utf-8", "surrogatepass")
        drawn = [self._drawn(codes[k], n, zlib.crc32(key), k) for k, n in heard]
        return np.concatenate(drawn, axis=1), np.full(DRAWN, 1 / DRAWN)

    def _drawings(self, place: int, member: int, number: int) -> tuple[Ints, Floats]:
        """Return `_outcomes` of a member, cached because other weights need the same."""
        known = self._outcomes.get((place, member, number))
        if known is None:
            known = _outcomes(self._codes[place][member], number)
            self._outcomes[place, member, number] = known
        return known

    def _drawn(self, codes: Ints, number: int, key: int, member: int) -> Ints:
        """Return some draws of a member in which all samples occur about equally often."""
        rng = np.random.default_rng([self._seed, key, zlib.crc32(self.members[member].encode())])
        size = len(codes)
        turns = np.arange(DRAWN)
        orders = np.argsort(rng.random((-(-DRAWN // size), size)), axis=1)
        places = (turns % size)[:, None] + np.arange(number)
        drawn: Ints = codes[orders[(turns // size)[:, None], places % size]]
        return drawn


def _outcomes(codes: Ints, number: int) -> tuple[Ints, Floats]:
    """Return the different ways to draw `number` samples, one per row, and their chances."""
    answers, counts = np.unique(codes, return_counts=True)
    size = dict(zip(answers.tolist(), counts.tolist(), strict=True))
    rows, chances = [], []
    for row in combinations_with_replacement(answers.tolist(), number):
        ways = prod(comb(size[answer], times) for answer, times in Counter(row).items())
        if ways:
            rows.append(row)
            chances.append(ways / comb(len(codes), number))
    return np.array(rows), np.array(chances)


def _all_votes(outcomes: Sequence[tuple[Ints, Floats]]) -> tuple[Ints, Floats]:
    """Return every combination of the members' outcomes, and its chance."""
    places = np.indices([len(chances) for _, chances in outcomes]).reshape(len(outcomes), -1)
    answers = [rows[at] for (rows, _), at in zip(outcomes, places, strict=True)]
    chances = [chance[at] for (_, chance), at in zip(outcomes, places, strict=True)]
    return np.concatenate(answers, axis=1), np.prod(chances, axis=0)


def _elect(rows: _Rows, weights: Floats) -> Floats:
    """Return the share of the lead that the right answer has in every row."""
    valid = rows.answers >= 0
    firsts, column = np.unique(rows.members, return_index=True, return_inverse=True)[1:]
    heard = np.add.reduceat(valid, firsts, axis=1, dtype=np.int64)[:, column]
    share = np.where(valid, weights[rows.members] / np.maximum(heard, 1), 0.0)
    same = rows.answers[:, :, None] == rows.answers[:, None, :]
    votes = np.einsum("rij,rj->ri", same, share)
    most = np.where(valid, votes, 0.0).max(axis=1, keepdims=True)
    level = valid & (votes >= most - EPSILON * np.maximum(most, 1.0))
    answers = (level / same.sum(axis=2)).sum(axis=1)
    leads = (level & (rows.answers == 0)).any(axis=1)
    credit: Floats = leads / np.maximum(answers, 1.0)
    return credit

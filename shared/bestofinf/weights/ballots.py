"""The votes on questions with and without a known right answer.

`Margins` need a right answer to measure against. Ballots hold the votes themselves, so that any answer
can be taken as the right one: the label if there is one, otherwise the consensus.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.samples import coded
from bestofinf.weights.solver.margins import Floats, Ints, Margins, chosen_members, mean_tokens

UNKNOWN = -1


def hashed(text: str) -> int:
    """Return a 32-bit hash of a text."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def in_hash_order(ids: Sequence[str], seed: int = 0) -> list[int]:
    """Return the indices of ids sorted by a hash of the id and the seed."""
    digests = [sha256(f"{seed}\0{id_}".encode("utf-8", "surrogatepass")).digest() for id_ in ids]
    return sorted(range(len(ids)), key=digests.__getitem__)


@dataclass(frozen=True, eq=False)
class Ballots:
    """Votes per question and answer, one row each; the first row of a question has no votes.

    That row stands for an answer that nobody gave. It is the right answer if no member is right, and
    the answer to beat if no member is wrong.

    Attributes:
        members: Names of the members, shape (K,).
        ids: Ids of the questions, shape (Q,).
        answers: The answer of each row, shape (R,); None in a question's first row.
        question: Question of each row, ascending, shape (R,).
        votes: Shape (R, K).
        valid: Number of valid answers, shape (Q, K).
        gold: Row of the right answer of each question, `UNKNOWN` without a label. Shape (Q,).
        tokens: Mean tokens per member as in `Margins`, shape (K,).
    """

    members: tuple[str, ...]
    ids: tuple[str, ...]
    answers: tuple[str | None, ...]
    question: Ints
    votes: Ints
    valid: Ints
    gold: Ints
    tokens: Floats

    @classmethod
    def of(cls, evaluation_set: EvaluationSet, *, members: Sequence[str] | None = None) -> Ballots:
        """Count the votes of all questions.

        Args:
            evaluation_set: Recorded answers.
            members: Members to take, in this order; all when None.

        Raises:
            UsageError: If there is no member, or a name is unknown.
        """
        names = chosen_members(evaluation_set, members)
        answers: list[str | None] = []
        owner: list[int] = []
        rows: list[list[int]] = []
        valid = np.zeros((len(evaluation_set), len(names)), dtype=np.int64)
        gold = np.full(len(evaluation_set), UNKNOWN, dtype=np.int64)
        for place, question in enumerate(evaluation_set):
            first = len(answers)
            at: dict[str | None, int] = {None: first}
            answers.append(None)
            rows.append([0] * len(names))
            for k, name in enumerate(names):
                samples = question.samples.get(name)
                if samples is None:
                    continue
                own = coded(samples)
                for answer, votes in zip(own.texts, own.votes.tolist(), strict=True):
                    row = at.get(answer)
                    if row is None:
                        row = at[answer] = len(answers)
                        answers.append(answer)
                        rows.append([0] * len(names))
                    rows[row][k] = votes
                    valid[place, k] += votes
            if question.gold is not None:
                gold[place] = at.get(question.gold, first)
            owner.extend([place] * (len(answers) - first))
        return cls(
            members=names,
            ids=tuple(q.id for q in evaluation_set),
            answers=tuple(answers),
            question=np.array(owner, dtype=np.int64),
            votes=np.array(rows, dtype=np.int64).reshape(len(owner), len(names)),
            valid=valid,
            gold=gold,
            tokens=mean_tokens(evaluation_set.questions, names),
        )

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def labelled(self) -> NDArray[np.bool_]:
        """Which questions have a right answer, shape (Q,)."""
        return np.asarray(self.gold != UNKNOWN)

    @cached_property
    def shares(self) -> Floats:
        """Share of each row among each member's valid answers, shape (R, K)."""
        return self.votes / np.maximum(self.valid, 1)[self.question]

    @cached_property
    def starts(self) -> Ints:
        """First row of each question, shape (Q,)."""
        return np.searchsorted(self.question, np.arange(len(self)))

    @cached_property
    def _precedence(self) -> Floats:
        """A hash below 1 per row, which decides between answers with equal shares."""
        keys = zip(self.question, self.answers, strict=True)
        return np.array([hashed(f"{self.ids[q]}\0{answer}") / 2**32 for q, answer in keys])

    def elected(self, weights: Floats) -> tuple[Ints, Ints, Floats]:
        """Return the leading and the second answer of each question under weights.

        Args:
            weights: Shape (K,).

        Returns:
            The rows of the first and the second answer of each question, and the lead in shares,
            each of shape (Q,). Without votes both rows are the question's first row; if all votes
            agree, the second is.
        """
        total = self.shares @ weights
        # The answer without votes comes after all others, even those of members without weight.
        rank = np.round(total, 12) + 1e-9 * self._precedence
        rank[self.starts] = -1.0
        first = self._top(rank)
        rank[first] = -2.0
        second = np.where(first == self.starts, self.starts, self._top(rank))
        return first, second, np.asarray(total[first] - total[second])

    def _top(self, rank: Floats) -> Ints:
        most = np.maximum.reduceat(rank, self.starts)
        rows = np.flatnonzero(rank == most[self.question])
        return rows[np.unique(self.question[rows], return_index=True)[1]]

    def against(self, reference: Ints, questions: Ints | None = None) -> Margins:
        """Return the margins of given answers over all others.

        Args:
            reference: The row of each question that is taken as the right answer, shape (Q,).
            questions: The questions to keep, ascending; all when None.
        """
        kept = np.arange(len(self)) if questions is None else questions
        take = np.zeros(len(self), dtype=np.bool_)
        take[kept] = True
        rival = take[self.question].copy()
        spoken = reference[kept]
        rival[spoken[spoken != self.starts[kept]]] = False
        number = np.cumsum(take) - 1
        return Margins(
            members=self.members,
            ids=tuple(self.ids[q] for q in kept),
            gold=self.votes[spoken],
            valid=self.valid[kept],
            question=number[self.question[rival]],
            wrong=self.votes[rival],
            tokens=self.tokens,
            unlabelled=int((~self.labelled).sum()),
        )

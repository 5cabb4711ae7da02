"""Margins from recorded answers: the conditions under which a mixture wins a question.

A mixture with weights w wins a question when its share of the right answer exceeds its share of
every wrong one: ``d_r · w > 0`` for each wrong answer r, where ``d_rk`` is member k's share of
the right answer minus its share of r, among its valid answers.

Source: Best-of-∞ (arXiv 2509.21091), the optimisation of ensemble weights, where the matrix of a
question is called A_q.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question
from bestofinf.evaluation.samples import MOST_TOKENS, coded

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Margins:
    """The vote counts of an evaluation set, one row per question and wrong answer.

    A member that was not asked, or gave no valid answer, has zeros: it does not vote on that
    question. Every question has one more row for a wrong answer that nobody gave, so that a
    mixture without any vote for the right answer never wins.

    Attributes:
        members: Names of the members, shape (K,).
        ids: Ids of the questions, shape (Q,).
        gold: Votes for the right answer, shape (Q, K).
        valid: Number of valid answers, shape (Q, K).
        question: Question of each row, ascending, shape (R,).
        wrong: Votes for the wrong answer of each row, shape (R, K).
        tokens: Mean generated tokens of one sample of each member, over all its samples that
            have a count; NaN if none has. Shape (K,).
        unlabelled: Number of questions left out because their right answer is not known.
    """

    members: tuple[str, ...]
    ids: tuple[str, ...]
    gold: Ints
    valid: Ints
    question: Ints
    wrong: Ints
    tokens: Floats
    unlabelled: int = 0

    @classmethod
    def of(cls, evaluation_set: EvaluationSet, *, members: Sequence[str] | None = None) -> Margins:
        """Count the votes of the labelled questions.

        Args:
            evaluation_set: Recorded answers.
            members: Members to take, in this order; all when None.

        Raises:
            UsageError: If there is no member or no labelled question, or a name is unknown.
        """
        chosen = chosen_members(evaluation_set, members)
        labelled = [q for q in evaluation_set if q.gold is not None]
        if not labelled:
            raise UsageError(
                f"weights need questions with a known right answer; none of the "
                f"{len(evaluation_set)} questions has one"
            )
        gold = np.zeros((len(labelled), len(chosen)), dtype=np.int64)
        valid = np.zeros_like(gold)
        owner: list[int] = []
        wrong: list[Sequence[int]] = []
        for place, question in enumerate(labelled):
            counts = [_votes(question, name) for name in chosen]
            others = dict.fromkeys(a for c in counts for a in c if a != question.gold)
            gold[place] = [c.get(question.gold, 0) for c in counts]
            valid[place] = [sum(c.values()) for c in counts]
            wrong.append([0] * len(chosen))
            wrong.extend([c.get(answer, 0) for c in counts] for answer in others)
            owner.extend([place] * (len(others) + 1))
        return cls(
            members=chosen,
            ids=tuple(q.id for q in labelled),
            gold=gold,
            valid=valid,
            question=np.array(owner, dtype=np.int64),
            wrong=np.array(wrong, dtype=np.int64).reshape(len(owner), len(chosen)),
            tokens=mean_tokens(evaluation_set.questions, chosen),
            unlabelled=len(evaluation_set) - len(labelled),
        )

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def shares(self) -> Floats:
        """Share of the right answer among each member's valid answers, shape (Q, K)."""
        return self.gold / np.maximum(self.valid, 1)

    @cached_property
    def wrong_shares(self) -> Floats:
        """Share of the wrong answer of each row among each member's valid answers, shape (R, K)."""
        return self.wrong / np.maximum(self.valid, 1)[self.question]

    @cached_property
    def rows(self) -> Floats:
        """The margins ``d``, shape (R, K), in [-1, 1]."""
        return self.shares[self.question] - self.wrong_shares

    @cached_property
    def starts(self) -> Ints:
        """First row of each question, shape (Q,)."""
        return np.searchsorted(self.question, np.arange(len(self)))

    def margins(self, weights: Floats) -> Floats:
        """Return the smallest margin of each question under `weights`, shape (..., Q).

        Args:
            weights: Shape (K,) or (..., K).
        """
        return np.minimum.reduceat(weights @ self.rows.T, self.starts, axis=-1)

    def take(self, questions: Sequence[int] | Ints) -> Margins:
        """Return the margins of some questions, in the order given; repetitions are allowed."""
        picked = np.asarray(questions, dtype=np.int64)
        ends = np.append(self.starts[1:], len(self.question))
        sizes = (ends - self.starts)[picked]
        rows = np.concatenate(
            [np.arange(self.starts[q], ends[q]) for q in picked] or [np.array([], dtype=np.int64)]
        )
        return replace(
            self,
            ids=tuple(self.ids[q] for q in picked),
            gold=self.gold[picked],
            valid=self.valid[picked],
            question=np.repeat(np.arange(len(picked)), sizes),
            wrong=self.wrong[rows],
        )


def chosen_members(evaluation_set: EvaluationSet, members: Sequence[str] | None) -> tuple[str, ...]:
    """Return the members to use; None for all of the set.

    Raises:
        UsageError: If there is none, or a name is unknown.
    """
    known = evaluation_set.members
    if not known:
        raise UsageError("weights need recorded answers of at least one member; the set has none")
    if members is None:
        return known
    chosen = tuple(dict.fromkeys(members))
    if not chosen:
        raise UsageError("weights need at least one member, got an empty list")
    for name in chosen:
        if name not in known:
            raise UsageError(f"no member {name!r} in the set; it has {', '.join(known)}")
    return chosen


def _votes(question: Question, member: str) -> dict[str | None, int]:
    """Return the votes of a member by answer."""
    samples = question.samples.get(member)
    if samples is None:
        return {}
    own = coded(samples)
    return dict(zip(own.texts, own.votes.tolist(), strict=True))


def mean_tokens(questions: Sequence[Question], members: Sequence[str]) -> Floats:
    """Return the mean generated tokens of one sample by member; NaN if no sample has a count."""
    means = np.full(len(members), np.nan)
    for k, name in enumerate(members):
        total = known = 0
        for question in questions:
            samples = question.samples.get(name)
            if samples is not None and samples.tokens:
                missing = samples.tokens.count(None)
                known += len(samples.tokens) - missing
                total += sum(filter(None, samples.tokens))
        if known:
            means[k] = min(total, MOST_TOKENS * known) / known
    return means

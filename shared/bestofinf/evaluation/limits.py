"""Estimates of what infinitely many votes would elect, from the recorded samples.

If the right answer of a question leads by little, all m recorded samples elect it less often than
infinitely many would; if it trails by little, more often. Over questions whose leads are spread evenly
around a tie this cancels to the first order and leaves a bias of order 1/m, which is twice as large
for votes of half as many samples. So the limit is estimated by

    U(m) + (U(m) - U(m / 2)),

with U(n) the accuracy of n votes drawn without replacement: the jackknife of M. H. Quenouille
(Notes on bias in estimation, Biometrika 43, 1956). Half of the step U(m) - U(m / 2) is added to
its standard error. From `DEEP` samples on, the step is small compared with its noise, so U(m) itself is
the estimate; with fewer than `FEWEST` samples there is none.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot

from bestofinf._arrays import Floats, Ints, np
from bestofinf.evaluation.samples import coded
from bestofinf.evaluation.sets import EvaluationSet, Question

FEWEST = 8
"""Minimum number of samples of every voting member for a question."""

DEEP = 64
"""Number of samples from which on what all of them elect is the estimate."""

_SPLITS = 8  # random splits; each gives two halves
_TIE = 1e-12  # shares closer than this are tied: they differ only by rounding


@dataclass(frozen=True, slots=True)
class Limit:
    """An accuracy with infinitely many votes.

    Attributes:
        value: The estimate, in [0, 1]; None if there are too few samples or no labels.
        se: Standard error, over questions and samples; None if `value` is.
        samples: Smallest number of samples of a voting member for a question.
        short: Number of questions with fewer than `FEWEST` samples of a voting member.
    """

    value: float | None
    se: float | None
    samples: int
    short: int

    def __str__(self) -> str:
        """Return the estimate in words; if it is unknown, what to record."""
        if self.value is not None and self.se is not None:
            return f"{100 * self.value:.1f} ± {100 * self.se:.1f} %"
        return f"cannot be known from {self.samples} samples: record at least {FEWEST}"


class Elections:
    """Computes what the recorded votes elect under any weights, question by question.

    Args:
        evaluation_set: Recorded answers to at least one question. Questions without a right answer
            give NaN.
        members: Names of the members that vote. A member that was not asked a question is left out
            of its vote.
        seed: Seed of the random halves.
    """

    def __init__(
        self, evaluation_set: EvaluationSet, members: Sequence[str], *, seed: int = 0
    ) -> None:
        tables = [_counts(question, members) for question in evaluation_set]
        lengths = np.array([len(table) for table, _ in tables], dtype=np.int64)
        self._starts = np.cumsum(lengths) - lengths
        self._owner = np.repeat(np.arange(len(tables)), lengths)
        places = [
            answers.get(question.gold, -1) if question.gold is not None else -1
            for question, (_, answers) in zip(evaluation_set, tables, strict=True)
        ]
        self._right = np.where(np.array(places) < 0, -1, self._starts + places)
        self._known = np.array([question.gold is not None for question in evaluation_set])
        self._sizes = np.array([table.sum(axis=0) for table, _ in tables])
        whole = np.concatenate([table for table, _ in tables]).astype(np.float64)
        half = np.concatenate(
            [
                _halves(question, members, table, seed)
                for question, (table, _) in zip(evaluation_set, tables, strict=True)
            ],
            axis=1,
        ).astype(np.float64)
        # The last row of a question counts abstentions; as an answer it stands for one nobody gave.
        whole[self._starts + lengths - 1] = half[:, self._starts + lengths - 1] = 0.0
        self._whole, self._half = self._shares(whole), self._shares(half)

    def whole(self, weights: Sequence[float] | Floats) -> Floats:
        """Return the share of the lead that the right answer has among all recorded votes.

        Shape (questions,): 1 if it leads alone, 1/t in a tie of t answers, 0 if another answer
        leads or nobody votes, NaN if the right answer is unknown.
        """
        return self._elect(self._whole, np.asarray(weights, dtype=np.float64))

    def half(self, weights: Sequence[float] | Floats) -> Floats:
        """Return the same for half of the samples, as a mean over random halves."""
        mean: Floats = self._elect(self._half, np.asarray(weights, dtype=np.float64)).mean(axis=0)
        return mean

    def limits(self, weights: Sequence[float] | Floats) -> tuple[Floats, Floats]:
        """Return the estimate for infinitely many votes and the step in it, per question.

        The estimate of one question may lie outside [0, 1]; NaN if there are too few samples.
        """
        depths, whole = self.depths(weights), self.whole(weights)
        step = np.where(depths >= FEWEST, whole - self.half(weights), np.nan)
        return np.where(depths >= DEEP, whole, whole + step), step

    def depths(self, weights: Sequence[float] | Floats) -> Ints:
        """Return per question the smallest number of samples of a member with a weight above 0."""
        voting = np.asarray(weights, dtype=np.float64) > 0
        sizes = np.where(self._sizes[:, voting] > 0, self._sizes[:, voting], np.iinfo(np.int64).max)
        return np.where(self._sizes[:, voting].any(axis=1), sizes.min(axis=1), 0)

    def limit(self, weights: Sequence[float] | Floats) -> Limit:
        """Return the accuracy with infinitely many votes, over the labelled questions."""
        depths = self.depths(weights)[self._known]
        short = int((depths < FEWEST).sum())
        least = int(depths.min()) if len(depths) else 0
        if short or not len(depths):
            return Limit(None, None, least, short)
        values, steps = (column[self._known] for column in self.limits(weights))
        value = float(np.clip(values.mean(), 0.0, 1.0))
        return Limit(value, limit_error(values, steps), least, 0)

    def _shares(self, counts: Floats) -> Floats:
        """Return the shares of answers among each member's valid ones; axis -2 has the answers."""
        sums = np.add.reduceat(counts, self._starts, axis=-2)
        shares: Floats = counts / np.maximum(sums[..., self._owner, :], 1)
        return shares

    def _elect(self, shares: Floats, weights: Floats) -> Floats:
        votes = shares @ weights
        result = np.where(self._known, np.zeros((*votes.shape[:-1], len(self._right))), np.nan)
        most = np.maximum.reduceat(votes, self._starts, axis=-1)
        level = votes >= most[..., self._owner] - _TIE
        tied = np.add.reduceat(level.astype(np.float64), self._starts, axis=-1)
        given = self._right >= 0
        mine = votes[..., self._right[given]]
        leads = level[..., self._right[given]] & (mine > 0)
        result[..., given] = leads / tied[..., given]
        return result


def limit_error(values: Floats, steps: Floats) -> float:
    """Return the standard error of a mean limit: over questions and samples, and of the step."""
    n = len(values)
    spread = float(values.std(ddof=1)) / n**0.5 if n > 1 else float("nan")
    return hypot(spread, float(steps.mean()) / 2)


def _counts(question: Question, members: Sequence[str]) -> tuple[Ints, Mapping[str, int]]:
    """Return samples per answer and member, and the rows of answers; the last row abstained."""
    recorded = [
        coded(question.samples[name]) if name in question.samples else None for name in members
    ]
    texts = sorted({text for own in recorded if own is not None for text in own.texts})
    answers = {text: place for place, text in enumerate(texts)}
    table = np.zeros((len(answers) + 1, len(members)), dtype=np.int64)
    for k, own in enumerate(recorded):
        if own is not None:
            table[[answers[text] for text in own.texts], k] = own.votes
            table[-1, k] = len(own.answers) - own.votes.sum()
    return table, answers


def _halves(question: Question, members: Sequence[str], table: Ints, seed: int) -> Ints:
    """Return the tables of random halves, two for each split; they do not depend on the set."""
    found = np.empty((2 * _SPLITS, *table.shape), dtype=np.int64)
    for k, name in enumerate(members):
        key = f"{question.dataset}\0{question.id}\0{name}".encode("utf-8", "surrogatepass")
        rng = np.random.default_rng([seed, zlib.crc32(key)])
        whole = table[:, k]
        first = rng.multivariate_hypergeometric(whole, int(whole.sum()) // 2, size=_SPLITS)
        found[:, :, k] = np.concatenate([first, whole - first])
    return found

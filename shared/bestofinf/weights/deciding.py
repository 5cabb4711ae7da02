"""Decide between two weightings by labelling only the questions on which they differ.

If two candidates elect the same answer to a question, its label adds exactly 0 to the difference
between them. So only the other questions are asked, in random order, and after each label an exact
test decides whether it is settled which candidate is right on more of them.

The test: let D of these questions favour one candidate (it is right and the other is wrong), and t of
the D favour the first. They come in random order without replacement, so n of them, with a for the
first and b for the second, have the probability t…(t−a+1) (D−t)…(D−t−b+1) / D…(D−n+1).
Divided by the probability under a uniform prior on t, a! b! / (n+1)!, that is the inverse of a
non-negative martingale for the true t and D: the chance that it *ever* falls to α is at most α
(Ville's inequality; I. Waudby-Smith and A. Ramdas, Confidence sequences for sampling without
replacement, NeurIPS 2020). So looking after every label is allowed. The test is settled when every
possible t and D that does not favour the winner is excluded; when all questions are labelled, the
result is certain. A question on which both are wrong favours neither and is one less to come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy.special import gammaln

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.coverage import comparable
from bestofinf.weights.asking import Wanted
from bestofinf.weights.ballots import Ballots, in_hash_order
from bestofinf.weights.solver.margins import Floats

ERROR = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a decision between two candidates.

    Attributes:
        winner: "first", "second", or None if it is not settled or both are right equally often.
        settled: Whether no more labels are needed.
        error: Upper bound of the probability that the winner is not right on more of these
            questions; 0 if it certainly is. Without a winner, for the candidate that leads so far.
        new_questions: The same for new questions, of which these are a random sample: an
            anytime-valid p-value of the hypothesis that both are right equally often.
        first: Number of labels that favour the first candidate.
        second: Number of labels that favour the second.
        neither: Number of labels under which both are wrong.
        left: Number of questions with different answers and without a label.
    """

    winner: str | None
    settled: bool
    error: float
    new_questions: float
    first: int
    second: int
    neither: int
    left: int

    def __str__(self) -> str:
        so_far = f"{self.first} to {self.second}" + (
            f", {self.neither} for neither" if self.neither else ""
        )
        if not self.settled:
            return f"not settled: {so_far}, {self.left} questions left"
        if self.winner is None:
            return f"both are right equally often where they differ: {so_far}"
        sure = "for certain" if not self.error else f"with an error of at most {self.error:.1%}"
        shown = (
            "shown for new questions too"
            if self.new_questions <= ERROR
            else "not shown for new questions"
        )
        return f"{self.winner}: {so_far}, {sure} on these questions; {shown}"


@dataclass
class Decider:
    """Asks for labels until a test shows which of two weightings is better.

    Args:
        evaluation_set: Recorded answers. Existing labels are used as known facts, whatever their
            provenance; only those given here count as a random sample.
        first: Weights of the first candidate by member; absent members have the weight 0.
        second: Weights of the second candidate.
        error: Maximum probability of a wrong decision, in (0, 1).
        seed: Seed of the order in which questions are asked.
        earlier: Ids of questions asked for this decision before, with their labels in the set.

    Raises:
        UsageError: If a weight or `error` is out of range, or a member is unknown.
    """

    evaluation_set: EvaluationSet
    first: Mapping[str, float]
    second: Mapping[str, float]
    error: float = ERROR
    seed: int = 0
    earlier: frozenset[str] = frozenset()
    differing: tuple[str, ...] = field(init=False)
    """Ids of all questions on which the candidates elect different answers, in the order asked."""

    def __post_init__(self) -> None:
        if not 0 < self.error < 1:
            raise UsageError(f"error must lie between 0 and 1, got {self.error!r}")
        names = sorted({*_named(self.first), *_named(self.second)})
        common, _ = comparable(self.evaluation_set, names)
        ballots = Ballots.of(common, members=names)
        rows = [
            ballots.elected(np.array([float(weights.get(name, 0.0)) for name in names]))[0]
            for weights in (self.first, self.second)
        ]
        differ = [int(q) for q in np.flatnonzero(rows[0] != rows[1])]
        ids = [ballots.ids[q] for q in differ]
        order = in_hash_order(ids, self.seed)
        self.differing = tuple(ids[place] for place in order)
        self._answers = {
            ballots.ids[q]: (ballots.answers[rows[0][q]], ballots.answers[rows[1][q]])
            for q in differ
        }
        self._of = {question.id: question for question in self.evaluation_set}
        golds = {id_: self._of[id_].gold for id_ in self.differing}
        self._known = {
            id_: gold for id_, gold in golds.items() if gold is not None and id_ not in self.earlier
        }
        self._told = {
            id_: gold for id_, gold in golds.items() if gold is not None and id_ in self.earlier
        }

    def next(self) -> Wanted | None:
        """Return the question to label next; None if the decision is settled."""
        if self.verdict().settled:
            return None
        id_ = next(
            id_ for id_ in self.differing if id_ not in self._told and id_ not in self._known
        )
        return Wanted.of(self._of[id_])

    def tell(self, id_: str, gold: str) -> Verdict:
        """Take a label, and return the state of the decision.

        Args:
            id_: Id of the question that `next` returned.
            gold: Its right answer, written as the members' answers are.

        Raises:
            UsageError: If the candidates do not differ on this question.
        """
        if id_ not in self._answers:
            raise UsageError(f"both candidates elect the same answer to question {id_!r}")
        self._told[id_] = gold
        return self.verdict()

    def undo(self) -> str | None:
        """Retract the last label and return the id of its question; None if there is no label."""
        if not self._told:
            return None
        id_, _ = self._told.popitem()
        return id_

    def elected(self, id_: str) -> tuple[str | None, str | None]:
        """Return what the two candidates elect on a question on which they differ."""
        return self._answers[id_]

    def verdict(self) -> Verdict:
        """Return the state of the decision."""
        a, b, neither, p = self._sample()
        known_first, known_second, known_neither = self._counts(self._known)
        left = len(self.differing) - len(self._told) - len(self._known)
        ahead = known_first - known_second
        errors = {
            "first": _greatest(a, b, left, ahead),
            "second": _greatest(b, a, left, -ahead),
        }
        lead = ahead + a - b
        winner = next((name for name in errors if errors[name] <= self.error), None)
        if left == 0:
            winner = None if lead == 0 else "first" if lead > 0 else "second"
        leader = winner or ("first" if lead >= 0 else "second")
        return Verdict(
            winner=winner,
            settled=winner is not None or left == 0,
            error=0.0 if left == 0 else min(1.0, errors[leader]),
            new_questions=p,
            first=a + known_first,
            second=b + known_second,
            neither=neither + known_neither,
            left=left,
        )

    def _favours(self, id_: str, gold: str) -> int:
        """Return 0 for the first candidate, 1 for the second, 2 for neither."""
        one, other = self._answers[id_]
        return 0 if gold == one else 1 if gold == other else 2

    def _counts(self, golds: Mapping[str, str]) -> list[int]:
        found = [0, 0, 0]
        for id_, gold in golds.items():
            found[self._favours(id_, gold)] += 1
        return found

    def _sample(self) -> tuple[int, int, int, float]:
        """Return the counts of the random sample, and the smallest p-value so far."""
        found, least = [0, 0, 0], 1.0
        for id_, gold in self._told.items():
            found[self._favours(id_, gold)] += 1
            a, b = found[0], found[1]
            # Bayes factor of a uniform prior on the chance of favouring the first, against one half.
            log = gammaln(a + b + 2) - gammaln(a + 1) - gammaln(b + 1) - (a + b) * np.log(2)
            least = min(least, float(np.exp(log)))
        return found[0], found[1], found[2], least


@lru_cache(maxsize=100_000)
def _greatest(a: int, b: int, left: int, ahead: int) -> float:
    """Return the greatest ratio over all outcomes in which the winner is not ahead.

    Args:
        a: Number of sampled questions that favour the winner.
        b: Number of sampled questions that favour the other.
        left: Number of questions without a label.
        ahead: Lead of the winner among the questions that were labelled before.
    """
    n = a + b
    total = np.arange(n, n + left + 1)[:, None]  # D
    favour = np.arange(n + left + 1)[None, :]  # t
    against = total - favour
    possible = (favour >= a) & (against >= b) & (ahead + favour - against <= 0)
    if not possible.any():
        return 0.0
    with np.errstate(all="ignore"):
        log = (
            _falling(favour, a)
            + _falling(against, b)
            - _falling(total, n)
            + gammaln(n + 2)
            - gammaln(a + 1)
            - gammaln(b + 1)
        )
    return float(np.exp(log[possible].max()))


def _falling(
    values: Floats | np.ndarray[tuple[int, ...], np.dtype[np.int64]], times: int
) -> Floats:
    """Return the logarithm of v (v - 1) … (v - times + 1)."""
    return np.asarray(gammaln(values + 1.0) - gammaln(values - times + 1.0))


def _named(weights: Mapping[str, float]) -> Sequence[str]:
    for name, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight >= 0:
            raise UsageError(f"weights must be numbers of at least 0, got {weight!r} for {name!r}")
    named = [name for name, weight in weights.items() if weight > 0]
    if not named:
        raise UsageError(f"weights need a member with a weight above 0, got {dict(weights)}")
    return named

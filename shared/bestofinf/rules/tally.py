"""The tally: counts per answer and member, and everything else a rule may look at.

A tally takes votes in the order in which they are counted and keeps the inputs of rules up to date:
the leader, the runner-up, their counts, lengths, scores and the cost so far.

Several members: an ensemble with weights ``w`` elects the answer with the largest
``sum_i w_i p_i(answer)``. The tally estimates that sum by strata, ``sum_i w_i c_ij / n_i`` with
``c_ij`` votes of member ``i`` for answer ``j`` out of ``n_i``, and hands rules *effective* counts
``n_eff * share_j`` with ``n_eff = W**2 / sum_i(w_i**2 / n_i)``, the number of independent draws
from the mixture that would be as precise (sums over the members heard so far, W = sum w_i). For
one member these are the plain counts. Draws taken from the mixture at random are counted plainly.

The few votes of a member that is left out would limit the precision of the whole estimate for ever.
So each of its votes then weighs at most as much as a vote of the others does on average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue, Likelihood, Usual
from bestofinf.rules.masses import Masses

EPSILON = 1e-12  # shares closer than this are tied: they differ only by rounding
_NO_LENGTH = (0.0, 0)
LONGEST_EXCESS = 2.0  # of one reply, in log tokens: one runaway reply says little


def lot(seed: int, answer: AnswerValue) -> int:
    """Return a pseudo-random number that decides ties; the answer with the highest wins.

    It depends only on the seed and the answer, so that neither the order of members nor the order
    of arrival decides a tie.
    """
    text = f"{seed}:{answer!r}".encode("utf-8", "backslashreplace")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


class Tally:
    """Votes counted so far.

    Args:
        weights: Weight per member, at least 0, not all 0.
        stratified: Count by strata, as described above; False counts every vote as one.
        usual: Usual length and cost of replies, per member; None if unknown. If known, lengths
            are compared relative to the usual length of their member.
        seed: Decides ties that lengths leave open; see `lot`.

    Attributes:
        n_votes: Votes counted, of any answer.
        n_abstained: Samples counted that had no answer.
        n_failed: Draws that failed.
        tokens: Generated tokens of all counted samples.
        cost: Money of all counted samples.
        unmetered: Counted samples whose tokens are unknown; `tokens` and `cost` are without them.
        seconds: Seconds since the first draw, as told by the driver.
        history: The answers voted for, in the order counted.
        streak: Number of latest votes in a row for the same answer.
        member_votes: Votes per member.
        usual: Usual replies as given; empty if unknown.
        n_measured: Votes whose length is known and can be compared with the usual one;
            excess: sum over these of log(tokens) minus the usual, each within [-2, 2].
        masses: Probabilities of the distinct replies; None until a reply has one.
        memo: Results that rules keep about the history, by their own keys; not copied.
        n_scored: Samples with a score; score_sum, score_sumsq, best_score: over these.
        scores: The scores themselves, in the order counted.
    """

    __slots__ = (
        "_by_member", "_c1", "_c2", "_counts", "_leader", "_length", "_out", "_runner", "_seed",
        "_stale", "_stratified", "_weights", "best_score", "cost", "excess", "history", "masses",
        "member_votes", "memo", "n_abstained", "n_failed", "n_measured", "n_scored", "n_votes", "score_sum",
        "score_sumsq", "scores", "seconds", "streak", "tokens", "unmetered",
        "usual",
    )  # fmt: skip

    def __init__(
        self,
        weights: Sequence[float] = (1.0,),
        *,
        stratified: bool = True,
        usual: Sequence[Usual] | None = None,
        seed: int = 0,
    ) -> None:
        if not weights or not all(math.isfinite(w) and w >= 0 for w in weights) or not any(weights):
            raise UsageError(f"weights must be at least 0 and not all 0, got {list(weights)}")
        if usual is not None and len(usual) != len(weights):
            raise UsageError(f"{len(weights)} weights but {len(usual)} usual lengths")
        self._weights = tuple(weights)
        self.usual = tuple(usual) if usual is not None and all(u.samples for u in usual) else ()
        self._stratified = stratified and sum(w > 0 for w in weights) > 1
        self._seed = seed
        self._counts: dict[AnswerValue, float] = {}
        self._by_member: dict[AnswerValue, list[int]] = {}
        self._length: dict[AnswerValue, tuple[float, int]] = {}
        self._leader: AnswerValue | None = None
        self._runner: AnswerValue | None = None
        self._c1 = 0.0
        self._c2 = 0.0
        self._stale = False
        self._out: frozenset[int] = frozenset()
        self.member_votes = [0] * len(weights)
        self.history: list[AnswerValue] = []
        self.n_votes = self.n_abstained = self.n_failed = self.tokens = self.n_scored = 0
        self.n_measured = self.streak = self.unmetered = 0
        self.memo: dict[object, Any] = {}
        self.masses: Masses | None = None
        self.excess = 0.0
        self.cost = self.seconds = self.score_sum = self.score_sumsq = 0.0
        self.best_score: float | None = None
        self.scores: list[float] = []

    # -- counting -----------------------------------------------------------------------------

    def vote(self, answer: AnswerValue, *, member: int = 0, tokens: int | None = None) -> None:
        """Count one vote.

        Args:
            answer: The answer voted for, already the representative of its class.
            member: Position of the member that cast it.
            tokens: Length of the reply; None or 0 when unknown.
        """
        self.n_votes += 1
        history = self.history
        self.streak = self.streak + 1 if history and history[-1] == answer else 1
        history.append(answer)
        self.member_votes[member] += 1
        if tokens:
            length = math.log(tokens)
            if self.usual:
                length -= self.usual[member].log_tokens
                self.n_measured += 1
                self.excess += max(-LONGEST_EXCESS, min(length, LONGEST_EXCESS))
            total, count = self._length.get(answer, _NO_LENGTH)
            self._length[answer] = (total + length, count + 1)
        if self._stratified:
            row = self._by_member.get(answer)
            if row is None:
                row = self._by_member[answer] = [0] * len(self._weights)
            row[member] += 1
            self._stale = True
            return
        count_now = self._counts.get(answer, 0) + 1
        self._counts[answer] = count_now
        self._promote(answer, count_now)

    def leave_out(self, member: int) -> None:
        """Record that a member is not asked any more."""
        self._out |= {member}
        self._stale = self._stratified

    def abstain(self) -> None:
        """Count a sample without an answer."""
        self.n_abstained += 1

    def fail(self) -> None:
        """Count a failed draw."""
        self.n_failed += 1

    def spend(self, *, tokens: int = 0, cost: float = 0.0, known: bool = True) -> None:
        """Book the cost of a counted sample, as far as it is known."""
        self.tokens += tokens
        self.cost += cost
        self.unmetered += not known

    def told(self, answer: AnswerValue | None, known: Likelihood, *, member: int = 0) -> None:
        """Book the probability of a counted reply.

        Args:
            answer: The answer it votes for; None if it abstains.
            known: Its probability.
            member: Position of the member that gave it.
        """
        if self.masses is None:
            self.masses = Masses(len(self._weights))
        self.masses.add(answer, known, member)

    def score(self, value: float) -> None:
        """Book the verifier's score of a counted sample.

        Raises:
            UsageError: If it is not in [0, 1]; nothing is booked.
        """
        if not 0 <= value <= 1:
            raise UsageError(f"a score must lie in [0, 1], got {value!r}; a failed score is None")
        self.scores.append(value)
        self.n_scored += 1
        self.score_sum += value
        self.score_sumsq += value * value
        if self.best_score is None or value > self.best_score:
            self.best_score = value

    def _promote(self, answer: AnswerValue, count: float) -> None:
        """Update leader and runner-up after `answer` has risen to `count`."""
        if answer == self._leader:
            self._c1 = count
        elif count > self._c1 or (count == self._c1 and self._first(answer, self._leader)):
            self._runner, self._c2 = self._leader, self._c1
            self._leader, self._c1 = answer, count
        elif answer == self._runner:
            self._c2 = count
        elif count > self._c2 or (count == self._c2 and self._first(answer, self._runner)):
            self._runner, self._c2 = answer, count

    def _first(self, one: AnswerValue, other: AnswerValue | None) -> bool:
        """Return whether `one` ranks before `other`, both with the same count.

        The answer with shorter replies does, unknown lengths last; then that with the higher lot.
        """
        if other is None:
            return True
        mine, theirs = self.mean_log_tokens(one), self.mean_log_tokens(other)
        if mine == theirs:
            return self.lot(one) > self.lot(other)
        return theirs is None or (mine is not None and mine < theirs)

    def _estimate(self) -> None:
        """Recompute the effective counts of all answers from the strata."""
        heard = [
            (i, w, n)
            for i, (w, n) in enumerate(zip(self.standing, self.member_votes, strict=True))
            if n and w
        ]
        total = sum(w for _, w, _ in heard)
        scale = total / sum(w * w / n for _, w, n in heard) if heard else 0.0
        factors = [(i, scale * w / n) for i, w, n in heard]
        self._leader = self._runner = None
        self._c1 = self._c2 = 0.0
        for answer, row in self._by_member.items():
            count = sum(row[i] * factor for i, factor in factors)
            self._counts[answer] = count
            for mine in (self._c1, self._c2):
                if abs(count - mine) <= EPSILON * max(count, 1.0):
                    count = mine
            self._promote(answer, count)
        self._stale = False

    # -- reading ------------------------------------------------------------------------------

    @property
    def counts(self) -> dict[AnswerValue, float]:
        """Effective count per answer, in order of first appearance. Not to be changed."""
        if self._stale:
            self._estimate()
        return self._counts

    @property
    def leader(self) -> AnswerValue | None:
        """Answer with the largest count; a tie goes to the shorter replies, then to the lot."""
        if self._stale:
            self._estimate()
        return self._leader

    @property
    def runner_up(self) -> AnswerValue | None:
        """The second answer in the same order; None while there is but one."""
        if self._stale:
            self._estimate()
        return self._runner

    @property
    def level(self) -> tuple[AnswerValue, ...]:
        """Answers with the same count as the leader, itself included."""
        counts = self.counts
        floor = self.c1 - EPSILON * max(self.c1, 1.0)
        return tuple(answer for answer, count in counts.items() if count >= floor)

    @property
    def tied(self) -> tuple[AnswerValue, ...]:
        """Answers of `level` that only the lot separates from the leader, itself included."""
        if self.leader is None:
            return ()
        length = self.mean_log_tokens(self.leader)
        return tuple(answer for answer in self.level if self.mean_log_tokens(answer) == length)

    def lot(self, answer: AnswerValue) -> int:
        """Return the lot of an answer in this vote; see `lot`."""
        return lot(self._seed, answer)

    @property
    def c1(self) -> float:
        """Effective count of the leader; 0 before the first vote."""
        if self._stale:
            self._estimate()
        return self._c1

    @property
    def c2(self) -> float:
        """Effective count of the runner-up; 0 while there is none."""
        if self._stale:
            self._estimate()
        return self._c2

    @property
    def n(self) -> float:
        """Effective number of votes: the sum of the effective counts."""
        if not self._stratified:
            return self.n_votes
        return sum(self.counts.values())

    @property
    def n_samples(self) -> int:
        """Samples counted: votes and abstentions."""
        return self.n_votes + self.n_abstained

    @property
    def n_answers(self) -> int:
        """Distinct answers seen."""
        return len(self.counts)

    @property
    def weights(self) -> tuple[float, ...]:
        """Weight per member, as given."""
        return self._weights

    @property
    def standing(self) -> tuple[float, ...]:
        """Weight per member with which its votes count: reduced if the member is left out."""
        if not self._out:
            return self._weights
        votes = self.member_votes
        others = [i for i in range(len(votes)) if votes[i] and i not in self._out]
        if not others:
            return self._weights
        each = sum(self._weights[i] for i in others) / sum(votes[i] for i in others)
        return tuple(
            min(w, each * votes[i]) if i in self._out else w for i, w in enumerate(self._weights)
        )

    @property
    def stratified(self) -> bool:
        """Whether counts are effective counts of several members."""
        return self._stratified

    def mean_log_tokens(self, answer: AnswerValue) -> float | None:
        """Return the mean of log(tokens) over the answer's votes; None if no length is known.

        If the usual lengths are known, it is the mean of log(tokens) minus the member's usual.
        """
        total, count = self._length.get(answer, _NO_LENGTH)
        return total / count if count else None

    def votes_by_member(self, answer: AnswerValue) -> list[int]:
        """Return the plain votes for an answer per member."""
        if self._stratified:
            return list(self._by_member.get(answer, [0] * len(self._weights)))
        if len(self._weights) == 1:
            return [int(self._counts.get(answer, 0))]
        raise UsageError(
            "votes per member are kept only by a stratified tally, not by independent draws of several members"
        )

    def copy(self) -> Tally:
        """Return an independent copy, to look ahead on."""
        other = Tally.__new__(Tally)
        for name in Tally.__slots__:
            setattr(other, name, getattr(self, name))
        other._counts = self._counts.copy()
        other._by_member = {answer: row.copy() for answer, row in self._by_member.items()}
        other._length = self._length.copy()
        other.member_votes = self.member_votes.copy()
        other.history = self.history.copy()
        other.scores = self.scores.copy()
        other.masses = self.masses.copy() if self.masses is not None else None
        other.memo = {}
        return other

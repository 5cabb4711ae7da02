"""Many tallies at once, as arrays: a replay counts its votes in them.

`TallyArrays` is the array form of `bestofinf.rules.tally.Tally`, with one entry per row: the same names,
the same arithmetic and the same order of tied answers. Rules that support it decide thousands of votes
in one step (`StopRule.check_many`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bestofinf._arrays import Bools, Floats, Ints, np
from bestofinf.rules.mass_arrays import MassArrays
from bestofinf.rules.tally import EPSILON, LONGEST_EXCESS, lot

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TallyArrays:
    """Votes counted so far, in independent rows.

    Args:
        rows: Number of rows.
        answers: Number of distinct answers a row can have; they are numbered from 0.
        weights: Weight per member.
        stratified: Count by strata, see `Tally`; only with several weights above 0.
        usual_tokens, usual_log_tokens: Mean tokens and mean log tokens of replies per row and
            member, shape (rows, members), treated as known exactly; None if unknown.
        seed: Decides ties that lengths leave open.

    Attributes:
        n_votes, n_abstained, n_answers, tokens, streak, n_measured, excess, cost: As in `Tally`,
            per row.
        last: Answer of the latest sample; -1 if it abstained. last_vote: of the latest vote.
        counts: Effective votes, shape (rows, answers).
        leader, runner_up: The answers per row; -1 if there is none.
        c1, c2: Their effective counts.
        member_votes: Votes, shape (rows, members).
        masses: Probabilities of the distinct replies; None if there are none.
        memo: Arrays that rules keep, with one entry per row, by their own keys.
    """

    def __init__(
        self,
        rows: int,
        answers: int,
        *,
        weights: Sequence[float] = (1.0,),
        stratified: bool = True,
        usual_tokens: Floats | None = None,
        usual_log_tokens: Floats | None = None,
        seed: int = 0,
    ) -> None:
        self.weights = np.asarray(weights, dtype=np.float64)
        self.stratified = stratified and int((self.weights > 0).sum()) > 1
        self.usual_tokens = usual_tokens
        self.usual_log_tokens = usual_log_tokens
        members = len(self.weights)
        self.n_votes, self.n_abstained, self.n_answers = _zeros(rows), _zeros(rows), _zeros(rows)
        self.tokens, self.streak, self.n_measured = _zeros(rows), _zeros(rows), _zeros(rows)
        self.excess: Floats = np.zeros(rows)
        self.cost: Floats = np.zeros(rows)
        self.c1: Floats = np.zeros(rows)
        self.c2: Floats = np.zeros(rows)
        self.last: Ints = np.full(rows, -1)
        self.last_vote: Ints = np.full(rows, -1)
        self.leader: Ints = np.full(rows, -1)
        self.runner_up: Ints = np.full(rows, -1)
        self.counts: Floats = np.zeros((rows, answers))
        self.member_votes: Ints = np.zeros((rows, members), dtype=np.int64)
        self._by_member: Floats = np.zeros((rows, answers, members if self.stratified else 0))
        self._length: Floats = np.zeros((rows, answers))
        self._lengths: Floats = np.zeros((rows, answers))
        self._seen: Bools = np.zeros((rows, answers), dtype=np.bool_)
        order = sorted(range(answers), key=lambda answer: -lot(seed, answer))
        self._place: Ints = np.argsort(np.array(order, dtype=np.int64))  # 0 for the highest lot
        self.masses: MassArrays | None = None
        self.memo: dict[object, dict[str, NDArray[Any]]] = {}

    def __len__(self) -> int:
        return len(self.c1)

    def keep(self, rows: Bools | Ints) -> None:
        """Keep only these rows, given as a mask or as indices."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and name not in ("weights", "_place"):
                setattr(self, name, value[rows])
        if self.masses is not None:
            self.masses.keep(rows)
        for kept in self.memo.values():
            for name, value in kept.items():
                kept[name] = value[rows]

    # -- counting -----------------------------------------------------------------------------

    def count(
        self,
        answer: Ints,
        *,
        tokens: Ints,
        member: Ints,
        cost: Floats | None = None,
        said: tuple[Ints, Floats, Bools] | None = None,
    ) -> None:
        """Count one sample in every row.

        Args:
            answer: Number of its answer; -1 abstains. Shape (rows,), like all others.
            tokens: Its length; 0 if unknown.
            member: Position of the member that gave it.
            cost: Its cost in money.
            said: Number of the reply, its probability, and whether that is under the distribution
                sampled from; see `MassArrays.add`. Only if there are `masses`.
        """
        self.tokens += tokens
        if said is not None and self.masses is not None:
            self.masses.add(answer, member, *said)
        if cost is not None:
            self.cost += cost
        voted = answer >= 0
        self.last = answer
        self.n_votes += voted
        self.n_abstained += ~voted
        again = voted & (answer == self.last_vote)
        self.streak = np.where(voted, np.where(again, self.streak + 1, 1), self.streak)
        self.last_vote = np.where(voted, answer, self.last_vote)
        rows = np.flatnonzero(voted)
        answer, tokens, member = answer[rows], tokens[rows], member[rows]
        self.member_votes[rows, member] += 1
        self.n_answers[rows] += ~self._seen[rows, answer]
        self._seen[rows, answer] = True
        self._measure(rows, answer, tokens, member)
        if self.stratified:
            self._by_member[rows, answer, member] += 1
            self._estimate(rows)
        else:
            self._promote(rows, answer)

    def _measure(self, rows: Ints, answer: Ints, tokens: Ints, member: Ints) -> None:
        known = tokens > 0
        length = np.log(np.maximum(tokens, 1))
        if self.usual_log_tokens is not None:
            length = length - self.usual_log_tokens[rows, member]
            self.n_measured[rows] += known
            self.excess[rows] += known * np.clip(length, -LONGEST_EXCESS, LONGEST_EXCESS)
        self._length[rows, answer] += known * length
        self._lengths[rows, answer] += known

    def _promote(self, rows: Ints, answer: Ints) -> None:
        """Update leaders and runners-up after a vote for `answer` in these rows."""
        count = self.counts[rows, answer] + 1
        self.counts[rows, answer] = count
        leader, runner = self.leader[rows], self.runner_up[rows]
        c1, c2 = self.c1[rows], self.c2[rows]
        is_leader = answer == leader
        ahead = ~is_leader & ((count > c1) | self._wins_tie(rows, answer, leader, count == c1))
        rest = ~is_leader & ~ahead
        is_runner = rest & (answer == runner)
        behind = rest & ~is_runner
        behind &= (count > c2) | self._wins_tie(rows, answer, runner, behind & (count == c2))
        self.runner_up[rows] = np.where(ahead, leader, np.where(behind, answer, runner))
        self.c2[rows] = np.where(ahead, c1, np.where(is_runner | behind, count, c2))
        self.leader[rows] = np.where(ahead, answer, leader)
        self.c1[rows] = np.where(is_leader | ahead, count, c1)

    def _wins_tie(self, rows: Ints, one: Ints, other: Ints, tied: Bools) -> Bools:
        """Return in which of the tied rows `one` ranks before `other`."""
        wins = np.zeros(len(rows), dtype=np.bool_)
        at = np.flatnonzero(tied)
        rows, one, other = rows[at], one[at], other[at]
        mine, theirs = self._mean_length(rows, one), self._mean_length(rows, other)
        higher = self._place[one] < self._place[other]
        wins[at] = (other < 0) | (mine < theirs) | ((mine == theirs) & higher)
        return wins

    def _mean_length(self, rows: Ints, answer: Ints) -> Floats:
        number = self._lengths[rows, answer]
        return np.where(number > 0, self._length[rows, answer] / np.maximum(number, 1), np.inf)

    def _estimate(self, rows: Ints) -> None:
        """Recompute effective counts from the strata, with leaders and runners-up."""
        votes = self.member_votes[rows]
        weights = np.where(votes > 0, self.weights, 0.0)
        each = np.maximum(votes, 1)
        total = weights.sum(axis=1)
        scale = total / np.maximum((weights * weights / each).sum(axis=1), 1e-300)
        factors = scale[:, None] * weights / each
        counts = np.einsum("rkm,rm->rk", self._by_member[rows], factors)
        self.counts[rows] = counts
        every = np.arange(counts.shape[1])
        lengths = self._mean_length(rows[:, None], every[None, :])
        seen = self._seen[rows]
        self.leader[rows], self.c1[rows] = _first(counts, lengths, seen, self._place)
        counts[np.arange(len(rows)), self.leader[rows]] = 0.0
        seen[np.arange(len(rows)), self.leader[rows]] = False
        runner, c2 = _first(counts, lengths, seen, self._place)
        self.runner_up[rows], self.c2[rows] = np.where(c2 > 0, runner, -1), c2

    # -- reading ------------------------------------------------------------------------------

    def leader_votes(self) -> Ints:
        """Return the votes for the leader, one each whatever the weight of their member."""
        if not self.stratified:
            return np.rint(self.c1).astype(np.int64)
        own = self._by_member[np.arange(len(self)), np.maximum(self.leader, 0)].sum(axis=1)
        votes: Ints = np.where(self.leader < 0, 0, np.rint(own)).astype(np.int64)
        return votes

    @property
    def n_samples(self) -> Ints:
        """Samples counted: votes and abstentions."""
        return self.n_votes + self.n_abstained

    @property
    def n(self) -> Floats:
        """Effective number of votes."""
        if self.stratified:
            total: Floats = self.counts.sum(axis=1)
            return total
        return self.n_votes.astype(np.float64)

    def tied(self, rows: Ints) -> Bools:
        """Return which answers only the lot separates from the leader, itself included.

        Args:
            rows: Indices of rows.

        Returns:
            Mask of shape (len(rows), answers); all False in a row without a vote.
        """
        answers = np.arange(self.counts.shape[1])
        level = self._seen[rows] & (self.counts[rows] >= _floor(self.c1[rows])[:, None])
        lengths = self._mean_length(rows[:, None], answers[None, :])
        lead = self._mean_length(rows, self.leader[rows])
        tied: Bools = level & (lengths == lead[:, None])
        return tied

    def first_two(self, scores: Floats) -> tuple[Ints, Ints, Floats, Floats]:
        """Return the answers with the largest and second-largest scores, and these.

        Args:
            scores: Shape (rows, answers), at least 0. An answer with the score 0 does not count;
                -1 stands for none. The lot decides between scores equal up to rounding.
        """
        rows, left = np.arange(len(self)), np.round(scores, 12)
        found: list[Any] = []
        for _ in range(2):
            most = left.max(axis=1)
            place = np.where(left >= most[:, None], self._place, len(self._place))
            best = place.argmin(axis=1)
            found.append(
                (np.where(most > 0, best, -1), np.where(most > 0, scores[rows, best], 0.0))
            )
            left[rows, best] = -1.0
        (first, high), (second, low) = found
        return first, second, high, low

    def length_gap(self, leader: Ints, runner_up: Ints) -> Floats:
        """Return how much longer the leader's replies are than the runner-up's, in log tokens.

        0 if there is no runner-up or a length is unknown.
        """
        rows = np.arange(len(self))
        lead, runner = self._mean_length(rows, leader), self._mean_length(rows, runner_up)
        known = (runner_up >= 0) & np.isfinite(lead) & np.isfinite(runner)
        gap: Floats = np.where(known, lead, 0.0) - np.where(known, runner, 0.0)
        return gap


def _zeros(rows: int) -> Ints:
    return np.zeros(rows, dtype=np.int64)


def _first(counts: Floats, lengths: Floats, seen: Bools, place: Ints) -> tuple[Ints, Floats]:
    """Return the first answer of each row and its count: by count, then length, then lot."""
    most = counts.max(axis=1)
    tied = (counts >= _floor(most)[:, None]) & seen
    shortest = np.where(tied, lengths, np.inf).min(axis=1)
    tied &= lengths <= shortest[:, None]
    return np.where(tied, place, len(place)).argmin(axis=1), most


def _floor(most: Floats) -> Floats:
    """Return the smallest count that is tied with the largest."""
    return most - EPSILON * np.maximum(most, 1.0)

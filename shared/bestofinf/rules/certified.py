"""A stopping rule with a guarantee: its chance of a wrong stop is bounded, however often it looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from bestofinf._arrays import Bools, Floats, Ints, np, special
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue
from bestofinf.rules.base import StopRule, Verdict
from bestofinf.rules.chances import NOBODY, lattice
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays

_SHAPE = 0.5  # of the mixing Beta density; 1 (uniform) needs two votes more when all agree


@dataclass(frozen=True)
class CertifiedMajority(StopRule):
    """Stops when no other answer, seen or not, can still be the most probable one at the error level.

    Promise: over the whole vote, however often one looks and however many answers there are,
    P(it ever stops with an answer that is not the only most probable one) <= ``error``. On a tie
    it therefore stops at all with at most that probability. The promise holds for votes drawn
    independently from one distribution and counted in draw order: not for members asked in a
    planned order (use ``schedule="independent"``), nor for votes counted as they arrive.

    Method: for every answer m let the null hypothesis be "no answer is more probable than m".
    Before each vote, take the answer leading so far, g. Bet against m: where g is not m itself,
    the stake is multiplied by 2θ if the vote is for g and by 2(1 - θ) if it is for m, with θ in
    (1/2, 1]. Under the null the stake is a nonnegative supermartingale for every θ, whatever g
    was chosen from the past, because P(g) <= P(m); so is its mixture over θ,
    ``E_m = ∫ (2θ)^s (2(1-θ))^f dμ(θ)`` with s and f the votes of the two kinds and μ the
    Beta(1/2, 1/2) distribution cut to (1/2, 1]. An answer is certified when ``E_m >= 2 / error``
    for every other m; an answer not yet seen has f = 0.

    Theorem: by Ville's inequality the E_m of a most probable m ever reaches 2 / error with
    probability at most error / 2. If m is the only most probable answer, certifying another
    means that E_m did. If k >= 2 answers tie for it, certifying any answer means that k - 1 of
    their stakes are up at once, so that their sum, a supermartingale from k, reaches
    2 (k - 1) / error: probability at most k / (k - 1) * error / 2 <= error. Since it is m that
    is refuted, and not a pair (g, m), nothing is lost to the number of possible leaders.

    Args:
        error: In (0, 0.5).

    Source:
        Ville 1939; betting martingales and their mixtures: Waudby-Smith and Ramdas,
        arXiv 2010.09686. Testing the mode by pairs: Jain et al., arXiv 2109.05047;
        intersection over rivals: arXiv 2605.05873. Stated and proved here in this form.
    """

    error: float = 0.05
    name: ClassVar[str] = "certified"

    def __post_init__(self) -> None:
        if not 0 < self.error < 0.5:
            raise UsageError(f"error must lie in (0, 0.5), got {self.error!r}")

    def check(self, tally: Tally) -> Verdict | None:
        """Stop when the leader is certified."""
        bets = _bets(tally)
        if not bets.certifies(_least_wins(self.error), tally.runner_up):
            return None
        return Verdict(
            f"certified: {bets.counts[bets.leader]:.4g} votes, error at most {self.error:g}",
            answer=bets.leader,
        )

    def check_many(self, tallies: TallyArrays) -> Bools:
        """Return where the leader is certified."""
        if tallies.stratified:
            raise _planned()
        bets = _bets_many(tallies)
        least = _least_wins(self.error)
        least.grow(int(tallies.n_votes.max(initial=0)))
        fires: Bools = bets["wins"] >= least.array[0]
        rows = np.flatnonzero(fires)
        against = tallies.counts[rows].astype(np.int64) - bets["own"][rows] - bets["first"][rows]
        refuted = bets["wins"][rows, None] - bets["own"][rows] >= least.array[against]
        refuted[np.arange(len(rows)), bets["leader"][rows]] = True
        fires[rows] = refuted.all(axis=1)
        return fires

    def answers_many(self, tallies: TallyArrays) -> Ints:
        """Return the certified answers."""
        return _bets_many(tallies)["leader"]

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the fewest votes that could certify the leader or an answer that overtakes it."""
        least = _least_wins(self.error)
        start = _bets(tally)
        best = len(ahead) + 1
        for answer in [*start.counts, NOBODY]:
            behind = start.counts.get(start.leader, 0) - start.counts.get(answer, 0)
            if behind and behind + 1 >= best:  # cannot become the leader within these draws
                continue
            bets = start.copy()
            for votes in range(1, best):
                bets.vote(answer)
                if bets.certifies(least, None):
                    best = votes
                    break
        return best

    def chances(self, tally: Tally, ahead: Sequence[int], least: float) -> list[float]:
        """Return the chances of the next draws, from the bets alone."""
        wins = _least_wins(self.error)
        return lattice(lambda bets: bets.certifies(wins, None), _bets(tally), tally, ahead, least)


class _Bets:
    """The counts that the stakes depend on, updated vote by vote.

    Attributes:
        counts: Votes per answer.
        leader: Answer bet on at the next vote; of equal answers the one that led before.
        first: The answer of the first vote, on which there was no bet yet.
        own: Votes for each answer while it was itself bet on.
        wins: Sum of `own`: votes for the answer that was bet on.
    """

    __slots__ = ("counts", "first", "leader", "own", "wins")

    def __init__(self) -> None:
        self.counts: dict[AnswerValue, int] = {}
        self.own: dict[AnswerValue, int] = {}
        self.leader: AnswerValue = None
        self.first: AnswerValue = None
        self.wins = 0

    def copy(self) -> _Bets:
        other = _Bets()
        other.counts, other.own = self.counts.copy(), self.own.copy()
        other.leader, other.first, other.wins = self.leader, self.first, self.wins
        return other

    def vote(self, answer: AnswerValue, *, member: int = 0) -> None:
        if not self.counts:
            self.leader = self.first = answer
            self.counts[answer] = 1
            return
        votes = self.counts[answer] = self.counts.get(answer, 0) + 1
        if answer == self.leader:
            self.own[answer] = self.own.get(answer, 0) + 1
            self.wins += 1
        elif votes > self.counts[self.leader]:
            self.leader = answer

    def certifies(self, least: LeastWins, likely: AnswerValue | None) -> bool:
        """Return whether all answers but the leader are refuted; `likely` is tried first."""
        if self.wins < least.of(0):
            return False
        if likely is not None and likely != self.leader and not self._refutes(likely, least):
            return False
        return all(self._refutes(m, least) for m in self.counts if m != self.leader)

    def _refutes(self, answer: AnswerValue, least: LeastWins) -> bool:
        own = self.own.get(answer, 0)
        against = self.counts[answer] - own - (answer == self.first)
        return self.wins - own >= least.of(against)


def _bets(tally: Tally) -> _Bets:
    """Return the bets on all votes of the tally, continued from those of the previous call."""
    if tally.stratified:
        raise _planned()
    known: tuple[_Bets, int] | None = tally.memo.get(_Bets)
    bets, done = known or (_Bets(), 0)
    for answer in tally.history[done:]:
        bets.vote(answer)
    tally.memo[_Bets] = (bets, len(tally.history))
    return bets


def _bets_many(tallies: TallyArrays) -> dict[str, Ints]:
    """Return the columns of `_Bets` of every row, after the latest sample."""
    rows, answers = tallies.counts.shape
    bets = tallies.memo.get(_Bets)
    if bets is None:
        bets = tallies.memo[_Bets] = {
            "own": np.zeros((rows, answers), dtype=np.int64),
            "first": np.zeros((rows, answers), dtype=np.int64),
            "leader": np.full(rows, -1),
            "wins": np.zeros(rows, dtype=np.int64),
            "samples": np.zeros(rows, dtype=np.int64),
        }
    if rows == 0 or bets["samples"][0] == tallies.n_samples[0]:
        return bets
    bets["samples"] = tallies.n_samples
    vote = tallies.last
    start = np.flatnonzero((vote >= 0) & (bets["leader"] < 0))
    later = np.flatnonzero((vote >= 0) & (bets["leader"] >= 0))
    bets["first"][start, vote[start]] = 1
    bets["leader"][start] = vote[start]
    leader, vote = bets["leader"][later], vote[later]
    hit = vote == leader
    bets["own"][later, vote] += hit
    bets["wins"][later] += hit
    ahead = tallies.counts[later, vote] > tallies.counts[later, leader]
    bets["leader"][later] = np.where(ahead, vote, leader)
    return bets


def _planned() -> UsageError:
    return UsageError(
        "the certified rule needs votes drawn at random from the weights: "
        'use schedule="independent"'
    )


class LeastWins:
    """The fewest votes s for the leaders with which E_m(s, f) reaches 2 / error, per f.

    Attributes:
        array: These numbers for f = 0, 1, ... as far as computed.
    """

    def __init__(self, error: float) -> None:
        self._bar = math.log(2 / error)
        self.array: Ints = np.empty(0, dtype=np.int64)
        self._list: list[int] = []

    def of(self, against: int) -> int:
        """Return the number for `against` votes for the answer itself."""
        if against >= len(self._list):
            self.grow(against)
        return self._list[against]

    def grow(self, against: int) -> None:
        """Compute the numbers up to `against` and some further."""
        known = len(self._list)
        while known <= against:
            f = np.arange(known, known + 64)[:, None]
            # At the boundary s exceeds f by about sqrt(2 f (bar + log f)) at most.
            low = int(self._list[-1]) if known else 0
            spread = math.ceil(2 * math.sqrt((known + 64) * (self._bar + 4))) + 70
            s = np.arange(low, low + int(spread + 2 * self._bar))[None, :]
            reached = log_e_value(s, f) >= self._bar
            self._list += (low + reached.argmax(axis=1)).tolist()
            known += 64
        self.array = np.array(self._list)


def log_e_value(wins: Ints | int, against: Ints | int) -> Floats:
    """Return log E_m after `wins` votes for the answers bet on and `against` votes for m itself."""
    s = np.asarray(wins, dtype=np.float64) + _SHAPE
    f = np.asarray(against, dtype=np.float64) + _SHAPE
    cut = np.asarray(special.betainc(f, s, 0.5), dtype=np.float64)
    whole = np.asarray(special.betaln(s, f) - special.betaln(_SHAPE, _SHAPE), dtype=np.float64)
    return (s + f - 2 * _SHAPE + 1) * math.log(2) + whole + np.log(cut)


@cache
def _least_wins(error: float) -> LeastWins:
    return LeastWins(error)

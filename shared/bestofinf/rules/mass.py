r"""Votes that use the probabilities of the replies themselves.

If a reply is nothing but the answer (a class, a letter, an object or a call), its probability is known:
one sample then says about the answer what many votes would. `bestofinf.rules.masses` adds them up.

If they are probabilities under the distribution that is sampled from, they can prove the mode. Let m1
and m2 be the largest and second-largest shares of the answers seen, both lower bounds, and u the
probability of all replies not seen. Any other answer seen has at most ``m2 + u``, a new one at most u.
So the leader is a mode if ``m1 - m2 >= u``. This needs no statistics, and no assumption except that the
reported probabilities are correct.

Other probabilities, such as those before temperature and top-p, are evidence: an answer counts as its
votes plus kappa times its share, and an unseen answer as up to kappa times the unseen probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bestofinf._arrays import Bools, Floats, Ints, np
from bestofinf.errors import UsageError, is_number, shown
from bestofinf.records import AnswerValue
from bestofinf.rules.base import Verdict
from bestofinf.rules.mass_arrays import SharesArrays
from bestofinf.rules.masses import EXCESS, Shares
from bestofinf.rules.optimal import OptimalStopping
from bestofinf.rules.posterior import p_leader_is_mode
from bestofinf.rules.standing import Standing, StandingArrays
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays

_ROUNDING = 1e-9


@dataclass(frozen=True)
class ProbabilityMass(OptimalStopping):
    """Optimal stopping that also counts how probable the replies were.

    Stops with a certificate if "processed" log-probabilities prove that the leader is a mode: its
    share minus that of the second is at least the unseen probability. Otherwise it is
    `OptimalStopping` on counts to which `kappa` times the shares are added, whatever their kind.
    Without log-probabilities it decides as `OptimalStopping` does.

    It works only for answer types whose whole reply is the answer (`Answer.whole`): after a chain
    of thought, the probability of a reply is that of its steps and says nothing about the answer.

    Args:
        kappa: Number of votes that a share of 1 counts as, from 0 to 1000. Learn it from recorded
            samples (`bestofinf.calibration.fit_kappa`); 0 if they do not confirm it.

    The other arguments are those of `OptimalStopping`. With a `price` below 1e-6 and
    ``scatter=None`` only the certificate stops a vote.
    """

    kappa: float = 0.0
    name: ClassVar[str] = "mass"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (is_number(self.kappa) and 0 <= self.kappa <= 1000):
            raise UsageError(f"kappa must lie in [0, 1000], got {shown(self.kappa)}")

    @property
    def reads_replies(self) -> bool:
        """True: a reply must be nothing but its answer."""
        return True

    # -- deciding -----------------------------------------------------------------------------

    def check(self, tally: Tally) -> Verdict | None:
        """Stop with the certificate, or when going on is worth less than the price."""
        proved = self._certificate(tally)
        if proved is not None:
            return proved
        verdict = super().check(tally)
        elected = self.elects(tally) if verdict is not None else None
        if verdict is None or elected is None:
            return verdict
        return Verdict(verdict.reason, elected.answer, elected.confidence)

    def _certificate(self, tally: Tally) -> Verdict | None:
        found = shares_of(tally, all_members=True)
        if found is None or not found.exact or found.excess > EXCESS:
            return None
        leader, first, second = found.leaders(tally.lot)
        if leader is None or first - second < found.unseen - _ROUNDING:
            return None
        reason = (
            f"{self.name}: certified, {first:.4g} of the probability against {second:.4g}, "
            f"{found.unseen:.4g} unseen"
        )
        return Verdict(reason, leader, 1.0)

    def elects(self, tally: Tally) -> Verdict | None:
        """Return the answer with most votes and shares; None where votes alone decide.

        If all shares are exact, an answer's share is estimated as its seen probability plus, of the
        unseen probability, its share of the votes.
        """
        found = shares_of(tally, all_members=True)
        if found is None or not tally.n_votes:
            return None
        scores = self._scores(tally)
        if found.exact and found.excess <= EXCESS and found.complete:
            part = found.unseen / tally.n
            estimates = {a: found.seen.get(a, 0.0) + part * c for a, c in tally.counts.items()}
        elif self.kappa:
            estimates = scores
        else:
            return None
        leader = max(estimates, key=lambda a: (round(estimates[a], 12), tally.lot(a)))
        mine = scores.pop(leader)
        rivals = [score for score in scores.values() if score > 0]
        if self.kappa * found.unseen > max(rivals, default=0.0):
            rivals.append(self.kappa * found.unseen)
        sure = mine >= max(rivals, default=0.0)
        confidence = p_leader_is_mode([mine, *rivals]) if sure else 0.0
        return Verdict(f"{self.name}: by probability", leader, confidence)

    def _scores(self, tally: Tally) -> dict[AnswerValue, float]:
        found = shares_of(tally, all_members=False)
        counts = tally.counts
        if found is None or not self.kappa:
            return dict(counts)
        return {a: count + self.kappa * found.seen.get(a, 0.0) for a, count in counts.items()}

    def _standing(self, tally: Tally) -> Standing:
        plain = Standing.of(tally)
        found = shares_of(tally, all_members=False) if self.kappa and plain.c1 else None
        if found is None:
            return plain
        scores = self._scores(tally)
        leader = max(scores, key=lambda a: (round(scores[a], 12), tally.lot(a)))
        others = {a: score for a, score in scores.items() if a != leader}
        runner = max(others, key=lambda a: (round(others[a], 12), tally.lot(a)), default=None)
        second = others[runner] if runner is not None else 0.0
        unseen = self.kappa * found.unseen
        return Standing(
            leader,
            runner if second >= unseen else None,
            scores[leader],
            max(second, min(unseen, scores[leader])),
            plain.n + self.kappa,
        )

    def _standing_many(self, tallies: TallyArrays) -> StandingArrays:
        plain = StandingArrays.of(tallies)
        if tallies.masses is None or not self.kappa:
            return plain
        found = tallies.masses.shares(tallies.weights, all_members=False)
        leader, runner, c1, second = tallies.first_two(self._scores_many(tallies, found))
        unseen = self.kappa * found.unseen
        counts = found.told & (plain.c1 > 0)
        return StandingArrays(
            np.where(counts, leader, plain.leader),
            np.where(counts, np.where(second >= unseen, runner, -1), plain.runner_up),
            np.where(counts, c1, plain.c1),
            np.where(counts, np.maximum(second, np.minimum(unseen, c1)), plain.c2),
            plain.n + np.where(counts, self.kappa, 0.0),
        )

    def _scores_many(self, tallies: TallyArrays, found: SharesArrays) -> Floats:
        scores: Floats = tallies.counts + self.kappa * np.where(tallies.counts > 0, found.seen, 0.0)
        return scores

    def check_many(self, tallies: TallyArrays) -> Bools | None:
        """Return where it stops, with the certificate or because going on is not worth it."""
        fires = super().check_many(tallies)
        if fires is None or tallies.masses is None:
            return fires
        return fires | self._certified_many(tallies)[0]

    def _certified_many(self, tallies: TallyArrays) -> tuple[Bools, Ints]:
        """Return in which rows the certificate holds, and for which answer."""
        assert tallies.masses is not None
        found = tallies.masses.shares(tallies.weights, all_members=True)
        leader, _, first, second = tallies.first_two(found.seen)
        usable = found.told & found.exact & (found.excess <= EXCESS) & (first > 0)
        proved: Bools = usable & (first - second >= found.unseen - _ROUNDING)
        return proved, leader

    def answers_many(self, tallies: TallyArrays) -> Ints:
        """Return the answer that is certified, or has most votes and shares; -1 for others."""
        elected = self.elects_many(tallies)
        if tallies.masses is None or elected is None:
            return super().answers_many(tallies)
        proved, leader = self._certified_many(tallies)
        return np.where(proved, leader, elected)

    def elects_many(self, tallies: TallyArrays) -> Ints | None:
        """Return the answer with most votes and shares; -1 where votes alone decide."""
        if tallies.masses is None:
            return None
        found = tallies.masses.shares(tallies.weights, all_members=True)
        part = found.unseen / np.maximum(tallies.n, 1e-9)
        estimates = np.where(tallies.counts > 0, found.seen, 0.0) + part[:, None] * tallies.counts
        own = tallies.masses.shares(tallies.weights, all_members=False)
        by_score = tallies.first_two(self._scores_many(tallies, own))[0] if self.kappa else None
        exact = found.told & found.exact & (found.excess <= EXCESS) & found.complete
        scored = -1 if by_score is None else np.where(found.told, by_score, -1)
        best: Ints = np.where(exact, tallies.first_two(estimates)[0], scored)
        return np.where(tallies.leader < 0, -1, best)

    # -- looking ahead ------------------------------------------------------------------------

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return 1 as long as one more reply may end the vote; see `OptimalStopping.needed`."""
        if self._silent(tally, ahead):
            return super().needed(tally, ahead)
        return 1

    def chances(self, tally: Tally, ahead: Sequence[int], least: float) -> list[float]:
        """Return the chances of the next draws.

        The first reply may end the vote, so it is waited for. After that only a reply not seen
        before can complete the proof, and the chance of one is at most the unseen probability.
        """
        if not tally.n_samples:
            return [1.0] * min(1, len(ahead))
        found = shares_of(tally, all_members=True)
        chances = super().chances(tally, ahead, least)
        if found is None or not found.exact:
            return chances
        kept = [min(chance, (1 - found.unseen) ** k) for k, chance in enumerate(chances)]
        return [chance for chance in kept if chance >= least] or kept[:1]

    def gap(self, tally: Tally) -> str:
        """Return in words which probabilities were missing or cannot be true."""
        found = shares_of(tally, all_members=True)
        if found is None:
            return f"{self.name}: no reply told its log-probability" if tally.n_samples else ""
        if found.exact and found.excess > EXCESS:
            return (
                f"{self.name}: probabilities of distinct replies sum to {1 + found.excess:.3g}, so that "
                "they are not those of whole replies"
            )
        return ""

    def _silent(self, tally: Tally, ahead: Sequence[int]) -> bool:
        """Return whether all members of the next draws have replied before, none with a probability."""
        return tally.masses is None and all(tally.member_votes[member] for member in ahead)


def shares_of(tally: Tally, *, all_members: bool) -> Shares | None:
    """Return what is known of the answers' shares in a vote; None if no reply had a probability."""
    if tally.masses is None:
        return None
    return tally.masses.shares(tally.standing, all_members=all_members)

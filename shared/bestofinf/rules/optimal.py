"""Optimal stopping: another sample is taken while it is worth its price.

Only the two leading answers matter. Their problem is solved by backward induction (see
`bestofinf.rules.index`); votes for other answers count as wasted cost. Three other things matter: the
lengths of the replies for the two answers, the length of all replies to the question compared with
the usual length, and the cost of a sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from bestofinf._arrays import Bools, Floats, np
from bestofinf.errors import UsageError
from bestofinf.rules.base import Course, StopRule, Verdict
from bestofinf.rules.chances import ANYBODY, indexed
from bestofinf.rules.index import index
from bestofinf.rules.standing import Standing, StandingArrays
from bestofinf.rules.tally import LONGEST_EXCESS, Tally
from bestofinf.rules.tally_arrays import TallyArrays

PricePer = Literal["sample", "token", "money"]

PRESETS = {"fast": 0.0066, "balanced": 0.0033, "thorough": 0.0017, "exhaustive": 0.0004}
"""Price of a sample by name of the preset. The means given for the presets are for MATH500 (easy)
and for AIME and GPQA (contested)."""

_TRUST = 4  # samples of the reference length that a member's usual length is shrunk with


@dataclass(frozen=True)
class OptimalStopping(StopRule):
    """Stops when one more sample is worth less than its price.

    The price is the gain in P(right majority) that a sample must promise: at 0.0017 sampling
    goes on while 600 more samples, over many questions, would make one more majority right. The
    rule also gives up: the lead that it requires has an upper limit, so hopeless ties end. It is
    the best rule on average and guarantees nothing for a single question.

    Stops when ``log G(c1, c2) + log((c1 + c2) / n) + length_evidence * d + question_length * z <=
    log(price)`` with the index ``G`` and ``n`` samples. ``d`` in [-1, 1] is how much longer (in
    mean log tokens) the replies for the leader are than those for the runner-up, 0 if unknown
    or without a runner-up: a right leader tends to have the shorter replies. ``z``, used if
    `question_length` is not 0, is how much longer the question's replies are than usual, shrunk by
    n / (n + 2), and 0 if the usual length is unknown: questions with longer replies are more
    contested. Both were measured on reasoning models (docs/rules.md); if your evaluation set does
    not confirm them, set their weights to 0.

    Also stops after `scatter` votes of which no two are equal, because there is hardly a mode then:
    an answer with a share of .2 appears at most once in 24 votes in only 3.3 % of all cases.

    Args:
        price: Price of a sample, above 0 and below 1. See `fast`, `balanced`, `thorough` and
            `exhaustive`.
        prior: The ``a`` of the Beta(a, a) prior of the leader's share, above 0.
        length_evidence: Weight of ``d``, at least 0; 0 for members whose lengths say nothing.
        price_per: ``"sample"``; ``"token"``: the price is that of a sample of `reference_tokens`,
            and a sample's price follows its member's usual tokens; ``"money"``: the price is for
            one unit of money, i.e. one over the value of a right majority (see `for_value`).
            Usual tokens and costs come with the tally; if they are unknown, ``"token"`` falls back
            to ``"sample"``, and ``"money"`` to the mean cost of the samples so far.
        question_length: How much more a sample is worth on a question with longer replies than
            usual, as the power of the length ratio, at least 0: such questions are more
            contested. Per token or in money, where the sample also costs in proportion, the power
            in the price is 1 less this. None for 0 per sample and 0.5 otherwise.
        reference_tokens: Tokens of the sample that `price` is for.
        scatter: Stop after this many votes of which no two agree, at least 2; None for never.

    Source:
        Backward induction as in Chow and Robbins; the third-answer factor, the length evidence
        and the constants were fitted by replay on the recorded answers of Best-of-∞.
    """

    price: float = PRESETS["balanced"]
    prior: float = 0.15
    length_evidence: float = 1.0
    price_per: PricePer = "sample"
    question_length: float | None = None
    reference_tokens: float = 14_000
    scatter: int | None = 24
    name: ClassVar[str] = "optimal"

    def __post_init__(self) -> None:
        limit = math.inf if self.price_per == "money" else 1.0
        if not 0 < self.price < limit:
            raise UsageError(f"price must lie in (0, {limit:g}), got {self.price!r}")
        if not 0.01 <= self.prior <= 10:
            raise UsageError(f"prior must lie in [0.01, 10], got {self.prior!r}")
        for name in ("length_evidence", "question_length"):
            if not 0 <= (getattr(self, name) or 0) <= 10:
                raise UsageError(f"{name} must lie in [0, 10], got {getattr(self, name)!r}")
        if self.price_per not in ("sample", "token", "money"):
            raise UsageError(
                f"price_per must be 'sample', 'token' or 'money', got {self.price_per!r}"
            )
        if not 0 < self.reference_tokens < math.inf:
            raise UsageError(
                f"reference_tokens must be above 0 and finite, got {self.reference_tokens!r}"
            )
        if self.scatter is not None and self.scatter < 2:
            raise UsageError(f"scatter must be at least 2 or None, got {self.scatter!r}")

    @classmethod
    def fast(cls) -> OptimalStopping:
        """Return the rule at price .0066: a mean of 3.5 to 7 samples."""
        return cls(PRESETS["fast"])

    @classmethod
    def balanced(cls) -> OptimalStopping:
        """Return the rule at price .0033: a mean of 4 to 10 samples."""
        return cls(PRESETS["balanced"])

    @classmethod
    def thorough(cls) -> OptimalStopping:
        """Return the rule at price .0017: a mean of 5 to 14 samples."""
        return cls(PRESETS["thorough"])

    @classmethod
    def exhaustive(cls) -> OptimalStopping:
        """Return the rule at price .0004: a mean of 8 to 23 samples."""
        return cls(PRESETS["exhaustive"])

    @classmethod
    def for_value(cls, value: float) -> OptimalStopping:
        """Return the rule priced in money.

        Args:
            value: Value of a right majority, in the unit of the members' prices, above 0.
        """
        if not 0 < value < math.inf:
            raise UsageError(f"value must be above 0 and finite, got {value!r}")
        return cls(1 / value, price_per="money")

    @property
    def wants_usual(self) -> bool:
        """Whether the price or the question's length is compared with usual replies."""
        return self.price_per != "sample" or bool(self.question_length)

    # -- deciding -----------------------------------------------------------------------------

    def check(self, tally: Tally) -> Verdict | None:
        """Stop when going on is worth less than the price."""
        if not tally.c1:
            return None
        standing = self._standing(tally)
        score = self._score(standing)
        bar = self._bar(tally)
        if score - self.length_evidence > bar:  # whatever the lengths
            return self._scattered(tally)
        if standing.c2:
            score += self.length_evidence * _length_gap(tally, standing)
        if score > bar:
            return self._scattered(tally)
        _, _, c1, c2, _ = standing
        worth = f"a sample is worth {math.exp(score):.2g}"
        return Verdict(f"{self.name}: {c1:.4g} to {c2:.4g}, {worth}")

    def _scattered(self, tally: Tally) -> Verdict | None:
        n = tally.n_votes
        if self.scatter is None or n < self.scatter or n > tally.n_answers:
            return None
        return Verdict(f"{self.name}: {n} votes, no two alike")

    def index(self, tally: Tally) -> float:
        """Return log(value of one more sample / its price); infinity before the first vote.

        With one price for many questions, the next sample goes where this is highest.
        """
        if not tally.c1:
            return math.inf
        standing = self._standing(tally)
        gap = self.length_evidence * _length_gap(tally, standing) if standing.c2 else 0.0
        return self._score(standing) + gap - self._bar(tally)

    def _standing(self, tally: Tally) -> Standing:
        """Return how the two leading answers stand, after at least one vote."""
        return Standing.of(tally)

    def _standing_many(self, tallies: TallyArrays) -> StandingArrays:
        """Return the same for many votes."""
        return StandingArrays.of(tallies)

    def _score(self, standing: Standing) -> float:
        """Return the log value of a sample without the evidence of lengths."""
        table, (_, _, c1, c2, n) = index(self.prior), standing
        try:
            score = table.rows[c1][c2]  # type: ignore[call-overload]
        except (IndexError, TypeError):  # large or effective counts
            score = table.at(c1, c2)
        # Third answers and abstentions cost the same and do not decide between the two.
        return score if c1 + c2 == n else score + math.log((c1 + c2) / n)  # type: ignore[no-any-return]

    @property
    def _worth(self) -> float:
        """The exponent of a question's length ratio in the value of a sample."""
        if self.question_length is not None:
            return self.question_length
        return 0.0 if self.price_per == "sample" else 0.5

    def _bar(self, tally: Tally, *, more: int = 0) -> float:
        """Return the log price of a sample; the highest it can be after `more` further samples."""
        bar = math.log(self.price)
        usual = tally.usual
        if not usual:
            if self.price_per != "money":
                return bar
            if more:
                return 0.0  # the next sample may cost anything
            mean = tally.cost / max(tally.n_samples, 1)
            return bar + math.log(mean) if mean > 0 else -math.inf
        votes = tally.member_votes if tally.n_votes else tally.weights
        power = 1 - self._worth
        if self.price_per == "sample":
            power -= 1
        elif self.price_per == "token":
            spent = sum(
                v * (u.samples * u.tokens + _TRUST * self.reference_tokens) / (u.samples + _TRUST)
                for v, u in zip(votes, usual, strict=True)
            )
            bar += math.log(spent / sum(votes) / self.reference_tokens)
        else:
            spent = sum(v * u.cost for v, u in zip(votes, usual, strict=True))
            if spent <= 0:
                return -math.inf  # samples are free
            bar += math.log(spent / sum(votes))
        most = tally.excess + math.copysign(more * LONGEST_EXCESS, power)
        return bar + power * most / (tally.n_measured + more + 2)

    def check_many(self, tallies: TallyArrays) -> Bools | None:
        """Return where going on is worth less than the price."""
        if self.price_per == "money" and tallies.usual_tokens is not None:
            return None
        standing, voted = self._standing_many(tallies), tallies.c1 > 0
        c1, c2 = standing.c1, standing.c2
        score = index(self.prior).at_many(c1, c2)
        score += np.log(np.where(voted, (c1 + c2) / standing.n, 1.0))
        bar = self._bar_many(tallies)
        fires: Bools = voted & (score - self.length_evidence <= bar)
        if self.length_evidence:
            gap = np.clip(tallies.length_gap(standing.leader, standing.runner_up), -1, 1)
            fires &= score + self.length_evidence * gap <= bar
        if self.scatter is not None:
            n = tallies.n_votes
            fires |= (n >= self.scatter) & (n <= tallies.n_answers)
        return fires

    def _bar_many(self, tallies: TallyArrays) -> Floats:
        bar = np.full(len(tallies), math.log(self.price))
        if self.price_per == "money":
            with np.errstate(divide="ignore"):
                return bar + np.log(tallies.cost / np.maximum(tallies.n_samples, 1))
        if tallies.usual_tokens is None:
            return bar
        length = tallies.excess / (tallies.n_measured + 2)
        if self.price_per == "sample":
            return bar - self._worth * length
        votes = np.where(tallies.n_votes[:, None] > 0, tallies.member_votes, tallies.weights)
        mean = (votes * tallies.usual_tokens).sum(axis=1) / votes.sum(axis=1)
        bar += np.log(mean / self.reference_tokens)
        bar += (1 - self._worth) * length
        return bar

    # -- looking ahead ------------------------------------------------------------------------

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the fewest votes that could end the vote, by a lead or by `scatter`."""
        fewest = super().needed(tally, ahead)
        if self.scatter is None or tally.n_votes > tally.n_answers:
            return fewest
        return min(fewest, max(1, self.scatter - tally.n_votes))

    def chances(self, tally: Tally, ahead: Sequence[int], least: float) -> list[float]:
        """Return the chances of the next draws, with lengths and prices as they are now."""
        if self.price_per == "money" and not tally.usual and not tally.n_samples:
            return [1.0] * min(1, len(ahead))  # what a sample costs is not known yet
        if self.scatter is not None and tally.n_votes == tally.n_answers:
            ahead = ahead[: max(1, self.scatter - tally.n_votes)]
        bar, standing = self._bar(tally), Standing.of(tally)
        if tally.c1:
            standing = self._standing(tally)
            bar -= self._score(standing) - index(self.prior).at(standing.c1, standing.c2)
        if standing.c2:
            bar -= self.length_evidence * _length_gap(tally, standing)
        return indexed(self.prior, bar, standing[2:], ahead, least)

    def could_fire(self, probe: Tally, tally: Tally) -> bool:
        """Return whether it fires if the lengths of the new votes are the strongest evidence possible."""
        if not probe.c1:
            return False
        standing = self._standing(probe)
        score = self._score(standing) - (self.length_evidence if standing.c2 else 0.0)
        return score <= self._bar(probe, more=probe.n_samples - tally.n_samples)

    def courses(self, tally: Tally, ahead: Sequence[int]) -> list[Course]:
        """Add sequences with one vote for a rival, whose length may be evidence for the leader."""
        straight = super().courses(tally, ahead)
        if not self.length_evidence or (tally.c2 and not tally.stratified):
            return straight
        leader = straight[0].then
        rivals = [ANYBODY] if not tally.c2 else [a for a in tally.counts if a != leader]
        silences = {course.silent for course in straight}
        return straight + [Course(a, leader, silent) for a in rivals for silent in silences]


def _length_gap(tally: Tally, standing: Standing) -> float:
    """Return how much longer the leader's replies are than the runner-up's, within [-1, 1]."""
    lead = tally.mean_log_tokens(standing.leader)
    runner = tally.mean_log_tokens(standing.runner_up)
    if lead is None or runner is None:
        return 0.0
    return max(-1.0, min(lead - runner, 1.0))

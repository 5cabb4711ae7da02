"""Optimal stopping: a sample is taken while it is worth its price.

Only the two leading answers matter. Their problem is solved by backward induction (see
`bestofinf.rules.index`); votes for other answers are charged as waste. Three pieces of evidence
move the bar: the lengths of the replies, the length of the question's replies against what is
usual, and what a sample costs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bestofinf.errors import UsageError
from bestofinf.rules.base import ANYBODY, Course, StopRule, Verdict
from bestofinf.rules.index import index
from bestofinf.tallies import Tallies
from bestofinf.tally import LONGEST_EXCESS, Tally

PricePer = Literal["sample", "token", "money"]

PRESETS = {"fast": 0.0066, "balanced": 0.0033, "thorough": 0.0017, "exhaustive": 0.0004}
"""Price of a sample by name."""

_TRUST = 4  # samples of the reference length that a member's usual length is shrunk with


@dataclass(frozen=True)
class OptimalStopping(StopRule):
    """Stops when one more sample is worth less than its price.

    The price is the gain in P(right majority) that a sample must promise: at 0.0017 sampling
    goes on while 600 samples more, over many questions, would put one more majority right. It
    contains giving up: the lead asked for saturates, so that hopeless ties end. A rule for the
    best average, not a guarantee for each question.

    Stops when ``log G(c1, c2) + log((c1 + c2) / n) + length_evidence * d + question_length * z <=
    log(price)`` with the index ``G`` and ``n`` samples. ``d`` in [-1, 1] is how much longer (in
    mean log tokens) the replies for the leader are than those for the runner-up, 0 where unknown
    or without a runner-up: a right leader tends to have the shorter replies. ``z``, where it is
    asked for, is how much longer the question's replies are than usual, shrunk by n / (n + 2), 0
    where what is usual is not known: longer ones are the more contested. Both were measured on
    reasoning models (docs/rules.md): where an evaluation set does not confirm them, set them to 0.

    Stops as well after `scatter` votes of which no two are alike: there is hardly a mode to be found
    then. An answer with a share of .2 shows at most once in 24 votes in 3.3 % of all cases.

    Args:
        price: Above 0 and below 1. See `fast`, `balanced`, `thorough` and `exhaustive`.
        prior: The ``a`` of the Beta(a, a) prior of the leader's share, above 0.
        length_evidence: Weight of ``d``, at least 0; 0 for members whose lengths say nothing.
        price_per: ``"sample"``; ``"token"``: the price is that of a sample of `reference_tokens`,
            and a sample's price follows its member's usual tokens; ``"money"``: the price is for
            one unit of money, i.e. one over the value of a right majority (see `for_value`).
            What is usual comes with the tally; where unknown, ``"token"`` falls back to
            ``"sample"`` and ``"money"`` to what the samples so far have cost.
        question_length: How much more a sample is worth on a question with longer replies than
            usual, as the power of the length ratio, at least 0: such questions are more
            contested. Per token or in money, where the sample also costs in proportion, the power
            in the price is 1 less this. None for 0 per sample and 0.5 otherwise.
        reference_tokens: Tokens of the sample that `price` is for.
        scatter: Votes without any agreement after which it stops, at least 2; None for never.

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
        """Return the rule at price .0066: about 6 samples on contested sets."""
        return cls(PRESETS["fast"])

    @classmethod
    def balanced(cls) -> OptimalStopping:
        """Return the rule at price .0033: about 8 samples."""
        return cls(PRESETS["balanced"])

    @classmethod
    def thorough(cls) -> OptimalStopping:
        """Return the rule at price .0017: about 12 samples."""
        return cls(PRESETS["thorough"])

    @classmethod
    def exhaustive(cls) -> OptimalStopping:
        """Return the rule at price .0004: about 20 samples."""
        return cls(PRESETS["exhaustive"])

    @classmethod
    def for_value(cls, value: float) -> OptimalStopping:
        """Return the rule priced in money.

        Args:
            value: What a right majority is worth, in the unit of the members' prices, above 0.
        """
        if not 0 < value < math.inf:
            raise UsageError(f"value must be above 0 and finite, got {value!r}")
        return cls(1 / value, price_per="money")

    @property
    def wants_usual(self) -> bool:
        """Whether the price, or the question's length, is measured against usual replies."""
        return self.price_per != "sample" or bool(self.question_length)

    # -- deciding -----------------------------------------------------------------------------

    def check(self, tally: Tally) -> Verdict | None:
        """Stop when going on is worth less than the price."""
        c1 = tally.c1
        if not c1:
            return None
        c2 = tally.c2
        score = self._score(tally, c1, c2)
        bar = self._bar(tally)
        if score - self.length_evidence > bar:  # whatever the lengths
            return self._scattered(tally)
        if c2:
            score += self.length_evidence * _length_gap(tally)
        if score > bar:
            return self._scattered(tally)
        return Verdict(f"optimal: {c1:.4g} to {c2:.4g}, a sample is worth {math.exp(score):.2g}")

    def _scattered(self, tally: Tally) -> Verdict | None:
        n = tally.n_votes
        if self.scatter is None or n < self.scatter or n > tally.n_answers:
            return None
        return Verdict(f"optimal: {n} votes, no two alike")

    def index(self, tally: Tally) -> float:
        """Return the log of what one more sample is worth over its price; infinite at the start.

        With one price for many questions, the next sample goes where this is highest.
        """
        c1, c2 = tally.c1, tally.c2
        if not c1:
            return math.inf
        gap = self.length_evidence * _length_gap(tally) if c2 else 0.0
        return self._score(tally, c1, c2) + gap - self._bar(tally)

    def _score(self, tally: Tally, c1: float, c2: float) -> float:
        """Return the log worth of a sample before the evidence of lengths."""
        table = index(self.prior)
        try:
            score = table.rows[c1][c2]  # type: ignore[call-overload]
        except (IndexError, TypeError):  # large or effective counts
            score = table.at(c1, c2)
        # Third answers and abstentions cost as much and do not decide between the two.
        n = tally.n * tally.n_samples / tally.n_votes
        return score if c1 + c2 == n else score + math.log((c1 + c2) / n)  # type: ignore[no-any-return]

    @property
    def _worth(self) -> float:
        """The power of a question's length ratio in the worth of a sample."""
        if self.question_length is not None:
            return self.question_length
        return 0.0 if self.price_per == "sample" else 0.5

    def _bar(self, tally: Tally, *, more: int = 0) -> float:
        """Return the log price of a sample, at its highest after `more` further samples."""
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

    def check_many(self, tallies: Tallies) -> NDArray[np.bool_] | None:
        """Return where going on is worth less than the price."""
        if self.price_per == "money" and tallies.usual_tokens is not None:
            return None
        c1, c2 = tallies.c1, tallies.c2
        voted = c1 > 0
        samples = np.maximum(tallies.n * tallies.n_samples / np.maximum(tallies.n_votes, 1), 1e-9)
        score = index(self.prior).at_many(c1, c2)
        score += np.log(np.where(voted, (c1 + c2) / samples, 1.0))
        bar = self._bar_many(tallies)
        fires: NDArray[np.bool_] = voted & (score - self.length_evidence <= bar)
        if self.length_evidence:
            gap = np.clip(tallies.length_gap(), -1, 1)
            fires &= score + self.length_evidence * gap <= bar
        if self.scatter is not None:
            n = tallies.n_votes
            fires |= (n >= self.scatter) & (n <= tallies.n_answers)
        return fires

    def _bar_many(self, tallies: Tallies) -> NDArray[np.float64]:
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
        """Return the votes that could end it, by a lead or by no agreement at all."""
        fewest = super().needed(tally, ahead)
        if self.scatter is None or tally.n_votes > tally.n_answers:
            return fewest
        return min(fewest, max(1, self.scatter - tally.n_votes))

    def could_fire(self, probe: Tally, tally: Tally) -> bool:
        """Return whether it fires when the lengths of the new votes say all they can."""
        c1, c2, more = probe.c1, probe.c2, probe.n_samples - tally.n_samples
        if not c1:
            return False
        score = self._score(probe, c1, c2) - (self.length_evidence if c2 else 0.0)
        return score <= self._bar(probe, more=more)

    def courses(self, tally: Tally, ahead: Sequence[int]) -> list[Course]:
        """Add courses with one vote for a rival: lengths may then speak for the leader."""
        straight = super().courses(tally, ahead)
        if not self.length_evidence or (tally.c2 and not tally.stratified):
            return straight
        leader = straight[0].then
        rivals = [ANYBODY] if not tally.c2 else [a for a in tally.counts if a != leader]
        silences = {course.silent for course in straight}
        return straight + [Course(a, leader, silent) for a in rivals for silent in silences]


def _length_gap(tally: Tally) -> float:
    """Return how much longer the leader's replies are than the runner-up's, within [-1, 1]."""
    lead = tally.mean_log_tokens(tally.leader)
    runner = tally.mean_log_tokens(tally.runner_up)
    if lead is None or runner is None:
        return 0.0
    return max(-1.0, min(lead - runner, 1.0))

"""OptScale: stop by verifier scores.

Source: OptScale, arXiv 2506.22376; released code Albertwyk/OptScale. Scores of one question are
taken as draws from a normal distribution truncated to [0, 1] with distribution function F;
``N* = ceil(log(1 - confidence) / log F(min_score))`` samples have a maximum of at least
`min_score` with this confidence.

The default here differs from the published rule, which stops after N* samples whether or not the
target was reached before, and samples to the end of the budget if it cannot be reached. Here the vote
stops at once when the target is reached, and also when the rest of the budget will hardly reach it, by
the posterior predictive chance under an empirical-Bayes prior. By default N* samples are no reason to
stop: if N* samples missed the target, the model was wrong, and measurements showed that stopping there
loses hits and saves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar, Literal, TypeAlias, get_args

from bestofinf.errors import UsageError, one_of, whole
from bestofinf.optscale.hits import HitModel, tied
from bestofinf.optscale.prior import ScorePrior
from bestofinf.optscale.reliability import Calibration
from bestofinf.optscale.truncnorm import NormalPrior
from bestofinf.optscale.truncnorm import fit as fit_scores
from bestofinf.rules.base import StopRule, Verdict
from bestofinf.rules.tally import Tally

Misses = Callable[[int], float]

ScoreFit: TypeAlias = Literal["predictive", "mle", "map"]
Mode: TypeAlias = Literal["sequential", "two_stage"]
Until: TypeAlias = Literal["auto", "attained", "enough", "either"]

_PEEKS = ((8, 3), (16, 5), (32, 10))  # (cap, peek) of the released notebooks; 20 above


@dataclass(frozen=True)
class OptScale(StopRule):
    """Stops when the target score is reached, or is unlikely to be reached.

    ==========================================  ================================================
    ``OptScale()``                              attained, or given up
    ``OptScale(until="enough")``                N* under the posterior predictive ("strict")
    ``OptScale(fit="mle")``                     the paper: refit after every sample, stop at N*
    ``OptScale(fit="map", prior=...)``          the paper with a prior on mu and sigma
    ``OptScale(fit="mle", mode="two_stage")``   the released code: one fit, after `peek` samples
    ==========================================  ================================================

    Samples without a score are ignored; if all scores are missing, only the cap stops the vote.
    Scores that are often equal, such as those of a judge, have no density: they are counted as
    hits and misses of the target instead (`bestofinf.optscale.hits`).

    Attributes:
        min_score: The score to reach, in (0, 1]. Scores of different scorers are not comparable:
            take it from a calibration.
        confidence: Chance to reach it that N* samples must have, in (0, 1).
        fit: How the distribution of scores is found: "predictive" averages over the posterior,
            "mle" and "map" take one estimate.
        mode: "sequential" looks after every sample, "two_stage" once, after `peek`.
        until: "attained" stops when the best score reaches `min_score`, "enough" when there are
            N* samples, "either" on the first of these. "auto" is "attained" for "predictive" and
            "enough" for the published fits and for two stages.
        give_up: Stop when the chance to reach `min_score` within the cap is below this; 0 never
            gives up. Not used with "enough".
        cap: Number of samples at which the vote stops in any case.
        peek: Number of scores needed for the first estimate. None: 1 for "predictive", 3 for the
            others, and for "two_stage" the number of the released code for this cap.
        prior: For "predictive" a prior fitted to earlier questions, for "map" a `NormalPrior`;
            None for the calibration's, or a vague one.
        calibration: Gives the decision's confidence, P(right | best score), and the prior. A
            string is the path of its file.
        batch_risk: Accepted probability that some of the samples requested at once are not
            needed, in [0, 1). 0 requests one at a time until the target is attained.
    """

    min_score: float = 0.95
    confidence: float = 0.95
    fit: ScoreFit = "predictive"
    mode: Mode = "sequential"
    until: Until = "auto"
    give_up: float = 0.1
    cap: int = 64
    peek: int | None = None
    prior: ScorePrior | NormalPrior | None = None
    calibration: Calibration | str | None = None
    batch_risk: float = 0.1
    name: ClassVar[str] = "optscale"

    def __post_init__(self) -> None:
        if not 0 < self.min_score <= 1:
            raise UsageError(f"min_score must lie in (0, 1], got {self.min_score!r}")
        if not 0 < self.confidence < 1:
            raise UsageError(f"confidence must lie in (0, 1), got {self.confidence!r}")
        for name, kind in (("fit", ScoreFit), ("mode", Mode), ("until", Until)):
            one_of(name, getattr(self, name), get_args(kind))
        for name in ("give_up", "batch_risk"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} must lie in [0, 1), got {getattr(self, name)!r}")
        whole("cap", self.cap)
        if self.peek is not None:
            whole("peek", self.peek)
        if self.mode == "two_stage" and self.until == "attained":
            raise UsageError("mode 'two_stage' stops at N* samples: until must not be 'attained'")
        if not isinstance(self.prior, ScorePrior | NormalPrior | None):
            raise UsageError(f"prior must be a ScorePrior or a NormalPrior, got {self.prior!r}")
        if self.fit == "predictive" and isinstance(self.prior, NormalPrior):
            raise UsageError("fit 'predictive' takes a ScorePrior, got a NormalPrior")
        if self.fit == "map" and self._normal_prior is None:
            raise UsageError("fit 'map' needs a prior: prior=NormalPrior(mu, sigma)")
        if self.calibration is not None:
            _ = self._calibration  # fail here, not in a vote, if the file cannot be read

    def check(self, tally: Tally) -> Verdict | None:
        """Stop at the target, at N* samples, when the target is out of reach, or at the cap."""
        best = tally.best_score
        if best is not None:
            if "attained" in self._reasons and best >= self.min_score:
                wanted = self.samples_needed(tally)
                foreseen = "" if wanted is None else f" (N* {wanted})"
                reason = f"score {best:.4g} attains {self.min_score:g}{foreseen}"
                return self._verdict(tally, reason)
            if "enough" in self._reasons:
                wanted = self.samples_needed(tally)
                if wanted is not None and tally.n_scored >= wanted:
                    return self._verdict(tally, f"{tally.n_scored} samples, {wanted} needed")
        left = self.cap - tally.n_samples
        if left <= 0:
            return self._verdict(tally, f"cap of {self.cap} samples")
        if self.give_up and "attained" in self._reasons:
            chance = self.chance(tally, left)
            if chance is not None and chance < self.give_up:
                return self._verdict(
                    tally, f"chance {chance:.2g} to reach {self.min_score:g} in {left} more"
                )
        return None

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the size of the next batch: the samples missing to N*, or a number surely needed.

        If only the target stops the vote, any sample may attain it. The batch is then the largest
        that is needed in full with a probability of at least ``1 - batch_risk``.
        """
        limit = max(1, min(len(ahead) + 1, self.cap - tally.n_samples))
        first = max(1, self._peek - tally.n_scored)
        if not tally.n_scored:
            return 1 if "attained" in self._reasons else min(first, limit)
        batch = limit
        if "enough" in self._reasons:
            wanted = self.samples_needed(tally)
            batch = first if wanted is None else max(wanted - tally.n_scored, 1)
        if "attained" in self._reasons:
            batch = min(batch, self._safe_batch(tally, limit))
        return min(batch, limit)

    def chances(self, tally: Tally, ahead: Sequence[int], least: float) -> list[float]:
        """Return the chance 1 for the next batch, because scores and not votes decide."""
        return [1.0] * min(self.needed(tally, ahead), len(ahead))

    def _safe_batch(self, tally: Tally, limit: int) -> int:
        """Return the largest batch that ends before a hit or a give-up only at `batch_risk`."""
        misses = self._misses(tally)
        if misses is None or not self.batch_risk:
            return 1
        batch = _first(lambda m: misses(m) < 1 - self.batch_risk, limit)
        left = self.cap - tally.n_samples

        def hopeless(more: int) -> bool:
            ahead = self._misses(tally, more)
            return ahead is not None and 1 - ahead(left - more) < self.give_up

        return _first(hopeless, batch) if self.give_up else batch

    def samples_needed(self, tally: Tally) -> int | None:
        """Return N*, between the peek and the cap; None if there are too few scores yet."""
        misses = self._misses(tally)
        if misses is None:
            return None
        least = _first(lambda m: misses(m) <= 1 - self.confidence, self.cap)
        return max(self._peek if self.mode == "two_stage" else 1, least)

    def chance(self, tally: Tally, more: int) -> float | None:
        """Return the chance that one of `more` further scores reaches the target.

        None if there are too few scores yet.
        """
        misses = self._misses(tally)
        return None if misses is None else 1 - misses(more)

    @property
    def calibrated(self) -> Calibration | None:
        """The calibration, read from its file if it was given as a path."""
        return self._calibration

    def _verdict(self, tally: Tally, reason: str) -> Verdict:
        confidence = None
        if self._calibration is not None and tally.best_score is not None:
            confidence = self._calibration.chance(tally.best_score)
        return Verdict(f"{self.name}: {reason}", confidence=confidence)

    def _misses(self, tally: Tally, more: int = 0) -> Misses | None:
        """Return the chance that m further scores all miss the target, as a function of m.

        With `more` it is the chance after that many more scores like those seen.
        """
        scores = tally.scores
        if len(scores) < self._peek:
            return None
        n, total, squares = len(scores), tally.score_sum, tally.score_sumsq
        if self.mode == "two_stage":
            scores = scores[: self._peek]
            n, total, squares = len(scores), sum(scores), sum(s * s for s in scores)
        growth = 1 + more / n
        if tied(scores):
            hits = sum(s >= self.min_score for s in scores)
            return self._hits.misses(n + more, hits)
        if self.fit == "predictive":
            total, squares = growth * total, growth * squares
            return self._prior.misses(self.min_score, n + more, total, squares)
        prior = self._normal_prior if self.fit == "map" else None
        log_miss = fit_scores(n, total, squares, prior).log_cdf(self.min_score)
        return lambda m: math.exp(m * log_miss)

    @cached_property
    def _reasons(self) -> tuple[str, ...]:
        if self.until == "either":
            return ("attained", "enough")
        if self.until == "auto":
            published = self.fit != "predictive" or self.mode == "two_stage"
            return ("enough",) if published else ("attained",)
        return (self.until,)

    @cached_property
    def _peek(self) -> int:
        if self.peek is not None:
            return self.peek
        if self.mode == "two_stage":
            return next((peek for cap, peek in _PEEKS if self.cap <= cap), 20)
        return 1 if self.fit == "predictive" else 3

    @cached_property
    def _calibration(self) -> Calibration | None:
        if isinstance(self.calibration, str):
            return Calibration.load(self.calibration)
        return self.calibration

    @cached_property
    def _prior(self) -> ScorePrior:
        if isinstance(self.prior, ScorePrior):
            return self.prior
        if self._calibration is not None and self._calibration.prior is not None:
            return self._calibration.prior
        return ScorePrior.vague()

    @cached_property
    def _normal_prior(self) -> NormalPrior | None:
        if isinstance(self.prior, NormalPrior):
            return self.prior
        prior = self._prior
        return None if prior is ScorePrior.vague() else NormalPrior(*prior.mean_parameters())

    @cached_property
    def _hits(self) -> HitModel:
        if self._prior.n_questions:
            return HitModel.from_moments(*self._prior.hit_moments(self.min_score))
        return HitModel()

    def __str__(self) -> str:
        """Return the rule as on the command line; a prior that is not in a file cannot be written."""
        settings = ",".join(
            f"{f.name}={getattr(self, f.name)}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
            and not isinstance(getattr(self, f.name), ScorePrior | NormalPrior | Calibration)
        )
        return f"{self.name}:{settings}" if settings else self.name


def _first(holds: Callable[[int], bool], limit: int) -> int:
    """Return the least m from 1 to `limit` that holds, or `limit`; once true it stays true."""
    low, high = 1, limit
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low

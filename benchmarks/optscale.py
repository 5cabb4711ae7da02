"""Time and samples of stopping by scores: `python -m benchmarks.optscale`.

Decision times stand beside a re-implementation of what the released code of OptScale does for one
decision (repository Albertwyk/OptScale, `BoN_OptScale/utils.py`): L-BFGS-B with numeric gradients
on densities of `scipy.stats`, then a loop over N that integrates the density of the maximum on
1000 points. Sample counts are simulated from the recorded moments, where they are present.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm

from bestofinf import tiny
from bestofinf.calibration import (
    ScorePool,
    Strategy,
    replay_scores,
    simulate_pool,
    tune,
    usual_strategies,
)
from bestofinf.optscale.prior import ScorePrior
from bestofinf.rules import OptScale
from bestofinf.rules.tally import Tally
from bestofinf.voting.selectors import BestScore

Floats = NDArray[np.float64]
GRID = np.linspace(0, 1, 1000)


def released_decision(scores: Floats, target: float, confidence: float, cap: int) -> int:
    """Samples wanted, computed in the way of the released code."""

    def loss(parameters: Floats) -> float:
        mu, sigma = parameters
        if sigma <= 0:
            return np.inf
        mass = norm.cdf((1 - mu) / sigma) - norm.cdf((0 - mu) / sigma)
        if mass <= 0:
            return np.inf
        densities = norm.logpdf((scores - mu) / sigma) - np.log(sigma)
        return float(-(np.sum(densities) - len(scores) * np.log(mass)))

    start = np.array([scores.mean(), scores.std()])
    found = minimize(loss, start, method="L-BFGS-B", bounds=[(None, None), (1e-6, None)])
    mu, sigma = found.x
    for n in range(1, cap + 1):
        low, high = norm.cdf((0 - mu) / sigma), norm.cdf((1 - mu) / sigma)
        density = norm.pdf(GRID, mu, sigma) / (high - low)
        below = (norm.cdf((GRID - mu) / sigma) - low) / (high - low)
        of_maximum = n * density * np.power(below, n - 1)
        mass = np.cumsum(of_maximum) * (GRID[1] - GRID[0])
        place = np.searchsorted(mass / mass[-1], 1 - confidence)
        if GRID[min(place, GRID.size - 1)] >= target:
            return n
    return cap


def tally_of(scores: Floats) -> Tally:
    tally = Tally()
    for score in scores.tolist():
        tally.vote("answer")
        tally.score(score)
    return tally


def cpu_ms(work: Callable[[int], object], times: int) -> tuple[float, float]:
    """Median and 99th percentile of the CPU time of one call, in milliseconds."""
    spent = []
    for place in range(times):
        began = time.process_time_ns()
        work(place)
        spent.append((time.process_time_ns() - began) / 1e6)
    return float(np.median(spent)), float(np.quantile(spent, 0.99))


def decision_times() -> None:
    rng = np.random.default_rng(0)
    cases = [rng.beta(12, 2, 20).clip(0, 0.9499) for _ in range(200)]
    tallies = [tally_of(scores) for scores in cases]
    rules = {
        "attained or given up (default)": OptScale(),
        "enough, posterior predictive": OptScale(until="enough"),
        "paper: maximum likelihood": OptScale(fit="mle"),
    }
    print("CPU time of one decision on 20 scores, ms        median      99 %")
    theirs = {}
    for cap in (8, 64):
        median, high = cpu_ms(lambda i, c=cap: released_decision(cases[i], 0.95, 0.95, c), 20)
        theirs[cap] = median
        print(f"  as released, cap {cap:<29}{median:10.3f}{high:10.3f}")
    for name, rule in rules.items():
        rule.check(tallies[0])
        median, high = cpu_ms(lambda i, r=rule: r.check(tallies[i]), len(tallies))
        print(f"  {name:<46}{median:10.3f}{high:10.3f}", end="")
        print(f"   {theirs[8] / median:.0f} to {theirs[64] / median:.0f} times faster")


def two_humps(pool: ScorePool, moments: list[tuple[float, float]], seed: int) -> ScorePool:
    """Return the pool with other scores of the same means and standard deviations.

    Nine tenths of the variance lie between two values, one standard deviation above the mean (at
    most half way to 1) and so far below that the mean is kept; the rest is around each of them.
    """
    rng = np.random.default_rng(seed)
    questions = []
    for question, (mean, spread) in zip(pool, moments, strict=True):
        between = 0.9 * min(spread**2, 0.98 * mean * (1 - mean))
        high = min(mean + np.sqrt(between), (1 + mean) / 2)
        low = max(mean - between / (high - mean), 1e-3)
        n = len(question)
        centres = np.where(rng.random(n) < (mean - low) / (high - low), high, low)
        noise = np.sqrt(between / 9) * rng.standard_normal(n)
        scores = (centres + noise).clip(0, 1)
        questions.append(replace(question, scores=tuple(scores.tolist())))
    return replace(pool, questions=tuple(questions))


def sample_counts(seeds: int = 4, *, humps: bool = False) -> None:
    folder = Path(os.environ.get("BESTOFINF_DATA") or Path(__file__).parents[2] / "shared" / "data")
    path = folder / "optscale" / "optscale_math500_moments.jsonl"
    if not path.is_file():
        print("\nno recorded moments: sample counts left out (set BESTOFINF_DATA)")
        return
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    moments = [(row["mean"], row["sd"]) for row in rows]
    shape = "two humps" if humps else "Beta"
    print(
        f"\nSIMULATED from recorded moments, {shape}; target .95, confidence .95, cap 64; means and their"
    )
    print(f"standard errors over {seeds} seeds       samples            share at the target")
    counts: dict[str, list[tuple[float, float]]] = {}
    for seed in range(seeds):
        pool = simulate_pool(moments, seed=seed)
        earlier = simulate_pool(moments[::10], samples=16, seed=1000 + seed)
        if humps:
            pool = two_humps(pool, moments, seed)
            earlier = two_humps(earlier, moments[::10], 1000 + seed)
        prior = ScorePrior.fit(earlier.score_lists())
        rules = {
            "paper: maximum likelihood": OptScale(fit="mle"),
            "released: two stages, peek 20": OptScale(fit="mle", mode="two_stage"),
            "enough, fitted prior (strict)": OptScale(until="enough", prior=prior),
            "enough, vague prior (strict)": OptScale(until="enough"),
            "either, fitted prior": OptScale(until="either", prior=prior),
            "default, fitted prior": OptScale(prior=prior),
            "default, vague prior": OptScale(),
            "default, never giving up": OptScale(give_up=0),
        }
        strategies = [Strategy(name, rule, BestScore()) for name, rule in rules.items()]
        for outcome in replay_scores(pool, strategies, target=0.95):
            hits = outcome.hits if outcome.hits is not None else float("nan")
            counts.setdefault(outcome.strategy.family, []).append((outcome.samples, hits))
    for name, found in counts.items():
        mean = np.mean(found, axis=0)
        error = np.std(found, axis=0, ddof=1) / np.sqrt(seeds)
        print(f"  {name:<32}{mean[0]:8.2f} +- {error[0]:.2f}{mean[1]:14.4f} +- {error[1]:.4f}")


def frontier(pool: ScorePool, cap: int) -> None:
    """Accuracy and tokens of the usual families, settings chosen on half of the questions."""
    known, _ = pool.split(0.5, seed=0)
    prior = ScorePrior.fit(known.score_lists())
    strategies = usual_strategies(cap=cap, prior=prior)
    word = "SIMULATED" if pool.simulated else "recorded"
    print(f"\n{pool.name} ({word}), {len(pool)} questions; a scored token costs .1; chosen on one")
    print(
        "half, reported on the other          samples    tokens   accuracy   (chosen on)   setting"
    )
    for result in tune(pool, strategies, scorer_tokens=0.1, trials=2):
        seen, other = result.chosen, result.reported
        print(
            f"  {result.family:<32}{other.samples:8.2f}{other.tokens:10.0f}"
            f"{other.accuracy:8.3f} +- {other.accuracy_se:.3f} ({seen.accuracy:.3f})"
            f"   {other.strategy.rule}"
        )


def frontiers() -> None:
    try:
        recorded = tiny.recorded()
    except FileNotFoundError:
        print("\nno recorded set of the tiny models: their frontier left out")
        return
    for member in recorded.members:
        pool = replace(ScorePool.from_set(recorded, member=member), name=f"tiny models, {member}")
        frontier(pool, cap=min(len(question) for question in pool))


def main() -> None:
    decision_times()
    sample_counts()
    sample_counts(humps=True)
    frontiers()


if __name__ == "__main__":
    main()

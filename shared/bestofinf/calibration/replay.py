"""Replay recorded score pools, to compare stopping by scores, by votes, and by both.

No model is called. A strategy is a rule, a selector, and whether replies are scored. Its cost is
counted in tokens: those of the replies and those that the scorer reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bestofinf._extras import require
from bestofinf.calibration.pools import ScoredQuestion, ScorePool
from bestofinf.errors import UsageError
from bestofinf.optscale.prior import ScorePrior
from bestofinf.records import Draw, Sample
from bestofinf.rules.base import StopRule
from bestofinf.rules.budgets import FixedSamples, MaxSamples
from bestofinf.rules.lead import AheadBy
from bestofinf.rules.optscale import OptScale
from bestofinf.rules.tally import Tally
from bestofinf.voting.selectors import (
    BestScore,
    Candidate,
    ScoreWeighted,
    Selector,
    WeightedMajority,
)


@dataclass(frozen=True)
class Strategy:
    """A stopping rule with a selector.

    Attributes:
        family: Name shared by strategies of one kind that differ by a setting.
        rule: The stopping rule.
        selector: Chooses the winner.
        scored: Whether replies are scored, which costs tokens.
    """

    family: str
    rule: StopRule
    selector: Selector
    scored: bool = True

    def __str__(self) -> str:
        return f"{self.rule}, {self.selector.name}"


@dataclass(frozen=True)
class StrategyResult:
    """The result of a strategy on a pool, as means over questions and trials.

    Attributes:
        strategy: The strategy.
        samples: Samples counted per question.
        tokens: Tokens per question, of replies and scorer.
        accuracy: Share of questions answered right.
        accuracy_se: Standard error of the accuracy over questions.
        best: Best score found.
        hits: Share of questions whose best score reached `target`; None without a target.
        reasons: How often each rule stopped, by the first word of the reason.
        questions: Number of questions replayed.
        simulated: True if the pool is simulated; accuracies are then only indicative.
    """

    strategy: Strategy
    samples: float
    tokens: float
    accuracy: float
    accuracy_se: float
    best: float
    hits: float | None
    reasons: Mapping[str, int]
    questions: int
    simulated: bool


def replay_scores(
    pool: ScorePool,
    strategies: Iterable[Strategy],
    *,
    scorer_tokens: float = 0.0,
    target: float | None = None,
    trials: int = 1,
    seed: int = 0,
) -> list[StrategyResult]:
    """Replay strategies on a pool; all see the same samples in the same order.

    Args:
        pool: Recorded or simulated replies.
        strategies: The strategies to replay. If no rule fires, a vote ends when the recorded
            replies run out.
        scorer_tokens: Cost of scoring, in tokens for each token of a reply: 1 for a reward model
            of the size of the members, about .1 if reading is ten times cheaper.
        target: Score for `StrategyResult.hits`.
        trials: Number of replays, each with the replies in another order. The first uses the
            recorded order.
        seed: Seed of the orders.
    """
    if trials < 1:
        raise UsageError(f"trials must be at least 1, got {trials!r}")
    if not len(pool):
        raise UsageError("the pool has no questions")
    rng = np.random.default_rng(seed)
    orders = [
        [np.arange(len(q)) if trial == 0 else rng.permutation(len(q)) for q in pool]
        for trial in range(trials)
    ]
    return [_replay(pool, strategy, orders, scorer_tokens, target) for strategy in strategies]


def _replay(
    pool: ScorePool,
    strategy: Strategy,
    orders: Sequence[Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]]],
    scorer_tokens: float,
    target: float | None,
) -> StrategyResult:
    shape = (len(orders), len(pool))
    samples, tokens, right, best = (np.zeros(shape) for _ in range(4))
    reasons: dict[str, int] = {}
    for trial, order in enumerate(orders):
        for place, question in enumerate(pool):
            vote = _vote(question, order[place].tolist(), strategy)
            spent = sum(question.tokens[i] for i in vote.used)
            samples[trial, place] = len(vote.used)
            tokens[trial, place] = spent * (1 + scorer_tokens * strategy.scored)
            right[trial, place] = vote.right
            seen = [s for i in vote.used if (s := question.scores[i]) is not None]
            best[trial, place] = max(seen, default=0.0)
            reasons[vote.reason] = reasons.get(vote.reason, 0) + 1
    per_question = right.mean(axis=0)
    return StrategyResult(
        strategy=strategy,
        samples=float(samples.mean()),
        tokens=float(tokens.mean()),
        accuracy=float(right.mean()),
        accuracy_se=float(per_question.std() / np.sqrt(max(len(pool) - 1, 1))),
        best=float(best.mean()),
        hits=None if target is None else float((best >= target).mean()),
        reasons=reasons,
        questions=len(pool),
        simulated=pool.simulated,
    )


@dataclass(frozen=True, slots=True)
class _Vote:
    used: list[int]
    right: bool
    reason: str


def _vote(question: ScoredQuestion, order: Sequence[int], strategy: Strategy) -> _Vote:
    tally = Tally()
    candidates: list[Candidate] = []
    used: list[int] = []
    reason = "exhausted"
    for index in order:
        answer, length = question.answers[index], question.tokens[index]
        score = question.scores[index] if strategy.scored else None
        used.append(index)
        tally.spend(tokens=length)
        if score is not None:
            tally.score(score)
        if answer is None:
            tally.abstain()
        else:
            tally.vote(answer, tokens=length or None)
        sample = Sample(answer, tokens=length or None, score=score)
        candidates.append(Candidate(Draw(index, 0), sample, answer))
        verdict = strategy.rule.check(tally)
        if verdict is not None:
            reason = verdict.reason.partition(":")[0]
            break
    return _Vote(used, _is_right(question, candidates, tally, strategy), reason)


def _is_right(
    question: ScoredQuestion, candidates: list[Candidate], tally: Tally, strategy: Strategy
) -> bool:
    if not candidates:
        return False
    selection = strategy.selector.select(candidates, tally)
    if selection.candidate is not None:
        return question.correct[selection.candidate.draw.index]
    chosen = (c.draw.index for c in candidates if c.answer == selection.answer)
    return question.correct[next(chosen)]


def best_of_n(sizes: Iterable[int] = (1, 2, 4, 8, 16, 32, 64)) -> list[Strategy]:
    """Return the reference curve of the best score of n samples."""
    return [Strategy("best of n", FixedSamples(n), BestScore()) for n in sizes]


def majority_of_n(sizes: Iterable[int] = (1, 3, 5, 9, 17, 33, 64)) -> list[Strategy]:
    """Return the reference curve of the majority of n samples, without a scorer."""
    return [Strategy("majority of n", FixedSamples(n), WeightedMajority(), False) for n in sizes]


def usual_strategies(
    *,
    cap: int = 64,
    prior: ScorePrior | None = None,
    targets: Sequence[float] = (0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99),
    leads: Sequence[int] = (1, 2, 3, 4, 5, 6),
) -> list[Strategy]:
    """Return the families to compare: fixed numbers, votes, scores, and both together.

    Args:
        cap: Maximum number of samples per question.
        prior: Prior on scores for `OptScale`; fit it on questions that are not replayed.
        targets: Scores to reach: the setting of the families that stop by scores.
        leads: Leads in votes: the setting of the families that stop by votes.
    """
    sizes = [size for size in (1, 2, 4, 8, 16, 32, 64) if size < cap] + [cap]
    limit = MaxSamples(cap)
    best, sums = BestScore(), ScoreWeighted()
    result = best_of_n(sizes) + majority_of_n(sizes)
    for lead in leads:
        votes = AheadBy(lead) | limit
        result.append(Strategy("votes", votes, WeightedMajority(), scored=False))
        result.append(Strategy("votes, weighted by scores", votes, sums))
    for target in targets:
        scores = OptScale(target, cap=cap, prior=prior)
        result.append(Strategy("scores", scores, best))
        result.append(Strategy("scores as published", OptScale(target, fit="mle", cap=cap), best))
        for lead in leads[1:]:
            patient = OptScale(target, cap=cap, prior=prior, give_up=0.0)
            result.append(Strategy("votes or scores", patient | AheadBy(lead), best))
    return result


@dataclass(frozen=True)
class Tuned:
    """A family's setting, chosen on one half of the questions and reported on the other.

    Attributes:
        family: Name of the family.
        chosen: Result of the chosen setting on the half it was chosen on.
        reported: Result of the chosen setting on the other half.
        line: Results of every setting of the family on that other half, by rising tokens.
    """

    family: str
    chosen: StrategyResult
    reported: StrategyResult
    line: tuple[StrategyResult, ...]


def tune(
    pool: ScorePool,
    strategies: Iterable[Strategy],
    *,
    tolerance: float = 0.005,
    scorer_tokens: float = 0.0,
    target: float | None = None,
    trials: int = 1,
    seed: int = 0,
) -> list[Tuned]:
    """Choose each family's setting on one half of the questions and report it on the other.

    Of the settings whose accuracy on the first half is within `tolerance` of the family's best,
    the one with the fewest tokens is chosen.

    Returns:
        One entry per family, in order of first appearance.
    """
    strategies = list(strategies)
    first, second = pool.split(0.5, seed=seed)
    known, other = (
        replay_scores(
            half, strategies, scorer_tokens=scorer_tokens, target=target, trials=trials, seed=seed
        )
        for half in (first, second)
    )
    result = []
    for family in dict.fromkeys(strategy.family for strategy in strategies):
        mine = [i for i, strategy in enumerate(strategies) if strategy.family == family]
        floor = max(known[i].accuracy for i in mine) - tolerance
        best = min((i for i in mine if known[i].accuracy >= floor), key=lambda i: known[i].tokens)
        line = sorted((other[i] for i in mine), key=lambda outcome: outcome.tokens)
        result.append(Tuned(family, known[best], other[best], tuple(line)))
    return result


def draw_chart(results: Sequence[Tuned], path: str | Path) -> None:
    """Draw accuracy against tokens, one line per family, with the chosen setting marked.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    pyplot = require("matplotlib.pyplot", extra="plots", purpose="a chart of accuracy and tokens")
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for result in results:
        tokens = [outcome.tokens for outcome in result.line]
        accuracies = [outcome.accuracy for outcome in result.line]
        (line,) = axes.plot(tokens, accuracies, marker=".", alpha=0.6, label=result.family)
        axes.errorbar(
            result.reported.tokens,
            result.reported.accuracy,
            yerr=result.reported.accuracy_se,
            marker="o",
            color=line.get_color(),
            capsize=3,
        )
    axes.set_xscale("log")
    axes.set_xlabel("tokens a question, replies and scorer")
    axes.set_ylabel("accuracy")
    if any(result.reported.simulated for result in results):
        axes.set_title("SIMULATED scores and grades: accuracies are only indicative")
    axes.legend()
    figure.savefig(path)
    pyplot.close(figure)

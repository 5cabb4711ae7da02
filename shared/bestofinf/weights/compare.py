"""Which weights to use for new questions: cross-validation of all learners."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet
from bestofinf.weights.budget import Budget, ProgressCallback
from bestofinf.weights.fit import fit_weights, learn
from bestofinf.weights.heldout import Estimate, at_infinity, at_samples, estimate
from bestofinf.weights.locked import LockedTest, locked_test
from bestofinf.weights.margins import Floats, Margins
from bestofinf.weights.milp import check_solver
from bestofinf.weights.options import (
    OBJECTIVES,
    PROVEN,
    SOLVED,
    check_objective,
    check_time_limit,
)
from bestofinf.weights.result import FitStatus, WeightFit

DEFAULT = "softmax"
"""Recommended unless one member alone does as well.

On recorded answers of eleven models to four benchmarks no learner was reliably better than it,
and choosing the best of a cross-validation for each set was not better than this fixed choice.
"""

SAMPLES = 10
ONE_SIDED = 1.645
FEWEST = 4


@dataclass(frozen=True, slots=True)
class Scores:
    """What a stopping rule makes of weights on some questions.

    Attributes:
        correct: Chance of the right answer per question, in [0, 1].
        tokens: Tokens per question; None when not known.
    """

    correct: Sequence[float]
    tokens: Sequence[float] | None = None


Score: TypeAlias = Callable[[Mapping[str, float], EvaluationSet], Scores]
"""Scores weights on the questions of a set, in their order: a replay of the rule in use."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One learner on questions that it was not fitted on.

    Attributes:
        accuracy: Mean score: of the rule where a `Score` was given, else with `SAMPLES` samples.
        se: Its standard error; approximate, the larger of two.
        tokens: Tokens per question at that score; None when not known.
        at_infinity: Accuracy with infinitely many samples; an exact tie counts one half.
        at_samples: Accuracy with `SAMPLES` samples, by the normal approximation.
        over_single: The score minus that of the best member on the training part, paired.
        over_uniform: The score minus that of equal weights, paired.
        trained: Mean accuracy at infinity on the training parts: a ceiling, not an estimate.
    """

    accuracy: float
    se: float
    tokens: float | None
    at_infinity: Estimate
    at_samples: Estimate
    over_single: Estimate
    over_uniform: Estimate
    trained: float


@dataclass(frozen=True)
class WeightComparison:
    """All learners side by side, and the one to use.

    Attributes:
        heldout: By objective.
        recommended: Fitted on all questions.
        verdict: "use one model", "no evidence of a gain" or "gain".
        reason: The verdict in a sentence.
        best: Objective with the greatest held-out score. That it is ahead is mostly chance.
        label: What kind of figures these are.
        ceiling: Questions won by the best mixture for the very questions it was fitted on;
            None when no proven objective was compared.
        ceiling_proven: True when no mixture wins more of them.
        questions: Labelled questions.
        splits: Number of random splits.
        trained: Questions in each training part.
        locked: Result on the locked test set; None without one.
    """

    heldout: Mapping[str, HeldOut]
    recommended: WeightFit
    verdict: str
    reason: str
    best: str
    label: str
    ceiling: int | None
    ceiling_proven: bool
    questions: int
    splits: int
    trained: int
    locked: LockedTest | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary of plain values."""
        return {**asdict(self), "recommended": self.recommended.to_json()}


def compare_weights(
    evaluation_set: EvaluationSet,
    objectives: Sequence[str] = OBJECTIVES,
    *,
    splits: int = 20,
    fraction: float = 0.5,
    solver: str = "cbc",
    time_limit: float = 5,
    members: Sequence[str] | None = None,
    score: Score | None = None,
    test: EvaluationSet | None = None,
    progress: ProgressCallback | None = None,
    seed: int = 0,
) -> WeightComparison:
    """Estimate how the weights of every learner do on new questions, and name the ones to use.

    Random splits are the same for all learners, so that they are compared question by question.
    The errors are approximate, and those of differences of close learners too small rather than
    too large; a claim needs a locked test set.

    Args:
        evaluation_set: Recorded answers, at least four of them with a right answer.
        objectives: Learners to compare; "single", "uniform" and "softmax" always are.
        splits: Number of random splits.
        fraction: Share of the questions to fit on.
        solver: "cbc" or "highs".
        time_limit: Seconds for one fit.
        members: Members to use; all when None.
        score: Scores weights under the stopping rule in use; it then decides.
        test: A locked test set: questions that took no part in any choice.
        progress: Told after every split; the bound counts the splits.
        seed: Seed of the splits.

    Raises:
        UsageError: If an argument is wrong, there are too few questions, or the locked test set
            shares questions with the others.
    """
    margins, labelled = _checked(evaluation_set, members, splits, fraction)
    names = tuple(dict.fromkeys([*map(check_objective, objectives), DEFAULT, "single", "uniform"]))
    limit = check_time_limit(time_limit)
    if set(names) & set(SOLVED):
        solver = check_solver(solver)
    locked_margins = None if test is None else _locked_margins(test, labelled, margins)

    n = len(margins)
    trained = min(max(2, round(fraction * n)), n - 1)
    table = _Table(names, splits, n)
    budget = Budget(np.inf, progress)
    random = np.random.default_rng(seed)
    for split in range(splits):
        order = random.permutation(n)
        train, rest = np.sort(order[:trained]), np.sort(order[trained:])
        for name in names:
            fitted = learn(
                margins.take(train), name, solver=solver, budget=Budget(limit), seed=seed
            )
            if fitted.status is FitStatus.INTERRUPTED:
                raise KeyboardInterrupt
            table.enter(name, split, margins, fitted.weights, train, rest, labelled, score)
        budget.tell("splits", split + 1, splits)

    heldout = {name: table.summary(name, trained) for name in names}
    fit_all = {
        name: fit_weights(labelled, name, solver, limit, members=members, seed=seed)
        for name in {DEFAULT, "single", *(set(names) & set(PROVEN))}
    }
    chosen, verdict, reason = _judge(heldout, fit_all, n)
    recommended = fit_all[chosen]
    ceilings = [fit_all[name] for name in PROVEN if name in fit_all]
    locked = None
    if locked_margins is not None:
        weights = np.array([recommended.weights[name] for name in margins.members])
        locked = locked_test(locked_margins, weights, samples=SAMPLES, seed=seed)
    return WeightComparison(
        heldout=heldout,
        recommended=recommended,
        verdict=verdict,
        reason=reason,
        best=max(heldout, key=lambda name: heldout[name].accuracy),
        label="cross-validated estimate, intervals approximate",
        ceiling=max((fit.correct for fit in ceilings), default=None),
        ceiling_proven=any(fit.status is FitStatus.OPTIMAL for fit in ceilings),
        questions=n,
        splits=splits,
        trained=trained,
        locked=locked,
    )


def _checked(
    evaluation_set: EvaluationSet,
    members: Sequence[str] | None,
    splits: int,
    fraction: float,
) -> tuple[Margins, EvaluationSet]:
    if isinstance(splits, bool) or not isinstance(splits, int) or splits < 1:
        raise UsageError(f"splits must be a whole number of at least 1, got {splits!r}")
    if not 0 < fraction < 1:
        raise UsageError(f"fraction must lie between 0 and 1, got {fraction!r}")
    margins = Margins.of(evaluation_set, members=members)
    if len(margins) < FEWEST:
        raise UsageError(
            f"comparing weights needs at least {FEWEST} labelled questions, got {len(margins)}"
        )
    return margins, evaluation_set.labelled()


def _locked_margins(test: EvaluationSet, labelled: EvaluationSet, margins: Margins) -> Margins:
    shared = {q.id for q in test} & {q.id for q in labelled}
    if shared:
        raise UsageError(
            f"the locked test set shares {len(shared)} questions with the others, "
            f"such as {min(shared)!r}"
        )
    return Margins.of(test, members=margins.members)


class _Table:
    """Scores per objective, split and question."""

    def __init__(self, names: Sequence[str], splits: int, questions: int) -> None:
        shape = (splits, questions)
        self.infinity = {name: np.full(shape, np.nan) for name in names}
        self.finite = {name: np.full(shape, np.nan) for name in names}
        self.score = {name: np.full(shape, np.nan) for name in names}
        self.tokens = {name: np.full(splits, np.nan) for name in names}
        self.trained = {name: np.full(splits, np.nan) for name in names}

    def enter(
        self,
        name: str,
        split: int,
        margins: Margins,
        weights: Floats,
        train: Sequence[int] | Any,
        rest: Sequence[int] | Any,
        labelled: EvaluationSet,
        score: Score | None,
    ) -> None:
        """Score one fit on the questions it did not see."""
        won = at_infinity(margins, weights)
        self.infinity[name][split, rest] = won[rest]
        self.trained[name][split] = won[train].mean()
        chance = at_samples(margins, weights, SAMPLES)[rest]
        self.finite[name][split, rest] = chance
        used = weights > 0
        self.tokens[name][split] = SAMPLES * float(weights[used] @ margins.tokens[used])
        if score is None:
            self.score[name][split, rest] = chance
            return
        kept = tuple(labelled.questions[q] for q in rest)
        scores = score(
            dict(zip(margins.members, weights.tolist(), strict=True)), EvaluationSet(kept)
        )
        if len(scores.correct) != len(kept):
            raise UsageError(f"score gave {len(scores.correct)} values for {len(kept)} questions")
        self.score[name][split, rest] = scores.correct
        tokens = np.nan if scores.tokens is None else float(np.mean(scores.tokens))
        self.tokens[name][split] = tokens

    def summary(self, name: str, trained: int) -> HeldOut:
        """Put the estimates of one objective together."""
        score = self.score[name]
        overall = estimate(score, trained=trained)
        tokens = float(self.tokens[name].mean())
        return HeldOut(
            accuracy=overall.mean,
            se=overall.se,
            tokens=None if np.isnan(tokens) else tokens,
            at_infinity=estimate(self.infinity[name], trained=trained),
            at_samples=estimate(self.finite[name], trained=trained),
            over_single=estimate(score - self.score["single"], trained=trained),
            over_uniform=estimate(score - self.score["uniform"], trained=trained),
            trained=float(self.trained[name].mean()),
        )


def _judge(
    heldout: Mapping[str, HeldOut], fits: Mapping[str, WeightFit], questions: int
) -> tuple[str, str, str]:
    """Return the objective to use, the verdict, and the reason."""
    alone = max(fits["single"].weights, key=lambda name: fits["single"].weights[name])
    if len(fits["single"].weights) == 1:
        return "single", "use one model", f"there is only one member, {alone}"
    gain = heldout[DEFAULT].over_single
    figures = f"{100 * gain.mean:+.1f} ± {100 * gain.se:.1f} points (approximate)"
    if gain.mean <= 0:
        reason = f"{alone} alone does as well on questions not fitted on: the mixture has {figures}"
        return "single", "use one model", reason
    if gain.mean <= ONE_SIDED * gain.se:
        reason = f"no evidence of a gain over {alone}: {figures} on {questions} questions"
        return DEFAULT, "no evidence of a gain", reason
    return DEFAULT, "gain", f"the mixture gains over {alone}: {figures}"

"""Choose weights for new questions by cross-validating all learners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from bestofinf.errors import UsageError, whole
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.coverage import Coverage, comparable
from bestofinf.evaluation.provenance import LabelSources, for_estimates
from bestofinf.records.display import Brief
from bestofinf.weights.ballots import Ballots
from bestofinf.weights.consensus import consensus
from bestofinf.weights.copies import apart
from bestofinf.weights.fit import fit_member, fit_weights, learn
from bestofinf.weights.locked import LockedTest, locked_test
from bestofinf.weights.objectives import OBJECTIVES, PROVEN, SOLVED
from bestofinf.weights.options import check_objective, check_time_limit
from bestofinf.weights.result import FitStatus, WeightFit
from bestofinf.weights.solver.clock import Clock, ProgressCallback
from bestofinf.weights.solver.margins import Margins
from bestofinf.weights.solver.milp import check_solver
from bestofinf.weights.splits import HeldOut, HeldOutScores, Score
from bestofinf.weights.votes import FEWEST_VOTES, common_questions

DEFAULT = "blend"
"""The learner that is compared with the best member.

It is the mean of three learners that fail on different sets: on no recorded set was it far behind the
best of them. Choosing the best learner by cross-validation on each set was not better than this fixed
choice. Because it is fixed beforehand, its gain needs no correction for a choice among learners.
"""

LEVEL = 0.95


@dataclass(frozen=True, repr=False)
class WeightComparison(Brief):
    """The results of all learners, and the one to use.

    Attributes:
        heldout: Held-out results by objective.
        recommended: The weights to use, fitted on all common questions: the mixture, unless the
            verdict is for one model. Without evidence of a gain it is a hedge against choosing the
            wrong member, which on few questions costs more accuracy than the mixture does.
        verdict: "gain" if a one-sided test at 5 % shows one; "use one model" if it shows a loss, if
            there is no difference, or if the members are as similar as copies of one model;
            otherwise "no evidence of a gain". "cannot be known" if fewer than three samples per
            question are recorded.
        reason: The verdict in a sentence.
        best: Objective with the greatest held-out score; its lead is mostly chance.
        label: What kind of figures these are.
        ceiling: Number of questions won by the mixture that was fitted on all of them; None if no
            proven objective was compared.
        ceiling_proven: True if no mixture wins more of them.
        questions: Number of labelled questions that all compared members were asked.
        splits: Number of random splits.
        trained: Number of questions in each training part.
        votes: Number of votes that the accuracies are for, if no `Score` was given.
        coverage: How many questions each member was asked, and which members are compared.
        label_sources: Number of labels used, by provenance; others cannot be used for accuracies.
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
    votes: int
    coverage: Coverage
    label_sources: LabelSources
    locked: LockedTest | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary of plain values."""
        return {
            **asdict(self),
            "recommended": self.recommended.to_json(),
            "coverage": self.coverage.to_json(),
            "label_sources": self.label_sources.to_json(),
        }


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

    Members are compared on the questions that all of them were asked, by votes of a few recorded
    samples drawn without replacement, so that neither easier questions nor more samples look like
    a gain. All learners use the same random splits, so they are compared question by question.
    Samples drawn because of earlier answers are left out (`EvaluationSet.fixed`). The verdict is
    "gain" only if a one-sided test at 5 % shows that the mixture is better than the best member. To
    publish a gain, use a locked test set.

    Args:
        evaluation_set: Recorded answers, at least four of them with a right answer.
        objectives: Learners to compare; "single", "uniform" and "blend" are always included.
        splits: Number of random splits.
        fraction: Share of the questions to fit on.
        solver: "cbc" or "highs".
        time_limit: Maximum seconds for one fit.
        members: Members to compare; None chooses, see `bestofinf.evaluation.coverage`.
        score: Scores weights under the stopping rule in use; if given, the verdict uses it.
        test: A locked test set: questions that were not used for any choice.
        progress: Called after every split; its bound is the number of splits.
        seed: Seed of the splits.

    Raises:
        UsageError: If an argument is wrong, there are too few common questions, or the locked test
            set shares questions with the others.
    """
    _check(splits, fraction)
    labelled, coverage = common_questions(evaluation_set, members)
    margins, ballots = Margins.of(labelled), Ballots.of(labelled)
    names = tuple(dict.fromkeys([*map(check_objective, objectives), DEFAULT, "single", "uniform"]))
    limit = check_time_limit(time_limit)
    if set(names) & set(SOLVED):
        solver = check_solver(solver)
    votes = coverage.samples
    locked_set = None if test is None else _locked_set(test, labelled, votes)

    n = len(margins)
    trained = min(max(2, round(fraction * n)), n - 1)
    table = HeldOutScores(names, splits, labelled, margins, votes, seed)
    clock = Clock(np.inf, progress)
    random = np.random.default_rng(seed)
    for split in range(splits):
        order = random.permutation(n)
        train, rest = np.sort(order[:trained]), np.sort(order[trained:])
        for name in names:
            if name == "single":
                table.enter(name, split, table.best_member(train), train, rest, score)
                continue
            if name == "consensus":  # answers without labels
                learned = consensus(ballots, train).weights
                table.enter(name, split, learned, train, rest, score)
                continue
            fitted = learn(margins.take(train), name, solver=solver, clock=Clock(limit), seed=seed)
            if fitted.status is FitStatus.INTERRUPTED:
                raise KeyboardInterrupt
            table.enter(name, split, fitted.weights, train, rest, score)
        clock.tell("splits", split + 1, splits)

    heldout = {name: table.summary(name, trained) for name in names}
    fit_all = {
        name: fit_weights(labelled, name, solver, limit, seed=seed)
        for name in {DEFAULT, *(set(names) & set(PROVEN))}
    }
    best = margins.members[int(table.best_member(np.arange(n)).argmax())]
    fit_all["single"] = fit_member(labelled, best)
    mixture = np.array([fit_all[DEFAULT].weights[name] for name in margins.members])
    copies = apart(ballots, mixture).copies
    chosen, verdict, reason = _judge(heldout, fit_all, n, coverage, copies=copies)
    recommended = fit_all[chosen]
    ceilings = [fit_all[name] for name in PROVEN if name in fit_all]
    locked = None
    if locked_set is not None:
        weights = [recommended.weights[name] for name in margins.members]
        locked = locked_test(locked_set, margins.members, weights, votes=votes, seed=seed)
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
        votes=votes,
        coverage=coverage,
        label_sources=for_estimates(evaluation_set)[1],
        locked=locked,
    )


def _check(splits: int, fraction: float) -> None:
    whole("splits", splits)
    if not 0 < fraction < 1:
        raise UsageError(f"fraction must lie between 0 and 1, got {fraction!r}")


def _locked_set(test: EvaluationSet, labelled: EvaluationSet, votes: int) -> EvaluationSet:
    shared = {q.id for q in test} & {q.id for q in labelled}
    if shared:
        raise UsageError(
            f"the locked test set shares {len(shared)} questions with the others, "
            f"such as {min(shared)!r}"
        )
    return comparable(test.labelled().fixed(), labelled.members, samples=votes)[0]


def _judge(
    heldout: Mapping[str, HeldOut],
    fits: Mapping[str, WeightFit],
    questions: int,
    coverage: Coverage,
    *,
    copies: bool,
) -> tuple[str, str, str]:
    """Return the objective to use, the verdict, and the reason."""
    alone = max(fits["single"].weights, key=lambda name: fits["single"].weights[name])
    if len(coverage.compared) == 1:
        return "single", "use one model", f"there is only one member to compare, {alone}"
    if coverage.samples < FEWEST_VOTES:
        samples = f"{coverage.samples} sample{'s' if coverage.samples > 1 else ''}"
        reason = f"what votes give cannot be known from {samples} a question: record at least 8"
        return "single", "cannot be known", reason
    gain = heldout[DEFAULT].over_single
    figures = f"{100 * gain.mean:+.1f} ± {100 * gain.se:.1f} points on {questions} questions"
    needed = float(stdtrit(questions - 1, LEVEL)) * gain.se
    if gain.mean <= -needed:
        reason = f"{alone} alone does as well on questions not fitted on: the mixture has {figures}"
        return "single", "use one model", reason
    if copies:
        reason = (
            "the answers of the members that would have weight differ no more than those of "
            f"copies of one model do: take {alone} (the mixture has {figures})"
        )
        return "single", "use one model", reason
    used = sum(weight > 0 for weight in fits[DEFAULT].weights.values())
    if gain.mean <= needed:
        reason = (
            f"no evidence of a gain over {alone}: {figures}; the mixture hedges against taking the "
            f"wrong member{_price(heldout)}"
        )
        return DEFAULT, "no evidence of a gain", reason
    return DEFAULT, "gain", f"{used} models together gain over {alone}: {figures}{_price(heldout)}"


def _price(heldout: Mapping[str, HeldOut]) -> str:
    """Return in words what the mixture's votes cost compared with as many of the best member's."""
    mixture, single = heldout[DEFAULT].tokens, heldout["single"].tokens
    return f", for {mixture / single:.1f} times the tokens" if mixture and single else ""

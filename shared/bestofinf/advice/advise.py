"""The advice: one recommendation, with the figures it is based on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bestofinf.advice import in_words
from bestofinf.advice.choice import Aim, Choice, choose
from bestofinf.advice.code import code_to_paste
from bestofinf.advice.laboratory import Laboratory
from bestofinf.advice.strategies import (
    PRESET_NAMES,
    Contender,
    HeldOutResult,
    price_of,
    with_kappa,
)
from bestofinf.advice.units import Unit, chosen_unit
from bestofinf.calibration import ConfidenceCalibration
from bestofinf.calibration.confidence import LABELS, fit_confidence
from bestofinf.calibration.kappa import FEWEST as FEWEST_TOLD
from bestofinf.calibration.kappa import KappaFit, fit_kappa
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.coverage import Coverage, deep_enough
from bestofinf.evaluation.limits import Limit
from bestofinf.evaluation.provenance import FEWEST, LabelSources, for_estimates
from bestofinf.records.display import Brief, bars
from bestofinf.weights.compare import DEFAULT, WeightComparison, compare_weights
from bestofinf.weights.votes import FEWEST_VOTES, common_questions

OBJECTIVES = ("uniform",)
_LIGHT = 0.1
"""A member with less than this share of an equal weight is left out."""

_VOTES = 20_000
"""Maximum number of votes of one strategy over all questions; with more, the error over questions
dominates."""


@dataclass(frozen=True, repr=False)
class Advice(Brief):
    """The recommended strategy, and the reasons.

    Attributes:
        recommendation: The recommendation in a sentence.
        reason: The figures behind it, in a sentence.
        chosen: The recommended strategy.
        price: Price of a sample for the rule (`OptimalStopping`); None if there is no vote.
        weights: Weight by member; 1 if there is only one.
        heldout: Results of all strategies by name, on questions that nothing was fitted to.
        choice: The gain of the recommendation over one answer of the best member.
        comparison: Which weights to use, and how sure that is; see `compare_weights`.
        coverage: How many questions each member was asked; votes are scored on the common ones.
        questions: Number of labelled questions that strategies are scored on.
        labels: Number of labelled questions that accuracies may be estimated from.
        label_sources: Numbers of labels used and left out, by provenance.
        max_samples: Maximum number of samples of a vote, limited by what is recorded of every member.
        unit: The unit of costs.
        limit: Accuracy of infinitely many votes of the chosen members.
        calibration: How often decisions of the recommended vote are right, by their confidence;
            None if there is no vote or there are too few labels.
        contested: Ids of the questions whose two leading answers are closest, the closest first.
        redundant: Compared members that the recommendation does not use.
        code: Code to paste, by framework.
        kappa: Value of the probabilities of replies as votes; None if not requested.
    """

    recommendation: str
    reason: str
    chosen: Contender
    price: float | None
    weights: Mapping[str, float]
    heldout: Mapping[str, HeldOutResult]
    choice: Choice
    comparison: WeightComparison
    coverage: Coverage
    questions: int
    labels: int
    label_sources: LabelSources
    max_samples: int
    unit: Unit
    limit: Limit
    calibration: ConfidenceCalibration | None
    contested: Sequence[str]
    redundant: Sequence[str]
    code: Mapping[str, str] = field(repr=False)
    kappa: KappaFit | None = None

    def _repr_html_(self) -> str:
        first, *others = self.lines()
        best = sorted(self.heldout.items(), key=lambda pair: -pair[1].accuracy)
        rows = [(name, one.accuracy, f"{one.accuracy:.3f} ± {one.se:.3f}") for name, one in best]
        return bars(first, rows, note=" ".join(others))

    @property
    def mode_wrong(self) -> float:
        """Share of questions that infinitely many votes get wrong; NaN if unknown."""
        return math.nan if self.limit.value is None else 1 - self.limit.value

    def to_json(self) -> dict[str, Any]:
        """Return plain values with the keys of the command line."""
        return {
            "recommendation": self.recommendation,
            "heldout": {name: outcome.to_json() for name, outcome in self.heldout.items()},
            "coverage": self.coverage.to_json(),
            "labels": self.labels,
            "label_sources": self.label_sources.to_json(),
            "price": self.price,
            "reason": self.reason,
            "chosen": self.chosen.name,
            "rule": self.chosen.rule,
            "weights": dict(self.weights),
            "max_samples": self.max_samples,
            "gain": self.choice.gain,
            "gain_se": self.choice.se,
            "gain_shown": self.choice.shown,
            "verdict": self.comparison.verdict,
            "verdict_reason": self.comparison.reason,
            "unit": self.unit.name,
            "questions": self.questions,
            "mode_wrong": None if math.isnan(self.mode_wrong) else self.mode_wrong,
            "limit": self.limit.value,
            "limit_se": self.limit.se,
            "calibration": None if self.calibration is None else self.calibration.to_json(),
            "contested": list(self.contested),
            "redundant": list(self.redundant),
            "code": dict(self.code),
            "kappa": None if self.kappa is None else self.kappa.to_json(),
        }

    def lines(self) -> list[str]:
        """Return the advice in at most ten lines."""
        told = [self.recommendation, f"{self.reason[0].upper()}{self.reason[1:]}."]
        if len(self.coverage.compared) > 1:
            told.append(f"One model or several: {self.comparison.reason}.")
        told.append(f"Infinitely many votes of {', '.join(self.weights)}: {self.limit}.")
        if self.calibration is not None:
            told.append(in_words.sure(self.calibration))
        if self.kappa is not None:
            told.append(f"{self.kappa}.")
        frontier = self._frontier()
        if frontier:
            told.append(f"Other rules: {frontier}.")
        told.append(
            f"Judged on {self.questions} of {self.labels} labelled questions, by votes of at most "
            f"{self.max_samples} of the recorded samples, drawn without replacement"
            + (f" ({self.label_sources})." if self.label_sources.left_out else ".")
        )
        if not self.coverage.complete:
            told.append(f"Coverage: {self.coverage}.")
        if self.redundant:
            told.append(f"Not needed: {', '.join(self.redundant)}.")
        return told

    def _frontier(self) -> str:
        """Return in words the results of the other rules with the same members."""
        chosen = self.chosen
        alike = [
            o
            for o in self.heldout.values()
            if o.strategy.rule not in (None, chosen.rule)
            and (o.strategy.kind, o.strategy.objective) == (chosen.kind, chosen.objective)
            and (chosen.kind == "ensemble" or o.strategy.member in self.weights)
        ]
        told = []
        for o in sorted(alike, key=lambda o: o.mean_cost or o.mean_samples):
            cost = o.mean_cost
            price = "" if cost is None else f" for {self.unit.tell(cost)}"
            told.append(f"{o.strategy.rule} {100 * o.accuracy:.1f} %{price}")
        return "; ".join(told)


def advise(
    evaluation_set: EvaluationSet,
    *,
    members: Sequence[str] | None = None,
    rules: Sequence[str] = PRESET_NAMES,
    objectives: Sequence[str] = OBJECTIVES,
    value: float | None = None,
    budget: float | None = None,
    unit: str | None = None,
    prices: Mapping[str, float] | None = None,
    speed: float | None = None,
    trials: int | None = None,
    max_samples: int = 64,
    folds: int = 5,
    seed: int = 0,
    whole: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Advice:
    """Say whether voting helps on questions like these, with which members, and at what price.

    The members and weights are those that `compare_weights` recommends. The rule is the cheapest
    whose accuracy is not below that of the best by more than one standard error of the paired
    difference; with `value` or `budget` it is the best on the frontier of accuracy and cost. A vote
    is recommended at all if its gain over one answer of the best member is shown, on questions that
    were not used for any of these choices.

    Accuracies are those of votes drawn from the recorded samples without replacement, on questions
    that all compared members were asked. So they are for rules with at most as many samples as are
    recorded of each member.

    Args:
        evaluation_set: Recorded answers. Left out are questions without a right answer, labels that
            accuracies cannot be estimated from (`bestofinf.evaluation.provenance`), and samples
            that were drawn because of earlier answers (`EvaluationSet.fixed`).
        members: Members to compare; None chooses, see `bestofinf.evaluation.coverage`.
        rules: Stopping rules to try, as text.
        objectives: Learners of weights to show besides the one that is scored, "blend".
        value: Value of one more right answer, in units of cost.
        budget: Maximum mean cost of a question.
        unit: "tokens", "money", "seconds" or "samples"; None chooses money if there are prices,
            else tokens if they are recorded.
        prices: Money for one generated token, by member.
        speed: Tokens that one reply generates in a second, for costs in seconds.
        trials: Votes per question in the replay; None uses fewer for more questions.
        max_samples: Maximum number of samples of a vote.
        folds: Number of folds of the questions.
        seed: Seed of the folds and the samples.
        whole: Whether replies were read by an answer type whose whole reply is the answer
            (`Answer.whole`). If their probabilities are known as well, the rule `ProbabilityMass`
            is also tried, provided that `fit_kappa` confirms them.
        progress: Called with (steps done, all steps).

    Raises:
        UsageError: If fewer than ten questions are labelled and asked of all compared members, or
            if the set lacks the numbers for the unit of costs.
    """
    aim = Aim(value, budget)
    estimable, sources = for_estimates(evaluation_set)
    labelled = estimable.labelled()
    if len(labelled) < FEWEST:
        others = f" ({sources})" if sources.left_out else ""
        raise UsageError(
            f"advice needs at least {FEWEST} questions with a right answer, got {len(labelled)}"
            f"{others}"
        )
    compared, coverage = common_questions(labelled, members)
    if len(compared) < FEWEST:
        raise UsageError(
            f"advice needs at least {FEWEST} questions with a right answer that all compared "
            f"members were asked, got {len(compared)} ({coverage})"
        )
    deep, depth = deep_enough(compared, max_samples, questions=FEWEST)
    told = chosen_unit(deep, deep.members, name=unit, prices=prices, speed=speed)
    several = len(deep.members) > 1
    objectives = tuple(dict.fromkeys([DEFAULT, *objectives])) if several else ()
    steps, done = 3 + len(objectives) * min(folds, len(deep)), 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, steps)

    comparison = compare_weights(labelled, ("uniform",), members=members, seed=seed)
    advance()
    kappa = _kappa(estimable.only(*deep.members), depth, seed) if whole else None
    if kappa is not None:
        rules = [*rules, *with_kappa(rules, kappa)]
    laboratory = Laboratory(
        deep,
        rules,
        told,
        trials=trials or max(4, min(20, _VOTES // len(deep))),
        max_samples=depth,
        folds=folds,
        seed=seed,
        advance=advance,
    )
    ones = [laboratory.one(name) for name in deep.members]
    outcomes, family = list(ones), list[HeldOutResult]()
    if depth >= FEWEST_VOTES:
        votes = laboratory.votes()
        outcomes += [outcome for own in votes.values() for outcome in own]
        mixtures = {name: laboratory.ensemble(name) for name in objectives}
        outcomes += [outcome for own in mixtures.values() for outcome in own]
        best = _of_the_best(laboratory, votes, rules) if several else next(iter(votes.values()))
        outcomes += best if several else []
        together = comparison.recommended.objective == DEFAULT
        if aim.value or aim.budget:
            family = [outcome for own in votes.values() for outcome in own]
            family += mixtures[DEFAULT] if together else []
        else:
            family = mixtures[DEFAULT] if together else best
    limits = [limit for name in deep.members if (limit := laboratory.limit(name)) is not None]
    choice = choose(ones, family, laboratory.folds, aim)
    weights = _weights(choice.chosen.strategy, comparison)
    asked = [weights.get(name, 0.0) for name in deep.members]
    calibration = None
    rule_used = choice.chosen.strategy.rule
    if rule_used is not None and len(deep) >= LABELS:
        calibration = fit_confidence(deep, rule_used, weights, max_samples=depth, seed=seed)
    advance()
    return Advice(
        recommendation=in_words.recommendation(choice.chosen.strategy, weights, depth),
        reason=in_words.reason(choice, told, aim, depth),
        chosen=choice.chosen.strategy,
        price=price_of(rule_used),
        weights=weights,
        heldout={o.strategy.name: o for o in [*outcomes, choice.plain, *limits]},
        choice=choice,
        comparison=comparison,
        coverage=comparison.coverage,
        questions=len(deep),
        labels=len(labelled),
        label_sources=sources,
        max_samples=depth,
        unit=told,
        limit=laboratory.elections.limit(asked),
        calibration=calibration,
        contested=_contested(deep, weights),
        redundant=[name for name in deep.members if name not in weights],
        code=code_to_paste(weights, choice.chosen.strategy.rule),
        kappa=kappa,
    )


def _kappa(recorded: EvaluationSet, depth: int, seed: int) -> KappaFit | None:
    """Return the value of the probabilities of replies as votes; None if too few are known."""
    told = [q for q in recorded.fixed() if any(any(s.likelihoods) for s in q.samples.values())]
    if len(told) < FEWEST_TOLD or depth < FEWEST_VOTES:
        return None
    return fit_kappa(replace(recorded, questions=tuple(told)), seed=seed)


def _of_the_best(
    laboratory: Laboratory, votes: Mapping[str, Sequence[HeldOutResult]], rules: Sequence[str]
) -> list[HeldOutResult]:
    return [
        laboratory.of_the_best(
            f"votes of the best member, {rule}",
            {name: own[place] for name, own in votes.items()},
            laboratory.best_member,
        )
        for place, rule in enumerate(rules)
    ]


def _weights(strategy: Contender, comparison: WeightComparison) -> dict[str, float]:
    """Return the weights to use, without members of very small weight."""
    learned = comparison.recommended.weights
    if strategy.kind != "ensemble":
        best = max(learned, key=lambda name: learned[name])
        return {strategy.member or best: 1.0}
    kept = {name: w for name, w in learned.items() if w >= _LIGHT / len(learned)}
    return {name: round(w / sum(kept.values()), 4) for name, w in kept.items()}


def _contested(compared: EvaluationSet, weights: Mapping[str, float]) -> list[str]:
    """Return the questions whose two leading answers are closest under the weights."""
    gaps = []
    for question in compared:
        shares: dict[str, float] = {}
        for name, weight in weights.items():
            counts = question.samples[name].counts()
            for answer, count in counts.items():
                shares[answer] = shares.get(answer, 0.0) + weight * count / counts.total()
        ranked = sorted(shares.values(), reverse=True)
        if len(ranked) > 1:
            gaps.append((ranked[0] - ranked[1], question.id))
    return [name for _, name in sorted(gaps)[:20]]

"""The advice: one recommendation, with the figures it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bestofinf.advice.code import code_to_paste
from bestofinf.advice.strategies import PRESET_NAMES, Laboratory, Outcome, Strategy
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question
from bestofinf.rules.optimal import PRESETS
from bestofinf.weights import fit_weights

FEWEST = 10
OBJECTIVES = ("uniform", "softmax", "maxmargin")
_LIGHT = 0.01
"""A member with a smaller share of the weights is not worth asking."""


@dataclass(frozen=True)
class Advice:
    """What to use, and why.

    Attributes:
        recommendation: In a sentence.
        reason: The figures behind it, in a sentence.
        chosen: The recommended strategy.
        price: Price of a sample to stop by (`OptimalStopping`); None where nothing is voted on.
        weights: Weight by member; of one member alone, 1.
        heldout: All strategies by name, measured on questions that taught them nothing.
        questions: Labelled questions.
        mode_wrong: Share of them whose most frequent answer is wrong for the chosen members: no
            number of votes helps there.
        contested: Ids of the questions whose two leading answers are closest, the closest first.
        redundant: Members that the recommendation does without.
        code: Code to paste, by framework.
    """

    recommendation: str
    reason: str
    chosen: Strategy
    price: float | None
    weights: Mapping[str, float]
    heldout: Mapping[str, Outcome]
    questions: int
    mode_wrong: float
    contested: Sequence[str]
    redundant: Sequence[str]
    code: Mapping[str, str] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return plain values with the keys of the command line."""
        return {
            "recommendation": self.recommendation,
            "heldout": {name: outcome.to_json() for name, outcome in self.heldout.items()},
            "price": self.price,
            "reason": self.reason,
            "chosen": self.chosen.name,
            "rule": self.chosen.rule,
            "weights": dict(self.weights),
            "questions": self.questions,
            "mode_wrong": self.mode_wrong,
            "contested": list(self.contested),
            "redundant": list(self.redundant),
            "code": dict(self.code),
        }


def advise(
    evaluation_set: EvaluationSet,
    *,
    rules: Sequence[str] = PRESET_NAMES,
    objectives: Sequence[str] = OBJECTIVES,
    trials: int = 20,
    max_samples: int = 64,
    folds: int = 5,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Advice:
    """Say whether voting helps on questions like these, with which members, and at what price.

    All figures are cross-validated: weights, and the choice of the best member, come from other
    questions than those they are judged on. The recommendation is the strategy with the fewest
    tokens among those whose accuracy is not clearly below the best, i.e. by no more than one
    standard error of the paired difference. Where nothing is clearly better than one answer of
    one member, that is the advice.

    Args:
        evaluation_set: Recorded answers; questions without a right answer are left out.
        rules: Stopping rules to try, as text.
        objectives: Learners of weights to try, where there are several members.
        trials: Votes per question in the replay.
        max_samples: Samples of a vote at most.
        folds: Parts of the questions.
        seed: Of the folds and the samples.
        progress: Told (steps done, all steps).

    Raises:
        UsageError: If fewer than ten questions are labelled.
    """
    labelled = evaluation_set.labelled()
    if len(labelled) < FEWEST:
        raise UsageError(
            f"advice needs at least {FEWEST} questions with a right answer, got {len(labelled)}"
        )
    members = labelled.members
    several = len(members) > 1
    steps = len(members) * len(rules) + several * len(objectives) * len(rules) * folds
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, steps)

    laboratory = Laboratory(
        labelled, trials=trials, max_samples=max_samples, folds=folds, seed=seed, advance=advance
    )
    alone = {name: laboratory.member(name, rules) for name in members}
    outcomes = [outcome for per_member in alone.values() for outcome in per_member]
    candidates = _of_the_best_member(laboratory, alone)
    if several:
        outcomes += candidates
        for objective in objectives:
            found = laboratory.ensemble(objective, rules)
            outcomes += found
            candidates += found
    chosen, reason = _choose(candidates)
    return _advice(labelled, chosen, reason, outcomes, alone, seed)


def _of_the_best_member(
    laboratory: Laboratory, alone: Mapping[str, Sequence[Outcome]]
) -> list[Outcome]:
    """Return what is had by choosing one member on the other folds, by one answer and by votes."""
    if len(alone) == 1:
        return [o for o in next(iter(alone.values())) if o.strategy.kind != "limit"]
    first = next(iter(alone.values()))
    chosen = []
    for place, outcome in enumerate(first):
        if outcome.strategy.kind == "limit":
            continue
        label = (
            "one answer of the best member"
            if outcome.strategy.kind == "one"
            else f"votes of the best member, {outcome.strategy.rule}"
        )
        chosen.append(laboratory.chosen(label, {m: per[place] for m, per in alone.items()}))
    return chosen


def _choose(candidates: Sequence[Outcome]) -> tuple[Outcome, str]:
    """Return the cheapest strategy that is not clearly below the best, and why."""
    best = max(candidates, key=lambda o: o.accuracy)
    one = next(o for o in candidates if o.strategy.kind == "one")
    near = []
    for outcome in candidates:
        loss, error = best.over(outcome)
        if loss <= (0.0 if np.isnan(error) else error):
            near.append(outcome)
    chosen = min(near, key=_cost)
    gain, error = chosen.over(one)
    if chosen is one:
        ahead, spread = best.over(one)
        return one, (
            f"the best of {len(candidates)} strategies, {best.strategy.name}, is "
            f"{_points(ahead)} ± {_points(spread)} points from it: no evidence of a gain"
        )
    factor = _cost(chosen) / max(_cost(one), 1e-12)
    return chosen, (
        f"{_points(chosen.accuracy)} % right against {_points(one.accuracy)} % for one answer "
        f"({_signed(gain)} ± {_points(error)} points) for {factor:.1f} times the cost; the most "
        f"accurate of {len(candidates)} strategies, {best.strategy.name}, reaches "
        f"{_points(best.accuracy)} %"
    )


def _advice(
    labelled: EvaluationSet,
    chosen: Outcome,
    reason: str,
    outcomes: Sequence[Outcome],
    alone: Mapping[str, Sequence[Outcome]],
    seed: int,
) -> Advice:
    strategy = chosen.strategy
    weights = _weights(labelled, strategy, alone, seed)
    asked = [name for name, weight in weights.items() if weight > 0]
    voting = labelled.only(*asked) if len(asked) < len(labelled.members) else labelled
    modes = {q.id: _shares(q, weights) for q in voting}
    gold = {q.id: q.gold for q in labelled}
    wrong = [q for q, shares in modes.items() if not shares or shares[0][0] != gold[q]]
    gaps = sorted(
        (shares[0][1] - shares[1][1], q) for q, shares in modes.items() if len(shares) > 1
    )
    return Advice(
        recommendation=_sentence(strategy, asked),
        reason=reason,
        chosen=strategy,
        price=None if strategy.rule is None else PRESETS.get(strategy.rule),
        weights=weights,
        heldout={o.strategy.name: o for o in outcomes},
        questions=len(labelled),
        mode_wrong=len(wrong) / len(modes),
        contested=[q for _, q in gaps[:20]],
        redundant=[name for name in labelled.members if name not in asked],
        code=code_to_paste(weights, strategy.rule),
    )


def _weights(
    labelled: EvaluationSet,
    strategy: Strategy,
    alone: Mapping[str, Sequence[Outcome]],
    seed: int,
) -> dict[str, float]:
    """Return the weights to use: learned from all questions, light members left out."""
    if strategy.objective is None:
        best = strategy.member or max(
            alone,
            key=lambda m: next(o for o in alone[m] if o.strategy.kind == strategy.kind).accuracy,
        )
        return {best: 1.0}
    fitted = fit_weights(labelled, strategy.objective, time_limit=20, seed=seed).weights
    total = sum(fitted.values())
    kept = {name: w for name, w in fitted.items() if w >= _LIGHT * total}
    return {name: round(w / sum(kept.values()), 4) for name, w in kept.items()}


def _shares(question: Question, weights: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the weighted shares of a question's answers, largest first."""
    shares: dict[str, float] = {}
    for name, samples in question.samples.items():
        counts = samples.counts()
        for answer, count in counts.items():
            share = weights.get(name, 0.0) * count / counts.total()
            shares[answer] = shares.get(answer, 0.0) + share
    return sorted(shares.items(), key=lambda pair: -pair[1])


def _sentence(strategy: Strategy, asked: Sequence[str]) -> str:
    if strategy.kind == "one":
        return f"Do not vote: ask {asked[0]} once."
    if len(asked) == 1:
        return f"Use one model, {asked[0]}, and let it vote with the rule {strategy.rule!r}."
    listed = ", ".join(asked)
    return f"Use the ensemble of {listed} ({strategy.objective} weights), rule {strategy.rule!r}."


def _cost(outcome: Outcome) -> float:
    """Return what a question costs: tokens where known, else samples."""
    tokens = outcome.mean_tokens
    return outcome.mean_samples if tokens is None else tokens


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}"

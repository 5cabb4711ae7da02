"""What each rule is worth on recorded answers: ``python -m benchmarks.frontier [PART ...]``.

Parts: points, ratios, chosen, ensembles, costs, stream, tried; all by default. Costs at equal quality are read
from the hull of (cost, agreement); errors are standard errors of a paired bootstrap over
questions. Means are over questions, then members, then data sets; invalid answers are left out
of the draws, as in the studies compared with. ``--trials N`` sets the votes per question and
member (40). Prints Markdown.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import recorded_answers
from bestofinf.evaluation import EvaluationSet
from bestofinf.replay import Frontier, ReplayPlan, frontier, replay_all
from bestofinf.replay.draws import Resampler
from bestofinf.replay.frontier import Curve
from bestofinf.replay.populations import alone
from bestofinf.rules import BudgetController, OptimalStopping, StopRule
from bestofinf.rules.index import index
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays

PRICES = (0.0133, 0.0094, 0.0066, 0.0047, 0.0033, 0.0024, 0.0017, 0.0012, 0.00085, 0.0006)
LEVELS = (0.97, 0.975, 0.98, 0.985)
POINTS = (
    "fast", "balanced", "thorough", "exhaustive", "fast:price_per=token",
    "balanced:price_per=token", "thorough:price_per=token", "best-of-infinity",
    "best-of-infinity:bayes_factor=100", "best-of-infinity:prior=authors", "ahead-by",
    "ahead-by:votes=6", "adaptive-consistency", "p-value", "window", "doubling",
    "certified", "certified:error=.2", "fixed:n=5", "fixed:n=10", "fixed:n=40", "fixed:n=100",
)  # fmt: skip


def optimal(**settings: object) -> list[str]:
    more = "".join(f",{name}={value}" for name, value in settings.items())
    return [f"optimal:price={price}{more}" for price in PRICES]


FAMILIES: Mapping[str, Sequence[str]] = {
    "optimal": optimal(),
    "optimal, question's length": optimal(question_length=0.5),
    "optimal, no lengths": optimal(length_evidence=0),
    "optimal, no lengths, prior .3": optimal(length_evidence=0, prior=0.3),
    "optimal, per token": optimal(price_per="token"),
    "best-of-infinity": [
        f"best-of-infinity:bayes_factor={b}" for b in (5, 10, 20, 30, 50, 100, 200, 300)
    ],
    "best-of-infinity, authors' prior": [
        f"best-of-infinity:prior=authors,bayes_factor={b}" for b in (5, 10, 20, 30, 50, 100, 200)
    ],
    "ahead-by": [f"ahead-by:votes={k}" for k in range(2, 10)],
    "adaptive-consistency": [
        f"adaptive-consistency:threshold={t}" for t in (0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98)
    ],
    "p-value": [f"p-value:level={t}" for t in (0.3, 0.2, 0.15, 0.1, 0.05, 0.03)],
    "window": [f"window:size={k}" for k in (2, 3, 4, 5, 6)],
    "certified": [f"certified:error={t}" for t in (0.45, 0.4, 0.3, 0.2, 0.1)],
}


def points(data: EvaluationSet, plan: ReplayPlan) -> None:
    print("| rule | samples | tokens, thousand | agreement | accuracy |\n|---|---:|---:|---:|---:|")
    for result in replay_all(data, POINTS, plan):
        cells = [
            f"{result.samples:.2f} ± {result.standard_error('samples'):.2f}",
            f"{result.tokens / 1000:.0f} ± {result.standard_error('tokens') / 1000:.0f}",
            f"{result.agreement:.4f} ± {result.standard_error('agreement'):.4f}",
            f"{result.accuracy:.4f}",
        ]
        print(f"| {result.rule} |", " | ".join(cells), "|")


def ratios(data: EvaluationSet, plan: ReplayPlan) -> None:
    found = frontier(data, FAMILIES, plan)
    for cost in ("samples", "tokens"):
        unit = 1 if cost == "samples" else 1000
        print(f"\n{cost.capitalize()}{'' if unit == 1 else ', thousand,'} at an agreement of\n")
        print("| family |", " | ".join(map(str, LEVELS)), "|")
        print("|---|", "---:|" * len(LEVELS), sep="")
        for name, line in found.lines.items():
            cells = [f"{line.cost_at(level, cost) / unit:.1f}" for level in LEVELS]
            print(f"| {name} |", " | ".join(cells), "|")
    pairs = [
        *(("optimal", other, "samples") for other in found.lines if "token" not in other),
        ("optimal, question's length", "optimal", "samples"),
        ("optimal, question's length", "oracle", "samples"),
        ("optimal, per token", "optimal", "tokens"),
        ("optimal, per token", "optimal, no lengths, prior .3", "tokens"),
        ("optimal, per token", "best-of-infinity", "tokens"),
    ]
    print("\n| cost of one over another |", " | ".join(map(str, LEVELS)), "|")
    print("|---|", "---:|" * len(LEVELS), sep="")
    for one, other, cost in pairs:
        if one == other:
            continue
        cells = []
        for level in LEVELS:
            ratio, error = found.ratio(one, other, level, cost=cost)
            cells.append(f"{ratio:.3f} ± {error:.3f}")
        print(f"| {cost}: {one} / {other} |", " | ".join(cells), "|")


def chosen(data: EvaluationSet, plan: ReplayPlan) -> None:
    """Settings chosen on half of the questions, counted on the other half, both ways."""
    variants = {
        f"lengths {b}, question {q}": optimal(length_evidence=b, question_length=q)
        for b in (0, 1)
        for q in (0, 0.25, 0.5, 0.75, 1)
    }
    reference, both = "lengths 0, question 0", "lengths 1, question 0.5"
    halves = halved(data)
    for place in (0, 1):
        learned = frontier(halves[place], variants, plan, fixed=False, oracle=False)
        best = min(variants, key=lambda name: sum(learned.lines[name].cost_at(v) for v in LEVELS))
        counted = frontier(
            halves[1 - place],
            {name: variants[name] for name in (best, both, reference, "lengths 1, question 0")},
            plan,
            fixed=False,
        )
        print(f"\nhalf {place + 1} chooses {best}; on the other half, samples against {reference}")
        for name in dict.fromkeys([best, both, "lengths 1, question 0"]):
            cells = [counted.ratio(name, reference, level) for level in LEVELS]
            print(f"* {name}:", ", ".join(f"{r:.3f} ± {e:.3f}" for r, e in cells))
        cells = [counted.ratio(both, "oracle", level) for level in LEVELS]
        print("* with both, over the oracle:", ", ".join(f"{r:.3f} ± {e:.3f}" for r, e in cells))


def halved(data: EvaluationSet) -> tuple[EvaluationSet, EvaluationSet]:
    """Split every data set at random into halves."""
    parts = [
        data.filter(lambda q, name=name: q.dataset == name).split(0.5)  # type: ignore[misc]
        for name in data.datasets
    ]
    first, second = zip(*parts, strict=True)
    return EvaluationSet.merge(first), EvaluationSet.merge(second)


def ensembles(data: EvaluationSet, plan: ReplayPlan) -> None:
    levels = (0.96, 0.97, 0.98)
    families = {
        "optimal": optimal(),
        "no lengths": optimal(length_evidence=0),
        "half": optimal(length_evidence=0.5),
    }
    for dataset in data.datasets:
        part = data.filter(lambda q, name=dataset: q.dataset == name)  # type: ignore[misc]
        weights = dict.fromkeys(part.members, 1.0)
        print(f"\n{dataset}, {len(weights)} members of equal weight; samples at {levels}")
        for schedule in ("greedy", "golden", "independent"):
            for costs in ("equal", "usual") if schedule == "greedy" else ("equal",):
                found = frontier(
                    part,
                    families,
                    ReplayPlan(
                        replacement=True,
                        weights=weights,
                        schedule=schedule,  # type: ignore[arg-type]
                        costs=costs,  # type: ignore[arg-type]
                        trials=plan.trials,
                    ),
                    fixed=False,
                    oracle=False,
                )
                label = f"{schedule}{', price of tokens' if costs == 'usual' else ''}"
                for name, line in found.lines.items():
                    samples = ", ".join(f"{line.cost_at(v):.2f}" for v in levels)
                    tokens = ", ".join(f"{line.cost_at(v, 'tokens') / 1000:.0f}k" for v in levels)
                    print(f"* {label}; {name}: {samples}; tokens {tokens}")
                for name in ("optimal", "half"):
                    cells = [found.ratio(name, "no lengths", v) for v in levels]
                    text = ", ".join(f"{r:.3f} ± {e:.3f}" for r, e in cells)
                    print(f"  {name} / no lengths: {text}")


SPREAD = {"gpt-oss-20b": 0.15, "Phi-4-reasoning": 0.5}
"""Prices of a token that differ, beside 1 for all other members."""


def costs(data: EvaluationSet, plan: ReplayPlan) -> None:
    """Money at equal agreement, by the power of a member's cost in the greedy order."""
    for dataset, levels in (
        ("aime2024", (0.95, 0.96, 0.97, 0.98)),
        ("math500", (0.985, 0.99, 0.993)),
    ):
        part = data.filter(lambda q, name=dataset: q.dataset == name)  # type: ignore[misc]
        populations = alone(part, drop_invalid=True)
        trials = max(1, plan.trials * 30 // len(part))
        right: dict[str, list[float]] = {}
        tokens: dict[str, list[float]] = {}
        for population in populations:
            right.setdefault(population.group, []).append(population.p_right or 0.0)
            tokens.setdefault(population.group, []).append(float(population.tokens[0].mean()))
        ranked = sorted(right, key=lambda name: -float(np.mean(right[name])))
        for title, weights in (
            ("equal weights", dict.fromkeys(ranked, 1.0)),
            (
                "each weight .7 of the one before, by accuracy",
                {n: 0.7**i for i, n in enumerate(ranked)},
            ),
        ):
            for spread in ({}, SPREAD):
                prices = {name: spread.get(name, 1.0) for name in ranked}
                cost = {name: prices[name] * float(np.mean(tokens[name])) for name in ranked}
                lines: dict[str, Curve] = {}
                for label, schedule, power in (
                    ("golden", "golden", 0.0),
                    *((f"greedy, power {p:g}", "greedy", p) for p in (0.0, 0.5, 1.0)),
                ):
                    own = replace(
                        plan, weights=weights, schedule=schedule, prices=prices, trials=trials,
                        costs={name: value**power for name, value in cost.items()},
                    )  # type: ignore[arg-type]  # fmt: skip
                    lines |= frontier(
                        part, {label: optimal()}, own, fixed=False, oracle=False
                    ).lines
                found = Frontier(lines, {})
                told = f"{dataset}, {len(ranked)} members, {title}, {'prices that differ' if spread else 'one price'}"
                print(
                    f"\n| {told}: cost over golden |",
                    " | ".join(map(str, levels)),
                    "| samples there |",
                )
                print("|---|", "---:|" * (len(levels) + 1), sep="")
                for name, line in lines.items():
                    ratios = [found.ratio(name, "golden", level, cost="cost") for level in levels]
                    cells = [f"{ratio:.2f} ± {error:.2f}" for ratio, error in ratios]
                    samples = " / ".join(f"{line.cost_at(level):.1f}" for level in levels)
                    print(f"| {name} |", " | ".join(cells), "|", samples, "|", flush=True)


def stream(data: EvaluationSet, plan: ReplayPlan) -> None:
    """Questions one after the other, in random order, under a mean budget of samples."""
    resampler = Resampler(trials=1, samples=100, replacement=True)
    populations = alone(data, drop_invalid=True)
    order = np.random.default_rng(0).permutation(len(populations))
    dear = [f"optimal:price={price}" for price in (0.05, 0.035, 0.026, 0.019)]
    fixed_price = frontier(
        data, {"optimal": dear + optimal()}, replace(plan, trials=10), fixed=False, oracle=False
    )
    line = fixed_price.lines["optimal"]
    costs, values = zip(
        *sorted((float(p["samples"].mean()), float(p["agreement"].mean())) for p in line.points),
        strict=True,
    )
    print(
        "| mean budget | mean samples | agreement | one price of equal cost |\n|---:|---:|---:|---:|"
    )
    for budget in (3.0, 4.0, 5.0, 6.0):
        controller, agreed = BudgetController(budget), 0
        for place in order:
            population = populations[place]
            draws, tally = resampler.draw([population]), Tally()
            for answer, tokens in zip(draws.answers[0], draws.tokens[0], strict=True):
                tally.vote(int(answer), tokens=int(tokens))
                if controller.rule.check(tally) is not None:
                    break
            agreed += bool(population.modes[tally.leader])
            controller.book(tally.n_samples)
        level = np.interp(controller.mean, costs, values, left=math.nan, right=math.nan)
        print(f"| {budget:g} | {controller.mean:.2f} | {agreed / len(order):.4f} | {level:.4f} |")


@dataclass(frozen=True)
class Variant(OptimalStopping):
    """The optimal rule with more terms in its score.

    Attributes:
        difficulty: Weight of the question's own length against the usual one.
        unanimous: The same, only while there is no runner-up.
        waste: Power of the share of the two leading answers, beyond 1.
        spread: Weight of the number of distinct answers, log K / log n.
    """

    difficulty: float = 0.0
    unanimous: float = 0.0
    waste: float = 0.0
    spread: float = 0.0

    def check_many(self, tallies: TallyArrays) -> NDArray[np.bool_] | None:
        c1, c2 = tallies.c1, tallies.c2
        n = np.maximum(tallies.n, 1)
        longer = tallies.excess / (tallies.n_measured + 2)
        score = index(self.prior).at_many(c1, c2)
        score += (1 + self.waste) * np.log(np.where(c1 > 0, (c1 + c2) / n, 1.0))
        score += self.length_evidence * np.clip(
            tallies.length_gap(tallies.leader, tallies.runner_up), -1, 1
        )
        score += self.difficulty * longer + self.unanimous * longer * (c2 == 0)
        score += self.spread * np.log(np.maximum(tallies.n_answers, 1)) / np.log(n + 1)
        return (c1 > 0) & (score <= math.log(self.price))


def tried(data: EvaluationSet, plan: ReplayPlan) -> None:
    """Further terms in the score; samples at equal agreement against the rule as it is."""
    terms = {
        f"{name} {value:g}": {name: value}
        for name, values in {
            "difficulty": (-0.5, 0.5),
            "unanimous": (0.5, 1.0),
            "waste": (-0.5, 0.5),
            "spread": (-0.5, 0.5),
        }.items()
        for value in values
    }
    families: dict[str, Sequence[StopRule]] = {"as it is": [Variant(price) for price in PRICES]}
    families |= {name: [Variant(p, **term) for p in PRICES] for name, term in terms.items()}
    found = frontier(data, families, plan, fixed=False, oracle=False)
    print("| term | " + " | ".join(map(str, LEVELS)) + " |")
    print("|---|", "---:|" * len(LEVELS), sep="")
    for name in terms:
        cells = [found.ratio(name, "as it is", level) for level in LEVELS]
        print(f"| {name} |", " | ".join(f"{r:.3f} ± {e:.3f}" for r, e in cells), "|")


PARTS: Mapping[str, Callable[[EvaluationSet, ReplayPlan], None]] = {
    "points": points,
    "ratios": ratios,
    "chosen": chosen,
    "ensembles": ensembles,
    "costs": costs,
    "stream": stream,
    "tried": tried,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frontier", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--trials", type=int, default=40)
    settings = parser.parse_args(arguments)
    data = recorded_answers()
    if data is None:
        print("recorded data not found: set BESTOFINF_DATA", file=sys.stderr)
        return
    plan = ReplayPlan(trials=settings.trials, drop_invalid=True, replacement=True)
    for name in settings.parts or PARTS:
        if name not in PARTS:
            parser.error(f"no part {name!r}: choose from {', '.join(PARTS)}")
        print(f"\n## {name}\n", flush=True)
        PARTS[name](data, plan)


if __name__ == "__main__":
    main()

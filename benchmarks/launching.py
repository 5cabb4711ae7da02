"""Time and tokens of launching by chance: ``python -m benchmarks.launching [PART ...]``.

Parts: times, calibration; both by default. Votes of recorded answers against a simulated clock: a
reply takes as long as it has tokens, and what a decision gives up is paid for until then. Figures
are relative to the same votes one draw at a time; errors are standard errors of a paired bootstrap
over questions. ``--trials N`` sets the votes per question and member of the smallest data set (20);
larger sets take fewer, so that all have about as many votes. ``--rule`` takes another rule than
``balanced``. Prints Markdown.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.common import recorded_answers
from bestofinf.evaluation import EvaluationSet
from bestofinf.replay import ReplayPlan, Timing, replay
from bestofinf.replay.draws import Resampler
from bestofinf.replay.populations import Floats, Ints, alone
from bestofinf.replay.results import ReplayResult, bootstrap
from bestofinf.rules import StopRule, parse_rule
from bestofinf.rules.tally import Tally

ONE_BY_ONE = Timing("thrifty", slots=1)
LAUNCHES = (
    Timing("thrifty"),
    *(Timing(waiting=waiting) for waiting in (0.25, 0.5, 1, 2)),
    Timing("eager", slots=3),
    Timing("eager", slots=4),
    Timing("eager"),
    Timing("eager", "arrival"),
)
AHEAD = 8  # draws whose chances are judged: what the default slots can launch


def times(data: EvaluationSet, rule: StopRule, trials: int) -> None:
    """Time and tokens of every way to launch, one data set after the other."""
    smallest = min(len(part) for part in by_dataset(data).values())
    for name, part in by_dataset(data).items():
        plan = ReplayPlan(
            trials=max(1, trials * smallest // len(part)), drop_invalid=True, replacement=True
        )
        alone = replay(part, rule, plan, timing=ONE_BY_ONE)
        print(f"\n{name}: {len(part)} questions, {len(part.members)} members, ", end="")
        print(f"{plan.trials} votes each of {alone.samples:.2f} samples\n")
        print("| launch | slots | started | time | tokens | agreement | votes that differ |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for timing in LAUNCHES:
            found = replay(part, rule, plan, timing=timing)
            same = ("samples", "agreement", "accuracy")
            differ = np.any(
                [~np.isclose(found.columns[m], alone.columns[m], equal_nan=True) for m in same],
                axis=0,
            )
            label = timing.launch or f"waiting {timing.waiting:g}"
            print(
                f"| {label}{', arrival order' if timing.order == 'arrival' else ''} "
                f"| {timing.slots} | {found.mean('started'):.2f} "
                f"| {share(found, alone, 'seconds')} | {share(found, alone, 'tokens')} "
                f"| {found.agreement:.4f} | {differ.mean():.0%} |",
                flush=True,
            )


def share(one: ReplayResult, other: ReplayResult, measure: str) -> str:
    """Return a mean over that of another result of the same questions, with its error."""

    def quotient(weights: Floats) -> Floats:
        above = one.grid.means(one.columns[measure], weights)
        ratio: Floats = above / other.grid.means(other.columns[measure], weights)
        return ratio

    return f"{one.mean(measure) / other.mean(measure):.3f} ± {bootstrap(one.grid, quotient):.3f}"


def calibration(data: EvaluationSet, rule: StopRule, trials: int) -> None:
    """How often draws were needed, by the chance that the rule gave them beforehand."""
    smallest = min(len(part) for part in by_dataset(data).values())
    for name, part in by_dataset(data).items():
        told, seen, question = forecasts(part, rule, max(1, trials * smallest // len(part)))
        print(f"\n{name}\n\n| chance | forecasts | told | needed | difference |")
        print("|---|---:|---:|---:|---:|")
        for low in range(10):
            rows = np.flatnonzero((told >= low / 10) & (told < (low + 1) / 10))
            if not len(rows):
                continue
            beyond = seen[rows] - told[rows]
            # Forecasts of one question stand and fall together: errors are over questions.
            sums = np.bincount(question[rows], beyond - beyond.mean())
            error = math.sqrt(float((sums**2).sum())) / len(rows)
            print(
                f"| {low / 10:.1f} to {(low + 1) / 10:.1f} | {len(rows):,} "
                f"| {told[rows].mean():.3f} | {seen[rows].mean():.3f} "
                f"| {beyond.mean():+.3f} ± {error:.3f} |"
            )


def forecasts(data: EvaluationSet, rule: StopRule, trials: int) -> tuple[Floats, Floats, Ints]:
    """Return the chances below 1 that a rule told along votes one by one, and whether it was so.

    Returns:
        Three arrays of equal length: the chance told, 1 where the draw was needed and else 0, and
        the place of the question.
    """
    resampler = Resampler(trials=trials, samples=100, replacement=True)
    place = {question.id: i for i, question in enumerate(data)}
    told: list[float] = []
    seen: list[bool] = []
    asked: list[int] = []
    for population in alone(data, drop_invalid=True):
        draws = resampler.draw([population])
        for answers, tokens in zip(draws.answers.tolist(), draws.tokens.tolist(), strict=True):
            tally, states = Tally(), list[list[float]]()
            for answer, length in zip(answers, tokens, strict=True):
                states.append(rule.chances(tally, [0] * AHEAD, 1e-3))
                tally.vote(answer, tokens=length)
                if rule.check(tally) is not None:
                    break
            for before, chances in enumerate(states):
                for further, chance in enumerate(chances, 1):
                    if chance < 1:
                        told.append(chance)
                        seen.append(before + further <= len(states))
                        asked.append(place[population.question])
    return np.array(told), np.array(seen, dtype=np.float64), np.array(asked)


def by_dataset(data: EvaluationSet) -> dict[str, EvaluationSet]:
    return {
        name: data.filter(lambda q, name=name: q.dataset == name)  # type: ignore[misc]
        for name in data.datasets
    }


PARTS: Mapping[str, Callable[[EvaluationSet, StopRule, int], None]] = {
    "times": times,
    "calibration": calibration,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.launching", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--rule", type=parse_rule, default=parse_rule("balanced"))
    settings = parser.parse_args(arguments)
    data = recorded_answers()
    if data is None:
        print("recorded data not found: set BESTOFINF_DATA", file=sys.stderr)
        return
    for name in settings.parts or PARTS:
        if name not in PARTS:
            parser.error(f"no part {name!r}: choose from {', '.join(PARTS)}")
        print(f"\n## {name}, {settings.rule}\n", flush=True)
        PARTS[name](data, settings.rule, settings.trials)


if __name__ == "__main__":
    main()

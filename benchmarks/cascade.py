"""The cheap end, against ModelSwitch: ``python -m benchmarks.cascade [--trials N]``.

Votes of Qwen3-30B, then gpt-oss-20b, then Qwen3-14B on recorded answers, compared as plain strings.
ModelSwitch (arXiv 2504.00762) asks a model k times, ends where the k replies agree, else asks the
next one; in the end the majority of all replies wins. It is rebuilt here without its external
weights of models. All ways see the same replies of a model in the same order. Errors are standard
errors over questions, of the paired difference where one is told.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import recorded_answers
from bestofinf.evaluation import Question
from bestofinf.records import Sample, Usage
from bestofinf.rules import MaxSamples, StopRule, Verdict, parse_rule
from bestofinf.rules.tally import Tally
from bestofinf.voting.engine import VotingEngine

MEMBERS = ("Qwen3-30B-A3B-Thinking-2507", "gpt-oss-20b", "Qwen3-14B")
WEIGHTS = (1.0, 1.0, 1.0)
OURS = ("frugal", "first-to:votes=3", "optimal:price=.0133", "fast", "balanced")


@dataclass(frozen=True)
class ModelSwitch(StopRule):
    """Ends at `k` replies of one model that agree, or when the last model has been asked."""

    k: int
    name: ClassVar[str] = "model-switch"

    def check(self, tally: Tally) -> Verdict | None:
        asked = tally.n_samples
        agreed = tally.n_votes == asked and tally.streak >= self.k
        done = asked >= self.k * len(MEMBERS) or (asked % self.k == 0 and agreed)
        return Verdict("model-switch") if done else None


def ended(question: Question, rule: StopRule, orders: Sequence[NDArray[np.int64]]) -> list[float]:
    """Return whether a vote was right, its tokens and its samples."""
    taken = [iter(order.tolist()) for order in orders]

    def sample(member: int) -> Sample:
        recorded = question.samples[MEMBERS[member]]
        place = next(taken[member])
        tokens = recorded.tokens[place] or 0
        return Sample(
            recorded.answers[place] or None,
            tokens=tokens,
            usage=Usage(output_tokens=tokens, calls=1),
        )

    if isinstance(rule, ModelSwitch):
        tally = Tally(WEIGHTS)
        for member in (m for m in range(len(MEMBERS)) for _ in range(rule.k)):
            got = sample(member)
            tally.spend(tokens=got.tokens or 0)
            if got.answer is None:
                tally.abstain()
            else:
                tally.vote(got.answer, member=member, tokens=got.tokens)
            if rule.check(tally) is not None:
                break
        return [tally.leader == question.gold, tally.tokens, tally.n_samples]
    engine = VotingEngine(rule | MaxSamples(64), WEIGHTS, waiting=0, abstain_limit=None)
    while not engine.done:
        for draw in engine.ask(1):
            engine.tell(draw, sample(draw.member))
    decision = engine.decision()
    return [decision.answer == question.gold, engine.tally.tokens, decision.n_samples]


def compared(questions: Sequence[Question], rules: Sequence[StopRule], trials: int) -> None:
    found = np.zeros((len(rules), len(questions), trials, 3))
    rng = np.random.default_rng(0)
    for place, question in enumerate(questions):
        for trial in range(trials):
            orders = [rng.permutation(len(question.samples[name].answers)) for name in MEMBERS]
            for which, rule in enumerate(rules):
                found[which, place, trial] = ended(question, rule, orders)
    means = found.mean(axis=2)
    switches = [i for i, rule in enumerate(rules) if isinstance(rule, ModelSwitch)]
    print("| way | samples | tokens, thousand | right | against ModelSwitch with as many tokens |")
    print("|---|---:|---:|---:|---|")
    for which, rule in enumerate(rules):
        right, tokens, samples = means[which].T
        against = ""
        if which not in switches:
            # The dearest of theirs that does not cost more; the cheapest where all cost more.
            dear = [i for i in switches if means[i, :, 1].mean() <= 1.05 * tokens.mean()]
            other = max(dear or switches[:1], key=lambda i: means[i, :, 1].mean())
            gap = right - means[other, :, 0]
            against = f"k = {rules[other].k}: {gap.mean():+.4f} ± {error(gap):.4f}"  # type: ignore[attr-defined]
        name = f"ModelSwitch, k = {rule.k}" if isinstance(rule, ModelSwitch) else str(rule)
        print(
            f"| {name} | {samples.mean():.2f} | {tokens.mean() / 1000:.1f} ± "
            f"{error(tokens) / 1000:.1f} | {right.mean():.4f} ± {error(right):.4f} | {against} |"
        )


def error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) / len(values) ** 0.5


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cascade", description=__doc__)
    parser.add_argument(
        "--trials", type=int, default=80, help="votes a question of the smallest set"
    )
    settings = parser.parse_args(arguments)
    data = recorded_answers()
    if data is None:
        print("recorded data not found: set BESTOFINF_DATA", file=sys.stderr)
        return
    rules: list[StopRule] = [*(ModelSwitch(k) for k in (2, 3, 4, 6)), *map(parse_rule, OURS)]
    sets = {name: [q for q in data if q.dataset == name] for name in data.datasets}
    smallest = min(map(len, sets.values()))
    for name, questions in sets.items():
        trials = max(1, settings.trials * smallest // len(questions))
        print(f"\n{name}: {len(questions)} questions, {trials} votes each\n")
        compared(questions, rules, trials)


if __name__ == "__main__":
    main()

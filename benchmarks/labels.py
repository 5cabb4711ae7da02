"""What few labels are worth, and what proves the weights: ``python -m benchmarks.labels``.

Regrets are in points of the accuracy with ten votes (normal approximation), on the half of the questions
that was not learned from; the other half has eight recorded answers of each member. Member sets of
two to six are drawn at random, and all rows of a set see the same splits. Regret is the distance to the
best row of the member set, in the mean over splits; told are the mean, its standard error and the
worst over member sets. Prints Markdown; ``--json FILE`` writes the figures, ``--quick`` takes fewer
splits, ``--only PART ...`` some of the parts.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import mip
import numpy as np

from benchmarks.common import connect_support, table
from bestofinf import tiny
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet
from bestofinf.weights import Decider, compare_weights, fit_weights
from bestofinf.weights.asking import ask_scores
from bestofinf.weights.ballots import Ballots
from bestofinf.weights.consensus import consensus
from bestofinf.weights.credit import softmax_credit, vote_chance
from bestofinf.weights.fit import learn
from bestofinf.weights.solver.clock import Clock
from bestofinf.weights.solver.margins import Floats, Margins

connect_support()

from support.ensembles import from_votes, made_set, recorded  # noqa: E402

Row = dict[str, Any]

SAMPLES = 8
RIVALS = ("softmax", "finite-n", "blend", "bagged-single", "hinge", "single", "uniform")


def thinned(evaluation_set: EvaluationSet, random: np.random.Generator) -> EvaluationSet:
    """Keep eight answers of every member, drawn at random."""

    def some(samples: Any) -> Any:
        places = random.choice(len(samples), min(SAMPLES, len(samples)), replace=False)
        return samples.pick(sorted(places.tolist()))

    return EvaluationSet(
        tuple(
            replace(q, samples={name: some(found) for name, found in q.samples.items()})
            for q in evaluation_set
        )
    )


def with_copies(random: np.random.Generator) -> EvaluationSet:
    """Two specialists of the tiny models, and three copies of the one that hurries."""
    made = []
    for question in tiny.recorded():
        kept = {name: question.samples[name] for name in ("sum", "mul")}
        order = random.permutation(len(question.samples["hasty"]))
        for copy in range(3):
            kept[f"hasty{copy}"] = question.samples["hasty"].pick(order[copy::3].tolist())
        made.append(replace(question, samples=kept))
    return EvaluationSet(tuple(made))


def sets() -> dict[str, tuple[EvaluationSet | None, int, int]]:
    """Return the sets, with member sets and splits of each."""
    return {
        "AIME2024": (recorded("aime2024"), 15, 16),
        "MATH500": (recorded("math500"), 8, 6),
        "tiny": (tiny.recorded(), 12, 6),
    }


Learned = Callable[[EvaluationSet, Sequence[str], np.random.Generator], Mapping[str, Floats]]


def regrets(
    evaluation_set: EvaluationSet,
    learned: Learned,
    *,
    member_sets: int,
    splits: int,
    random: np.random.Generator,
    whole: bool = False,
) -> Iterator[Row]:
    """Yield the regret of every row that `learned` returns weights for."""
    found: list[dict[str, float]] = []
    names = list(evaluation_set.members)
    for _ in range(member_sets):
        size = int(random.integers(2, min(6, len(names)) + 1))
        chosen = names if whole else sorted(random.choice(names, size, replace=False).tolist())
        own = EvaluationSet(
            tuple(
                replace(q, samples={name: q.samples[name] for name in chosen})
                for q in evaluation_set
            )
        )
        full = Ballots.of(own, members=chosen)
        scores: dict[str, list[float]] = {}
        for _ in range(splits):
            order = random.permutation(len(own))
            half = len(own) // 2
            seen = EvaluationSet(tuple(own.questions[q] for q in np.sort(order[:half])))
            test = full.against(full.gold, np.sort(order[half:]))
            rows = learned(thinned(seen, random), chosen, random)
            for name, weights in rows.items():
                scores.setdefault(name, []).append(float(vote_chance(test, weights).mean()))
        found.append({name: float(np.mean(values)) for name, values in scores.items()})
    accuracy = 100 * np.array([list(scores.values()) for scores in found])
    regret = accuracy.max(axis=1, keepdims=True) - accuracy
    for place, name in enumerate(found[0]):
        own_regret = regret[:, place]
        yield {
            "learned from": name,
            "accuracy": accuracy[:, place].mean(),
            "regret": own_regret.mean(),
            "se": own_regret.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else 0.0,
            "worst": own_regret.max(),
        }


def by_labels(
    seen: EvaluationSet, names: Sequence[str], random: np.random.Generator
) -> Mapping[str, Floats]:
    """Return weights from no label, few asked ones, and all."""
    ballots = Ballots.of(seen, members=names)
    order = np.argsort(-ask_scores(ballots), kind="stable")
    rows = {
        "equal weights": np.full(len(names), 1 / len(names)),
        "no label": consensus(ballots, np.array([], dtype=np.int64)).weights,
    }
    for number in (5, 10):
        rows[f"{number} asked"] = consensus(ballots, np.sort(order[:number])).weights
    drawn = np.sort(random.permutation(len(ballots))[:5])
    rows["5 random, labels alone"] = softmax_credit(ballots.against(ballots.gold, drawn))
    rows["all labels (softmax)"] = softmax_credit(ballots.against(ballots.gold))
    return rows


def few_labels(*, quick: bool) -> Iterator[Row]:
    """Regret of `consensus` with few labels and of the supervised default with all."""
    for name, (evaluation_set, member_sets, splits) in sets().items():
        if evaluation_set is None:
            continue
        random = np.random.default_rng(7)
        rows = regrets(
            evaluation_set,
            by_labels,
            member_sets=member_sets,
            splits=2 if quick else splits,
            random=random,
        )
        for row in rows:
            yield {"set": name, **row}
    random = np.random.default_rng(7)
    rows = regrets(
        with_copies(random),
        by_labels,
        member_sets=1,
        splits=2 if quick else 12,
        random=random,
        whole=True,
    )
    for row in rows:
        yield {"set": "tiny and copies", **row}


def recommended(
    seen: EvaluationSet, names: Sequence[str], random: np.random.Generator
) -> Mapping[str, Floats]:
    """Return what is recommended, beside every learner."""
    margins = Margins.of(seen, members=names)
    rows = {name: learn(margins, name, solver="cbc", clock=Clock(5.0)).weights for name in RIVALS}
    found = compare_weights(seen, ("uniform",), splits=10, members=names).recommended
    rows["recommended"] = np.array([found.weights.get(name, 0.0) for name in names])
    return rows


def recommendations(*, quick: bool) -> Iterator[Row]:
    """Regret of `WeightComparison.recommended` on fresh member sets."""
    for name, (evaluation_set, member_sets, splits) in sets().items():
        if evaluation_set is None:
            continue
        rows = regrets(
            evaluation_set,
            recommended,
            member_sets=2 if quick else member_sets,
            splits=1 if quick else splits // 2,
            random=np.random.default_rng(11),
        )
        for row in rows:
            yield {"set": name, **row}


def estimates(*, quick: bool) -> Iterator[Row]:
    """What `compare_weights` says of accuracy from asked labels, and from random ones."""
    full = tiny.recorded()
    random = np.random.default_rng(3)
    kept = thinned(full, random)
    truth = compare_weights(kept, ("uniform",), splits=4).heldout["uniform"].accuracy
    order = np.argsort(-ask_scores(Ballots.of(kept)), kind="stable")
    for number in (25, 50, 100):
        try:
            compare_weights(labelled(kept, order[:number].tolist(), "asked"), ("uniform",))
            said = "an accuracy"
        except UsageError:
            said = "no accuracy"
        yield {"labels": f"{number} asked", "says": said, "truth": truth, "held": None}
    held = []
    for _ in range(4 if quick else 120):
        some = labelled(kept, random.permutation(len(kept))[:50].tolist(), "random")
        found = compare_weights(some, ("uniform",), splits=4).heldout["uniform"]
        held.append(abs(found.accuracy - truth) <= 1.96 * found.se)
    share = float(np.mean(held))
    yield {"labels": "50 random", "says": "an interval", "truth": truth, "held": share}


def labelled(evaluation_set: EvaluationSet, places: Sequence[int], source: str) -> EvaluationSet:
    """Keep the labels of some questions, given for one reason."""
    kept = set(places)
    return EvaluationSet(
        tuple(
            replace(q, provenance=source) if place in kept else replace(q, gold=None)
            for place, q in enumerate(evaluation_set)
        )
    )


def decisions(*, quick: bool) -> Iterator[Row]:
    """Labels that decide between two candidates, and how often they decide wrongly."""
    random = np.random.default_rng(5)
    for number in (10, 30, 100):
        for first in (0.5, 0.55, 0.65, 0.8):
            wrong, undecided, labels = [], [], []
            for seed in range(20 if quick else 200):
                favours = random.random(number) < first
                votes = [{"x": "A", "y": "B"} if one else {"x": "B", "y": "A"} for one in favours]
                votes += [{"x": "A", "y": "A"}] * number
                open_ = tuple(replace(q, gold=None) for q in from_votes(*votes))
                decider = Decider(EvaluationSet(open_), {"x": 1.0}, {"y": 1.0}, seed=seed)
                told = 0
                while (wanted := decider.next()) is not None:
                    decider.tell(wanted.id, "A")
                    told += 1
                ahead = 2 * int(favours.sum()) - number
                better = None if not ahead else "first" if ahead > 0 else "second"
                found = decider.verdict().winner
                wrong.append(found is not None and found != better)
                undecided.append(found is None and better is not None)
                labels.append(told / number)
            yield {
                "questions that differ": number,
                "chance of the first": first,
                "wrong": float(np.mean(wrong)),
                "undecided": float(np.mean(undecided)),
                "labels / differing": float(np.mean(labels)),
            }


def proofs(*, quick: bool) -> Iterator[Row]:
    """Who proves the optimum, with how many programs of python-mip, and in what time."""
    made = [0]
    begin = mip.Model.__init__

    def counted(self: Any, *arguments: Any, **settings: Any) -> None:
        made[0] += 1
        begin(self, *arguments, **settings)

    instances = {"AIME2024": recorded("aime2024"), "MATH500": recorded("math500")}
    for questions in (50, 100) if quick else (50, 100, 198, 400):
        instances[f"made, {questions}"] = made_set(questions, seed=questions)
    fit_weights(made_set(10))  # what is imported at first use does not count
    mip.Model.__init__ = counted
    try:
        for name, evaluation_set in instances.items():
            for solver in ("cbc", "highs"):
                if evaluation_set is None:
                    continue
                made[0], began = 0, time.process_time()
                fit = fit_weights(evaluation_set, solver=solver)
                assert fit.proof is not None
                yield {
                    "set": name,
                    "solver": solver,
                    "won": f"{fit.correct} of {fit.total}",
                    "bound": fit.bound,
                    "contested": fit.contested,
                    "wins proven by": fit.proof.wins,
                    "margin proven by": fit.proof.margin,
                    "programs": made[0],
                    "margin / bound": (fit.margin or 0) / (fit.margin_bound or np.inf),
                    "seconds": time.process_time() - began,
                }
    finally:
        mip.Model.__init__ = begin


PARTS: dict[str, Callable[..., Iterator[Row]]] = {
    "proofs": proofs,
    "decisions": decisions,
    "few_labels": few_labels,
    "estimates": estimates,
    "recommendations": recommendations,
}


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main(arguments: Sequence[str] | None = None) -> dict[str, list[Row]]:
    """Print the tables; return the rows by part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="fewer splits")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    chosen = parser.parse_args(arguments)
    found: dict[str, list[Row]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in chosen.only or PARTS:
            found[name] = list(PARTS[name](quick=chosen.quick))
            print(f"\n{(PARTS[name].__doc__ or name).splitlines()[0]}\n", flush=True)
            cells = [[_cell(value) for value in row.values()] for row in found[name]]
            print(table(" | ".join(found[name][0]), cells), flush=True)
            if chosen.json is not None:
                chosen.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


if __name__ == "__main__":
    main()

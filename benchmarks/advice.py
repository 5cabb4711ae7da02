"""What advice finds where the truth is known: ``python -m benchmarks.advice``.

Models whose chances are known answer questions (`tests/support/populations.py`): four copies of
one model, which no mixture gains from, and four models that differ, with a gain of five votes of
0.7, 2.4 and 6 points. Every run has other questions. Then: the accuracy of infinitely many votes
from few samples; the confidence learned from one half of the recorded questions on the other half;
and the time of advice. Prints Markdown; ``--json FILE`` writes the figures, ``--quick`` takes fewer
runs, ``--only PART ...`` some of the parts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import connect_support, table
from bestofinf import tiny
from bestofinf.advice import advise
from bestofinf.calibration import expected_calibration_error, fit_confidence
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.limits import Elections
from bestofinf.replay.decisions import decisions
from bestofinf.weights import compare_weights
from bestofinf.weights.compare import DEFAULT

connect_support()

from support.ensembles import recorded  # noqa: E402
from support.populations import COPIES, GAINS  # noqa: E402

Row = dict[str, Any]

SAMPLES = (4, 8, 16, 64)
QUESTIONS = 200


def verdicts(runs: int) -> Iterator[Row]:
    """What the comparison of weights says, run by run over populations and samples recorded."""
    settings = [(0.0, m, QUESTIONS) for m in SAMPLES]
    settings += [(gain, 16, n) for gain in GAINS if gain for n in (50, QUESTIONS, 500)]
    settings += [(gain, 8, QUESTIONS) for gain in GAINS if gain]
    for gain, samples, questions in settings:
        votes = min(5, samples)
        truth = GAINS[gain].gain(votes)
        found = [
            compare_weights(GAINS[gain].recorded(questions, samples, 1000 + seed), ("uniform",))
            for seed in range(runs)
        ]
        gains = np.array([f.heldout[DEFAULT].over_single.mean for f in found])
        errors = np.array([f.heldout[DEFAULT].over_single.se for f in found])
        said = Counter(f.verdict for f in found)
        yield {
            "gain": gain,
            "samples": samples,
            "questions": questions,
            "runs": runs,
            "truth": truth,
            "mean": float(gains.mean()),
            "mean_se": float(gains.std(ddof=1) / np.sqrt(runs)),
            "spread": float(gains.std(ddof=1)),
            "told_se": float(errors.mean()),
            "held": float((np.abs(gains - truth) <= 1.96 * errors).mean()),
            "says_gain": said["gain"] / runs,
            "mixture": sum(f.recommended.objective == DEFAULT for f in found) / runs,
        }


def recommendations(runs: int) -> Iterator[Row]:
    """How often advice recommends an ensemble of four copies."""
    for samples in SAMPLES:
        chosen = [
            advise(COPIES.recorded(QUESTIONS, samples, 2000 + seed), rules=("fast",), trials=4)
            for seed in range(runs)
        ]
        ensembles = sum(advice.chosen.kind == "ensemble" for advice in chosen)
        yield {"samples": samples, "runs": runs, "ensembles": ensembles / runs}


def limits(runs: int) -> Iterator[Row]:
    """The accuracy of infinitely many votes from few samples, beside that of the modes."""
    population = GAINS[2.4]
    chances = population.chances(np.random.default_rng(0), 100_000)[:, 0]
    truth = float((chances.argmax(axis=1) == 0).mean())
    for samples in (8, 16, 32, 64):
        values, held, modes = [], [], []
        for seed in range(runs):
            elections = Elections(population.recorded(QUESTIONS, samples, 3000 + seed), ["m0"])
            limit = elections.limit([1.0])
            assert limit.value is not None
            assert limit.se is not None
            values.append(limit.value)
            held.append(abs(limit.value - truth) <= 1.96 * limit.se)
            modes.append(float(elections.whole([1.0]).mean()))
        yield {
            "samples": samples,
            "truth": truth,
            "mean": float(np.mean(values)),
            "modes": float(np.mean(modes)),
            "held": float(np.mean(held)),
        }


def confidences(splits: int) -> Iterator[Row]:
    """Calibration learned on one part of the questions, judged on the others.

    ``error``, ``perfect`` and ``before`` are means over members and splits; ``together`` and
    ``together before`` are the errors of all their votes in one, with the standard error of their
    difference over questions.
    """
    sets = {
        "tiny": tiny.recorded(),
        "MATH500": recorded("math500"),
        "AIME2024": recorded("aime2024"),
    }
    for name, evaluation_set in sets.items():
        if evaluation_set is None:
            continue
        for rule in ("balanced", "fixed:n=5"):
            yield {"set": name, "rule": rule, **_confidence(evaluation_set, rule, splits)}


def _confidence(evaluation_set: EvaluationSet, rule: str, splits: int) -> Row:
    rng = np.random.default_rng(0)
    found: dict[str, list[float]] = {"error": [], "perfect": [], "before": [], "within": []}
    together: list[tuple[np.ndarray[Any, Any], ...]] = []
    # Thirty questions halved are too few to learn from.
    share = 0.5 if len(evaluation_set.labelled()) >= 40 else 2 / 3
    for member in evaluation_set.members:
        for seed in range(splits):
            first, second = evaluation_set.split(share, seed=seed)
            learned = fit_confidence(first, rule, {member: 1.0})
            votes = decisions(
                second, rule, weights={member: 1.0}, trials=1, max_samples=learned.max_samples
            )
            scores = votes.shares if learned.score == "share" else votes.confidences
            chances = np.array([learned.chance(s) for s in scores.tolist()])
            drawn = (rng.random((20, len(chances))) < chances).astype(float)
            found["error"].append(expected_calibration_error(chances, votes.right))
            found["perfect"].append(
                float(np.mean([expected_calibration_error(chances, row) for row in drawn]))
            )
            found["before"].append(expected_calibration_error(votes.confidences, votes.right))
            together.append((np.array(votes.questions), chances, votes.confidences, votes.right))
            for point in learned.curve:
                answered = chances >= point.least
                if answered.any():
                    right = votes.right[answered]
                    error = np.hypot(point.se, right.std() / np.sqrt(len(right)))
                    within = abs(right.mean() - point.accuracy) <= 1.96 * error + 1e-9
                    found["within"].append(float(within))
    return {
        "questions": len(second),
        **{k: float(np.mean(v)) for k, v in found.items()},
        **_together(*map(np.concatenate, zip(*together, strict=True)), rng=rng),
    }


def _together(
    questions: np.ndarray[Any, Any],
    chances: np.ndarray[Any, Any],
    before: np.ndarray[Any, Any],
    right: np.ndarray[Any, Any],
    *,
    rng: np.random.Generator,
) -> Row:
    """Calibration errors of all votes in one, and how sure their difference is."""
    _, place = np.unique(questions, return_inverse=True)
    votes_of = [np.flatnonzero(place == i) for i in range(place.max() + 1)]
    differences = []
    for _ in range(200):
        rows = np.concatenate(
            [votes_of[i] for i in rng.integers(len(votes_of), size=len(votes_of))]
        )
        after, old = (expected_calibration_error(c[rows], right[rows]) for c in (chances, before))
        differences.append(after - old)
    return {
        "together": expected_calibration_error(chances, right),
        "together before": expected_calibration_error(before, right),
        "±": float(np.std(differences)),
    }


def times() -> Iterator[Row]:
    """CPU time of advice on the recorded answers."""
    parts = [part for name in ("aime2024", "math500") if (part := recorded(name)) is not None]
    if parts:
        whole = EvaluationSet.merge(parts)
        began = time.process_time()
        advise(whole)
        samples = whole.summary().samples
        yield {"questions": len(whole), "samples": samples, "cpu_s": time.process_time() - began}


def _points(value: float) -> str:
    return f"{100 * value:+.2f}"


def _print_verdicts(rows: Sequence[Row]) -> None:
    head = (
        "true gain | samples | questions | mean gain ± | its spread | error told | held | says gain "
        "| recommends the mixture"
    )
    cells = [
        [
            _points(r["truth"]),
            f"{r['samples']}",
            f"{r['questions']}",
            f"{_points(r['mean'])} ± {100 * r['mean_se']:.2f}",
            f"{100 * r['spread']:.2f}",
            f"{100 * r['told_se']:.2f}",
            f"{r['held']:.2f}",
            f"{r['says_gain']:.2f}",
            f"{r['mixture']:.2f}",
        ]
        for r in rows
    ]
    print(table(head, cells))


def _print_rows(rows: Sequence[Row]) -> None:
    if rows:
        cells = [
            [f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows
        ]
        print(table(" | ".join(rows[0]), cells))


PARTS: dict[str, Callable[[int], Iterator[Row]]] = {
    "verdicts": verdicts,
    "recommendations": recommendations,
    "limits": limits,
    "confidences": lambda runs: confidences(max(2, runs // 10)),
    "times": lambda _: times(),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advice", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    settings = parser.parse_args(arguments)
    figures = {}
    for name in settings.only:
        rows = list(PARTS[name](6 if settings.quick else 40))
        figures[name] = rows
        print(f"\n### {name}\n")
        (_print_verdicts if name == "verdicts" else _print_rows)(rows)
    if settings.json is not None:
        settings.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

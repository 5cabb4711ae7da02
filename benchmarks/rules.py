"""Time of decisions, tables and replays, and false stops: ``python -m benchmarks.rules``.

Prints Markdown; ``--json FILE`` writes the figures as JSON, ``--quick`` takes fewer of each. Our
decisions stand beside those of AdaptiveConsistency 1.0.0, ConSol 0.3.0 and its_hub 1.2.0, where
these packages are installed (extra ``bench``), and beside the Monte Carlo rule of Best-of-∞ as its
authors released it. All take the same votes in turn; times are of one machine, the ratios are what
carries over.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from bestofinf.evaluation import EvaluationSet, Question, Samples, read_files
from bestofinf.replay import ReplayPlan, replay_all
from bestofinf.rules import StopRule, parse_rule
from bestofinf.rules.index import log_index
from bestofinf.rules.tally import Tally

Stream = list[tuple[str, int]]
Decide = Callable[[Sequence[str]], object]

OURS = (
    "optimal",
    "best-of-infinity",
    "best-of-infinity:bayes_factor=100",
    "ahead-by",
    "adaptive-consistency",
    "adaptive-consistency:threshold=.75,criterion=entropy",
    "p-value",
    "window",
    "certified",
)
COUNTERPART = {
    "AdaptiveConsistency beta": "adaptive-consistency",
    "AdaptiveConsistency entropy": "adaptive-consistency:threshold=.75,criterion=entropy",
    "ConSol SPRT": "ahead-by",
    "ConSol msPRT": "ahead-by",
    "ConSol p-value": "p-value",
    "its_hub beta": "adaptive-consistency",
    "Best-of-∞, Monte Carlo": "best-of-infinity",
}
TIES = {
    "50/50": [0.5, 0.5],
    "three equal": [1 / 3] * 3,
    "five equal": [0.2] * 5,
}
FALSE_STOPS = (
    "fast", "balanced", "thorough", "exhaustive", "best-of-infinity",
    "best-of-infinity:bayes_factor=100", "ahead-by", "ahead-by:votes=6", "adaptive-consistency",
    "adaptive-consistency:threshold=.99", "window", "p-value", "doubling", "certified",
)  # fmt: skip


# -- decisions ------------------------------------------------------------------------------------


def streams(number: int, seed: int = 0) -> list[Stream]:
    """Votes of questions with up to 50 answers, 2 to 1,000 votes each, some of them unanimous."""
    rng = random.Random(seed)
    found = []
    for _ in range(number):
        answers = rng.randint(1, 50)
        weights = [rng.random() ** 3 + 1e-3 for _ in range(answers)]
        votes = rng.choices(range(answers), weights, k=round(2 * 500 ** rng.random()))
        found.append([(f"answer {vote}", rng.randint(500, 20_000)) for vote in votes])
    return found


def time_rule(rule: StopRule, votes: list[Stream]) -> list[float]:
    """Microseconds of counting a vote and deciding; all votes of a stream, or until it stops."""
    spent = []
    for stream in votes:
        tally = Tally()
        for answer, tokens in stream:
            began = time.perf_counter_ns()
            tally.vote(answer, tokens=tokens)
            verdict = rule.check(tally)
            spent.append((time.perf_counter_ns() - began) / 1000)
            if verdict is not None:
                break
    return spent


def time_peer(decide: Decide, votes: list[Stream], stride: int) -> list[float]:
    """Microseconds of a decision on all votes so far, every `stride` votes."""
    spent = []
    for stream in votes:
        answers = [answer for answer, _ in stream]
        for n in range(2, len(answers) + 1, stride):
            seen = answers[:n]
            began = time.perf_counter_ns()
            decide(seen)
            spent.append((time.perf_counter_ns() - began) / 1000)
    return spent


def monte_carlo(answers: Sequence[str], draws: int = 1000) -> float:
    """The Bayes factor of jkomiyama/BoInf-code-publish, ``calculate_bayes_factor_mc``."""
    counts: dict[str, float] = {}
    for answer in answers:
        counts[answer] = counts.get(answer, 0) + 1
    counts["unknown"] = 0.3
    values = np.array(list(counts.values()))
    leader = int(values.argmax())
    sampled = np.random.dirichlet(values + 1, draws)  # noqa: NPY002  # as released
    p = float((sampled.argmax(axis=1) == leader).mean())
    return len(values) * p / (1 - p) if p < 1 else np.inf


def peers() -> dict[str, Decide]:
    found: dict[str, Decide] = {"Best-of-∞, Monte Carlo": monte_carlo}
    package = optional("adaptive_consistency.stopping_criterias")
    if package is not None:
        beta, entropy = package.BetaStoppingCriteria(), package.EntropyStoppingCriteria()
        found["AdaptiveConsistency beta"] = lambda a: beta.should_stop(list(a))
        found["AdaptiveConsistency entropy"] = lambda a: entropy.should_stop(list(a))
    package = optional("consol.confidence_models")
    if package is not None:
        models = {
            "ConSol SPRT": package.SprtConfidenceModel(),
            "ConSol msPRT": package.MsprtConfidenceModel(),
            "ConSol p-value": package.PValueConfidenceModel(),
        }
        for name, model in models.items():
            found[name] = lambda a, m=model: m.test(*two_most(a))  # type: ignore[misc]
    if find_spec("its_hub") is None:
        print("(its_hub is not installed: left out)\n")
    else:
        from its_hub import BetaSelfConsistency

        chance = BetaSelfConsistency.beta_stopping_probability
        found["its_hub beta"] = lambda a: chance(*two_most(a)) >= 0.95
    return found


def optional(name: str) -> ModuleType | None:
    """Import a module of a peer alone, without what its package imports on the way."""
    package, _, module = name.partition(".")
    found = find_spec(package)
    if found is None or found.origin is None:
        print(f"({package} is not installed: left out)\n")
        return None
    spec = spec_from_file_location(name, Path(found.origin).parent / f"{module}.py")
    if spec is None or spec.loader is None:
        return None
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def two_most(answers: Sequence[str]) -> tuple[int, int]:
    counts: dict[str, int] = {}
    for answer in answers:
        counts[answer] = counts.get(answer, 0) + 1
    ranked = sorted(counts.values(), reverse=True)
    return ranked[0], ranked[1] if len(ranked) > 1 else 0


def decision_times(number: int) -> list[dict[str, Any]]:
    votes = streams(number)
    rows = []
    for text in OURS:
        rule = parse_rule(text)
        time_rule(rule, votes[:20])  # tables are built at the first use; timed apart
        rows.append(summary(text, time_rule(rule, votes)))
    median = {row["rule"]: row["median_us"] for row in rows}
    for name, decide in peers().items():
        decide(["a", "b", "a"])
        slow = "Monte" in name or "Consistency" in name
        row = summary(name, time_peer(decide, votes[: max(number // 4, 5)], 25 if slow else 5))
        row["counterpart"] = COUNTERPART[name]
        row["ratio"] = row["median_us"] / median[COUNTERPART[name]]
        rows.append(row)
    return rows


def summary(name: str, spent: list[float]) -> dict[str, Any]:
    return {
        "rule": name,
        "decisions": len(spent),
        "median_us": float(np.median(spent)),
        "p99_us": float(np.quantile(spent, 0.99)),
    }


# -- tables and replays ---------------------------------------------------------------------------


def cold_tables(times: int) -> dict[str, float]:
    """CPU milliseconds of what a rule builds at its first decision."""
    found = {"index of the optimal rule": cpu_ms(lambda: log_index(0.15), times)}
    for text in ("best-of-infinity", "adaptive-consistency", "certified"):
        code = (
            "import time; from bestofinf.rules import parse_rule; from bestofinf.rules.tally import Tally;"
            f"rule = parse_rule({text!r}); tally = Tally(); tally.vote('a'); tally.vote('a');"
            "began = time.process_time(); rule.check(tally);"
            "print((time.process_time() - began) * 1000)"
        )
        spent = [
            float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
            for _ in range(times)
        ]  # fmt: skip
        found[f"first decision of {text}"] = float(np.median(spent))
    return found


def cpu_ms(work: Callable[[], object], times: int) -> float:
    spent = []
    for _ in range(times):
        began = time.process_time()
        work()
        spent.append((time.process_time() - began) * 1000)
    return float(np.median(spent))


def replay_time(trials: int) -> dict[str, Any] | None:
    data = Path(os.environ.get("BESTOFINF_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not (data / "boinf").is_dir():
        print("(recorded data not found: set BESTOFINF_DATA; the replay is left out)\n")
        return None
    began, cpu = time.perf_counter(), time.process_time()
    recorded = read_files([data / "boinf"])
    read = time.process_time() - cpu
    result = replay_all(recorded, ["thorough"], trials=trials, replacement=True)[0]
    return {
        "rule": "thorough",
        "trials": trials,
        "votes": trials * len(result.grid.questions),
        "samples": result.samples,
        "agreement": result.agreement,
        "read_cpu_s": read,
        "replay_cpu_s": time.process_time() - cpu - read,
        "wall_s": time.perf_counter() - began,
    }


# -- false stops ----------------------------------------------------------------------------------


def ties(runs: int) -> Iterator[dict[str, Any]]:
    """Share of votes on exact ties that a rule ends within 200 votes: every stop is a false one."""
    for name, shares in TIES.items():
        # Recorded answers in equal numbers, drawn with replacement, are exact ties.
        answers = tuple(f"answer {i}" for i in range(len(shares)))
        question = Question(name, {"m": Samples(answers)}, dataset=name)
        plan = ReplayPlan(trials=runs, max_samples=200, replacement=True)
        for result in replay_all(EvaluationSet((question,)), FALSE_STOPS, plan):
            yield {
                "question": name,
                "rule": result.rule,
                "stops": 1 - result.reasons.get("out of samples", 0.0),
                "samples": result.samples,
            }


# -- printing -------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    settings = parser.parse_args(arguments)
    quick = settings.quick
    figures: dict[str, Any] = {}
    figures["decisions"] = decision_times(40 if quick else 200)
    print("| decision after a vote | median µs | 99 % µs | median, times ours |")
    print("|---|---:|---:|---:|")
    for row in figures["decisions"]:
        ratio = f"{row['ratio']:.0f} × {row['counterpart']}" if "ratio" in row else ""
        print(f"| {row['rule']} | {row['median_us']:.2f} | {row['p99_us']:.1f} | {ratio} |")
    figures["tables"] = cold_tables(3 if quick else 9)
    print("\n| built at the first use | CPU ms |\n|---|---:|")
    for name, spent in figures["tables"].items():
        print(f"| {name} | {spent:.1f} |")
    print()
    figures["replay"] = replay_time(10 if quick else 100)
    if figures["replay"] is not None:
        row = figures["replay"]
        print(
            f"Replay of all recorded answers, {row['votes']:,} votes of at most 100 samples: "
            f"{row['replay_cpu_s']:.2f} s CPU, reading {row['read_cpu_s']:.2f} s; "
            f"{row['samples']:.2f} samples, agreement {row['agreement']:.4f}"
        )
    figures["ties"] = list(ties(400 if quick else 4000))
    print("\n| stops on ties within 200 votes |", " | ".join(TIES), "|")
    print("|---|", "---:|" * len(TIES), sep="")
    for rule in dict.fromkeys(row["rule"] for row in figures["ties"]):
        cells = [f"{row['stops']:.3f}" for row in figures["ties"] if row["rule"] == rule]
        print(f"| {rule} |", " | ".join(cells), "|")
    if settings.json is not None:
        settings.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()

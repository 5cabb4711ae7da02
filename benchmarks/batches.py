"""One budget over many questions: ``python -m benchmarks.batches``, with tests/ on the path.

By replay of recorded answers: agreement with the mode of a pool, of the best price in hindsight,
of Adaptive-Consistency's pool and of a fixed number of samples, at the same total; and the mean
that a controller holds over a stream. With ``--server N ...``: `bestofinf run` over so many
questions against the loopback server, with time and memory of its process.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from bestofinf.batches.pool import Budget
from bestofinf.evaluation import EvaluationSet, read_files
from bestofinf.rules import OptimalStopping
from support.jobs import Runs, environment
from support.pools import LeastSure, best_price, fixed, held, pooled, priced, shuffled, streams
from support.process import ServerProcess
from support.recorded import MadeBackend, recorded_data

MEANS = (4, 6, 9, 12, 16)


def sets() -> dict[str, EvaluationSet]:
    """Return the recorded sets by name, or a made one where there are none."""
    folder = recorded_data()
    if folder is None:
        return {"made": MadeBackend(1000).evaluation_set()}
    kinds = ("aime2024", "math500", "")
    return {
        kind or "all": read_files(sorted(folder.glob(f"boinf/{kind}*.jsonl"))) for kind in kinds
    }


def replay(trials: int) -> None:
    """Print agreement at the same total as Markdown."""
    rule = OptimalStopping()
    for name, recorded in sets().items():
        found: dict[int, list[list[float]]] = {mean: [] for mean in MEANS}
        means: dict[int, list[float]] = {mean: [] for mean in MEANS}
        for trial in range(trials):
            votes = streams(recorded, trial=trial)
            points = priced(votes, rule)
            for mean in MEANS:
                budget = Budget(mean * len(votes))
                pool = pooled(votes, budget, rule)
                if pool.spent != mean:
                    raise SystemExit(f"{name}: the total was missed: {pool.spent} for {mean}")
                found[mean].append(
                    [
                        pool.agreement,
                        best_price(points, mean),
                        pooled(votes, budget, LeastSure()).agreement,
                        fixed(votes, mean).agreement,
                    ]
                )
                means[mean].append(held(shuffled(votes, trial), mean).spent)
        print(f"\n{name}: {len(votes)} questions, {trials} trials\n")
        print(
            "| mean | pool | best price | difference ± se | Adaptive-Consistency | fixed | held |"
        )
        print("|---|---|---|---|---|---|---|")
        for mean, rows in found.items():
            table = np.array(rows)
            gap = table[:, 0] - table[:, 1]
            error = gap.std(ddof=1) / np.sqrt(trials) if trials > 1 else float("nan")
            pool, best, consistency, same = table.mean(axis=0)
            print(
                f"| {mean} | {pool:.4f} | {best:.4f} | {gap.mean():+.4f} ± {error:.4f} | "
                f"{consistency:.4f} | {same:.4f} | {np.mean(means[mean]):.2f} |"
            )


def served(numbers: list[int], options: list[str]) -> None:
    """Print time and memory of jobs of so many questions as Markdown."""
    print("| questions | samples | seconds | CPU seconds | peak MB |\n|---|---|---|---|---|")
    for number in numbers:
        with (
            tempfile.TemporaryDirectory() as folder,
            ServerProcess("--questions", str(number)) as server,
        ):
            runs = Runs(Path(folder), server, number)
            began = time.perf_counter()
            process = subprocess.Popen(
                runs.command(*options), env=environment(), stdout=subprocess.DEVNULL
            )
            _, status, usage = _wait(process.pid)
            if status:
                raise SystemExit(f"the job of {number} questions failed")
            spent = time.perf_counter() - began
            samples = server.counts()["finished"]
        cpu = usage.ru_utime + usage.ru_stime
        print(f"| {number} | {samples} | {spent:.0f} | {cpu:.0f} | {usage.ru_maxrss / 1024:.0f} |")


def _wait(pid: int) -> tuple[int, int, resource.struct_rusage]:
    import os

    return os.wait4(pid, 0)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--server", type=int, nargs="+", help="numbers of questions")
    parser.add_argument("--budget", type=int, help="samples a question, for --server")
    given = parser.parse_args()
    if given.server is None:
        replay(given.trials)
        return
    for number in given.server:
        options = ["--budget", str(given.budget * number)] if given.budget else ["--rule", "fast"]
        served([number], options)


if __name__ == "__main__":
    main()

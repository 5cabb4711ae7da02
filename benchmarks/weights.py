"""Time to the proven optimum of ensemble weights: `python -m benchmarks.weights`.

The rivals solve the formulation of the Best-of-∞ authors (repository jkomiyama/BoInf-code-publish,
`boinf/ensemble_utils.py`): one row per wrong answer, M = 10,000, margin 0, solver defaults. They
maximise wins and ties together; what the mixture wins strictly is counted afterwards. Ours is
timed with presolve, proof, margin stage and exact scoring, and all with the counting of answers.
Seconds are of the processor: all solvers run in this process on one thread. The limit is in
seconds of the clock.

    python -m benchmarks.weights [--limit SECONDS] [--large] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import highspy
import mip
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack

from bestofinf.evaluation import EvaluationSet
from bestofinf.weights import fit_weights
from bestofinf.weights.exact import as_fractions, score
from bestofinf.weights.solver.margins import Floats, Margins
from tests.support.ensembles import made_set, recorded

BIG_M = 10_000.0


@dataclass(frozen=True)
class Run:
    """One solver on one instance.

    Attributes:
        wins: Strict wins of the mixture returned, in exact arithmetic; None without a mixture.
        bound: What the solver proves that no mixture exceeds.
        seconds: Of the processor.
        proven: Whether the solver says that it has finished.
    """

    instance: str
    questions: int
    members: int
    contested: int
    solver: str
    wins: int | None
    bound: float
    seconds: float
    proven: bool


def ours(evaluation_set: EvaluationSet, limit: float) -> tuple[Floats, float, bool, int]:
    fit = fit_weights(evaluation_set, time_limit=limit)
    weights = np.array([fit.weights[name] for name in evaluation_set.members])
    return weights, float(fit.bound or 0), fit.status == "optimal", fit.contested


def constraint_rows(margins: Margins) -> tuple[csr_array, int, int]:
    """Return the authors' rows: ``d_r · w - M y_q >= -M``, without rows of zeros."""
    rows = np.where(np.abs(margins.rows) > 1e-6, margins.rows, 0.0)
    real = (margins.wrong.sum(axis=1) > 0) & rows.any(axis=1)
    wins = csr_array(
        (
            np.full(int(real.sum()), -BIG_M),
            (np.arange(int(real.sum())), margins.question[real]),
        ),
        shape=(int(real.sum()), len(margins)),
    )
    return csr_array(hstack([rows[real], wins])), len(margins.members), len(margins)


def by_scipy(margins: Margins, limit: float) -> tuple[Floats | None, float, bool]:
    matrix, k, q = constraint_rows(margins)
    result = milp(
        np.concatenate([np.zeros(k), -np.ones(q)]),
        constraints=[
            LinearConstraint(matrix, lb=-BIG_M),
            LinearConstraint(np.concatenate([np.ones(k), np.zeros(q)]), 1, 1),
        ],
        bounds=Bounds(0, 1),
        integrality=np.concatenate([np.zeros(k), np.ones(q)]),
        options={"time_limit": limit},
    )
    bound = -result.mip_dual_bound if result.mip_dual_bound is not None else float(q)
    return (None if result.x is None else result.x[:k]), bound, result.status == 0


def by_highspy(margins: Margins, limit: float) -> tuple[Floats | None, float, bool]:
    matrix, k, q = constraint_rows(margins)
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("time_limit", limit)
    highs.setOptionValue("threads", 1)
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape[0] + 1, k + q
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_ = np.concatenate([np.zeros(k), np.ones(q)])
    lp.col_lower_, lp.col_upper_ = np.zeros(k + q), np.ones(k + q)
    lp.integrality_ = [highspy.HighsVarType.kContinuous] * k + [highspy.HighsVarType.kInteger] * q
    lp.row_lower_ = np.append(np.full(matrix.shape[0], -BIG_M), 1.0)
    lp.row_upper_ = np.append(np.full(matrix.shape[0], np.inf), 1.0)
    total = csr_array((np.ones(k), (np.zeros(k, dtype=int), np.arange(k))), shape=(1, k + q))
    stacked = csr_array(hstack([matrix.T, total.T]).T)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = stacked.indptr
    lp.a_matrix_.index_ = stacked.indices
    lp.a_matrix_.value_ = stacked.data
    highs.passModel(lp)
    highs.run()
    info = highs.getInfo()
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    weights = np.array(highs.getSolution().col_value)[:k] if found else None
    proven = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return weights, float(info.mip_dual_bound), proven


def by_cbc(margins: Margins, limit: float) -> tuple[Floats | None, float, bool]:
    matrix, k, q = constraint_rows(margins)
    model = mip.Model(sense=mip.MAXIMIZE, solver_name="CBC")
    model.verbose = 0
    model.threads = 1
    variables = [model.add_var(ub=1.0) for _ in range(k)]
    variables += [model.add_var(var_type=mip.BINARY) for _ in range(q)]
    model += mip.xsum(variables[:k]) == 1
    for r in range(matrix.shape[0]):
        part = slice(matrix.indptr[r], matrix.indptr[r + 1])
        terms = zip(matrix.data[part], matrix.indices[part], strict=True)
        model += mip.xsum(float(c) * variables[j] for c, j in terms) >= -BIG_M
    model.objective = mip.xsum(variables[k:])
    status = model.optimize(max_seconds=limit)
    found = status in (mip.OptimizationStatus.OPTIMAL, mip.OptimizationStatus.FEASIBLE)
    weights = np.array([v.x for v in variables[:k]]) if found else None
    bound = float(q) if model.objective_bound is None else float(model.objective_bound)
    return weights, bound, status == mip.OptimizationStatus.OPTIMAL


RIVALS: dict[str, Callable[[Margins, float], tuple[Floats | None, float, bool]]] = {
    "authors, highspy": by_highspy,
    "authors, scipy milp": by_scipy,
    "authors, CBC": by_cbc,
}


def measure(name: str, evaluation_set: EvaluationSet, limit: float) -> Iterator[Run]:
    """Run ours and every rival on one instance."""
    margins = Margins.of(evaluation_set)
    size = (name, len(margins), len(margins.members))
    began = time.process_time()
    weights, bound, proven, contested = ours(evaluation_set, limit)
    seconds = time.process_time() - began
    yield Run(*size, contested, "bestofinf", strict(margins, weights), bound, seconds, proven)
    for solver, solve in RIVALS.items():
        began = time.process_time()
        found, bound, proven = solve(Margins.of(evaluation_set), limit)
        seconds = time.process_time() - began
        wins = None if found is None else strict(margins, found)
        yield Run(*size, contested, solver, wins, min(bound, size[1]), seconds, proven)


def strict(margins: Margins, weights: Floats) -> int:
    """Count the strict wins of the weights that a solver returned."""
    clean = np.clip(weights, 0, None)
    return score(margins, as_fractions(clean / clean.sum())).correct


def instances(*, large: bool) -> Iterator[tuple[str, EvaluationSet]]:
    """Recorded answers where they are present, then made ones that grow in one direction."""
    for dataset in ("aime2024", "math500"):
        evaluation_set = recorded(dataset)
        if evaluation_set is not None:
            yield dataset, evaluation_set
    for questions in (50, 100, 198, 300, *((400, 600, 800) if large else ())):
        yield f"made, {questions} questions", made_set(questions, seed=questions)
    for members in (2, 4, 8, *((11, 16) if large else ())):
        yield f"made, {members} members", made_set(120, members=members, seed=members)
    for spread in (0.3, 0.6, 1.5):
        yield f"made, spread {spread}", made_set(150, spread=spread, seed=9)


def table(runs: Iterable[Run]) -> str:
    """Write the runs as a Markdown table."""
    lines = [
        "| instance | questions | members | contested | solver | strict wins | bound | gap | "
        "seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        gap = "" if run.wins is None else f"{(run.bound - run.wins) / max(1, run.wins):.1%}"
        mark = "" if run.proven else " (limit)"
        lines.append(
            f"| {run.instance} | {run.questions} | {run.members} | {run.contested} | {run.solver} "
            f"| {run.wins} | {math.floor(run.bound + 1e-6)} | {gap} | {run.seconds:.2f}{mark} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Print the table; return the runs as plain values."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--limit", type=float, default=30.0, help="seconds for each solve")
    parser.add_argument("--large", action="store_true", help="also the instances that take long")
    parser.add_argument("--json", type=Path, help="write the runs to this file")
    chosen = parser.parse_args([] if arguments is None else arguments)
    fit_weights(made_set(10))  # what is imported at first use does not count
    runs = []
    for name, evaluation_set in instances(large=chosen.large):
        runs.extend(measure(name, evaluation_set, chosen.limit))
    print(table(runs))
    records = [asdict(run) for run in runs]
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    return records


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])

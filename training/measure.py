"""What the shipped members and the verifier are worth, from the recorded set."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from bestofinf import tiny
from bestofinf.evaluation.sets import EvaluationSet

Array = npt.NDArray[np.float64]


def measure() -> str:
    """Return tables of the members by family and of the verifier, with standard errors."""
    recorded = tiny.recorded()
    return "\n".join([*_members(recorded), "", *_verifier(recorded), "", _speed(), ""])


def _members(recorded: EvaluationSet) -> Iterable[str]:
    yield f"{'one sample / mode':12}" + "".join(f"{name:>16}" for name in recorded.members)
    for family in (*recorded.datasets, "all"):
        part = recorded.filter(lambda q, family=family: family in (q.dataset, "all"))  # type: ignore[misc]
        cells = []
        for name in recorded.members:
            one = [np.mean([a == q.gold for a in q.samples[name].answers]) for q in part]
            mode = [q.samples[name].mode() == q.gold for q in part]
            cells.append(f"{np.mean(one):.3f} / {np.mean(mode):.3f}")
        yield f"{family:8}{len(part):4}" + "".join(f"{cell:>16}" for cell in cells)


def _verifier(recorded: EvaluationSet) -> Iterable[str]:
    scores = np.array([[s.scores for s in q.samples.values()] for q in recorded], float)
    right = np.array(
        [[[a == q.gold for a in s.answers] for s in q.samples.values()] for q in recorded]
    )
    flat = scores.reshape(len(scores), -1), right.reshape(len(right), -1)
    within = [auc(s, y) for s, y in zip(*flat, strict=True) if y.any() and not y.all()]
    yield f"verifier: AUC over all {auc(flat[0].ravel(), flat[1].ravel()):.3f}"
    yield f"  within a question {_mean(within)}, {len(within)} questions"
    yield f"  expected calibration error {calibration_error(flat[0].ravel(), flat[1].ravel()):.4f}"


def _speed() -> str:
    questions = [problem.question for problem in tiny.questions(12)]
    model = tiny.load("sum")
    model.complete(questions[0])
    started = time.process_time()
    completions = model.complete_all(questions, tiny.Options(n=64, seed=0))
    seconds = time.process_time() - started
    characters = sum(completion.completion_tokens for completion in completions)
    return f"sampling: {characters / seconds:.0f} characters a CPU-second, 768 together"


def auc(scores: Array, right: npt.NDArray[np.bool_]) -> float:
    """Return the probability that a right sample has a higher score than a wrong one."""
    ranks, n, k = rankdata(scores), len(right), int(right.sum())
    return float((ranks[right].sum() - k * (k + 1) / 2) / (k * (n - k)))


def calibration_error(scores: Array, right: npt.NDArray[np.bool_], bins: int = 15) -> float:
    """Return the expected calibration error over bins of equal width.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equation 3.
    """
    place = np.minimum((scores * bins).astype(int), bins - 1)
    gaps = [abs((scores - right)[place == bin_].sum()) for bin_ in range(bins)]
    return float(sum(gaps) / len(scores))


def _mean(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) / len(values) ** 0.5:.3f}"

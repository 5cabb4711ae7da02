"""Compare shipped files with newly made ones.

On one machine the command makes the same bits again. Another processor or another build of torch
adds in another order, and training magnifies the difference: weights then differ, and what has to
agree is what the networks do.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bestofinf.evaluation.sets import EvaluationSet
from bestofinf.tiny.files import MEMBERS, RECORDED_FILE, VERIFIER, unpack
from bestofinf.tiny.network import MATRICES, Network

ACCURACY_TOLERANCE = 0.08
SCORE_TOLERANCE = 0.08


@dataclass(frozen=True)
class Comparison:
    """The outcome, and a text that says what was compared."""

    same: bool
    text: str


def compare(shipped: Path, made: Path) -> Comparison:
    """Compare two folders of data files.

    The same if all weights are equal, or if each member's share of right samples and its mean
    score differ by no more than the tolerances.
    """
    lines = []
    for name in (*MEMBERS, VERIFIER):
        largest = _largest_difference(shipped / f"{name}.npz", made / f"{name}.npz")
        lines.append(f"{name}: largest difference of a weight {largest:g}")
    first, second = _recorded(shipped), _recorded(made)
    lines.append(f"{RECORDED_FILE}: {'equal' if first == second else 'not equal'}")
    same = True
    for member in MEMBERS:
        accuracy = _accuracy(first, member), _accuracy(second, member)
        score = _score(first, member), _score(second, member)
        within = (
            abs(accuracy[0] - accuracy[1]) <= ACCURACY_TOLERANCE
            and abs(score[0] - score[1]) <= SCORE_TOLERANCE
        )
        same &= within
        lines.append(
            f"{member}: right {accuracy[0]:.3f} and {accuracy[1]:.3f}, "
            f"mean score {score[0]:.3f} and {score[1]:.3f}: {'same' if within else 'DIFFERENT'}"
        )
    return Comparison(same, "\n".join(lines) + "\n")


def _largest_difference(first: Path, second: Path) -> float:
    a, b = (Network.from_bytes(path.read_bytes()) for path in (first, second))
    pairs = [(a.embedding, b.embedding), (a.position, b.position), (a.head, b.head)]
    for one, other in zip(a.layers, b.layers, strict=True):
        pairs += [(getattr(one, name), getattr(other, name)) for name in MATRICES]
    return max(float(np.abs(one - other).max()) for one, other in pairs)


def _recorded(folder: Path) -> EvaluationSet:
    return unpack(gzip.decompress((folder / RECORDED_FILE).read_bytes()))


def _accuracy(recorded: EvaluationSet, member: str) -> float:
    return float(np.mean([[a == q.gold for a in q.samples[member].answers] for q in recorded]))


def _score(recorded: EvaluationSet, member: str) -> float:
    return float(np.mean([q.samples[member].scores for q in recorded]))

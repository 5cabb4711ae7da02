"""Which labels an accuracy may be estimated from, by their provenance.

Questions that were chosen because their label improves the weights most are harder than others, and
users give feedback on what they notice. Their labels are as correct as others, but the share of right
answers among such questions is no estimate for all questions. A random sample gives one, and so does a
set that was imported with its labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bestofinf.evaluation.sets import EvaluationSet

BIASED = ("asked", "feedback")
UNKNOWN = "unknown"

FEWEST = 10
"""Minimum number of labelled questions for accuracies and advice."""


@dataclass(frozen=True, slots=True)
class LabelSources:
    """How many labels an estimate used, by provenance.

    Attributes:
        used: Labels used: "random", "import", or "unknown" if no provenance is recorded.
        left_out: Labels not used: "asked" and "feedback", and "unknown" if there are random ones.
    """

    used: Mapping[str, int]
    left_out: Mapping[str, int]

    def __str__(self) -> str:
        told = f"labels used: {_listed(self.used)}"
        return f"{told}; not for an accuracy: {_listed(self.left_out)}" if self.left_out else told

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"used": dict(self.used), "left_out": dict(self.left_out)}


def for_estimates(evaluation_set: EvaluationSet) -> tuple[EvaluationSet, LabelSources]:
    """Return the set with only the labels that an accuracy may be estimated from.

    Other questions are kept without their right answer.
    """
    sources = [
        None if question.gold is None else question.provenance or UNKNOWN
        for question in evaluation_set
    ]
    random = "random" in sources
    biased = {*BIASED, UNKNOWN} if random else {*BIASED}
    used = Counter(s for s in sources if s is not None and s not in biased)
    left_out = Counter(s for s in sources if s is not None and s in biased)
    told = LabelSources(dict(used), dict(left_out))
    if not left_out:
        return evaluation_set, told
    questions = tuple(
        replace(question, gold=None, provenance=None, label_score=None)
        if source in biased
        else question
        for question, source in zip(evaluation_set.questions, sources, strict=True)
    )
    return replace(evaluation_set, questions=questions), told


def label_counts(evaluation_set: EvaluationSet) -> dict[str, int]:
    """Return the number of questions with a right answer, by its provenance."""
    sources = (q.provenance or UNKNOWN for q in evaluation_set if q.gold is not None)
    return dict(sorted(Counter(sources).items()))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "none"

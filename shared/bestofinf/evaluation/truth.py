"""Right and wrong answers of a question, from all its labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bestofinf.evaluation.rows import LabelRow

NONE_RIGHT = "(no recorded reply is right)"
"""Right answer of a question whose replies are all graded wrong; no vote is equal to it."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The right and wrong answers of a question, as they follow from its labels.

    Attributes:
        gold: The right answer; None while unknown.
        wrong: Answers known to be wrong, in the order they were judged.
        provenance: Provenance of the label that gives the gold.
        score: Probability with which it was drawn for that label.
    """

    gold: str | None = None
    wrong: tuple[str, ...] = ()
    provenance: str | None = None
    score: float | None = None


def resolve(history: Iterable[LabelRow]) -> Truth:
    """Return what follows from labels, given oldest first: the newest label of an answer counts.

    A thumbs-down on the answer that was right so far retracts it. An answer of None retracts
    everything.
    """
    right: LabelRow | None = None
    wrong: dict[str, None] = {}
    for label in history:
        if label.answer is None:
            right, wrong = None, {}
        elif label.correct:
            right = label
            wrong.pop(label.answer, None)
        else:
            right = None if right is not None and right.answer == label.answer else right
            wrong[label.answer] = None
    if right is None:
        return Truth(None, tuple(wrong))
    return Truth(right.answer, tuple(wrong), right.provenance, right.score)

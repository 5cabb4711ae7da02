"""What is known to be right and wrong, from everything that was said of a question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bestofinf.evaluation.rows import LabelRow


@dataclass(frozen=True, slots=True)
class Truth:
    """What labels add up to.

    Attributes:
        gold: The right answer; None while unknown.
        wrong: Answers known to be wrong, in the order they were judged.
    """

    gold: str | None = None
    wrong: tuple[str, ...] = ()


def resolve(history: Iterable[LabelRow]) -> Truth:
    """Return what is known after these labels, oldest first: the newest word on an answer counts.

    A thumbs-down on the answer that was held to be right takes that back. An answer of None
    takes everything back.
    """
    gold: str | None = None
    wrong: dict[str, None] = {}
    for label in history:
        if label.answer is None:
            gold, wrong = None, {}
        elif label.correct:
            gold = label.answer
            wrong.pop(gold, None)
        else:
            gold = None if gold == label.answer else gold
            wrong[label.answer] = None
    return Truth(gold, tuple(wrong))

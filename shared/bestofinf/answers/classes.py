"""Classes of equivalent answers, built one answer at a time."""

from __future__ import annotations

from bestofinf.answers.base import Answer
from bestofinf.records import AnswerValue


class AnswerClasses:
    """Maps each answer to the representative of its class: the first answer seen of it.

    Where equivalence is not transitive, an answer joins the oldest class whose representative it
    equals. As votes are placed in draw order, the classes do not depend on the order of arrival.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._class_of: dict[AnswerValue, AnswerValue] = {}
        self._representatives: list[AnswerValue] = []

    def place(self, value: AnswerValue) -> AnswerValue:
        """Return the representative of the answer's class; a new class if it has none."""
        known = self._class_of.get(value)
        if known is not None:
            return known
        for representative in self._representatives:
            if self._answer.same(value, representative):
                break
        else:
            representative = value
            self._representatives.append(value)
        self._class_of[value] = representative
        return representative

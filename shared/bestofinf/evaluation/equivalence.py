"""Recorded answers that mean the same, taken as one."""

from __future__ import annotations

from collections.abc import Iterable

from bestofinf.answers.base import Answer
from bestofinf.answers.classes import AnswerClasses
from bestofinf.records import AnswerValue


def representatives(answers: Iterable[str], answer: Answer | None) -> dict[str, str | None]:
    """Return for each recorded answer the one that stands for all that mean the same.

    Args:
        answers: Recorded answers; the first of a class in this order stands for it.
        answer: The answer type; None compares the texts as they are.

    Returns:
        One entry per answer; None where the answer type finds no answer in the text.
    """
    if answer is None:
        return {text: text for text in answers}
    classes = AnswerClasses(answer)
    text_of: dict[AnswerValue, str] = {}
    found: dict[str, str | None] = {}
    for text in answers:
        value = answer.canonical(text)
        if value is None:
            found[text] = None
        else:
            found[text] = text_of.setdefault(classes.place(value), text)
    return found

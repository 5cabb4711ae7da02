"""An evaluation set seen through an answer type: answers that mean the same become one string."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bestofinf.answers.auto import AutoAnswer
from bestofinf.answers.base import Answer
from bestofinf.answers.mathematics import MathAnswer, missing_package
from bestofinf.answers.named import AnswerLike, resolve_answer
from bestofinf.answers.plain import TextAnswer
from bestofinf.evaluation.cache import ValueCache
from bestofinf.evaluation.equivalence import representatives
from bestofinf.evaluation.sets import EvaluationSet, Question


def canonical(
    evaluation_set: EvaluationSet,
    answer: AnswerLike,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> EvaluationSet:
    """Return the set with every answer replaced by the first one of its class.

    Classes are made question by question, over all members, in the order of the samples; the
    right answer is placed last, so that it does not shape them. An answer that the type cannot
    read abstains; one known to be right or wrong that it cannot read stays as it is.

    Values of mathematical expressions are kept on disk (`bestofinf.evaluation.cache`).

    Args:
        evaluation_set: Recorded answers.
        answer: An answer type or its name; ``text`` changes nothing.
        progress: Called after each question with the number done and the number of all.
    """
    kind = recorded_answer(answer)
    if isinstance(kind, TextAnswer):
        return evaluation_set
    questions = []
    for question in evaluation_set:
        questions.append(_canonical(question, kind))
        if progress is not None:
            progress(len(questions), len(evaluation_set))
    return replace(evaluation_set, questions=tuple(questions))


def recorded_answer(answer: AnswerLike) -> Answer:
    """Return the answer type for recorded answers: by the names that need it, with a disk cache."""
    if answer == "math":
        return MathAnswer(values=ValueCache.default())
    if answer == "auto" and not missing_package():
        return AutoAnswer(math=MathAnswer(values=ValueCache.default()))
    return resolve_answer(answer)


def _canonical(question: Question, answer: Answer) -> Question:
    texts = [a for s in question.samples.values() for a in s.answers if a is not None]
    texts += [*question.wrong, *([] if question.gold is None else [question.gold])]
    stands_for = representatives(dict.fromkeys(texts), answer)
    samples = {
        name: replace(
            recorded,
            answers=tuple(None if a is None else stands_for[a] for a in recorded.answers),
        )
        for name, recorded in question.samples.items()
    }
    gold = question.gold
    if gold is not None:
        gold = stands_for[gold] or gold
    wrong = tuple(dict.fromkeys(stands_for[w] or w for w in question.wrong))
    return replace(question, samples=samples, gold=gold, wrong=wrong)

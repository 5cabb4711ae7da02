"""Recorded answers and replies as an answer type reads them; those that mean the same, as one."""

from __future__ import annotations

from collections.abc import Iterable

from bestofinf.answers.base import Answer
from bestofinf.answers.classes import AnswerClasses
from bestofinf.answers.cleaning import cleaned
from bestofinf.answers.finding import announced
from bestofinf.evaluation.identity import answer_text
from bestofinf.records import AnswerValue, Reply

MOST_WORDS = 28
"""An answer already taken from its reply has no more, unless it is notation."""


def representatives(
    answers: Iterable[str], answer: Answer | None, *, prompt: str | None = None
) -> dict[str, str | None]:
    """Return for each recorded answer the one that stands for all that mean the same.

    Args:
        answers: Recorded answers; the first of a class in this order stands for it.
        answer: The answer type; None compares the texts as they are.
        prompt: The question, where known.

    Returns:
        One entry per answer; None where the answer type finds no answer in the text.
    """
    if answer is None:
        return {text: text for text in answers}
    classes = RecordedClasses(answer if prompt is None else answer.for_question(prompt))
    return {text: classes.place(text)[0] for text in answers}


class RecordedClasses:
    """Classes of what was recorded for one question, built one answer or reply at a time.

    The first text of a class stands for it, or, with `values`, its first value written as text:
    then whole replies can be among them, of which no text could stand for an answer.

    Args:
        answer: The answer type, bound to the question.
        values: Whether values stand for classes.
    """

    def __init__(self, answer: Answer, *, values: bool = False) -> None:
        self._answer = answer
        self._values = values
        self._classes = AnswerClasses(answer)
        self._text_of: dict[AnswerValue, str] = {}
        self._known: dict[str, tuple[str | None, str]] = {}

    def place(self, recorded: str | Reply, *, tokens: int | None = None) -> tuple[str | None, str]:
        """Return what stands for the class of an answer or a reply, and why there is none.

        Args:
            recorded: An answer already taken from its reply, or a whole reply.
            tokens: Tokens of the reply, where known.
        """
        if isinstance(recorded, str):
            if recorded not in self._known:
                self._known[recorded] = self._placed(recorded, *value_of(recorded, self._answer))
            return self._known[recorded]
        return self._placed(None, *vote_of(recorded, self._answer, tokens=tokens))

    def _placed(
        self, text: str | None, value: AnswerValue | None, reason: str
    ) -> tuple[str | None, str]:
        if value is None:
            return None, reason
        first = self._classes.place(value)
        told = text if text is not None and not self._values else answer_text(first)
        return self._text_of.setdefault(first, told or ""), ""


def vote_of(
    reply: Reply, answer: Answer, *, tokens: int | None = None
) -> tuple[AnswerValue | None, str]:
    """Return the vote of a reply as in a live vote, and the reason where there is none."""
    try:
        return answer.read(reply, tokens=tokens)
    except Exception as error:  # as in a live vote, where the sample is a failure with this reason
        return None, f"{type(error).__name__}: {error}"


def value_of(text: str, answer: Answer) -> tuple[AnswerValue | None, str]:
    """Return the answer that a recorded text is or has, and the reason where it has none.

    An answer already taken from its reply is brought to its normal form. A text that is more than
    an answer, or that the answer type does not know as one, is read as a reply is.
    """
    if not is_whole(text) and (value := answer.canonical(text)) is not None:
        return value, ""
    value, reason = vote_of(Reply(text=text), answer)
    if value is None and text.lstrip()[:1] in ("[", "{"):  # calls, as they are written down
        value = answer.canonical(text)
    return value, "" if value is not None else reason


def is_whole(text: str) -> bool:
    r"""Return whether a text is a whole reply and no answer that was taken from one.

    >>> is_whole("4"), is_whole("<think>Is it 5?</think>4"), is_whole("Hence the answer is 4.")
    (False, True, True)
    """
    if cleaned(Reply(text=text)) != Reply(text=text):
        return True
    bare = text.strip()
    if "\\boxed" in bare or ("\n" in bare and "\\begin" not in bare):
        return True
    if "\\" not in bare and len(bare.split(None, MOST_WORDS)) > MOST_WORDS:
        return True
    return announced(bare) is not None

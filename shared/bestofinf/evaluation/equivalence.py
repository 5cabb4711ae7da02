"""Classes of recorded answers and replies that mean the same to an answer type."""

from __future__ import annotations

from collections.abc import Iterable

from bestofinf.answers.base import Answer
from bestofinf.answers.classes import AnswerClasses
from bestofinf.answers.cleaning import cleaned
from bestofinf.answers.finding import announced
from bestofinf.evaluation.identity import answer_text
from bestofinf.records import AnswerValue, Reply

MOST_WORDS = 28
"""An answer already taken from its reply has at most this many words, unless it is notation."""


def representatives(
    answers: Iterable[str], answer: Answer | None, *, prompt: str | None = None
) -> dict[str, str | None]:
    """Return for each recorded answer the representative of all that mean the same.

    Args:
        answers: Recorded answers; the first of a class in this order stands for it.
        answer: The answer type; None compares the texts as they are.
        prompt: The question; None if unknown.

    Returns:
        One entry per answer; None if the answer type finds no answer in the text.
    """
    if answer is None:
        return {text: text for text in answers}
    classes = RecordedClasses(answer if prompt is None else answer.for_question(prompt))
    return {text: classes.place(text)[0] for text in answers}


class RecordedClasses:
    """Classes of the answers recorded for one question, built one answer or reply at a time.

    The representative of a class is its first text or, with `values`, its first value written as
    text. Use `values` if there are whole replies, whose text cannot represent an answer.

    Args:
        answer: The answer type, bound to the question.
        values: Whether values instead of texts represent classes.
    """

    def __init__(self, answer: Answer, *, values: bool = False) -> None:
        self._answer = answer
        self._values = values
        self._classes = AnswerClasses(answer)
        self._text_of: dict[AnswerValue, str] = {}
        self._known: dict[str, tuple[str | None, str]] = {}

    def place(self, recorded: str | Reply, *, tokens: int | None = None) -> tuple[str | None, str]:
        """Return the representative of the class of an answer or a reply, and why there is none.

        Args:
            recorded: An answer already taken from its reply, or a whole reply.
            tokens: Number of tokens of the reply; None if unknown.
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
    """Return the vote of a reply as in a live vote, and the reason if there is none."""
    try:
        return answer.read(reply, tokens=tokens)
    except Exception as error:  # as in a live vote, in which the sample would fail for this reason
        return None, f"{type(error).__name__}: {error}"


def value_of(text: str, answer: Answer) -> tuple[AnswerValue | None, str]:
    """Return the answer that a recorded text is or contains, and the reason if it has none.

    An answer already taken from its reply is brought to its normal form. A text that is longer than
    an answer, or that the answer type does not accept as one, is read like a reply.
    """
    if not is_whole(text) and (value := answer.canonical(text)) is not None:
        return value, ""
    value, reason = vote_of(Reply(text=text), answer)
    if value is None and text.lstrip()[:1] in ("[", "{"):  # tool calls in their written form
        value = answer.canonical(text)
    return value, "" if value is not None else reason


def is_whole(text: str) -> bool:
    r"""Return whether a text is a whole reply, and not an answer that was taken from one.

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

"""Answer types by name, as on the command line and in fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from bestofinf.answers.auto import AutoAnswer
from bestofinf.answers.base import Answer, FunctionAnswer
from bestofinf.answers.calls import ToolCallsAnswer
from bestofinf.answers.mathematics import MathAnswer
from bestofinf.answers.plain import BoxedAnswer, ChoiceAnswer, NumberAnswer, TextAnswer
from bestofinf.answers.structured import JsonAnswer
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue

AnswerLike: TypeAlias = str | Answer | Callable[[str], AnswerValue | None]
"""What may be given as an answer type: a name, an object, or a function of the reply's text."""

_NAMED: dict[str, Callable[[], Answer]] = {
    "auto": AutoAnswer,
    "text": TextAnswer,
    "number": NumberAnswer,
    "choice": ChoiceAnswer,
    "boxed": BoxedAnswer,
    "math": MathAnswer,
    "json": JsonAnswer,
    "tool-calls": ToolCallsAnswer,
}
ANSWER_NAMES = tuple(_NAMED)


def resolve_answer(answer: AnswerLike) -> Answer:
    """Return the answer type of a name; an object as it is; a function wrapped.

    Raises:
        UsageError: If the name is unknown, or it is neither a name, an `Answer` nor a function.
        MissingExtraError: If the type needs a package that is not installed.
    """
    if isinstance(answer, Answer):
        return answer
    if isinstance(answer, str):
        if answer not in _NAMED:
            raise UsageError(f"no answer type {answer!r}; there are {', '.join(ANSWER_NAMES)}")
        return _NAMED[answer]()
    if isinstance(answer, type) and issubclass(answer, Answer):
        raise UsageError(f"wanted an object of {answer.__name__}, got the class: call it")
    if callable(answer):
        return FunctionAnswer(answer)
    raise UsageError(f"answer must be a name, an Answer or a function, got {type(answer).__name__}")

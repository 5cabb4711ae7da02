"""Answer types by name, as on the command line and in fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from bestofinf.answers.auto import AutoAnswer
from bestofinf.answers.base import Answer, FunctionAnswer
from bestofinf.answers.calls import ToolCallsAnswer
from bestofinf.answers.choices import ChoiceAnswer
from bestofinf.answers.mathematics import MathAnswer
from bestofinf.answers.names import ANSWER_NAMES
from bestofinf.answers.plain import BoxedAnswer, NumberAnswer, TextAnswer
from bestofinf.answers.structured import JsonAnswer
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue

AnswerLike: TypeAlias = str | Answer | Callable[[str], AnswerValue | None]
"""What may be given as an answer type: a name, an object, or a function of the reply's text."""

_TYPES: tuple[Callable[[], Answer], ...] = (
    AutoAnswer,
    TextAnswer,
    NumberAnswer,
    ChoiceAnswer,
    BoxedAnswer,
    MathAnswer,
    JsonAnswer,
    ToolCallsAnswer,
)
_NAMED = dict(zip(ANSWER_NAMES, _TYPES, strict=True))


def resolve_answer(answer: AnswerLike) -> Answer:
    """Return an answer type: of a name, from a function, or unchanged if it is one.

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

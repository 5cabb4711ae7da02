"""Answer types: from a reply to a vote, by meaning and not by string."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestofinf._extras import handed_on
from bestofinf.answers.names import ANSWER_NAMES

if TYPE_CHECKING:
    from bestofinf.answers.arguments import tool_schemas
    from bestofinf.answers.auto import AutoAnswer
    from bestofinf.answers.base import Abstain, Answer, FunctionAnswer, PartedAnswer
    from bestofinf.answers.calls import ToolCallsAnswer
    from bestofinf.answers.choices import ChoiceAnswer
    from bestofinf.answers.classes import AnswerClasses
    from bestofinf.answers.embedding import EmbeddingAnswer, Threshold, calibrate
    from bestofinf.answers.executed import ExecutedAnswer
    from bestofinf.answers.judge import FreeText, JudgeAnswer, Selection, UniversalSelfConsistency
    from bestofinf.answers.mathematics import MathAnswer
    from bestofinf.answers.meaning import MeaningAnswer
    from bestofinf.answers.named import AnswerLike, resolve_answer
    from bestofinf.answers.plain import BoxedAnswer, NumberAnswer, TextAnswer
    from bestofinf.answers.react import ReActAnswer
    from bestofinf.answers.redflags import RedFlags
    from bestofinf.answers.sql import SqlAnswer
    from bestofinf.answers.structured import JsonAnswer
    from bestofinf.answers.thoughts import THOUGHTS, strip_thoughts
    from bestofinf.answers.verdicts import ScoreAnswer

__all__ = [
    "ANSWER_NAMES",
    "THOUGHTS",
    "Abstain",
    "Answer",
    "AnswerClasses",
    "AnswerLike",
    "AutoAnswer",
    "BoxedAnswer",
    "ChoiceAnswer",
    "EmbeddingAnswer",
    "ExecutedAnswer",
    "FreeText",
    "FunctionAnswer",
    "JsonAnswer",
    "JudgeAnswer",
    "MathAnswer",
    "MeaningAnswer",
    "NumberAnswer",
    "PartedAnswer",
    "ReActAnswer",
    "RedFlags",
    "ScoreAnswer",
    "Selection",
    "SqlAnswer",
    "TextAnswer",
    "Threshold",
    "ToolCallsAnswer",
    "UniversalSelfConsistency",
    "calibrate",
    "resolve_answer",
    "strip_thoughts",
    "tool_schemas",
]

__getattr__ = handed_on(
    __name__,
    {
        "arguments": ("tool_schemas",),
        "auto": ("AutoAnswer",),
        "base": (
            "Abstain",
            "Answer",
            "FunctionAnswer",
            "PartedAnswer",
        ),
        "calls": ("ToolCallsAnswer",),
        "choices": ("ChoiceAnswer",),
        "classes": ("AnswerClasses",),
        "embedding": (
            "EmbeddingAnswer",
            "Threshold",
            "calibrate",
        ),
        "executed": ("ExecutedAnswer",),
        "judge": (
            "FreeText",
            "JudgeAnswer",
            "Selection",
            "UniversalSelfConsistency",
        ),
        "mathematics": ("MathAnswer",),
        "meaning": ("MeaningAnswer",),
        "named": (
            "AnswerLike",
            "resolve_answer",
        ),
        "plain": (
            "BoxedAnswer",
            "NumberAnswer",
            "TextAnswer",
        ),
        "react": ("ReActAnswer",),
        "redflags": ("RedFlags",),
        "sql": ("SqlAnswer",),
        "structured": ("JsonAnswer",),
        "thoughts": (
            "THOUGHTS",
            "strip_thoughts",
        ),
        "verdicts": ("ScoreAnswer",),
    },
)


def __dir__() -> list[str]:
    return list(__all__)

"""Answer types: from a reply to a vote, by meaning and not by string."""

from bestofinf.answers.auto import AutoAnswer
from bestofinf.answers.base import Abstain, Answer, FunctionAnswer, PartedAnswer
from bestofinf.answers.calls import ToolCallsAnswer
from bestofinf.answers.classes import AnswerClasses
from bestofinf.answers.embedding import EmbeddingAnswer, Threshold, calibrate
from bestofinf.answers.judge import FreeText, JudgeAnswer, Selection, UniversalSelfConsistency
from bestofinf.answers.mathematics import MathAnswer
from bestofinf.answers.named import ANSWER_NAMES, AnswerLike, resolve_answer
from bestofinf.answers.plain import BoxedAnswer, ChoiceAnswer, NumberAnswer, TextAnswer
from bestofinf.answers.react import ReActAnswer
from bestofinf.answers.redflags import RedFlags
from bestofinf.answers.structured import JsonAnswer

__all__ = [
    "ANSWER_NAMES",
    "Abstain",
    "Answer",
    "AnswerClasses",
    "AnswerLike",
    "AutoAnswer",
    "BoxedAnswer",
    "ChoiceAnswer",
    "EmbeddingAnswer",
    "FreeText",
    "FunctionAnswer",
    "JsonAnswer",
    "JudgeAnswer",
    "MathAnswer",
    "NumberAnswer",
    "PartedAnswer",
    "ReActAnswer",
    "RedFlags",
    "Selection",
    "TextAnswer",
    "Threshold",
    "ToolCallsAnswer",
    "UniversalSelfConsistency",
    "calibrate",
    "resolve_answer",
]

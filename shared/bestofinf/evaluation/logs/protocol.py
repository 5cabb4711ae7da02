"""The interface of a reader of logs, and the things it yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from bestofinf.evaluation.logs.head import Head
from bestofinf.records import ToolCall

SEEN = "seen"
"""Origin of a reader that was tested on files written by the tool itself."""

DOCUMENTED = "from the documentation"
"""Origin of a reader that was only tested on files made from the tool's documentation."""


@dataclass(frozen=True, slots=True)
class LogSample:
    """One reply in a log. Only `question` is required; None means unknown.

    Attributes:
        question: Id of the question within its data set, as the log has it.
        text: The whole reply without reasoning blocks; thoughts within a text may stay.
        answer: The answer, if the log has one already taken from the reply.
        member: Name of the model.
        dataset: Name of the task or data set.
        gold: The right answer.
        prompt: The prompt as the model saw it.
        tokens: Number of generated tokens.
        input_tokens: Number of tokens read.
        cost: Cost in money.
        seconds: Time in seconds from request to reply.
        finish_reason: Why the reply ended.
        tool_calls: Calls that it asks for.
        refusal: Whether the provider marked it as a refusal.
        logprobs: Log-probability of every generated token.
        grade: Whether the log's own scorer calls it right.
        graded: The answer that this scorer found in the reply.
        place: Number of the repeat; orders the samples of a question.
        key: Identifier of the sample, unique over all files; empty to use its position in the file.
        cached: Whether the tool took the reply from its cache.
    """

    question: str
    text: str | None = None
    answer: str | None = None
    member: str = ""
    dataset: str = ""
    gold: str | None = None
    prompt: str | None = None
    tokens: int | None = None
    input_tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    finish_reason: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: bool = False
    logprobs: tuple[float, ...] | None = None
    grade: bool | None = None
    graded: str | None = None
    place: int = 0
    key: str = ""
    cached: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A record of a log that is not a sample, with the reason; reported as a count by reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark on the log that a reader of the figures should know; reported once."""

    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose reply is in another file of the same tool.

    Attributes:
        question: Id of the request.
        prompt: Its prompt.
        same: A text that is the same for requests that repeat each other.
    """

    question: str
    prompt: str
    same: str


Found: TypeAlias = LogSample | LeftOut | Remark | Request


@dataclass(frozen=True, slots=True)
class LogReader:
    """A kind of log.

    Attributes:
        name: Name of the format on the command line.
        title: The tool and its files, in words.
        knows: Returns whether a file is of this kind, from its content only.
        read: Yields the things in a file one by one; raises `UsageError` if the file is broken.
        repeats: Advice on recording several samples of a question with this tool.
        origin: `SEEN` or `DOCUMENTED`.
    """

    name: str
    title: str
    knows: Callable[[Head], bool]
    read: Callable[[Head], Iterator[Found]]
    repeats: str
    origin: str = SEEN

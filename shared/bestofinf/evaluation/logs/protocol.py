"""What a reader of logs yields, and what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from bestofinf.evaluation.logs.head import Head
from bestofinf.records import ToolCall

SEEN = "seen"
"""Origin of a reader that has read files which the tool itself has written."""

DOCUMENTED = "from the documentation"
"""Origin of a reader that has only been tried on files made after the tool's documentation."""


@dataclass(frozen=True, slots=True)
class LogSample:
    """One reply as a log tells it. Only `question` must be known; None is not known.

    Attributes:
        question: Id of the question within its data set, as the log has it.
        text: The whole reply without reasoning blocks; thoughts within a text may stay.
        answer: The answer, where the log holds it already taken out of its reply.
        member: The model.
        dataset: Name of the task or data set.
        gold: The right answer.
        prompt: What was asked, as the model saw it.
        tokens: Generated tokens of this reply.
        input_tokens: Tokens read for it.
        cost: Money.
        seconds: Time from request to reply.
        finish_reason: Why the reply ended.
        tool_calls: Calls that it asks for.
        refusal: Whether the provider marked it as a refusal.
        logprobs: Log-probability of every generated token.
        grade: Whether the log's own scorer calls it right.
        graded: The answer that this scorer read in it.
        place: Number of the repeat; orders the samples of a question.
        key: What tells this sample from every other, in other files too; empty: its place in the file.
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
    """Something in a log that is no sample, and why it is left out; counted by its reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that whoever reads the figures should know; told once."""

    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked under an id that another file of the same tool replies to.

    Attributes:
        question: The id.
        prompt: What was asked.
        same: The same text for requests that are repeats of one another.
    """

    question: str
    prompt: str
    same: str


Found: TypeAlias = LogSample | LeftOut | Remark | Request


@dataclass(frozen=True, slots=True)
class LogReader:
    """A kind of log.

    Attributes:
        name: On the command line.
        title: The tool and its files, in words.
        knows: Whether a file is of this kind, by its content alone.
        read: Yields what the file holds, one after the other; raises `UsageError` where it is broken.
        repeats: How to record several samples of a question with this tool.
        origin: `SEEN` or `DOCUMENTED`.
    """

    name: str
    title: str
    knows: Callable[[Head], bool]
    read: Callable[[Head], Iterator[Found]]
    repeats: str
    origin: str = SEEN

"""What every answer type offers: from a reply to a vote, and when two votes are one."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from bestofinf._concurrency.blocking import run_blocking
from bestofinf.answers.cleaning import cleaned
from bestofinf.answers.thoughts import THOUGHTS, tag_names
from bestofinf.border import BROKEN_OFF, FILTERED, error_text
from bestofinf.errors import BestOfInfError
from bestofinf.records import AnswerValue, Reply, Sample, Usage

_UNFINISHED = {FILTERED: "ended by a content filter", BROKEN_OFF: "broken off"}

A = TypeVar("A", bound="Answer")

YES = "true"
"""The vote for a part that has been raised."""

_NOTHING = Usage()

FREE_TEXT = "free text"
"""The reason of a reply whose text is no answer: it is too long, and announces none."""

AT_LENGTH = "free text, as was asked for"
"""The reason of a reply of more than a few words to a question that asks for a text."""

CUT_OFF_NOTE = "cut off"
"""The reason of a reply that a limit ended before its answer."""

IN_THOUGHTS = "ended within its thoughts"
"""The reason of a reply whose text has a thought that is not closed."""


class Abstain(BestOfInfError):
    """Raised in `Answer.extract` to abstain and say why.

    Attributes:
        reason: A few words for the trail, such as ``cut off``.
    """

    def __init__(self, reason: str) -> None:
        self.reason = error_text(str(reason))  # of anybody's answer type
        super().__init__(self.reason)


class ComparisonError(BestOfInfError, RuntimeError):
    """An answer could not be compared with others, because what compares them has failed.

    The answer keeps its vote, as one that differs from those it was not compared with.

    Attributes:
        usage: What the comparisons have cost before.
    """

    def __init__(self, message: str, usage: Usage = _NOTHING) -> None:
        self.usage = usage
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What an answer amounts to once it has been carried out.

    Attributes:
        answer: The vote; None abstains.
        note: Why it abstains, or a remark for the trail.
        usage: What finding out has cost.
        seconds: How long it took.
    """

    answer: AnswerValue | None
    note: str = ""
    usage: Usage = _NOTHING
    seconds: float = 0.0


def bound(answer: A, /, **fields: object) -> A:
    """Return a copy of an answer type with other fields; what it keeps in memory is shared."""
    if type(answer).__slots__:
        other = copy.copy(answer)
        for name, value in fields.items():
            object.__setattr__(other, name, value)  # some are frozen dataclasses
        return other
    # Once for every question: `copy.copy` takes several times as long.
    other = object.__new__(type(answer))
    other.__dict__.update(answer.__dict__, **fields)
    return other


class Answer(ABC):
    """Takes the vote from a reply and says which votes mean the same.

    Subclass it and write `extract`; the rest has useful defaults. Objects hold no state of a
    vote, so one object serves many votes at once.

    Attributes:
        expected: Whether every reply should have an answer, so that one without is a slip.
            Otherwise a few such replies in the beginning end a vote: there is nothing to vote on.
        gives_up: Whether free text of more than 28 words as the first reply ends a vote, as the
            others would be free text too.
        whole: Whether a reply is an answer and nothing else, so that its probability is that of the
            answer. Not where reasoning may stand before it.
        executes: Whether what is extracted must be carried out before it is a vote; see `resolve`.
        thoughts: Names of tags around thoughts in the text, which never vote; see `with_thoughts`.
    """

    expected: bool = False
    gives_up: bool = False
    whole: bool = False
    executes: bool = False
    thoughts: tuple[str, ...] = THOUGHTS

    @abstractmethod
    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the canonical answer of a reply; None, or raising `Abstain`, abstains.

        The reply is without thoughts and what else `bestofinf.answers.cleaning` removes. Pure.
        Any other exception makes the sample a failure with that reason.
        """

    def with_thoughts(self, *names: str) -> Self:
        """Return the same answer type that also takes the content of these tags for thoughts.

        Raises:
            UsageError: If a name cannot be that of a tag.
        """
        return bound(self, thoughts=tag_names((*self.thoughts, *names)))

    def vote(self, reply: Reply, *, tokens: int | None = None) -> tuple[AnswerValue | None, str]:
        """Return the answer of a reply, and the reason where it is None. What drivers call.

        Cleans the reply once, whatever its text holds beside the answer, and lets `extract` read.
        A reply that a filter ended, or whose stream broke off, abstains.

        Args:
            reply: What the member said.
            tokens: Number of generated tokens, where known.
        """
        if reply.finish_reason in _UNFINISHED:
            return None, _UNFINISHED[reply.finish_reason]
        visible = cleaned(reply, thoughts=self.thoughts)
        if visible is None:
            return None, IN_THOUGHTS
        try:
            value = self.extract(visible)
        except Abstain as abstention:
            return None, abstention.reason
        return value, "" if value is not None else "no answer found"

    async def resolve(self, value: AnswerValue) -> Resolved:
        """Return what an extracted answer amounts to, as the result of a query does of the query.

        Called where `executes` is true, once for every sample and for many at a time, before
        answers are compared. By default an answer is what it is. An exception makes the sample a
        failure, as in `extract`.
        """
        return Resolved(value)

    def read(self, reply: Reply, *, tokens: int | None = None) -> tuple[AnswerValue | None, str]:
        """Do as `vote`, and carry out what must be: for recorded replies, from blocking code."""
        value, note = self.vote(reply, tokens=tokens)
        if value is None or not self.executes:
            return value, note
        found = run_blocking(self.resolve(value))
        return found.answer, found.note

    def yields(self, value: AnswerValue) -> bool:
        """Return whether an answer gives way to another that has as many votes."""
        return False

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the canonical form of an answer already taken from its reply and recorded.

        Idempotent: the canonical form written out is its own canonical form. None abstains. Not
        for whole replies, whose thoughts only `vote` removes.
        """
        try:
            return self.extract(Reply(text=text))
        except Abstain:
            return None

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether two answers are one vote. Symmetric; equal answers are always the same.

        Must be quick, as it runs while the vote is counted: what is slow or asks a model belongs
        in `prepare`, which stores its finding for `same` to look up.
        """
        return first == second

    async def prepare(self, answer: AnswerValue, others: Sequence[AnswerValue]) -> Usage:
        """Find out, before the answer is counted, whether it is the same as each of the others.

        Called once for every new distinct answer of a vote but the first, one at a time, with the
        distinct answers that arrived before it.

        Returns:
            What finding out has cost. The default has nothing to find out.

        After an exception the answer votes all the same, and a note in the trail names the error. A
        `ComparisonError` says what was spent before.
        """
        return Usage()

    def for_question(self, text: str) -> Answer:
        """Return this answer type bound to one question; by default it needs none.

        What drivers call once for every question, before the first reply is read.

        Args:
            text: The last message of the user, the input of a chain, or a recorded prompt; of a
                prompt made from a template, the query in it counts.
        """
        return self

    def in_words(self, value: AnswerValue) -> bool:
        """Return whether an answer is compared by its words alone, which vary without reason.

        Several such answers of which no two are alike say that there is nothing to agree on.
        """
        return False

    def for_tools(self, tools: Mapping[str, Mapping[str, Any]]) -> Answer:
        """Return this answer type bound to the tools of a request; by default it needs none.

        What drivers call once for every request that offers tools.

        Args:
            tools: JSON schema of the arguments of each tool, by the tool's name.
        """
        return self

    def represent(self, samples: Sequence[Sample]) -> Sample:
        """Return the sample whose reply is handed out for a class of equivalent answers.

        Args:
            samples: The samples of the winning class that come from its heaviest member, in draw
                order; never empty.

        Returns:
            The first, unless a subclass knows a centre of the class.
        """
        return samples[0]


class PartedAnswer(Answer):
    """An answer made of parts that are voted on one by one, as the fields of an object.

    Every part has a tally of its own; the vote ends when the rule would stop on each of them.
    The parts' leaders together are the winner, though no sample may have said exactly that.
    Without parts it votes as a whole, like any other answer.

    Attributes:
        parts: The answer type of each part, by its name, in a fixed order.
    """

    parts: Mapping[str, Answer]

    @abstractmethod
    def split(self, value: AnswerValue) -> Mapping[str, AnswerValue]:
        """Return the vote on each part; a part that is absent abstains."""

    @abstractmethod
    def join(self, parts: Mapping[str, AnswerValue]) -> AnswerValue:
        """Return the answer made of these parts; ``join(split(v)) == v``."""

    @abstractmethod
    def compose(self, parts: Mapping[str, AnswerValue], samples: Sequence[Sample]) -> Sample:
        """Return the sample handed out for the winning parts, raised ones among them.

        Args:
            parts: The winner of each part.
            samples: All counted samples that did not abstain, in draw order; never empty.

        Returns:
            A sample that says just that, where there is one; otherwise the sample that agrees
            with most parts, with the others put in, as long as the result is valid.
        """

    def raised(self, value: AnswerValue) -> Mapping[str, Answer]:
        """Return parts that an answer raises beside `parts`, as an item that is to be in a list.

        Every answer votes on each, `YES` or another value; `YES` wins with half of the votes.
        """
        return {}

    def on_raised(self, value: AnswerValue, names: Collection[str]) -> Mapping[str, AnswerValue]:
        """Return an answer's votes on parts that have been raised."""
        return {}


class FunctionAnswer(Answer):
    """An answer type made from a plain function of the reply's text."""

    expected = True

    def __init__(self, function: Callable[[str], AnswerValue | None]) -> None:
        self.function = function

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return what the function returns; None abstains."""
        return self.function(reply.text)

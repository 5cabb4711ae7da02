"""What every answer type offers: from a reply to a vote, and when two votes are one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from bestofinf.errors import BestOfInfError
from bestofinf.records import AnswerValue, Reply, Sample, Usage


class Abstain(BestOfInfError):
    """Raised in `Answer.extract` to abstain and say why.

    Attributes:
        reason: A few words for the trail, such as ``cut off``.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Answer(ABC):
    """Takes the vote from a reply and says which votes mean the same.

    Subclass it and write `extract`; the rest has useful defaults. Objects hold no state of a
    vote, so one object serves many votes at once.

    Attributes:
        expected: Whether every reply should have an answer, so that one without is a slip.
            Otherwise two such replies in the beginning end a vote: there is nothing to vote on.
    """

    expected: bool = False

    @abstractmethod
    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the canonical answer of a reply; None, or raising `Abstain`, abstains.

        Pure. Any other exception makes the sample a failure with that reason.
        """

    def vote(self, reply: Reply, *, tokens: int | None = None) -> tuple[AnswerValue | None, str]:
        """Return the answer of a reply, and the reason where it is None. What drivers call.

        Args:
            reply: What the member said.
            tokens: Number of generated tokens, where known.
        """
        try:
            value = self.extract(reply)
        except Abstain as abstention:
            return None, abstention.reason
        return value, "" if value is not None else "no answer found"

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the canonical form of an answer already taken from its reply and recorded.

        Idempotent: the canonical form written out is its own canonical form. None abstains.
        """
        return self.vote(Reply(text=text))[0]

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether two answers are one vote. Symmetric; equal answers are always the same.

        Must be quick, as it runs while the vote is counted: what is slow or asks a model belongs
        in `prepare`, which stores its finding for `same` to look up.
        """
        return first == second

    async def prepare(self, answer: AnswerValue, others: Sequence[AnswerValue]) -> Usage:
        """Find out, before the answer is counted, whether it is the same as each of the others.

        Called once for every new distinct answer of a vote, one at a time, with the distinct
        answers that arrived before it.

        Returns:
            What finding out has cost. The default has nothing to find out.

        An exception makes the sample a failure, as in `extract`.
        """
        return Usage()

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
        """Return the sample handed out for the winning parts.

        Args:
            parts: The winner of each part.
            samples: All counted samples that did not abstain, in draw order; never empty.

        Returns:
            A sample that says just that, where there is one; otherwise the sample that agrees
            with most parts, with the others put in, as long as the result is valid.
        """


class FunctionAnswer(Answer):
    """An answer type made from a plain function of the reply's text."""

    expected = True

    def __init__(self, function: Callable[[str], AnswerValue | None]) -> None:
        self.function = function

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return what the function returns; None abstains."""
        return self.function(reply.text)

"""What every answer type offers: from a reply to a vote, and when two votes are one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from bestofinf.records import AnswerValue, Reply, Sample


class Answer(ABC):
    """Takes the vote from a reply and says which votes mean the same.

    Subclass it and write `extract`; the rest has useful defaults. Objects hold no state of a
    vote, so one object serves many votes at once.
    """

    @abstractmethod
    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the canonical answer of a reply, or None to abstain.

        Pure, and idempotent in the sense that an answer written out as a reply gives itself.
        An exception makes the sample a failure with that reason.
        """

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether two answers are one vote. Symmetric; equal answers are always the same.

        Must be quick, as it runs while the vote is counted: what is slow or asks a model belongs
        in `prepare`, which stores its finding for `same` to look up.
        """
        return first == second

    async def prepare(  # noqa: B027  (an optional hook)
        self, answer: AnswerValue, others: Sequence[AnswerValue]
    ) -> None:
        """Find out, before the answer is counted, whether it is the same as each of the others.

        Called once for every new distinct answer of a vote, one at a time, with the distinct
        answers that arrived before it. The default has nothing to find out.
        """

    def represent(self, samples: Sequence[Sample]) -> Sample:
        """Return the sample whose reply is handed out for a class of equivalent answers.

        Args:
            samples: The samples of the winning class that come from its heaviest member, in draw
                order; never empty.

        Returns:
            The first, unless a subclass knows a centre of the class.
        """
        return samples[0]


class FunctionAnswer(Answer):
    """An answer type made from a plain function of the reply's text."""

    def __init__(self, function: Callable[[str], AnswerValue | None]) -> None:
        self.function = function

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return what the function returns; None abstains."""
        return self.function(reply.text)

"""Settings of a vote on the meaning of free text, and the answer type that they make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from bestofinf.answers import Answer, EmbeddingAnswer, JudgeAnswer, strip_thoughts
from bestofinf.answers.asking import PATIENCE, Asked
from bestofinf.answers.base import PartedAnswer
from bestofinf.answers.embedding import Embed
from bestofinf.answers.judge import FreeText
from bestofinf.answers.meaning import MeaningAnswer
from bestofinf.answers.wording import question_in
from bestofinf.border import BROKEN_OFF, CUT_OFF, FILTERED
from bestofinf.errors import UsageError, is_number, shown
from bestofinf.policy import FailurePolicy
from bestofinf.records import Member, Sample

if TYPE_CHECKING:
    from bestofinf.ensemble.unvotable import Unvotable

AskMember: TypeAlias = Callable[[Member[Any], str], Sample | Awaitable[Sample]]
"""Asks a member outside the vote and returns the sample, or an awaitable of it."""


@dataclass(frozen=True)
class Nearness:
    """Embeddings that are compared before a judge is asked.

    Attributes:
        embed: Returns vectors of texts; see `bestofinf.answers.embedding.Embed`.
        floor: Texts with a lower cosine similarity count as different without asking, in [-1, 1].
    """

    embed: Embed
    floor: float


@dataclass(frozen=True)
class MeaningVote:
    """A vote on the meaning of free text, as a value of the setting ``on_unvotable``.

    ``"vote"`` is the same with the default values. One of the replies wins; facts of several
    replies are not merged.

    Attributes:
        judge: A model that decides whether two texts mean the same; None takes the member with the
            largest weight.
        embed: Returns vectors of texts, so that the judge is not asked about texts that are far
            apart; None asks about all.
        floor: Minimum cosine similarity of texts that the judge is asked about, in [-1, 1].

    Raises:
        UsageError: If `floor` is out of its range.
    """

    judge: Any = None
    embed: Embed | None = None
    floor: float = 0.3

    def __post_init__(self) -> None:
        if not is_number(self.floor) or not -1 <= self.floor <= 1:
            raise UsageError(f"floor must lie in [-1, 1], got {shown(self.floor)}")

    @property
    def nearness(self) -> Nearness | None:
        """The embeddings that are compared before the judge is asked; None for none."""
        return None if self.embed is None else Nearness(self.embed, self.floor)


def by_meaning(
    answer: Answer,
    unvotable: Unvotable,
    members: Sequence[Member[Any]],
    ask: AskMember,
    prompt: str,
    policy: FailurePolicy = PATIENCE,
) -> Answer:
    """Return an answer type that also votes on the meaning of free text.

    Types that already vote on free text, or part by part, are returned unchanged.

    Args:
        answer: The answer type for replies that are not free text.
        unvotable: Its chooser is the judge.
        members: The members, in their order.
        ask: Asks one of them.
        prompt: The question as text.
        policy: Retries, and the time limit of one request to the judge.
    """
    if isinstance(answer, FreeText) or (isinstance(answer, PartedAnswer) and answer.parts):
        return answer
    given = unvotable.chooser
    judge = given if isinstance(given, Member) else max(members, key=lambda m: m.weight)

    def said(question: str) -> Asked | Awaitable[Asked]:
        found = ask(judge, question)
        return _told(found) if isinstance(found, Sample) else later(found)

    async def later(found: Awaitable[Sample]) -> Asked:
        return _told(await found)

    compared = JudgeAnswer(said, question=question_in(prompt), both_ways=False, policy=policy)
    near = unvotable.nearness
    if near is None:
        return MeaningAnswer(answer, compared)
    return MeaningAnswer(answer, EmbeddingAnswer(near.embed, judge=compared, floor=near.floor))


def _told(sample: Sample) -> Asked:
    """Return the verdict of a judge with its cost; an empty text of one that did not end its reply.

    A limit of one token leaves a single word, which is a whole verdict.
    """
    reply = sample.reply
    if reply is None or reply.refusal or reply.finish_reason in (FILTERED, BROKEN_OFF):
        return "", sample.usage
    text = strip_thoughts(reply.text)
    cut = reply.finish_reason == CUT_OFF and len(text.split()) != 1
    return "" if cut else text, sample.usage

"""A vote on the meaning of replies that cannot be voted on otherwise: who compares, and how."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from bestofinf.answers import Answer, EmbeddingAnswer, JudgeAnswer, strip_thoughts
from bestofinf.answers.base import PartedAnswer
from bestofinf.answers.embedding import Embed
from bestofinf.answers.judge import FreeText
from bestofinf.answers.meaning import MeaningAnswer
from bestofinf.answers.wording import question_in
from bestofinf.errors import UsageError, is_number, shown
from bestofinf.records import Member, Sample, Usage

if TYPE_CHECKING:
    from bestofinf.ensemble.unvotable import Unvotable

AskMember: TypeAlias = Callable[[Member[Any], str], Sample | Awaitable[Sample]]
"""Asks a member besides the vote, blocking or not."""


@dataclass(frozen=True)
class Nearness:
    """Embeddings before a judge.

    Attributes:
        embed: Gives vectors of texts; see `bestofinf.answers.embedding.Embed`.
        floor: Texts of a lower cosine similarity are different without asking.
    """

    embed: Embed
    floor: float


@dataclass(frozen=True)
class MeaningVote:
    """How free text is voted on, as the setting ``on_unvotable``: ``"vote"`` with who compares.

    Merging facts of several replies into one, instead of electing one reply, would begin here.

    Attributes:
        judge: A model that says whether two texts say the same; None takes the heaviest member.
        embed: Gives vectors of texts, which spare the judge those that are far apart; None asks
            about all.
        floor: Least cosine similarity of texts that it is asked about, in [-1, 1].
    """

    judge: Any = None
    embed: Embed | None = None
    floor: float = 0.3

    def __post_init__(self) -> None:
        if not is_number(self.floor) or not -1 <= self.floor <= 1:
            raise UsageError(f"floor must lie in [-1, 1], got {shown(self.floor)}")

    @property
    def nearness(self) -> Nearness | None:
        """What spares the judge texts that are far apart."""
        return None if self.embed is None else Nearness(self.embed, self.floor)


def by_meaning(
    answer: Answer,
    unvotable: Unvotable,
    members: Sequence[Member[Any]],
    ask: AskMember,
    prompt: str,
) -> Answer:
    """Return an answer type that votes on the meaning of free text, too.

    Types that vote on free text already, or part by part, stay as they are.

    Args:
        answer: Reads what can be voted on.
        unvotable: Says who compares.
        members: The members, in their order.
        ask: Asks one of them.
        prompt: What was asked.
    """
    if isinstance(answer, FreeText) or (isinstance(answer, PartedAnswer) and answer.parts):
        return answer
    given = unvotable.chooser
    judge = given if isinstance(given, Member) else max(members, key=lambda m: m.weight)

    async def said(question: str) -> tuple[str, Usage]:
        found = ask(judge, question)
        sample = found if isinstance(found, Sample) else await found
        text = sample.reply.text if sample.reply is not None else ""
        return strip_thoughts(text), sample.usage

    compared = JudgeAnswer(said, question=question_in(prompt), both_ways=False)
    near = unvotable.nearness
    if near is None:
        return MeaningAnswer(answer, compared)
    return MeaningAnswer(answer, EmbeddingAnswer(near.embed, judge=compared, floor=near.floor))

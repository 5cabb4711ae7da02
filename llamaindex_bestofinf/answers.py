"""Votes in LlamaIndex's own forms: steps of ReAct agents, and citations of sources."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bestofinf.answers import Abstain, Answer, AutoAnswer, ReActAnswer, resolve_answer
from bestofinf.records import AnswerValue, Reply, Sample, Usage
from bestofinf.selectors import Candidate, Selection
from bestofinf.tally import Tally
from bestofinf.unvotable import medoid
from llamaindex_bestofinf.routing import routed

_STEP = re.compile(r"^[ \t]*(?:Thought:|Action:[^\n]*\n[ \t]*Action Input:)", re.M)
_CITED = re.compile(r"\[(\d{1,4}(?:\s*[,;]\s*\d{1,4})*)\]")
_TIE = 1e-9  # effective counts closer than this differ by rounding alone


class StepAnswer(Answer):
    """The default: `AutoAnswer`, and a step of an agent or a router where the reply is one.

    Agents that write their steps as text (``Thought:``, ``Action:``, ``Action Input:``) vote on
    the action with its parsed input, or on the final answer. Routers vote on what is selected,
    planners of sub-questions on the tools that are asked, in any order: no two samples give the
    same reasons or questions.
    """

    def __init__(self) -> None:
        self._auto = AutoAnswer()
        self._step = ReActAnswer(final=self._auto)

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the canonical answer of a reply or of a step."""
        goal = routed(reply)
        if goal is not None:
            return goal
        if reply.parsed is None and not reply.tool_calls and _STEP.search(reply.text[:20_000]):
            return self._step.extract(reply)
        return self._auto.extract(reply)

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the normal form of a recorded answer."""
        return self._auto.canonical(text)

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether both are equal, or have the same value."""
        return self._auto.same(first, second)

    async def prepare(self, answer: AnswerValue, others: Sequence[AnswerValue]) -> Usage:
        """Find the values of answers that have one without blocking the event loop."""
        return await self._auto.prepare(answer, others)


class CitationAnswer(Answer):
    """The sources that a reply cites, as ``[1]`` or ``[1, 3]``: a vote on the evidence.

    For query engines that number their sources, as `CitationQueryEngine` does. The numbers mean
    the same nodes for all samples of a call. A reply without citations abstains. Of the replies
    that cite the winning sources, the one in whose words most of the others agree is given.
    """

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the cited numbers in order, each once, as ``[1][3]``."""
        cited = citations(reply.text)
        if not cited:
            raise Abstain("no citation")
        return "".join(f"[{number}]" for number in sorted(cited))

    def represent(self, samples: Sequence[Sample]) -> Sample:
        """Return the sample nearest to the others in its words."""
        return samples[medoid([s.reply.text if s.reply is not None else "" for s in samples])]


@dataclass(frozen=True)
class CitationTieBreaker:
    """The weighted majority; a tie goes to the answer whose replies cite what most replies cite.

    Of the samples with the winning answer, the one that cites so is handed out. Give it as
    ``selector=CitationTieBreaker()``.
    """

    name: ClassVar[str] = "citations"

    def select(self, candidates: Sequence[Candidate], tally: Tally) -> Selection:
        """Return the leader, or of several the one with the most common citations."""
        leader = tally.leader
        if leader is None:
            return Selection(None)
        cited = {c.draw.index: citations(_text(c)) for c in candidates}
        shared = Counter(number for numbers in cited.values() for number in numbers)

        def support(candidate: Candidate) -> float:
            numbers = cited[candidate.draw.index]
            return sum(shared[number] for number in numbers) / len(numbers) if numbers else 0.0

        counts = tally.counts
        floor = tally.c1 - _TIE * max(tally.c1, 1.0)
        tied = [answer for answer, count in counts.items() if count >= floor]
        best = {
            answer: max((c for c in candidates if c.answer == answer), key=support)
            for answer in tied
        }
        answer = max(tied, key=lambda a: (support(best[a]), a == leader))
        return Selection(answer, best[answer])


def citations(text: str) -> set[int]:
    """Return the numbers of the sources that a text cites."""
    return {
        int(number)
        for group in _CITED.findall(text)
        for number in re.split(r"\s*[,;]\s*", group.strip())
    }


def named_answer(answer: Any) -> Answer:
    """Return the answer type of a name, of LlamaIndex's own forms or of the core's.

    Raises:
        UsageError: If there is none.
    """
    if answer == "auto":
        return StepAnswer()
    if answer == "react":
        return ReActAnswer()
    if answer == "citations":
        return CitationAnswer()
    return resolve_answer(answer)


def _text(candidate: Candidate) -> str:
    reply = candidate.sample.reply
    return reply.text if reply is not None else ""

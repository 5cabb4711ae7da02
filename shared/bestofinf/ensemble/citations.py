"""Votes on the sources that replies cite."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bestofinf.answers import Abstain, Answer
from bestofinf.answers.meaning import medoid
from bestofinf.records import AnswerValue, Reply, Sample
from bestofinf.rules.tally import Tally
from bestofinf.voting.selectors import Candidate, Election

_CITED = re.compile(r"\[(\d{1,4}(?:\s*[,;]\s*\d{1,4})*)\]")


class CitationAnswer(Answer):
    """A vote on the set of sources that a reply cites, as ``[1]`` or ``[1, 3]``.

    Use it with query engines that number their sources, such as `CitationQueryEngine`. The numbers
    mean the same nodes for all samples of a call. A reply without citations abstains. Of the
    replies that cite the winning sources, the one nearest to the others in its words is returned.
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
    """The weighted majority; a tie goes to the answer with the most common citations.

    The support of a reply is the mean, over the sources that it cites, of the number of replies
    that cite the source; 0 without citations. The answer of the reply with the most support wins
    the tie, and of the samples with the winning answer the one with the most support is returned.
    Use it as ``selector=CitationTieBreaker()``.
    """

    name: ClassVar[str] = "citations"

    def select(self, candidates: Sequence[Candidate], tally: Tally) -> Election:
        """Return the leader, or of several equal ones that with the most common citations."""
        leader = tally.leader
        if leader is None:
            return Election(None)
        cited = {c.draw.index: citations(_text(c)) for c in candidates}
        shared = Counter(number for numbers in cited.values() for number in numbers)

        def support(candidate: Candidate) -> float:
            numbers = cited[candidate.draw.index]
            return sum(shared[number] for number in numbers) / len(numbers) if numbers else 0.0

        best = {
            answer: max((c for c in candidates if c.answer == answer), key=support)
            for answer in tally.level
        }
        answer = max(best, key=lambda a: (support(best[a]), a == leader, tally.lot(a)))
        return Election(answer, best[answer])


def citations(text: str) -> set[int]:
    """Return the numbers of the sources that a text cites."""
    return {int(number) for group in _CITED.findall(text) for number in re.findall(r"\d+", group)}


def _text(candidate: Candidate) -> str:
    reply = candidate.sample.reply
    return reply.text if reply is not None else ""

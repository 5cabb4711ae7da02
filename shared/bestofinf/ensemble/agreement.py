"""Votes in nothing but words: where a few hardly agree, more will not either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from bestofinf.answers.base import Answer
from bestofinf.records import AnswerValue
from bestofinf.rules.base import StopRule, Verdict
from bestofinf.rules.optimal import OptimalStopping
from bestofinf.rules.tally import Tally

SCATTERED = 8
"""So many votes in words without two alike: titles, keywords and the like, since the key of short
answers joins the wordings of one fact. With 4 a tenth of the clear votes would end too early."""


SPREAD = 12
"""So many votes in words tell whether they gather: with fewer, clear votes would end too early."""

WORDINGS = 4
"""Least number of different votes among them: fewer are a contest of answers, not of wordings."""

LARGEST = 5 / 12
"""Largest share of the leader among them. On the recorded wordings of short answers that are not
joined by their key this spares a quarter of the samples, and as many votes are right; on those that
are it changes nothing."""


def gives_up(rule: StopRule) -> bool:
    """Return whether a rule ends votes without agreement itself."""
    return any(isinstance(part, OptimalStopping) and part.scatter for part in rule.parts())


def in_words(rule: StopRule, answer: Answer) -> StopRule:
    """Return a rule that gives up, so that it also ends votes of words without any agreement.

    Only for answer types that know what is words.
    """
    knows = type(answer).in_words is not Answer.in_words
    return rule | Scattered(answer) if knows else rule


@dataclass(frozen=True)
class Scattered(StopRule):
    """Stops when all votes are words and no two alike, or half are words and none of many leads.

    Attributes:
        answer: Says which answers are words.
        votes: Least number of votes.
    """

    answer: Answer
    votes: int = SCATTERED
    name: ClassVar[str] = "scattered"

    def check(self, tally: Tally) -> Verdict | None:
        """Stop after so many different votes in words, or after more that do not gather."""
        n, counts = tally.n_votes, Counter(tally.history)
        words = self._words(counts)
        if words == n >= self.votes and n <= tally.n_answers:
            return Verdict(f"scattered: {n} votes in words, no two alike")
        most = max(counts.values(), default=0)
        if n >= SPREAD and len(counts) >= WORDINGS and most <= LARGEST * n and 2 * words >= n:
            return Verdict(f"scattered: {n} votes in {len(counts)} wordings, {most} alike at most")
        return None

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the votes that are missing, as long as those so far are words."""
        n, counts = tally.n_votes, Counter(tally.history)
        words = self._words(counts)
        if words == n <= tally.n_answers:
            return max(1, self.votes - n)
        return max(1, SPREAD - n) if 2 * words >= n else len(ahead) + 1

    def _words(self, counts: Mapping[AnswerValue, int]) -> int:
        return sum(count for value, count in counts.items() if self.answer.in_words(value))

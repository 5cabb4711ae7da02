"""Ends votes of short texts that do not agree: further samples would not agree either."""

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
"""A vote ends after this many votes in words of which no two are equal. These are titles, keywords
and the like, because wordings of one fact are one answer. With 4 votes, a tenth of the votes that
have a clear winner would end too early."""

SPREAD = 12
"""From this number of votes on, a vote ends if no answer leads clearly. With fewer, votes that have
a clear winner would end too early."""

WORDINGS = 4
"""Minimum number of different answers for this: fewer answers compete as facts, not as wordings."""

LARGEST = 5 / 12
"""Maximum share of the leader for this. On the recorded wordings of short answers that do not count
as one answer this saves a quarter of the samples, and as many votes are right; on the others it
changes nothing."""


def gives_up(rule: StopRule) -> bool:
    """Return whether a rule or a part of it ends votes of which no two are equal."""
    return any(isinstance(part, OptimalStopping) and part.scatter for part in rule.parts())


def in_words(rule: StopRule, answer: Answer) -> StopRule:
    """Return a rule that also ends votes of words that do not agree (`Scattered`).

    The rule is unchanged if the answer type does not say which answers are words.
    """
    knows = type(answer).in_words is not Answer.in_words
    return rule | Scattered(answer) if knows else rule


@dataclass(frozen=True)
class Scattered(StopRule):
    """Stops when the votes are words, that is, short texts without a known form, and do not agree.

    There are two conditions: at least `votes` votes, all of them words, and no two equal; or at
    least `SPREAD` votes with `WORDINGS` different answers, at least half of the votes words, and
    no answer with a share above `LARGEST`.

    Attributes:
        answer: Its method `in_words` says which answers are words.
        votes: Minimum number of votes for the first condition.
    """

    answer: Answer
    votes: int = SCATTERED
    name: ClassVar[str] = "scattered"

    def check(self, tally: Tally) -> Verdict | None:
        """Stop if one of the two conditions holds."""
        n, counts = tally.n_votes, Counter(tally.history)
        words = self._words(counts)
        if words == n >= self.votes and n <= tally.n_answers:
            return Verdict(f"scattered: {n} votes in words, no two alike")
        most = max(counts.values(), default=0)
        if n >= SPREAD and len(counts) >= WORDINGS and most <= LARGEST * n and 2 * words >= n:
            return Verdict(f"scattered: {n} votes in {len(counts)} wordings, {most} alike at most")
        return None

    def needed(self, tally: Tally, ahead: Sequence[int]) -> int:
        """Return the number of further votes after which one of the conditions could hold."""
        n, counts = tally.n_votes, Counter(tally.history)
        words = self._words(counts)
        if words == n <= tally.n_answers:
            return max(1, self.votes - n)
        return max(1, SPREAD - n) if 2 * words >= n else len(ahead) + 1

    def _words(self, counts: Mapping[AnswerValue, int]) -> int:
        return sum(count for value, count in counts.items() if self.answer.in_words(value))

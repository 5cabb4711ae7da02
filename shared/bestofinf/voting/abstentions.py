"""Replies without an answer, and how many of them end a vote in which no reply has one."""

from __future__ import annotations

from bestofinf.answers.base import AT_LENGTH, CUT_OFF_NOTE, FREE_TEXT, IN_THOUGHTS
from bestofinf.answers.thoughts import strip_thoughts
from bestofinf.answers.wording import is_long
from bestofinf.border import BROKEN_OFF, CUT_OFF
from bestofinf.records import Sample
from bestofinf.rules.base import Verdict
from bestofinf.rules.tally import Tally

FEW = 3
"""Number of replies without an answer that end a vote if the answer type allows such replies."""

MANY = 8
"""Number of replies without an answer that end a vote even if some of them were cut off."""


class Abstentions:
    """Counts the replies without an answer of one vote.

    Args:
        limit: Number of replies without an answer that end a vote while no reply has one; None
            for no limit.
        first: Whether free text as the first reply ends the vote at once, and replies that were
            cut off do not count towards the limit, because they may have had an answer.
    """

    def __init__(self, limit: int | None, *, first: bool) -> None:
        self.limit = limit
        self._first = first and limit is not None and limit > 1
        self._cut_off = 0

    def needed(self, tally: Tally) -> int | None:
        """Return how many more replies without an answer end the vote; None if no number does."""
        if tally.n_votes or self.limit is None:
            return None
        if self._first and not tally.n_samples:
            return 1
        counted = self.limit - (tally.n_abstained - self._cut_off)
        return max(1, min(counted, MANY - tally.n_abstained) if self._first else counted)

    def check(self, sample: Sample, tally: Tally) -> Verdict | None:
        """Return why the vote ends without an answer once this sample is counted; None to go on."""
        if tally.n_votes or self.limit is None:
            return None
        n = tally.n_abstained
        if self._first:
            if tally.n_samples == 1 and _is_free_text(sample):
                return Verdict("unvotable: the first reply is free text", confidence=0.0)
            self._cut_off += _is_cut_off(sample)
            if n - self._cut_off < self.limit and n < MANY:
                return None
        if n < self.limit:
            return None
        return Verdict(f"unvotable: {n} replies without an answer", confidence=0.0)


def _is_cut_off(sample: Sample) -> bool:
    reason = sample.reply.finish_reason if sample.reply is not None else None
    return _reason(sample) in (CUT_OFF_NOTE, IN_THOUGHTS) or reason in (CUT_OFF, BROKEN_OFF)


def _reason(sample: Sample) -> str:
    """Return the part of a sample's note that says why it abstains."""
    return sample.note.partition("; ")[0]


def _is_free_text(sample: Sample) -> bool:
    """Return whether a reply is complete and too long to be an answer."""
    if sample.reply is None or _is_cut_off(sample):
        return False
    if _reason(sample) != FREE_TEXT:
        return _reason(sample) == AT_LENGTH
    return is_long(strip_thoughts(sample.reply.text))

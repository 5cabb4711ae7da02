"""Replies without an answer: how many of them end a vote in which none has one."""

from __future__ import annotations

from bestofinf.answers.base import AT_LENGTH, CUT_OFF_NOTE, FREE_TEXT, IN_THOUGHTS
from bestofinf.answers.thoughts import strip_thoughts
from bestofinf.answers.wording import is_long
from bestofinf.border import BROKEN_OFF, CUT_OFF
from bestofinf.records import Sample
from bestofinf.rules.base import Verdict
from bestofinf.rules.tally import Tally

FEW = 3
"""Replies without an answer, of types that expect none in every reply, that say it all."""

MANY = 8
"""As many say it even if they were cut off."""


class Abstentions:
    """Counts the replies without an answer of one vote.

    Args:
        limit: So many end a vote while none has an answer; None for no limit.
        first: Whether free text as the first reply ends it alone, and replies that were cut off
            do not count towards the limit, as they say nothing about the others.
    """

    def __init__(self, limit: int | None, *, first: bool) -> None:
        self.limit = limit
        self._first = first and limit is not None and limit > 1
        self._cut_off = 0

    def needed(self, tally: Tally) -> int | None:
        """Return the fewest further replies without an answer that end the vote; None: none do."""
        if tally.n_votes or self.limit is None:
            return None
        if self._first and not tally.n_samples:
            return 1
        counted = self.limit - (tally.n_abstained - self._cut_off)
        return max(1, min(counted, MANY - tally.n_abstained) if self._first else counted)

    def check(self, sample: Sample, tally: Tally) -> Verdict | None:
        """Return why there is nothing to vote on, when a sample has been counted; else None."""
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
    """Return why a sample abstains, without other remarks."""
    return sample.note.partition("; ")[0]


def _is_free_text(sample: Sample) -> bool:
    """Return whether a reply ended by itself and is too long for an answer."""
    if sample.reply is None or _is_cut_off(sample):
        return False
    if _reason(sample) != FREE_TEXT:
        return _reason(sample) == AT_LENGTH
    return is_long(strip_thoughts(sample.reply.text))

"""Score a sample: whatever a scorer does, the sample keeps its vote and what it has cost.

A scorer may be anybody's object. It can raise, or return what is no score; both give no score and a
note that says why. A failure of the scorer is never one of the member whose reply it scores.
"""

from __future__ import annotations

from dataclasses import replace

from bestofinf.border import as_fraction, error_text
from bestofinf.errors import ends_the_task, is_interrupt, shown
from bestofinf.records import Reply, Sample, Usage
from bestofinf.scorers.base import NO_COST, Score, Scorer


def score_of_reply(scorer: Scorer, prompt: str, reply: Reply) -> Score:
    """Return what a scorer gives, for `with_score`; raises nothing but an interrupt of the program."""
    try:
        return scorer.score(prompt, reply)
    except BaseException as error:
        if is_interrupt(error):
            raise
        return _failed(error)


async def ascore_of_reply(scorer: Scorer, prompt: str, reply: Reply) -> Score:
    """Do the same without blocking the event loop; also raises a cancellation of the caller."""
    try:
        return await scorer.ascore(prompt, reply)
    except BaseException as error:
        if ends_the_task(error):
            raise
        return _failed(error)


def scored(sample: Sample, scorer: Scorer | None, prompt: str) -> Sample:
    """Return the sample with its score and the cost of scoring, or with the reason for no score.

    Drivers of votes call it after the reply has arrived and before the sample is told to the engine.
    A sample without a reply is unchanged, and so is any sample if there is no scorer.
    """
    if scorer is None or sample.reply is None:
        return sample
    return with_score(sample, score_of_reply(scorer, prompt, sample.reply))


async def ascored(sample: Sample, scorer: Scorer | None, prompt: str) -> Sample:
    """Do the same without blocking the event loop."""
    if scorer is None or sample.reply is None:
        return sample
    return with_score(sample, await ascore_of_reply(scorer, prompt, sample.reply))


def with_score(sample: Sample, given: Score) -> Sample:
    """Return the sample with a score and the cost of scoring, or with the reason for no score.

    What a scorer has given is checked here, whichever way it came.
    """
    found = _checked(given)
    notes = [sample.note, found.note if found.value is None else ""]
    return replace(
        sample,
        score=found.value,
        usage=sample.usage + found.usage,
        note="; ".join(filter(None, notes)),
    )


def _checked(found: object) -> Score:
    """Return what a scorer has returned, with each part of it that is not valid left out."""
    if not isinstance(found, Score):
        return Score(None, note=f"not scored: wanted a Score, got {shown(found)}")
    value = as_fraction(found.value)
    usage = found.usage if isinstance(found.usage, Usage) else NO_COST
    note = error_text(found.note) if isinstance(found.note, str) else ""
    if value is None and found.value is not None:
        note = f"not scored: the scorer returned {shown(found.value)}, no number from 0 to 1"
    return Score(value, usage, note)


def _failed(error: BaseException) -> Score:
    return Score(None, note=f"not scored: {error_text(error)}")

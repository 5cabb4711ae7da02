"""Who asks the members: in this process, or elsewhere. What they say is journaled there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

from bestofinf.drivers.asynchronous import AsyncSampler
from bestofinf.drivers.common import extracted, failed
from bestofinf.job.journal import Journal
from bestofinf.job.tables import JobQuestion
from bestofinf.plan import VotePlan
from bestofinf.records import Draw, Failure, Outcome, Reply, Sample

Ask: TypeAlias = Callable[[str, Draw], Awaitable[Sample]]
"""Asks a draw's member once; the first argument is the prompt."""


class Crew(Protocol):
    """Gets samples, and has each stored before it is handed over."""

    async def outcome(self, question: JobQuestion, draw: Draw) -> Outcome:
        """Return what came of a draw.

        Raises:
            StoreError: If it could not be stored.
        """

    async def close(self) -> None:
        """Give back what was taken. Nothing is in flight then."""


class LocalCrew:
    """Asks the members in this event loop.

    Args:
        ask: Asks a member once.
        plan: How answers are taken from replies, and what happens when draws fail.
        journal: Where samples are stored.
    """

    def __init__(self, ask: Ask, plan: VotePlan[Any], journal: Journal) -> None:
        self._ask = ask
        self._plan = plan
        self._journal = journal

    async def outcome(self, question: JobQuestion, draw: Draw) -> Outcome:
        """Ask, take the answer, store it; the reply's text is not kept in memory."""

        async def sample(draw: Draw) -> Sample:
            return await self._ask(question.prompt, draw)

        tries = AsyncSampler(sample, answer=None, policy=self._plan.policy)
        outcome = await tries.outcome(draw)
        if isinstance(outcome, Sample):
            try:
                outcome = extracted(outcome, self._plan.answer)
            except Exception as error:  # of a user's own answer type: the sample is a failure
                outcome = replace(failed(error, outcome.seconds or 0.0), usage=outcome.usage)
        await self._journal.put(question, draw, outcome)
        return slim(outcome)

    async def close(self) -> None:
        """Wait until the journal is written."""
        await self._journal.close()


def slim(outcome: Outcome) -> Outcome:
    """Return an outcome without its reply's text: many questions are held at once."""
    if isinstance(outcome, Failure) or outcome.reply is None:
        return outcome
    # Objects voted on field by field are put together from the replies in the end.
    reply = Reply(parsed=outcome.reply.parsed) if outcome.reply.parsed is not None else None
    return replace(outcome, reply=reply)

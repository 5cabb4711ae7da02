"""Workers that query members, in this process or on Ray, and journal each outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

from bestofinf.batches.files import JobQuestion
from bestofinf.batches.journal import Journal
from bestofinf.drivers.common import failed, read
from bestofinf.drivers.samplers import AsyncSampler
from bestofinf.ensemble.plan import VotePlan
from bestofinf.records import Draw, Failure, Outcome, Reply, Sample

AskMember: TypeAlias = Callable[[str, Draw], Awaitable[Sample]]
"""Asks a draw's member once; the first argument is the prompt."""


class Executor(Protocol):
    """Carries out draws, and stores each outcome before it is returned."""

    async def outcome(self, question: JobQuestion, draw: Draw) -> Outcome:
        """Return the outcome of a draw.

        Raises:
            StoreError: If it could not be stored.
        """

    async def close(self) -> None:
        """Release all resources; called when no draw is in flight."""


class LocalExecutor:
    """Asks the members in this event loop.

    Args:
        ask: Asks a member once.
        plan: The settings of the votes: answer type, and what happens when draws fail.
        journal: The journal in which samples are stored.
    """

    def __init__(self, ask: AskMember, plan: VotePlan[Any], journal: Journal) -> None:
        self._ask = ask
        self._plan = plan
        self._journal = journal

    async def outcome(self, question: JobQuestion, draw: Draw) -> Outcome:
        """Ask the member, take the answer and store it; the reply's text is not kept in memory."""

        async def sample(draw: Draw) -> Sample:
            return await self._ask(question.prompt, draw)

        tries = AsyncSampler(sample, answer=None, policy=self._plan.policy)
        outcome = await tries.outcome(draw)
        if isinstance(outcome, Sample):
            try:
                answer = self._plan.answer.for_question(question.prompt)
                outcome = await read(outcome, answer)
            except (
                Exception
            ) as error:  # an error of a user's answer type makes the sample a failure
                outcome = replace(failed(error, outcome.seconds or 0.0), usage=outcome.usage)
        await self._journal.put(question, draw, outcome)
        return slim(outcome)

    async def close(self) -> None:
        """Wait until the journal is written."""
        await self._journal.close()


def slim(outcome: Outcome) -> Outcome:
    """Return an outcome without its reply's text, because many questions are in memory at once."""
    if isinstance(outcome, Failure) or outcome.reply is None:
        return outcome
    # Objects that are voted on field by field are composed from the replies at the end.
    reply = Reply(parsed=outcome.reply.parsed) if outcome.reply.parsed is not None else None
    return replace(outcome, reply=reply)

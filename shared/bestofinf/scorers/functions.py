"""A scorer from any function."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from dataclasses import dataclass

from bestofinf.errors import UsageError, shown
from bestofinf.records import Reply
from bestofinf.scorers.base import BaseScorer, Plain, Score, Scorer, ScoringError


@dataclass(frozen=True)
class FunctionScorer(BaseScorer):
    """Scores with a function of the prompt and the reply.

    The function returns a number, None for no score, or a `Score` with its cost; it may be a
    coroutine function. Called without an event loop, a coroutine runs in one of its own, in a
    thread of its own.

    Attributes:
        function: The scoring function.
    """

    function: Plain

    def _try(self, prompt: str, reply: Reply) -> Score:
        found = self.function(prompt, reply)
        if inspect.isawaitable(found):
            return _as_score(asyncio.run(_wait(found)))
        return _as_score(found)

    async def _atry(self, prompt: str, reply: Reply) -> Score:
        if not inspect.iscoroutinefunction(self.function):
            return await super()._atry(prompt, reply)
        return _as_score(await self.function(prompt, reply))


async def _wait(found: Awaitable[float | Score | None]) -> float | Score | None:
    return await found


def _as_score(found: object) -> Score:
    if isinstance(found, Score):
        return found
    if found is None:
        return Score(None)
    if isinstance(found, str | bytes) or not hasattr(found, "__float__"):
        raise ScoringError(f"the scorer returned {found!r:.80}, not a number")
    return Score(float(found))


def as_scorer(scorer: Scorer | Plain | None) -> Scorer | None:
    """Return a scorer from a scorer or a function; None stays None.

    Raises:
        UsageError: If it is neither.
    """
    if scorer is None or isinstance(scorer, Scorer):
        return scorer
    if callable(scorer):
        return FunctionScorer(scorer)
    raise UsageError(f"a scorer is a function or has score and ascore, got {shown(scorer)}")

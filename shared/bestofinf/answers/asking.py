"""Ask a judge or an embedding model, which may fail, hang, or return what was not asked for."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from bestofinf._concurrency.in_thread import in_thread
from bestofinf.answers.base import ComparisonError
from bestofinf.border import error_text
from bestofinf.errors import ends_the_task, shown
from bestofinf.policy import FailurePolicy
from bestofinf.records import Usage

T = TypeVar("T")

Asked: TypeAlias = str | tuple[str, Usage]
Ask: TypeAlias = Callable[[str], Asked | Awaitable[Asked]]
"""Asks a model, blocking or not: the prompt goes in, its text comes out, perhaps with its cost.
A function that is not a coroutine function is called in a thread of its own."""

PATIENCE = FailurePolicy(retries=1, timeout=120.0)
"""Retries and the time limit of one comparison, unless others are given."""


async def ask_judge(ask: Ask, prompt: str, policy: FailurePolicy) -> tuple[str, Usage]:
    """Return a model's text and what it has cost: one call where the function does not say.

    Raises:
        ComparisonError: If there is no text after the retries; it has the cost of the tries.
    """
    tries = 0
    while True:
        try:
            return with_cost(await called(ask, prompt, seconds=policy.timeout))
        except BaseException as error:
            if ends_the_task(error):
                raise
            tries += 1
            pause = policy.pause_after(error, tries)
            if pause is None:
                raise ComparisonError(error_text(error), Usage(calls=tries)) from error
        await asyncio.sleep(pause)


async def called(function: Callable[..., Any], given: Any, *, seconds: float | None) -> Any:
    """Call a function, blocking or not, without blocking the event loop, within a time limit.

    Raises:
        TimeoutError: If it takes longer. A thread cannot be stopped: it runs on.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            if inspect.iscoroutinefunction(function):
                return await function(given)
            found = await asyncio.wrap_future(in_thread(lambda: function(given)))
            return await found if inspect.isawaitable(found) else found
    except TimeoutError as error:
        if limit.expired():
            raise TimeoutError(f"no reply within {seconds:g} s") from error.__cause__
        raise


def with_cost(result: object) -> tuple[str, Usage]:
    """Return the text and the cost in what a model was asked by has returned.

    Raises:
        TypeError: If it is neither a text, nor a text with its `Usage`.
    """
    text, usage = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
    if not isinstance(text, str):
        raise TypeError(f"wanted the model's text, or the text and its Usage, got {shown(text)}")
    return text, usage if isinstance(usage, Usage) else Usage(calls=1)

"""What else there is to vote with, each behind one function: from a way to ask, to an answer.

The packages are in the extra ``bench``; a peer whose package is absent is left out, and
`absent` says so. Nothing of theirs is copied here: the decisions are made by their own code.

* AdaptiveConsistency 1.0.0 decides on the answers so far. Its own loop cannot run (it calls a
  method that does not exist), so that the loop its README describes stands here.
* ConSol 0.3.0 talks to models of a fixed list of providers alone. Its test and its way to find
  the size of the next batch are used, with requests of ours.
* its_hub 1.2.0 runs as it is, with our client as its language model.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeAlias

from benchmarks.rules import optional, two_most

AskText: TypeAlias = Callable[[], Awaitable[str]]
"""Sends one request and returns the reply's text."""
Read: TypeAlias = Callable[[str], str | None]
"""From a reply's text to its answer."""
Peer: TypeAlias = Callable[[AskText, Read], Awaitable[str | None]]

PACKAGES = ("AdaptiveConsistency", "consol", "its_hub")


def versions() -> dict[str, str | None]:
    """Return the version of every peer; None where it is not installed."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def absent() -> str:
    """Return a note on what is not installed; empty when all is."""
    missing = [name for name, found in versions().items() if found is None]
    if not missing:
        return ""
    return f"not installed, left out: {', '.join(missing)} (pip install 'bestofinf[bench]')"


def available(most: int) -> dict[str, Peer]:
    """Return the peers that are installed, each with at most so many requests a question."""
    found: dict[str, Peer] = {}
    package = optional("adaptive_consistency.stopping_criterias")
    if package is not None:
        found["AdaptiveConsistency beta, one by one"] = one_by_one(
            package.BetaStoppingCriteria().should_stop, most
        )
    package = optional("consol.confidence_models")
    if package is not None:
        found["ConSol SPRT, smallest batches"] = in_batches(
            package.SprtConfidenceModel().test, most
        )
    if versions()["its_hub"] is not None:
        found |= its_hub(most)
    return found


def one_by_one(should_stop: Callable[..., dict[str, Any]], most: int) -> Peer:
    async def run(ask: AskText, read: Read) -> str | None:
        answers: list[str | None] = []
        while len(answers) < most:
            answers.append(read(await ask()))
            if should_stop(answers)["stop"]:
                break
        return most_common(answers)

    return run


def in_batches(test: Callable[[int, int], bool], most: int) -> Peer:
    """As ConSol does: the next batch is the smallest with which the test could pass."""

    async def run(ask: AskText, read: Read) -> str | None:
        answers: list[str] = []
        started = 0
        while started < most:
            first, second = two_most(answers) if answers else (0, 0)
            size = next(
                k for k in range(most + 1) if first + k and (k >= most or test(first + k, second))
            )
            size = min(size, most - started)
            if not size:
                break
            started += size
            texts = await asyncio.gather(*(ask() for _ in range(size)))
            answers += [answer for text in texts if (answer := read(text)) is not None]
        return most_common(answers)

    return run


def its_hub(most: int) -> dict[str, Peer]:
    from its_hub import AdaptiveSelfConsistency, BetaSelfConsistency, SelfConsistency
    from its_hub.api import AbstractLanguageModel
    from its_hub.core.orchestrator import LMOrchestrator

    class Model(AbstractLanguageModel):  # type: ignore[misc]
        def __init__(self, ask: AskText) -> None:
            self._ask = ask

        async def agenerate(self, messages: Any, stop: Any = None, **kwargs: Any) -> Any:
            raise NotImplementedError

        async def agenerate_single(self, messages: Any, stop: Any = None, **kwargs: Any) -> Any:
            return {"role": "assistant", "content": await self._ask()}

    def peer(kind: Any, budget: int) -> Peer:
        async def run(ask: AskText, read: Read) -> str | None:
            # Its limit holds for all questions together and is met here by none of the others.
            algorithm = kind(
                consistency_space_projection_func=read,
                orchestrator=LMOrchestrator(max_concurrency=-1),
            )
            reply = await algorithm.ainfer(Model(ask), "?", budget)
            return read(reply["content"])

        return run

    return {
        "its_hub SelfConsistency, 8": peer(SelfConsistency, 8),
        "its_hub SelfConsistency, 16": peer(SelfConsistency, 16),
        "its_hub AdaptiveSelfConsistency": peer(AdaptiveSelfConsistency, most),
        "its_hub BetaSelfConsistency": peer(BetaSelfConsistency, most),
    }


def most_common(answers: list[str] | list[str | None]) -> str | None:
    counts = Counter(answer for answer in answers if answer is not None)
    return counts.most_common(1)[0][0] if counts else None

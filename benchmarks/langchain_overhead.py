"""CPU time that the LangChain ensemble adds to bare calls of instant members.

``python -m benchmarks.langchain_overhead [--json]``. Process time, so that other programs do not
count; each figure is the best of several rounds, as noise only adds. Targets: at most .3 ms a
sample over bare `ainvoke` at concurrency 1 and 100, and at most .3 ms for `bind_tools` of three
members. What the import costs is measured by `benchmarks.footprint`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool

from bestofinf.rules import FixedSamples
from langchain_bestofinf import AdaptiveEnsembleChat

SAMPLES = 64
ROUNDS = 30
TARGET_MS = 0.3


class Instant(BaseChatModel):
    """Answers at once."""

    @property
    def _llm_type(self) -> str:
        return "instant"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        usage = {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}
        return ChatResult(
            generations=[ChatGeneration(message=AIMessage("4", usage_metadata=usage))]
        )

    async def _agenerate(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        return self._generate(messages)


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def best(work: Callable[[], Awaitable[Any]], rounds: int = ROUNDS) -> float:
    """Return the least process time of a round, in milliseconds."""
    found = []
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        await work()
        found.append(time.process_time() - start)
    return 1000 * min(found)


async def measure() -> list[dict[str, Any]]:
    model = Instant()
    rows = []

    async def one_by_one() -> None:
        for _ in range(SAMPLES):
            await model.ainvoke("What is 2 + 2?")

    async def together() -> None:
        await asyncio.gather(*(model.ainvoke("What is 2 + 2?") for _ in range(SAMPLES)))

    for concurrency, bare in ((1, one_by_one), (100, together)):
        ensemble = AdaptiveEnsembleChat(
            [model],
            rule=FixedSamples(SAMPLES),
            max_samples=SAMPLES,
            concurrency=concurrency,
        )
        # In turn, so that both see the machine in the same state.
        alone = voted = float("inf")
        for _ in range(3):
            alone = min(alone, await best(bare, ROUNDS // 3))
            voted = min(
                voted, await best(lambda e=ensemble: e.ainvoke("What is 2 + 2?"), ROUNDS // 3)
            )
        rows.append(
            {
                "case": f"{SAMPLES} samples, concurrency {concurrency}",
                "bare_ms": alone / SAMPLES,
                "ensemble_ms": voted / SAMPLES,
                "over_ms": (voted - alone) / SAMPLES,
                "target_ms": TARGET_MS,
            }
        )
    return [*rows, await binding()]


async def binding() -> dict[str, Any]:
    from langchain_openai import ChatOpenAI

    members = [
        ChatOpenAI(model=name, api_key="none", temperature=0.7, http_client=None)
        for name in ("a", "b", "c")
    ]
    ensemble = AdaptiveEnsembleChat(members)

    async def one() -> None:
        for _ in range(50):
            members[0].bind_tools([add])

    async def three() -> None:
        for _ in range(50):
            ensemble.bind_tools([add])

    bare, bound = await best(one) / 50, await best(three) / 50
    return {
        "case": "bind_tools, 3 members",
        "bare_ms": bare,
        "ensemble_ms": bound,
        "over_ms": bound,
        "target_ms": TARGET_MS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    rows = asyncio.run(measure())
    if parser.parse_args().json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'CPU milliseconds':34}{'bare':>9}{'ensemble':>10}{'over':>9}{'target':>9}")
    for row in rows:
        print(
            f"{row['case']:34}{row['bare_ms']:9.3f}{row['ensemble_ms']:10.3f}"
            f"{row['over_ms']:9.3f}{row['target_ms']:9.1f}"
        )


if __name__ == "__main__":
    main()

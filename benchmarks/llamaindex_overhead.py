"""What an ensemble costs beside its members: `python -m benchmarks.llamaindex_overhead`.

Members answer at once, so that all of the time is overhead: that of LlamaIndex (its spans, events
and callbacks, which the bare member has too) and that of the ensemble. CPU time of this process;
bare and ensemble take turns, and of all rounds the least and the median are told.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM

from llamaindex_bestofinf import AdaptiveEnsembleLLM, EvaluationCollector

MESSAGES = [ChatMessage(role=MessageRole.USER, content="What is 6 times 7?")]
SAMPLES = 8
USAGE = {"prompt_tokens": 9, "completion_tokens": 5}


class Instant(CustomLLM):
    """A member that answers at once, as integrations do: with callbacks and events."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="instant", is_chat_model=True)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._reply()

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._reply()

    def _reply(self) -> ChatResponse:
        message = ChatMessage(role=MessageRole.ASSISTANT, content="The answer is 42.")
        return ChatResponse(message=message, raw={"usage": USAGE}, additional_kwargs=dict(USAGE))

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text="The answer is 42.")

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise NotImplementedError

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        raise NotImplementedError

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        raise NotImplementedError


Ask = Callable[[], Awaitable[Any]]


async def in_turn(ask: Ask, calls: int) -> None:
    for _ in range(calls):
        await ask()


async def at_once(ask: Ask, calls: int) -> None:
    await asyncio.gather(*(ask() for _ in range(calls)))


def cpu_us(way: Callable[[Ask, int], Awaitable[None]], ask: Ask, calls: int) -> float:
    """Return the CPU time of one call, in microseconds."""

    async def timed() -> float:
        gc.collect()
        gc.disable()
        try:
            began = time.process_time()
            await way(ask, calls)
            return (time.process_time() - began) / calls * 1e6
        finally:
            gc.enable()

    return asyncio.run(timed())


def sync_us(ask: Callable[[], Any], calls: int) -> float:
    began = time.process_time()
    for _ in range(calls):
        ask()
    return (time.process_time() - began) / calls * 1e6


def compared(
    name: str, bare: Callable[[], float], ensemble: Callable[[], float], samples: int, rounds: int
) -> dict[str, float]:
    """Return the overhead of a sample over the bare member, in milliseconds."""
    bare(), ensemble()  # what is made when first needed
    over, alone = [], []
    for _ in range(rounds):
        one = bare()
        alone.append(one)
        over.append(ensemble() / samples)
    least = (min(over) - min(alone)) / 1000
    median = (statistics.median(over) - statistics.median(alone)) / 1000
    print(
        f"  {name:<44}{min(alone):8.0f}{min(over):10.0f}{least:12.3f}{median:10.3f}",
        flush=True,
    )
    return {"least": least, "median": median}


def measured(rounds: int, calls: int) -> dict[str, dict[str, float]]:
    member = Instant()

    def ensemble(samples: int, **settings: Any) -> AdaptiveEnsembleLLM:
        return AdaptiveEnsembleLLM(
            [member], rule=f"fixed:n={samples}", concurrency=SAMPLES, **settings
        )

    eight, one = ensemble(SAMPLES), ensemble(1)

    def bare() -> Awaitable[Any]:
        return member.achat(MESSAGES)

    def voted() -> Awaitable[Any]:
        return eight.achat(MESSAGES)

    def identity() -> Awaitable[Any]:
        return one.achat(MESSAGES)

    print(f"CPU time, microseconds; overhead a sample, ms ({rounds} rounds)")
    print(f"  {'':<44}{'bare':>8}{'ensemble':>10}{'least':>12}{'median':>10}")
    found = {}
    found["in_turn"] = compared(
        f"{SAMPLES} samples, one call at a time",
        lambda: cpu_us(in_turn, bare, calls * SAMPLES),
        lambda: cpu_us(in_turn, voted, calls),
        SAMPLES,
        rounds,
    )
    found["at_once"] = compared(
        f"{SAMPLES} samples, 100 calls at once",
        lambda: cpu_us(at_once, bare, 100 * SAMPLES),
        lambda: cpu_us(at_once, voted, 100),
        SAMPLES,
        rounds,
    )
    found["identity"] = compared(
        "one member, one sample (a call)",
        lambda: cpu_us(in_turn, bare, calls * SAMPLES),
        lambda: cpu_us(in_turn, identity, calls * SAMPLES),
        1,
        rounds,
    )
    found["threads"] = compared(
        f"{SAMPLES} samples, blocking, in threads",
        lambda: sync_us(lambda: member.chat(MESSAGES), calls * SAMPLES),
        lambda: sync_us(lambda: eight.chat(MESSAGES), calls),
        SAMPLES,
        rounds,
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        EvaluationCollector(f"{folder}/answers.db", plain_calls=False) as collector,
    ):
        found["collector"] = compared(
            f"{SAMPLES} samples, with the collector",
            lambda: cpu_us(in_turn, bare, calls * SAMPLES),
            lambda: cpu_us(in_turn, voted, calls),
            SAMPLES,
            rounds,
        )
        collector.flush()
        print(f"  collector: {collector.stats}")
    return found


LIMITS = {"in_turn": 0.15, "at_once": 0.15, "identity": 0.5, "collector": 0.5}
"""Most overhead in milliseconds of CPU time."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=100)
    options = parser.parse_args(arguments)
    found = measured(options.rounds, options.calls)
    late = [name for name, limit in LIMITS.items() if found[name]["least"] > limit]
    for name in late:
        print(f"over the limit of {LIMITS[name]} ms: {name}, {found[name]['least']:.3f} ms")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())

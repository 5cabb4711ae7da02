"""Whether a cancelled request frees its slot, as seen in the server's own counters.

This needs a server that shows its current work: llama.cpp by ``/slots``, vLLM by ``/metrics``.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bestofinf.border import as_count
from bestofinf.doctor.probes import Finding, Verdict
from bestofinf.doctor.server import COUNTING, Server
from bestofinf.wire.values import items, mapping

_COUNTER = re.compile(r"^vllm:(num_requests_running|generation_tokens_total)\b.*? ([\d.]+)$", re.M)
_FEWEST, _MOST = 64, 200  # maximum tokens of the reply that is cancelled
_LOOK = 0.05
_PATIENCE = 3.0  # seconds within which a server that notices a cancellation has noticed it
_TO_THE_END = 0.8  # if this share of the tokens was generated, the server did not notice


@dataclass(frozen=True, slots=True)
class Work:
    """The current work of a server.

    Attributes:
        running: Number of running requests.
        generated: Number of tokens generated: for running requests, or for all since the start.
    """

    running: int
    generated: int


Watch = Callable[[], Awaitable[Work]]


async def leaving(server: Server) -> Finding:
    """Cancel a streamed and a plain request, and watch their slots."""
    watch = await _watch(server)
    if watch is None:
        said = "the server does not show what it works on (/slots of llama.cpp, /metrics of vLLM)"
        return Finding("leaving", "unknown", said)
    told, frees = [], server.facts.frees
    tokens = max(_FEWEST, min(_MOST, round(4 / (server.facts.seconds_per_token or 0.05))))
    for way in ("stream", "plain"):
        freed = await _left(server, watch, tokens, stream=way == "stream")
        if freed is None:
            told.append(f"{way}: not seen, the reply was too short or others use the server")
            continue
        frees[way] = freed[0]
        after = f"{freed[1]:.1f} s"
        told.append(
            f"{way}: " + (f"slot free after {after}" if freed[0] else "works on to the end")
        )
    verdict: Verdict = "unknown"
    if frees:
        verdict = "yes" if all(frees.values()) else "partly" if any(frees.values()) else "no"
    return Finding("leaving", verdict, "; ".join(told), dict(frees))


async def _watch(server: Server) -> Watch | None:
    """Return a function that reads the server's work; None if the server does not show it."""

    async def slots() -> Work:
        found = [mapping(slot) for slot in items((await server.look("/slots"))[0])]
        busy = [slot for slot in found if slot.get("is_processing") is True]
        told = [items(slot.get("next_token")) or [slot.get("next_token")] for slot in busy]
        counts = [as_count(mapping(first).get("n_decoded")) or 0 for first, *_ in told]
        return Work(len(busy), max(counts, default=0))

    async def metrics() -> Work:
        return _counted((await server.look("/metrics"))[0])

    told, _ = await server.may_look("/slots")
    if any("is_processing" in mapping(slot) for slot in items(told)):
        return slots
    told, _ = await server.may_look("/metrics")
    return metrics if "vllm:num_requests_running" in str(told) else None


def _counted(told: Any) -> Work:
    found = {"num_requests_running": 0.0, "generation_tokens_total": 0.0}
    for name, value in _COUNTER.findall(str(told)):
        found[name] += float(value)  # one line for each model and engine
    return Work(int(found["num_requests_running"]), int(found["generation_tokens_total"]))


async def _left(
    server: Server, watch: Watch, tokens: int, *, stream: bool
) -> tuple[bool, float] | None:
    """Return whether the slot was freed by the cancellation, and the seconds until it was free.

    None if that is unknown. A slot that is free only when nearly all tokens are generated was not
    freed by the cancellation.
    """
    before = await watch()
    # Both servers that can be watched know `ignore_eos`; a small model may end early without.
    asking = server.ask(COUNTING, max_tokens=tokens, ignore_eos=True, stream=stream)
    asked = asyncio.create_task(asking)
    try:
        started = await _reached(watch, lambda work: work.running > before.running, _PATIENCE)
        await asyncio.sleep(_LOOK)
        if started is None or asked.done():
            return None
    finally:
        asked.cancel()
        await asyncio.wait([asked])
    left, most = time.monotonic(), 0

    def free(work: Work) -> bool:
        nonlocal most
        most = max(most, work.generated - before.generated)
        return work.running <= before.running

    freed = await _reached(watch, free, _PATIENCE)
    seconds = time.monotonic() - left
    return freed is not None and most < _TO_THE_END * tokens, seconds


async def _reached(watch: Watch, reached: Callable[[Work], bool], seconds: float) -> Work | None:
    """Return the work when `reached` first holds; None if it does not within the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        work = await watch()
        if reached(work):
            return work
        await asyncio.sleep(_LOOK)
    return None

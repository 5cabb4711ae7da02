"""Many questions at once through `abatch`: ``python -m benchmarks.scale [--large] [--json FILE]``.

The same loopback server, in a process of its own, is asked by a raw HTTP client, by a plain
`ChatOpenAI` and by an ensemble of that `ChatOpenAI`, each in a process of its own, one after the
other. The ensemble's requests a second stand beside the plain client's, on the wall clock and
in CPU time of the client: where other programs share the machine, only the latter means anything.
Memory is what the process takes beyond what it took before the first question; `abatch` itself
keeps a coroutine and a result for every question, so that memory is told for the plain client too.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Figures, connect_support, table

connect_support()

SIZES = (100, 1_000, 10_000)
LARGE = 50_000
IN_FLIGHT = 64
RULE = "ahead-by:votes=2"
"""Few samples a question, so that what a question costs beside its samples weighs the more."""
AT_ONCE = 32
"""Questions; the rule begins with 2 samples, so that 64 requests are in flight."""
QUESTIONS = 1_000
MODEL = "alpha"
WAYS = ("raw", "plain", "ensemble")


# -- one run, in a process of its own ---------------------------------------------------------------


async def run_one(way: str, size: int, url: str, profile: Path | None = None) -> Figures:
    """Ask `size` questions, or send `size` requests, and tell what it took."""
    ask = {"raw": raw, "plain": plain, "ensemble": ensemble}[way](url)
    await ask(prompts(50))  # what is made when first needed
    gc.collect()
    profiler = cProfile.Profile()
    watch = Peak()
    if profile is not None:
        profiler.enable()
    wall, cpu = time.perf_counter(), time.process_time()
    requests = await ask(prompts(size))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if profile is not None:
        profiler.disable()
        profiler.dump_stats(profile)
    return {
        "way": way,
        "questions": size,
        "requests": requests,
        "wall_s": wall,
        "cpu_s": cpu,
        "memory_mib": watch.end() / 2**20,
    }


Ask = Callable[[list[str]], Awaitable[int]]


def raw(url: str) -> Ask:
    import httpx

    limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    client = httpx.AsyncClient(trust_env=False, limits=limits, timeout=60)
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(prompt: str) -> None:
        body = {"model": MODEL, "messages": [{"role": "user", "content": prompt}]}
        async with slots:
            reply = await client.post(f"{url}/chat/completions", json=body)
            reply.raise_for_status()
            reply.json()

    async def ask(questions: list[str]) -> int:
        await asyncio.gather(*(one(prompt) for prompt in questions))
        return len(questions)

    return ask


def plain(url: str) -> Ask:
    model = client(url)

    async def ask(questions: list[str]) -> int:
        await model.abatch(questions, {"max_concurrency": IN_FLIGHT})
        return len(questions)

    return ask


def ensemble(url: str) -> Ask:
    from langchain_bestofinf import AdaptiveEnsembleChat

    model = AdaptiveEnsembleChat([client(url)], rule=RULE)

    async def ask(questions: list[str]) -> int:
        found = await model.abatch(questions, {"max_concurrency": AT_ONCE})
        return sum(message.response_metadata["bestofinf"]["n_samples"] for message in found)

    return ask


def client(url: str) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=MODEL, base_url=url, api_key="none", max_retries=0, temperature=1)


def prompts(number: int) -> list[str]:
    return [f"[made/{place % QUESTIONS}] What is it? Number {place}." for place in range(number)]


def resident() -> int:
    """Return the memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


class Peak:
    """Watches the memory of this process until `end`, which returns by how much it grew at most."""

    def __init__(self) -> None:
        self._start = self._most = resident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self._most = max(self._most, resident())

    def end(self) -> int:
        self._over.set()
        self._thread.join()
        return max(self._most, resident()) - self._start


# -- all runs ---------------------------------------------------------------------------------------


def alone(way: str, size: int, url: str) -> Figures:
    command = [sys.executable, "-m", "benchmarks.scale", "--one", way, str(size), url]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(sizes: Sequence[int]) -> list[Figures]:
    from support.process import ServerProcess

    rows = []
    with ServerProcess("--questions", str(QUESTIONS)) as server:
        for size in sizes:
            # As many requests as the ensemble needs, but not more than tell the rate.
            requests = min(3 * size, 2_000)
            around = [alone(way, requests, server.url) for way in ("raw", "plain")]
            mine = alone("ensemble", size, server.url)
            around.append(alone("plain", requests, server.url))
            rows.append(compared(size, mine, around))
            print(f"  {size:,} questions done", file=sys.stderr, flush=True)
    return rows


async def growth(sizes: Sequence[int]) -> list[Figures]:
    """Return CPU time and memory of a question without a server, with members that answer at once."""
    from benchmarks.langchain_overhead import Instant
    from langchain_bestofinf import AdaptiveEnsembleChat

    member = Instant()
    model = AdaptiveEnsembleChat([member], rule=RULE)
    bound = {"max_concurrency": AT_ONCE}
    await model.abatch(prompts(200), bound)
    rows = []
    for size in sizes:
        gc.collect()
        watch = Peak()
        cpu = time.process_time()
        found = await model.abatch(prompts(size), bound)
        cpu = time.process_time() - cpu
        memory = watch.end()
        requests = sum(m.response_metadata["bestofinf"]["n_samples"] for m in found)
        del found
        rows.append(
            {
                "questions": size,
                "samples": requests,
                "cpu_ms_a_question": 1000 * cpu / size,
                "memory_kib_a_question": memory / 1024 / size,
            }
        )
    return rows


def compared(size: int, mine: Figures, around: Sequence[Figures]) -> Figures:
    """Return the ensemble's figures beside those of the clients before and after it."""

    def cost(rows: Sequence[Figures], key: str) -> float:
        return sum(row[key] for row in rows) / sum(row["requests"] for row in rows)

    raws = [row for row in around if row["way"] == "raw"]
    plains = [row for row in around if row["way"] == "plain"]
    return {
        "questions": size,
        "requests": mine["requests"],
        "questions_per_s": size / mine["wall_s"],
        "requests_per_s": mine["requests"] / mine["wall_s"],
        "plain_per_s": 1 / cost(plains, "wall_s"),
        "raw_per_s": 1 / cost(raws, "wall_s"),
        "cpu_ms_a_request": 1000 * cost([mine], "cpu_s"),
        "plain_cpu_ms_a_request": 1000 * cost(plains, "cpu_s"),
        "raw_cpu_ms_a_request": 1000 * cost(raws, "cpu_s"),
        "cpu_ms_a_question": 1000 * mine["cpu_s"] / size,
        "share_of_plain_wall": cost(plains, "wall_s") / cost([mine], "wall_s"),
        "share_of_plain_cpu": cost(plains, "cpu_s") / cost([mine], "cpu_s"),
        "memory_mib": mine["memory_mib"],
        "memory_kib_a_question": 1024 * mine["memory_mib"] / size,
        "plain_memory_kib_a_request": 1024 * max(row["memory_mib"] for row in plains)
        / plains[0]["requests"],
    }  # fmt: skip


def report(rows: Sequence[Figures]) -> str:
    return table(
        "questions | samples | questions/s | requests/s | plain/s | raw/s | of plain, wall | "
        "of plain, CPU | CPU ms/question | CPU ms/request: ours, plain | memory MiB | KiB/question",
        [
            [
                f"{row['questions']:,}",
                f"{row['requests']:,}",
                f"{row['questions_per_s']:.0f}",
                f"{row['requests_per_s']:.0f}",
                f"{row['plain_per_s']:.0f}",
                f"{row['raw_per_s']:.0f}",
                f"{row['share_of_plain_wall']:.0%}",
                f"{row['share_of_plain_cpu']:.0%}",
                f"{row['cpu_ms_a_question']:.2f}",
                f"{row['cpu_ms_a_request']:.2f}, {row['plain_cpu_ms_a_request']:.2f}",
                f"{row['memory_mib']:.0f}",
                f"{row['memory_kib_a_question']:.1f}",
            ]
            for row in rows
        ],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="100 and 1,000 questions")
    parser.add_argument("--large", action="store_true", help="50,000 questions too")
    parser.add_argument("--one", nargs=3, metavar=("WAY", "SIZE", "URL"), help=argparse.SUPPRESS)
    parser.add_argument("--profile", type=Path, help=argparse.SUPPRESS)
    settings = parser.parse_args(arguments)
    if settings.one:
        way, size, url = settings.one
        print(json.dumps(asyncio.run(run_one(way, int(size), url, settings.profile))))
        return
    sizes = SIZES[:2] if settings.quick else (*SIZES, LARGE) if settings.large else SIZES
    rows = measured(sizes)
    print(report(rows))
    flat = asyncio.run(growth((*sizes, *reversed(sizes))))
    cells = [
        [f"{row['questions']:,}", f"{row['cpu_ms_a_question']:.3f}",
         f"{row['memory_kib_a_question']:.1f}"]
        for row in flat
    ]  # fmt: skip
    print()
    print(table("instant members, questions | CPU ms/question | KiB/question", cells))
    if settings.json is not None:
        settings.json.write_text(json.dumps({"server": rows, "instant": flat}, indent=1))


if __name__ == "__main__":
    main()

"""Long runs: many requests at a time, very many in a row, and processes that are killed meanwhile.

Members, endpoint and client are processes of their own.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from bestofinf.evaluation import EvaluationStore
from support.process import ServerProcess

pytestmark = pytest.mark.soak


async def many(url, count, at_a_time, *, stream=False, seen=None):
    """Send so many requests; return how many were answered. Ids of those that were go to `seen`."""
    numbers, answered = iter(range(count)), 0
    connector = aiohttp.TCPConnector(limit=at_a_time)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def some():
            nonlocal answered
            for n in numbers:
                messages = [{"role": "user", "content": f"{n}: The answer is {n % 7}."}]
                body = {"model": "careful", "messages": messages, "stream": stream and n % 2 == 0}
                try:
                    async with session.post(f"{url}/chat/completions", json=body) as found:
                        text = await found.text()
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.05)  # its process was killed
                    continue
                whole = "[DONE]" in text if body["stream"] else text.endswith("}")
                if found.status == 200 and whole and f"The answer is {n % 7}." in text:
                    answered += 1
                    if seen is not None:
                        seen.append(found.headers["x-request-id"])

        await asyncio.gather(*(some() for _ in range(at_a_time)))
    return answered


def resident(pid):
    """Return the bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_two_hundred_in_flight_go_at_the_members_rate(program):
    with ServerProcess("--backend", "echo", "--latency", "2") as members:
        process = program(members)
        asyncio.run(many(process.url, 20, 20))
        start = time.monotonic()
        assert asyncio.run(many(process.url, 400, 200)) == 400
        # Twice three samples of which each takes two seconds, at once; a queue would take minutes.
        assert time.monotonic() - start < 20
        assert members.counts()["peak_in_flight"] >= 400


def test_ten_thousand_requests_take_no_memory(program, tmp_path):
    with ServerProcess("--backend", "echo") as members:
        process = program(members, serve=f'store = "{tmp_path / "a.db"}"\nstore_wait = 60')
        assert asyncio.run(many(process.url, 2_000, 32, stream=True)) == 2_000
        before = resident(process.pid)
        assert asyncio.run(many(process.url, 10_000, 32, stream=True)) == 10_000
        assert resident(process.pid) - before < 16 * 2**20
    with EvaluationStore(tmp_path / "a.db", readonly=True) as store:
        assert store.status().calls == 12_000


def workers(pid):
    """Return the processes that a program has started and that serve."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child)
        for child in listed
        if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


@pytest.mark.parametrize("seed", range(3))
def test_what_two_processes_have_answered_is_stored_whenever_they_are_killed(
    program, tmp_path, seed
):
    rng, seen = random.Random(seed), []

    async def asked_and_killed(process):
        asking = asyncio.create_task(many(process.url, 3_000, 64, stream=True, seen=seen))
        for _ in range(3):
            goal = len(seen) + rng.randint(50, 400)
            while len(seen) < goal and not asking.done():  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            os.kill(rng.choice(workers(process.pid)), signal.SIGKILL)  # another takes its place
        while len(seen) < 1_500 and not asking.done():  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
        await asking

    with ServerProcess("--backend", "echo") as members:
        serving = f'store = "{tmp_path / "a.db"}"\nstore_wait = 60\nworkers = 2'
        asyncio.run(asked_and_killed(program(members, serve=serving)))
    assert len(set(seen)) == len(seen) >= 500
    with EvaluationStore(tmp_path / "a.db") as store:
        stored = store.calls(seen)
    assert len(stored) == len(seen)
    assert all(len(samples) == 3 for _, samples in stored.values())

"""Clients that leave a web application while it votes: the votes end, and so does the process."""

import asyncio
import random
import signal
import time

import pytest

from support.backends import ScriptedBackend
from support.reply import Served
from support.webapp import PATHS, WebApp

pytest.importorskip("uvicorn")
pytest.importorskip("langchain_openai")

LATENCY = 0.2  # seconds of a reply; a vote takes two of them
AT_ONCE = 12


async def left(serve, clients):
    """Have clients leave at random moments; then the application must be as it was, and end."""
    server = serve(ScriptedBackend([Served("The answer is 4.")], cycle=True), latency=LATENCY)
    source = random.Random(clients)
    with WebApp(server.url) as app:
        for path in PATHS:
            assert b"4" in await app.ask(path)
        before = await app.state()
        slots = asyncio.Semaphore(AT_ONCE)

        async def leave(path):
            async with slots:
                await app.ask(path, seconds=source.random() * 3 * LATENCY)

        await asyncio.gather(*(leave(path) for path in PATHS for _ in range(clients)))
        await server.idle()
        # Each is left once while its members are asked, however slow the machine is.
        server.latency = 60.0
        for path in PATHS:
            asking = asyncio.ensure_future(app.ask(path))
            await server.until(lambda counts: counts.in_flight > 0)
            asking.cancel()
            await server.idle()
        server.latency = LATENCY
        end = time.monotonic() + 10.0  # a second is what is promised
        while sorted((now := await app.state())["tasks"]) != sorted(before["tasks"]):
            assert time.monotonic() < end, f"tasks are left: {now['tasks']}"
            await asyncio.sleep(0.05)
        assert (now["cpu"] - before["cpu"]) / (clients * len(PATHS)) < 0.2  # a tenth, and slack
        assert server.counts.disconnected >= len(PATHS)
        for path in PATHS:
            assert b"4" in await app.ask(path), "it answers no more"
        began = time.monotonic()
        leaving = asyncio.ensure_future(app.ask(PATHS[0], seconds=0.02))
        await leaving
        app.process.send_signal(signal.SIGTERM)
        _, complaints = await asyncio.to_thread(app.process.communicate, timeout=60)
        assert time.monotonic() - began < 20.0  # two seconds are what is promised
        assert "Traceback" not in complaints, complaints


async def test_clients_that_leave_end_their_votes(serve):
    await left(serve, 12)


@pytest.mark.soak
async def test_a_hundred_clients_that_leave_end_their_votes(serve):
    await left(serve, 100)

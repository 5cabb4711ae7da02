"""Clients that leave, and a server that is told to stop."""

from __future__ import annotations

import asyncio
import random

import httpx
import pytest

from support.backends import EchoBackend


async def leave(url, seconds, *, stream):
    """Ask, and leave after so many seconds."""
    body = {
        "model": "careful",
        "messages": [{"role": "user", "content": "Which?"}],
        "stream": stream,
    }
    async with httpx.AsyncClient(trust_env=False) as client:

        async def read():
            async with client.stream("POST", f"{url}/chat/completions", json=body) as found:
                async for _ in found.aiter_bytes():
                    pass

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read(), seconds)


@pytest.mark.parametrize("rule", ["fixed:n=3", "fixed:n=1"])
async def test_a_hundred_clients_that_leave_leave_nothing(endpoint, serve, rule):
    server = serve(EchoBackend(), latency=30.0)
    made = endpoint(None, server=server, rule=rule, member="concurrency = 64\n")
    before = made.tasks()
    source = random.Random(7)
    await asyncio.gather(
        *(leave(made.url, source.uniform(0.05, 1.5), stream=n % 2 == 0) for n in range(100))
    )
    await asyncio.sleep(1.0)
    counts = server.counts
    assert counts.in_flight == 0
    assert counts.finished == 0
    assert made.tasks() <= before + 1
    assert made.service.load.in_flight == 0


async def test_a_client_that_leaves_closes_the_members_connections_at_once(endpoint, serve):
    server = serve(EchoBackend(), latency=30.0)
    made = endpoint(None, server=server)
    asking = asyncio.create_task(leave(made.url, 60.0, stream=False))
    await server.until(lambda counts: counts.in_flight == 1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    counts = await server.until(lambda counts: counts.in_flight == 0, timeout=20.0)
    assert counts.disconnected == 1

"""Clients of the loopback server that close their connections, and a check that nothing is left.

The clients that the frameworks make by themselves are shared and never closed, and they obey the
proxy settings of the environment.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI
    from llama_index.llms.openai_like import OpenAILike

    from support.server import LoopbackServer

_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=200)
_SETTLE_SECONDS = 5.0


@asynccontextmanager
async def http_clients() -> AsyncIterator[tuple[httpx.Client, httpx.AsyncClient]]:
    """Open a blocking and an asynchronous client, without limits that a test would run into."""
    # No certificates: reading them takes longer than most tests.
    with httpx.Client(trust_env=False, verify=False, limits=_LIMITS) as client:
        async with httpx.AsyncClient(trust_env=False, verify=False, limits=_LIMITS) as asynchronous:
            yield client, asynchronous


@asynccontextmanager
async def chat_openai(
    server: LoopbackServer, model: str, **settings: Any
) -> AsyncIterator[ChatOpenAI]:
    """Open LangChain's client for a model of the server; no retries of its own."""
    from langchain_openai import ChatOpenAI

    async with http_clients() as (client, asynchronous):
        yield ChatOpenAI(
            **{
                "base_url": server.url,
                "api_key": "none",
                "model": model,
                "max_retries": 0,
                "http_client": client,
                "http_async_client": asynchronous,
                **settings,
            }
        )


@asynccontextmanager
async def openai_like(
    server: LoopbackServer, model: str, **settings: Any
) -> AsyncIterator[OpenAILike]:
    """Open LlamaIndex' client for a model of the server; no retries of its own."""
    from llama_index.llms.openai_like import OpenAILike

    async with http_clients() as (client, asynchronous):
        yield OpenAILike(
            **{
                "api_base": server.url,
                "api_key": "none",
                "model": model,
                "max_retries": 0,
                "is_chat_model": True,
                "is_function_calling_model": True,
                "http_client": client,
                "async_http_client": asynchronous,
                **settings,
            }
        )


def open_sockets() -> set[str]:
    """Return the sockets this process has open; always empty where the system does not tell."""
    sockets = set()
    folder = "/proc/self/fd"
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        try:
            target = os.readlink(f"{folder}/{name}")
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
        if target.startswith("socket:"):
            sockets.add(target)
    return sockets


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fail if the block leaves threads, sockets or, in an event loop, tasks behind.

    What is about to end gets some seconds to do so. Works around blocking code; around
    asynchronous code use `nothing_left_async`, which lets the loop run meanwhile.
    """
    before = _left()
    yield
    end = time.monotonic() + _SETTLE_SECONDS
    while (left := _left() - before) and time.monotonic() < end:
        time.sleep(0.01)
    assert not left, f"left behind: {sorted(left)}"


@asynccontextmanager
async def nothing_left_async() -> AsyncIterator[None]:
    """Do the same in an event loop."""
    before = _left()
    yield
    end = time.monotonic() + _SETTLE_SECONDS
    while (left := _left() - before) and time.monotonic() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert not left, f"left behind: {sorted(left)}"


def _left() -> set[str]:
    # The threads of a loop's own pool live as long as the loop.
    names = {thread.name for thread in threading.enumerate()}
    left = open_sockets() | {f"thread {name}" for name in names if not name.startswith("asyncio_")}
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:  # no event loop runs
        return left
    return left | {f"task {task.get_name()} {task.get_coro()!r:.80}" for task in tasks}

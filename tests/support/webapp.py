"""A web application that answers by ensembles, as users write one: Starlette under uvicorn.

``python -m support.webapp URL`` serves it, asks the members at that address, and prints its own.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

_TESTS = Path(__file__).resolve().parents[1]

PATHS = ("/chat/stream", "/chat/call", "/llm/stream", "/llm/call")


def application(url: str) -> Any:
    """Return the application; its members are models of the server at this address."""
    from langchain_openai import ChatOpenAI
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, StreamingResponse
    from starlette.routing import Route

    from langchain_bestofinf import AdaptiveEnsembleChat
    from llamaindex_bestofinf import AdaptiveEnsembleLLM

    rule: dict[str, Any] = {"rule": "fixed:n=6", "concurrency": 3}
    clients: dict[str, Any] = {"trust_env": False, "verify": False}
    http = httpx.AsyncClient(**clients)
    common: dict[str, Any] = {
        "api_key": "none", "max_retries": 0, "http_client": httpx.Client(**clients),
    }  # fmt: skip
    chat = AdaptiveEnsembleChat(
        [ChatOpenAI(base_url=url, model="scripted", http_async_client=http, **common)], **rule
    )
    llm = AdaptiveEnsembleLLM(
        [
            OpenAILike(
                api_base=url, model="scripted", async_http_client=http, is_chat_model=True, **common
            )
        ],
        stream_progress=True,
        **rule,
    )

    async def chat_stream() -> AsyncIterator[str]:
        async for chunk in chat.astream("2+2?"):
            yield str(chunk.text)

    async def chat_call() -> AsyncIterator[str]:
        yield (await chat.ainvoke("2+2?")).text

    async def llm_stream() -> AsyncIterator[str]:
        async for chunk in await llm.astream_chat([ChatMessage("2+2?")]):
            yield chunk.delta or ""

    async def llm_call() -> AsyncIterator[str]:
        yield str((await llm.achat([ChatMessage("2+2?")])).message.content)

    made = dict(zip(PATHS, (chat_stream, chat_call, llm_stream, llm_call), strict=True))

    async def answer(request: Any) -> Any:
        return StreamingResponse(made[request.url.path]())

    async def state(request: Any) -> Any:
        tasks = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]
        return JSONResponse({"tasks": tasks, "cpu": time.process_time()})

    return Starlette(routes=[Route("/state", state), *(Route(path, answer) for path in PATHS)])


def main() -> None:
    """Serve until told to stop by SIGTERM."""
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(application(sys.argv[1]), log_level="error", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


class WebApp:
    """The application as a process.

    Args:
        url: Address of the server that the members are asked at.

    Attributes:
        process: The process.
        port: Its port on the loopback interface.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> WebApp:
        paths = [str(_TESTS), str(_TESTS.parent / "shared"), str(_TESTS.parent)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "support.webapp", self._url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "NO_PROXY": "127.0.0.1"},
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.communicate()

    async def ask(self, path: str, *, seconds: float | None = None) -> bytes:
        """Ask for a path; leave after so many seconds, whatever has come by then."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            reply = b""
            try:
                async with asyncio.timeout(seconds):
                    while piece := await reader.read(65536):
                        reply += piece
            except TimeoutError:
                pass
            return reply
        finally:
            writer.close()

    async def state(self) -> dict[str, Any]:
        """Return its tasks, by what they do, and the seconds of the processor it has taken."""
        async with httpx.AsyncClient(trust_env=False) as client:
            found: dict[str, Any] = (await client.get(f"http://127.0.0.1:{self.port}/state")).json()
            return found


if __name__ == "__main__":
    main()

"""The endpoint in a thread, for tests: a file, its members, and a client's way in."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import uvicorn

from bestofinf.evaluation import EvaluationStore
from bestofinf.serve import Service
from bestofinf.serve.server import settings
from bestofinf.tiny import TinyMember

PROGRAM = (sys.executable, "-c", "from bestofinf.cli import main; main()", "serve")
MEMBER = """
[members.{name}]
url = "{url}"
model = "{name}"
"""
ENSEMBLE = """
[ensembles.{name}]
members = {members}
rule = "{rule}"
"""


def written(
    path: Path,
    url: str,
    *,
    members: tuple[str, ...] = ("alpha",),
    rule: str = "fixed:n=3",
    member: str = "",
    ensemble: str = "",
    serve: str = "",
    heartbeat: float = 5.0,
) -> Path:
    """Write a file with one ensemble, ``careful``, whose members are models of one server."""
    listed = "{ " + ", ".join(f"{name} = 1" for name in members) + " }"
    text = f"[serve]\nheartbeat = {heartbeat}\n{serve}\n"
    text += "".join(MEMBER.format(name=name, url=url) + member for name in members)
    text += ENSEMBLE.format(name="careful", members=listed, rule=rule) + ensemble
    path.write_text(text, encoding="utf-8")
    return path


class Endpoint:
    """A service under uvicorn in a thread.

    Attributes:
        url: Base URL for clients, ending in ``/v1``.
        service: The application.
        loop: Its event loop.
    """

    def __init__(self, path: Path, **given: Any) -> None:
        self._path = path
        self._given = given

    def __enter__(self) -> Endpoint:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.service = Service(self._path, own={"tiny": TinyMember}, **self._given)
        config = {**settings(self.service.serving), "log_config": None}
        self._server = uvicorn.Server(uvicorn.Config(self.service, **config))
        started = threading.Event()

        async def main() -> None:
            self.loop = asyncio.get_running_loop()
            serving = asyncio.create_task(self._server.serve(sockets=[listener]))
            while not self._server.started and not serving.done():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            started.set()
            await serving

        self._thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
        self._thread.start()
        assert started.wait(20)
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=20)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()
        self.stop()

    def stop(self) -> None:
        """Tell it to end, as a signal does, and wait until it has."""
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    def ask(self, text: str = "Which?", *, model: str = "careful", **body: Any) -> httpx.Response:
        """Send one chat completion."""
        messages = [{"role": "user", "content": text}]
        headers = body.pop("headers", None)
        sent = {"model": model, "messages": messages, **body}
        return self.http.post("/chat/completions", json=sent, headers=headers)

    def tasks(self) -> int:
        """Return how many tasks its event loop has."""
        return len(asyncio.all_tasks(self.loop))


def calls(path: Path) -> int:
    """Return how many calls a store holds."""
    with EvaluationStore(path) as store:
        return store.status().calls

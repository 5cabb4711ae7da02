from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.backends import Backend
from support.server import LoopbackServer


@pytest.fixture
def serve() -> Iterator[Callable[..., LoopbackServer]]:
    """Start servers that are stopped at the end of the test."""
    running: list[LoopbackServer] = []

    def start(backend: Backend, **settings: Any) -> LoopbackServer:
        running.append(LoopbackServer(backend, **settings).start())
        return running[-1]

    yield start
    for server in running:
        server.stop()

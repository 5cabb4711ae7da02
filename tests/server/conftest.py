from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from support.server import LoopbackServer

Post = Callable[..., httpx.Response]


@pytest.fixture
def post() -> Iterator[Post]:
    """Send a chat completion without any framework."""
    with httpx.Client(trust_env=False, verify=False, timeout=5) as client:

        def send(server: LoopbackServer, prompt: str = "hi", **body: Any) -> httpx.Response:
            headers = body.pop("headers", None)
            content = {
                "model": "m",
                "messages": [{"role": "user", "content": prompt}],
                **body,
            }
            return client.post(f"{server.url}/chat/completions", json=content, headers=headers)

        yield send

"""The server: uvicorn with limits for clients before their request is read."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from bestofinf.serve.app import Service
from bestofinf.serve.config import Serving

logger = logging.getLogger(__name__)

LARGEST_HEAD = 64 * 2**10
"""Maximum size of a request's line and headers in bytes."""
SLOWEST_HEAD = 20.0
"""Maximum seconds for sending them."""
_YOUNG = 20_000  # number of new objects after which the garbage collector examines them


class Protocol(H11Protocol):
    """Closes connections on which no request begins in time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time limit for the first request."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take received bytes; the first bytes of a request start its time limit."""
        waiting = self.cycle is None or self.cycle.response_complete
        super().data_received(data)
        if waiting and (self.cycle is None or self.cycle.response_complete):
            if self._head is None:
                self._await_head()
        elif self._head is not None:
            self._head.cancel()
            self._head = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._head is not None:
            self._head.cancel()
            self._head = None
        super().connection_lost(exc)

    _head: asyncio.TimerHandle | None = None

    def _await_head(self) -> None:
        self._head = self.loop.call_later(SLOWEST_HEAD, self._too_slow)

    def _too_slow(self) -> None:
        self._head = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


def settings(serving: Serving) -> dict[str, Any]:
    """Return how uvicorn is configured."""
    return {
        "host": serving.host,
        "port": serving.port,
        "http": Protocol,
        "ws": "none",
        "h11_max_incomplete_event_size": LARGEST_HEAD,
        "timeout_graceful_shutdown": max(1, round(serving.stop)),
        "timeout_keep_alive": 75,
        "access_log": False,
        "server_header": False,
        "log_level": "info",
    }


def settle() -> None:
    """Set the garbage collector for a process that serves.

    Objects made while the program started live to its end, so they are excluded from collection. A
    request makes some thousand objects that are freed without the collector, so it runs rarely.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)


def run(make: Callable[[], Service], serving: Serving, *, factory: str) -> None:
    """Serve until told to stop.

    Args:
        make: Makes the application.
        serving: The settings of the server.
        factory: Function that makes the application in further processes, as ``module:function``.
    """
    if serving.workers == 1:
        settle()
        uvicorn.Server(uvicorn.Config(make(), **settings(serving))).run()
        return
    logger.info("%d processes: limits hold for each of them", serving.workers)
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    uvicorn.run(factory, factory=True, workers=serving.workers, **settings(serving))

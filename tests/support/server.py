"""An OpenAI-compatible server on the loopback interface, in a thread or as a process of its own.

In a test::

    with LoopbackServer(MadeBackend(100)) as server:
        model = ChatOpenAI(base_url=server.url, api_key="none", model="alpha")
        ...
        assert server.counts.finished == 1

As a process, for benchmarks: ``python -m support.server --backend made --questions 1000``, or
`support.process.ServerProcess`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import TypeAlias

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from support.app import ChatApp
from support.backends import Backend
from support.faults import Faults
from support.ledger import Counts, Entry, Ledger
from support.reply import Served
from support.request import Json

STOP_SECONDS = 10.0
PATIENCE = 10.0
ROUNDS = 4

Condition: TypeAlias = Callable[[Counts], bool]


class _Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Lets the application see the transport: only there can a connection be reset."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}  # type: ignore[has-type]


class _Uvicorn(uvicorn.Server):
    """Starts and stops at once, where uvicorn itself would look every tenth of a second."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready
        self.stop = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self._ready.set()
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # What has been accepted at this very moment is a connection only some rounds later, and
        # none at all, nor ever closed, if the server is closed before.
        for server in self.servers:
            for listener in server.sockets:
                asyncio.get_running_loop().remove_reader(listener)
        for _ in range(ROUNDS):
            for connection in tuple(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
        for server in self.servers:
            await server.wait_closed()


class LoopbackServer:
    """Serves a back end to OpenAI clients, and keeps a book of it.

    Attributes:
        url: Base URL for clients, ending in ``/v1``; known once started, kept over a restart.
        faults: What goes wrong; may be set at any time.
        seconds_per_token: Latency per generated token of the longest choice.
        latency: Seconds that every reply takes beside that.

    Args:
        backend: Gives the replies.
        faults: None for none.
        api_key: When given, requests with another key are refused with 401.
        extra_keys: Further top-level keys that requests may have.
        port: 0 takes a free one.
        record: Whether single requests are kept, which takes memory with every one (about a
            kilobyte); counts and tally always are.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        seconds_per_token: float = 0.0,
        latency: float = 0.0,
        faults: Faults | None = None,
        api_key: str | None = None,
        extra_keys: frozenset[str] = frozenset(),
        port: int = 0,
        record: bool = True,
    ) -> None:
        self.ledger = Ledger(record=record)
        self.app = ChatApp(
            backend,
            self.ledger,
            seconds_per_token=seconds_per_token,
            latency=latency,
            faults=faults,
            api_key=api_key,
            extra_keys=extra_keys,
        )
        self._port = port
        self._thread: threading.Thread | None = None

    def start(self) -> LoopbackServer:
        """Start serving; returns when requests are taken."""
        if self._thread is not None:
            raise RuntimeError("the server is already running")
        listener = _listen(self._port)
        self._port = listener.getsockname()[1]
        ready = threading.Event()
        self._failure: BaseException | None = None
        self._server: _Uvicorn | None = None
        self._thread = threading.Thread(
            target=self._run, args=(listener, ready), name="loopback-server", daemon=True
        )
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            self.stop()
        return self

    def stop(self) -> None:
        """Stop serving; open requests are cut. Returns when thread and sockets are gone.

        Raises:
            BaseException: What ended the server before.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._server is not None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended by itself
                self._loop.call_soon_threadsafe(self._begin_stop, self._server)
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            raise RuntimeError(f"the server did not stop within {STOP_SECONDS} s")
        if self._failure is not None:
            raise self._failure

    def restart(self) -> None:
        """Stop and start again on the same port; the book goes on."""
        self.stop()
        self.start()

    def __enter__(self) -> LoopbackServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if error is None and self.app.errors:
            # A back end that failed unnoticed would be taken for a fault of the client.
            raise RuntimeError("the back end failed; first error above") from self.app.errors[0]

    @property
    def root_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"{self.root_url}/v1"

    @property
    def backend(self) -> Backend:
        return self.app.backend

    @property
    def faults(self) -> Faults | None:
        return self.app.faults

    @faults.setter
    def faults(self, faults: Faults | None) -> None:
        self.app.faults = faults

    @property
    def seconds_per_token(self) -> float:
        return self.app.seconds_per_token

    @seconds_per_token.setter
    def seconds_per_token(self, seconds: float) -> None:
        self.app.seconds_per_token = seconds

    @property
    def latency(self) -> float:
        return self.app.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self.app.latency = seconds

    @property
    def counts(self) -> Counts:
        """The sums of this moment."""
        return self.ledger.counts()

    @property
    def entries(self) -> list[Entry]:
        """All requests in order of arrival."""
        return list(self.ledger.entries)

    @property
    def bodies(self) -> list[Json]:
        """The last 1,000 readable requests as they were sent."""
        return list(self.ledger.bodies)

    @property
    def errors(self) -> list[BaseException]:
        """What the back end raised. Clear the list where that was meant."""
        return self.app.errors

    def served(self, question: str | None = None, *, model: str | None = None) -> list[Served]:
        """Return the choices of all finished requests, in order of arrival."""
        return self.ledger.served(question, model=model)

    def answers(self, question: str | None = None, *, model: str | None = None) -> list[str | None]:
        """Return the answers a client should have read; None for a reply without one."""
        return [served.answer for served in self.served(question, model=model)]

    def tally(self) -> dict[str, Counter[str | None]]:
        """Return how often each answer was served to the end, by question; None: no answer.

        Cached even where single requests are not recorded.
        """
        return self.ledger.tally()

    def reset(self) -> None:
        """Clear the book and let the back end begin again."""
        self.app.reset()

    def wait_for(self, condition: Condition, *, timeout: float = PATIENCE) -> Counts:
        """Wait until the counts meet a condition, and return them.

        For code without an event loop: a client's own loop must run for its sockets to close.

        Raises:
            TimeoutError: If they do not within so many seconds.
        """
        end = time.monotonic() + timeout
        while not condition(counts := self.counts):
            _check_time(end, counts)
            time.sleep(0.002)
        return counts

    async def until(self, condition: Condition, *, timeout: float = PATIENCE) -> Counts:  # noqa: ASYNC109
        """Do the same without blocking the event loop."""
        end = time.monotonic() + timeout
        while not condition(counts := self.counts):
            _check_time(end, counts)
            await asyncio.sleep(0.002)
        return counts

    def wait_idle(self, *, timeout: float = PATIENCE) -> Counts:
        """Wait until no request is in flight, and return the counts."""
        return self.wait_for(_is_idle, timeout=timeout)

    async def idle(self, *, timeout: float = PATIENCE) -> Counts:  # noqa: ASYNC109
        """Do the same without blocking the event loop."""
        return await self.until(_is_idle, timeout=timeout)

    def _run(self, listener: socket.socket, ready: threading.Event) -> None:
        try:
            with listener, asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
                self._loop = runner.get_loop()
                self.app.begin()
                self._server = _Uvicorn(self._config(), ready)
                runner.run(self._server.serve(sockets=[listener]))
        except BaseException as error:  # told by stop() in the thread of the test
            self._failure = error
        finally:
            ready.set()

    def _config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self.app.asgi,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=60,
        )

    def _begin_stop(self, server: _Uvicorn) -> None:
        self.app.cut()
        server.stop.set()


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio switches off Nagle's algorithm on what is accepted; else
    # every reply waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


def _is_idle(counts: Counts) -> bool:
    return counts.in_flight == 0


def _check_time(end: float, counts: Counts) -> None:
    if time.monotonic() > end:
        raise TimeoutError(f"what was waited for did not come about; the server has {counts}")


if __name__ == "__main__":
    from support.process import main

    main()

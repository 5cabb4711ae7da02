"""Requests to OpenAI-compatible servers: the only module that imports aiohttp.

Connections belong to an event loop. They are kept open between the requests of one loop and
closed when the loop ends, or by `Connections.aclose`.
"""

from __future__ import annotations

import asyncio
import io
import urllib.request
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from bestofinf._extras import require
from bestofinf.border import error_text
from bestofinf.wire import (
    EndpointError,
    EventReader,
    LostReplyError,
    StreamedCompletion,
    endpoint_error,
)
from bestofinf.wire.errors import error_in
from bestofinf.wire.values import Json, dumps, loads
from bestofinf.wire.written import body_bytes

aiohttp = require("aiohttp", extra="http", purpose="a member by URL")

LARGEST = 64 * 2**20
"""Maximum size of a response in bytes; a larger one is an error."""
_PIECE = 2**16
_LARGE = 2**20  # from this size on aiohttp warns about a body given as bytes
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class Connections:
    """Connections to one server, by event loop. Every copy has its own.

    Args:
        timeout: Time limit for one request, in seconds.
        connect_timeout: Time limit for connecting, in seconds.
        limit: Maximum number of connections at a time in one event loop; None for no limit.
    """

    def __init__(self, timeout: float, connect_timeout: float, limit: int | None) -> None:
        self._settings = (timeout, connect_timeout, limit)
        self._open: dict[Any, tuple[Any, AsyncGenerator[Any, None]]] = {}
        self._proxies: dict[str, str | None] = {}

    async def post(self, address: str, body: Json, headers: Mapping[str, str]) -> Json:
        """Send a body and return the completion, which the server may send whole or as a stream.

        If the task is cancelled, the connection is closed. If a request fails on a reused
        connection before the server has answered, it is sent again, because servers close idle
        connections.

        Raises:
            EndpointError: If the server refuses, its reply is not a JSON object, or it is larger
                than `LARGEST`.
            ConnectionError: If the server cannot be reached, or the reply breaks off.
            TimeoutError: If a time limit is exceeded.
        """
        with self._explained():
            async with await self._opened(address, body, headers) as response:
                return await _received(response)

    async def get(self, address: str, headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        """Return the text and the headers, with lower-case names, of the response to a GET request.

        Raises the errors of `post`.
        """
        with self._explained():
            async with await self._opened(address, None, headers) as response:
                text = await _text(response)
                return text, {name.lower(): value for name, value in response.headers.items()}

    async def stream(
        self, address: str, body: Json, headers: Mapping[str, str]
    ) -> AsyncGenerator[str, None]:
        """Send a body and yield the data of each event as it arrives, or a whole reply at once.

        If the generator is closed, the connection is closed too. Raises the errors of `post`.
        """
        with self._explained():
            async with await self._opened(address, body, headers) as response:
                if response.status != 200 or response.content_type != "text/event-stream":
                    yield dumps(await _received(response))
                    return
                events = EventReader()
                async for piece in response.content.iter_any():
                    for data in events.feed(piece):
                        yield data
                for data in events.close():
                    yield data

    async def _opened(self, address: str, body: Json | None, headers: Mapping[str, str]) -> Any:
        """Return the response once its headers have arrived: to a POST, or a GET without body."""
        session = await self._session()
        data = None if body is None else body_bytes(body)
        while True:
            attempt = _Attempt()
            _attempt.set(attempt)
            try:
                return await session.request(
                    "GET" if data is None else "POST",
                    address,
                    data=io.BytesIO(data) if data is not None and len(data) > _LARGE else data,
                    headers=headers,
                    proxy=self._proxy(address),
                    allow_redirects=False,
                )
            except aiohttp.ClientConnectionError as error:
                if not attempt.reused or isinstance(error, TimeoutError):
                    raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise errors of aiohttp as built-in errors or an `EndpointError`."""
        try:
            yield
        except TimeoutError:
            timeout, connecting, _ = self._settings
            raise TimeoutError(
                f"no reply within {timeout:g} s ({connecting:g} s to connect)"
            ) from None
        except aiohttp.ClientPayloadError as error:
            raise LostReplyError("the connection was lost within the reply") from error
        except aiohttp.ClientConnectionError as error:
            raise ConnectionError(str(error) or type(error).__name__) from error
        except aiohttp.ClientError as error:
            raise EndpointError(error_text(error)) from error

    def _proxy(self, address: str) -> str | None:
        """Return the proxy for an address; the environment is read once for each address."""
        if address not in self._proxies:
            self._proxies[address] = _proxy(address)
        return self._proxies[address]

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        opened = self._open.get(asyncio.get_running_loop())
        if opened is not None:
            await opened[1].aclose()

    async def _session(self) -> Any:
        """Return the session of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._open:
            for other in [known for known in self._open if known.is_closed()]:
                del self._open[other]
            keeper = self._keeper(loop)
            self._open[loop] = (await anext(keeper), keeper)
        return self._open[loop][0]

    async def _keeper(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[Any, None]:
        """Yield a session once, and close it at the end.

        An event loop that ends closes the asynchronous generators that are still open in it.
        """
        timeout, connecting, limit = self._settings
        session = aiohttp.ClientSession(
            connector=_Connector(limit=limit or 0),
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=connecting),
        )
        try:
            yield session
        finally:
            self._open.pop(loop, None)
            await session.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return Connections, self._settings


@dataclass(slots=True)
class _Attempt:
    """One sending of a request.

    Attributes:
        reused: Whether its connection had been used before.
    """

    reused: bool = False


_attempt: ContextVar[_Attempt] = ContextVar("bestofinf_attempt")


class _Connector(aiohttp.TCPConnector):  # type: ignore[name-defined,misc]
    """Notes in the attempt of a request whether its connection was used before.

    aiohttp's own tracing also reports this, but takes a tenth of the request's CPU time.
    """

    def __init__(self, *, limit: int) -> None:
        super().__init__(limit=limit)
        self._used: WeakSet[Any] = WeakSet()

    async def connect(self, *request: Any, **others: Any) -> Any:
        """Return a connection for a request."""
        connection = await super().connect(*request, **others)
        _attempt.get().reused = connection.protocol in self._used
        self._used.add(connection.protocol)
        return connection


async def _received(response: Any) -> Json:
    """Return the completion in a response."""
    if response.status == 200 and response.content_type == "text/event-stream":
        return await _streamed(response)
    text = await _text(response)
    try:
        found: Json = loads(text)
    except ValueError:
        raise EndpointError(f"the server must answer with JSON, got {text[:200]!r}") from None
    if error_in(found):
        raise endpoint_error(200, found, headers=dict(response.headers))
    return found


async def _text(response: Any) -> str:
    """Return the text of a response.

    Raises:
        EndpointError: If its status is not 200, or it is too large.
    """
    pieces, size = [], 0
    async for piece in response.content.iter_chunked(_PIECE):
        pieces.append(piece)
        size = _bounded(size + len(piece))
    text = b"".join(pieces).decode("utf-8", "replace")
    if response.status != 200:
        if 300 <= response.status < 400:
            text = (
                "redirects are not followed: if you trust "
                f"{response.headers.get('Location', '?')}, give that address"
            )
        raise endpoint_error(response.status, text, headers=dict(response.headers))
    return text


async def _streamed(response: Any) -> Json:
    events, reply, size = EventReader(), StreamedCompletion(), 0
    async for piece in response.content.iter_any():
        size = _bounded(size + len(piece))
        for data in events.feed(piece):
            reply.add(data)
    for data in events.close():
        reply.add(data)
    return reply.body()


def _bounded(size: int) -> int:
    if size > LARGEST:
        raise EndpointError(f"the reply is larger than {LARGEST >> 20} MB")
    return size


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names for an address; None on this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _THIS_MACHINE or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(parts.scheme)

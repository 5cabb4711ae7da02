"""One exchange with a client: read its body within limits, and send the answer unless it leaves.

ASGI servers do not tell a plain handler that a client has disconnected. So slow work runs in a task
of its own, beside a task that waits for ``http.disconnect``. The first to end decides, and both are
awaited before the exchange is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    MutableMapping,
)
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from bestofinf.serve.results import Finished
from bestofinf.wire import DONE, HEARTBEAT, ErrorResponse, chunks, event
from bestofinf.wire.values import Json, encoded

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON_TYPE = (b"content-type", b"application/json")
_STREAM = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


class Form(Protocol):
    """The form in which a completion is sent to a client."""

    def whole(self, body: Json) -> Json:
        """Return the completion as one body."""

    def events(self, body: Json) -> Iterator[bytes]:
        """Yield the completion as the events of a stream."""

    def failed(self, error: Json) -> bytes:
        """Return the events that end a stream by an error."""


@dataclass(frozen=True)
class ChatForm:
    """As a chat completion.

    Attributes:
        include_usage: Whether the client asked for a chunk of usage.
    """

    include_usage: bool = False

    def whole(self, body: Json) -> Json:
        """Return it as it is."""
        return body

    def events(self, body: Json) -> Iterator[bytes]:
        """Yield its chunks."""
        for chunk in chunks(body, include_usage=self.include_usage):
            yield event(chunk)
        yield event(DONE)

    def failed(self, error: Json) -> bytes:
        """Return the error as an event."""
        return event(error)


class TooLargeError(Exception):
    """A body is larger than the limit."""


class SlowBodyError(Exception):
    """A body did not arrive in time."""


class GoneError(Exception):
    """The client has disconnected."""


async def read_body(scope: Scope, receive: Receive, *, most: int, seconds: float) -> bytes:
    """Return the body of a request.

    Raises:
        TooLargeError: If it has more than `most` bytes; the rest is not read.
        SlowBodyError: If it does not arrive within the time.
        GoneError: If the client disconnects before.
    """
    declared = header(scope, b"content-length")
    if declared.isdecimal() and int(declared) > most:
        raise TooLargeError
    pieces, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise GoneError
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                if size > most:
                    raise TooLargeError
                if not message.get("more_body"):
                    return b"".join(pieces)
    except TimeoutError:
        raise SlowBodyError from None


def header(scope: Scope, name: bytes) -> str:
    """Return a header of a request; empty if it has none."""
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == name), "")


class Exchange:
    """Sends the response to a request.

    Args:
        receive: Receives messages of the request, whose body has been read.
        send: Sends messages to the client.
        failure: Makes the response to an error.
        form: The form in which a completion is sent.
        headers: Headers of every response.
        heartbeat: Seconds between comments that keep a waiting stream alive.

    Attributes:
        status: Status that was sent; None if nothing was sent yet.
        failed: Whether an error occurred after the status was sent.
    """

    def __init__(
        self,
        receive: Receive,
        send: Send,
        failure: Callable[[BaseException], ErrorResponse],
        *,
        form: Form,
        headers: Mapping[str, str],
        heartbeat: float,
    ) -> None:
        self._receive = receive
        self._send = send
        self._failure = failure
        self._form = form
        self._headers = dict(headers)
        self._heartbeat = heartbeat
        self.status: int | None = None
        self.failed = False

    async def answer(self, work: Coroutine[Any, Any, Finished]) -> None:
        """Send a completion whole.

        Raises:
            GoneError: If the client leaves before; the work is cancelled then.
        """
        async with _Watched(self._receive, work) as task:
            await task.wait(None)
            try:
                done = task.result()
            except Exception as error:
                await self.fail(error)
            else:
                self._headers |= done.headers
                await self._whole(200, encoded(self._form.whole(done.body)))

    async def replay(
        self,
        work: Coroutine[Any, Any, Finished],
        waiting: Callable[[], bytes] = lambda: HEARTBEAT,
    ) -> None:
        """Keep the stream alive until a completion is ready, then send it in chunks.

        Args:
            work: Makes the completion.
            waiting: Returns the next message that keeps the stream alive.

        Raises:
            GoneError: If the client leaves before; the work is cancelled then.
        """
        async with _Watched(self._receive, work) as task:
            while not await task.wait(self._heartbeat):
                await self._part(waiting())
            try:
                done = task.result()
            except Exception as error:
                await self.fail(error)
                return
            self._headers |= done.headers
            await self._part(b"".join(self._form.events(done.body)), last=True)

    async def relay(self, events: AsyncGenerator[Json | str, None]) -> None:
        """Send chunks as they come.

        Raises:
            GoneError: If the client leaves before; the generator is closed then.
        """

        async def all_of_them() -> None:
            async with aclosing(events):
                async for chunk in events:
                    await self._part(event(chunk))

        async with _Watched(self._receive, all_of_them()) as task:
            while not await task.wait(self._heartbeat):
                if self.status is None:
                    await self._part(HEARTBEAT)
            try:
                task.result()
            except Exception as error:
                await self.fail(error)
            else:
                await self._part(b"", last=True)

    async def fail(self, error: BaseException) -> None:
        """Send an error: as a response with its status, or as the last event of a begun stream."""
        told = self._failure(error)
        if self.status is None:
            self._headers |= told.headers
            await self._whole(told.status, encoded(told.body))
        else:
            self.failed = True
            await self._part(self._form.failed(told.body), last=True)

    async def _whole(self, status: int, body: bytes) -> None:
        self.status = status
        length = (b"content-length", str(len(body)).encode())
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [JSON_TYPE, length, *_encoded(self._headers)],
            }
        )
        await self._send({"type": "http.response.body", "body": body})

    async def _part(self, body: bytes, *, last: bool = False) -> None:
        if self.status is None:
            self.status = 200
            await self._send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [*_STREAM, *_encoded(self._headers)],
                }
            )
        await self._send({"type": "http.response.body", "body": body, "more_body": not last})


class _Watched:
    """A task that is cancelled if its client disconnects; it has ended at the end of the context."""

    def __init__(self, receive: Receive, work: Coroutine[Any, Any, Any]) -> None:
        self._receive = receive
        self._work = work

    async def __aenter__(self) -> _Watched:
        self._task = asyncio.ensure_future(self._work)
        self._gone = asyncio.ensure_future(_left(self._receive))
        return self

    async def wait(self, seconds: float | None) -> bool:
        """Wait until the work is done or the time is over; return whether it is done.

        Raises:
            GoneError: If the client has disconnected and the work is not done.
        """
        both = (self._task, self._gone)
        await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            return True
        if self._gone.done():
            raise GoneError
        return False

    def result(self) -> Any:
        """Return the result of the work, or raise its error."""
        return self._task.result()

    async def __aexit__(self, *ended: object) -> None:
        self._task.cancel()
        self._gone.cancel()
        await asyncio.gather(self._task, self._gone, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in headers.items()
    ]

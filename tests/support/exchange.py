"""One request and its reply on a connection: reading, waiting, sending, and breaking off."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from starlette.types import Receive, Send

from support.ledger import Ledger, Outcome
from support.reply import Served, loads
from support.request import RefusedRequest

JSON_TYPE = (b"content-type", b"application/json")
CHUNK = 2**18


class Gone(Exception):
    """The client has closed the connection."""


class Exchange:
    """One request and its reply on a connection; every wait ends with `Gone` if the client goes."""

    def __init__(
        self, ledger: Ledger, receive: Receive, send: Send, transport: asyncio.Transport
    ) -> None:
        self.entry = ledger.start()
        self.outcome = Outcome.BROKEN
        self.usage: Mapping[str, int] | None = None
        self._ledger = ledger
        self._receive = receive
        self._send = send
        self._transport = transport

    def book(self) -> None:
        """Enter the outcome, unless it has been."""
        if self.entry.outcome is None:
            complete = self.outcome in (Outcome.FINISHED, Outcome.FAULTED)
            self._ledger.end(self.entry, self.outcome, self.usage if complete else None)

    async def read_json(self) -> Any:
        body = b""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            body += message["body"]
            if not message["more_body"]:
                break
        try:
            return loads(body)
        except ValueError:
            raise RefusedRequest("We could not parse the JSON body of your request.") from None

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        if seconds > 0:
            await self.wait_until(asyncio.get_running_loop().time() + seconds)
        self.check()

    async def wait_until(self, when: float | None) -> None:
        """Let time pass until a moment of the loop's clock; None for ever."""
        try:
            async with asyncio.timeout_at(when):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return
        raise Gone

    async def unless_gone(self, work: Awaitable[Sequence[Served]]) -> Sequence[Served]:
        """Await the back end, and give it up when the client goes."""
        task = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(self.wait_until(None))
        try:
            await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Gone
            return task.result()
        finally:
            task.cancel()
            watch.cancel()
            await asyncio.gather(task, watch, return_exceptions=True)

    def check(self) -> None:
        """Raise `Gone` if the client has closed the connection."""
        if self._transport.is_closing():
            raise Gone

    async def start(self, status: int, *headers: tuple[bytes, bytes]) -> None:
        self.entry.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def send_json(self, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
        await self.send_body(status, JSON_TYPE, body, *headers)

    async def send_body(
        self,
        status: int,
        content_type: tuple[bytes, bytes],
        body: bytes,
        *headers: tuple[bytes, bytes],
    ) -> None:
        """Send a reply with its length."""
        length = (b"content-length", b"%d" % len(body))
        await self.start(status, content_type, length, *headers)
        *chunks, last = divided(body, -(-len(body) // CHUNK))
        for chunk in chunks:
            await self._send_part(chunk)
        await self._send_last(last)

    async def send_parts(
        self, content_type: tuple[bytes, bytes], parts: Sequence[bytes], *, seconds: float
    ) -> None:
        """Send a reply in chunks, spread over a time; the first comes after its share of it."""
        now = asyncio.get_running_loop().time()
        await self.start(200, content_type)
        for place, part in enumerate(parts, 1):
            if seconds > 0:
                await self.wait_until(now + seconds * place / len(parts))
            if place < len(parts):
                await self._send_part(part)
        await self._send_last(parts[-1])

    async def send_half(self, content_type: tuple[bytes, bytes], parts: Sequence[bytes]) -> None:
        """Send the first half of a reply, then close the connection."""
        half = divided(b"".join(parts), 2)[0]
        await self.start(200, content_type)
        self.book()
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        self._transport.close()
        await self._closed()

    async def reset(self) -> None:
        """Reset the connection, so that the client sees an error instead of an end."""
        self.book()
        sock: socket.socket = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
        await self._closed()

    async def _send_part(self, part: bytes) -> None:
        # Waits first while the client is slow to read.
        await self._send({"type": "http.response.body", "body": part, "more_body": True})
        self.check()

    async def _send_last(self, part: bytes) -> None:
        if self._transport.get_write_buffer_size():
            await self._send_part(b"")
        self.check()
        # Booked before it is sent: who has the reply finds it in the book.
        self.book()
        await self._send({"type": "http.response.body", "body": part})

    async def _closed(self) -> None:
        try:
            await self.wait_until(None)
        except Gone:
            return


def divided(data: bytes, n_parts: int) -> list[bytes]:
    """Cut into at most so many parts of the same size; one empty part if there is nothing."""
    step = -(-len(data) // max(n_parts, 1)) or 1
    return [data[start : start + step] for start in range(0, len(data), step)] or [b""]

"""The server's application: from request to reply, with latency, faults and the book."""

from __future__ import annotations

import asyncio
import inspect
import socket
import struct
import zlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from support.backends import Backend
from support.faults import (
    DUPLICATE_ID,
    HARMLESS,
    HTML,
    HUGE_FILLER,
    HUGE_PIECES,
    REFUSAL_TEXT,
    STATUS,
    Fault,
    Faults,
)
from support.ledger import Ledger, Outcome
from support.reply import Encoder, Served, dumps, loads, shape
from support.request import ChatRequest, RefusedRequest, check_request

JSON_TYPE = (b"content-type", b"application/json")
STREAM_TYPE = (b"content-type", b"text/event-stream; charset=utf-8")
HTML_TYPE = (b"content-type", b"text/html; charset=utf-8")
EMBEDDING_SIZE = 64
DRIPS = 50
CHUNK = 2**18

WITHOUT_REPLY = frozenset({*STATUS, Fault.HANG, Fault.RESET, Fault.WRONG_CONTENT_TYPE})
BROKEN_OFF = frozenset({Fault.TRUNCATED, Fault.CUT_SHORT, Fault.MALFORMED_JSON})
SPOILS_BODY = BROKEN_OFF | {Fault.SLOW_DRIP}
BROKEN = b'{"id": "chatcmpl-1", "choices": [{"index": 0, "message": {"role": "assist'
BROKEN_STREAM = b"data: " + BROKEN + b"\n\n"


class Gone(Exception):
    """The client has closed the connection."""


class ChatApp:
    """Answers chat completions from a back end.

    Args: see `support.server.LoopbackServer`.

    Attributes:
        asgi: The application to serve.
        errors: What the back end raised.
    """

    def __init__(
        self,
        backend: Backend,
        ledger: Ledger,
        *,
        seconds_per_token: float,
        latency: float,
        faults: Faults | None,
        api_key: str | None,
        extra_keys: frozenset[str],
    ) -> None:
        self.backend = backend
        self.ledger = ledger
        self.seconds_per_token = seconds_per_token
        self.latency = latency
        self.faults = faults
        self.errors: list[BaseException] = []
        self._authorization = None if api_key is None else f"Bearer {api_key}".encode()
        self._extra_keys = extra_keys
        self._cut = False
        self.asgi = Starlette(
            routes=[
                # An object, not a function: served as ASGI, without a Request around it.
                Route("/v1/chat/completions", _Endpoint(self)),
                Route("/v1/models", self._models),
                Route("/v1/embeddings", self._embeddings, methods=["POST"]),
                Route("/counts", self._counts),
                Route("/tally", self._tally),
                Route("/reset", self._reset, methods=["POST"]),
            ]
        )

    def reset(self) -> None:
        """Clear the book and let the back end begin again, if it can."""
        self.ledger.clear()
        begin_again = getattr(self.backend, "reset", None)
        if begin_again is not None:
            begin_again()

    def begin(self) -> None:
        """Take requests, for the first time or again."""
        self._cut = False

    def cut(self) -> None:
        """From now on a client that is gone has not left but been cut off."""
        self._cut = True

    async def complete(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one chat completion from arrival to its outcome."""
        exchange = _Exchange(self.ledger, receive, send, scope["state"]["transport"])
        try:
            await self._answer(scope, exchange)
        except RefusedRequest as refused:
            exchange.outcome = Outcome.REFUSED
            await exchange.send_json(refused.status, dumps(refused.body))
        except Gone:
            exchange.outcome = Outcome.CUT if self._cut else Outcome.DISCONNECTED
        except Exception as error:
            self.errors.append(error)
            problem = RefusedRequest(f"The back end failed: {error!r}", kind="server_error")
            await exchange.send_json(500, dumps(problem.body))
        finally:
            exchange.book()

    async def _answer(self, scope: Scope, exchange: _Exchange) -> None:
        entry = exchange.entry
        body = await exchange.read_json()
        self._check_key(scope)
        check_request(body, extra_keys=self._extra_keys)
        self.ledger.asked(entry, body)
        request = ChatRequest(entry.number, body)
        faults = self.faults
        fault = entry.fault = faults.pick(entry.number, request.model) if faults else None
        if faults is not None and fault in WITHOUT_REPLY:
            exchange.outcome = Outcome.FAULTED
            await _send_no_reply(exchange, faults, fault)
            return
        served = self.backend.reply(request)
        if inspect.isawaitable(served):
            served = await exchange.unless_gone(served)
        entry.choices = [shape(choice, request) for choice in served]
        exchange.outcome = (
            Outcome.FINISHED if fault is None or fault in HARMLESS else Outcome.FAULTED
        )
        await self._send_reply(exchange, request, faults, fault)

    async def _send_reply(
        self, exchange: _Exchange, request: ChatRequest, faults: Faults | None, fault: Fault | None
    ) -> None:
        choices = exchange.entry.choices
        longest = max((choice.completion_tokens for choice in choices), default=0)
        seconds = self.latency + self.seconds_per_token * longest
        encoder = Encoder(
            request,
            _spoilt(choices, fault),
            with_usage=fault is not Fault.NO_USAGE,
            call_id=_same_id if fault is Fault.DUPLICATE_TOOL_IDS else None,
        )
        content_type = STREAM_TYPE if request.stream else JSON_TYPE
        parts = list(encoder.events()) if request.stream else [encoder.whole()]
        if fault not in BROKEN_OFF:
            exchange.usage = encoder.usage
        if request.stream and fault not in SPOILS_BODY:
            await exchange.send_parts(content_type, parts, seconds=seconds)
            return
        await exchange.wait(seconds)
        if faults is None or fault not in SPOILS_BODY:
            await exchange.send_json(200, parts[0])
        elif fault is Fault.SLOW_DRIP:
            drips = _divided(b"".join(parts), DRIPS)
            await exchange.send_parts(content_type, drips, seconds=faults.drip_seconds)
        elif fault is Fault.TRUNCATED:
            await exchange.send_half(content_type, parts)
        elif fault is Fault.CUT_SHORT:
            await exchange.send_body(200, content_type, _first_half(parts))
        else:
            await exchange.send_body(200, content_type, BROKEN_STREAM if request.stream else BROKEN)

    def _check_key(self, scope: Scope) -> None:
        if self._authorization is None:
            return
        if (b"authorization", self._authorization) not in scope["headers"]:
            raise RefusedRequest("Incorrect API key provided.", status=401, code="invalid_api_key")

    async def _models(self, request: Request) -> Response:
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": "loopback"}
            for name in self.backend.models
        ]
        return JSONResponse({"object": "list", "data": models})

    async def _embeddings(self, request: Request) -> Response:
        body = await request.json()
        given = body["input"]
        texts = [given] if isinstance(given, str) else given
        return JSONResponse(
            {
                "object": "list",
                "model": body["model"],
                "data": [
                    {"object": "embedding", "index": i, "embedding": embedding(str(text))}
                    for i, text in enumerate(texts)
                ],
                "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)},
            }
        )

    async def _counts(self, request: Request) -> Response:
        return JSONResponse(self.ledger.counts().as_json())

    async def _tally(self, request: Request) -> Response:
        tally = self.ledger.tally()
        return JSONResponse({question: list(a.items()) for question, a in tally.items()})

    async def _reset(self, request: Request) -> Response:
        self.reset()
        return Response(status_code=204)


class _Endpoint:
    def __init__(self, app: ChatApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app.complete(scope, receive, send)


class _Exchange:
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
        *chunks, last = _divided(body, -(-len(body) // CHUNK))
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
        half = _divided(b"".join(parts), 2)[0]
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


async def _send_no_reply(exchange: _Exchange, faults: Faults, fault: Fault | None) -> None:
    """Inject a fault that needs no reply of the back end."""
    if fault is Fault.HANG:
        await exchange.wait_until(None)
    elif fault is Fault.RESET:
        await exchange.reset()
    elif fault is Fault.WRONG_CONTENT_TYPE:
        await exchange.send_body(200, HTML_TYPE, HTML)
    elif fault is not None:
        status, body = STATUS[fault]
        headers = []
        if fault is Fault.RATE_LIMIT_RETRY_AFTER:
            headers.append((b"retry-after", f"{faults.retry_after:g}".encode()))
        await exchange.send_json(status, dumps(body), *headers)


def _spoilt(choices: Sequence[Served], fault: Fault | None) -> Sequence[Served]:
    if fault is Fault.EMPTY_CHOICES:
        return ()
    if fault is Fault.NULL_CONTENT:
        return [replace(c, text=None, pieces=(), logprobs=(), tool_calls=()) for c in choices]
    if fault is Fault.REFUSAL:
        return [replace(c, refusal=REFUSAL_TEXT, tool_calls=()) for c in choices]
    if fault is Fault.HUGE:
        return [_with_filler(choice) for choice in choices]
    return choices


def _with_filler(choice: Served) -> Served:
    pieces = (*[HUGE_FILLER] * HUGE_PIECES, *choice.all_pieces)
    return replace(
        choice, text="".join(pieces), pieces=pieces, logprobs=(), tokens=choice.completion_tokens
    )


def _same_id(choice: int, place: int) -> str:
    return DUPLICATE_ID


def _first_half(parts: Sequence[bytes]) -> bytes:
    if len(parts) > 1:  # a stream: whole events
        return b"".join(parts[: len(parts) // 2])
    return _divided(parts[0], 2)[0]


def _divided(data: bytes, n_parts: int) -> list[bytes]:
    """Cut into at most so many parts of the same size; one empty part if there is nothing."""
    step = -(-len(data) // max(n_parts, 1)) or 1
    return [data[start : start + step] for start in range(0, len(data), step)] or [b""]


def embedding(text: str) -> list[float]:
    """Return a unit vector of hashed words and their beginnings: alike for texts that share words."""
    vector = [0.0] * EMBEDDING_SIZE
    for word in text.lower().split():
        for part in (word, word[:4]):
            vector[zlib.crc32(part.encode()) % EMBEDDING_SIZE] += 1.0
    length = sum(value * value for value in vector) ** 0.5 or 1.0
    return [value / length for value in vector]

"""The server's application: from request to reply, with latency, faults and the book."""

from __future__ import annotations

import inspect
import zlib

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from support.backends import Backend
from support.exchange import JSON_TYPE, Exchange, Gone, divided
from support.faults import HARMLESS, Fault, Faults
from support.injection import (
    BROKEN,
    BROKEN_OFF,
    BROKEN_STREAM,
    SPOILS_BODY,
    WITHOUT_REPLY,
    first_half,
    same_id,
    send_without_reply,
    spoilt,
)
from support.ledger import Ledger, Outcome
from support.reply import Encoder, dumps, shape
from support.request import ChatRequest, RefusedRequest, check_request

STREAM_TYPE = (b"content-type", b"text/event-stream; charset=utf-8")
EMBEDDING_SIZE = 64
DRIPS = 50


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
        exchange = Exchange(self.ledger, receive, send, scope["state"]["transport"])
        try:
            problem = await self._problem(scope, exchange)
            if problem is not None:
                await exchange.send_json(problem.status, dumps(problem.body))
        except Gone:
            exchange.outcome = Outcome.CUT if self._cut else Outcome.DISCONNECTED
        finally:
            exchange.book()

    async def _problem(self, scope: Scope, exchange: Exchange) -> RefusedRequest | None:
        """Answer the request; return the error to send where that cannot be done."""
        try:
            await self._answer(scope, exchange)
        except RefusedRequest as refused:
            exchange.outcome = Outcome.REFUSED
            return refused
        except Gone:
            raise
        except Exception as error:
            self.errors.append(error)
            exchange.outcome = Outcome.BROKEN
            message = f"The back end failed: {error!r}"
            return RefusedRequest(message, status=500, kind="server_error")
        return None

    async def _answer(self, scope: Scope, exchange: Exchange) -> None:
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
            await send_without_reply(exchange, faults, fault)
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
        self, exchange: Exchange, request: ChatRequest, faults: Faults | None, fault: Fault | None
    ) -> None:
        choices = exchange.entry.choices
        longest = max((choice.completion_tokens for choice in choices), default=0)
        seconds = self.latency + self.seconds_per_token * longest
        encoder = Encoder(
            request,
            spoilt(choices, fault),
            with_usage=fault is not Fault.NO_USAGE,
            call_id=same_id if fault is Fault.DUPLICATE_TOOL_IDS else None,
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
            drips = divided(b"".join(parts), DRIPS)
            await exchange.send_parts(content_type, drips, seconds=faults.drip_seconds)
        elif fault is Fault.TRUNCATED:
            await exchange.send_half(content_type, parts)
        elif fault is Fault.CUT_SHORT:
            await exchange.send_body(200, content_type, first_half(parts))
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


def embedding(text: str) -> list[float]:
    """Return a unit vector of hashed words and their beginnings: alike for texts that share words."""
    vector = [0.0] * EMBEDDING_SIZE
    for word in text.lower().split():
        for part in (word, word[:4]):
            vector[zlib.crc32(part.encode()) % EMBEDDING_SIZE] += 1.0
    length = sum(value * value for value in vector) ** 0.5 or 1.0
    return [value / length for value in vector]

"""A server with every way of doing things that a real one has, for `bestofinf.doctor`.

It lives in the event loop of the test. Replies are words of a counting; what else a server may do,
or not do, is set by name.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]
TOP = (0.6, 0.3, 0.1)  # probabilities of a token and of its alternatives


class Refused(Exception):
    """Answer with this status and body."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        self.status = status
        self.body = {"error": {"message": message, "type": "invalid_request_error", **more}}


@dataclass
class Clinic:
    """A server.

    Attributes:
        kind: "llama.cpp", "vLLM", or nothing that is told.
        context: Tokens; more words than that are refused, or cut where `cuts`.
        cuts: Whether what is too long is cut silently.
        slots: Requests at a time.
        several: Whether ``n`` is known; "one" counts the usage of one reply alone.
        logprobs: "raw", "processed", "none", "some" (of the first token alone).
        schemas: Whether a JSON schema is enforced.
        tools: Whether tools are called; "broken" calls without readable arguments.
        notices: Ways of asking ("stream", "plain") of which it notices that the client has left.
        streams: Whether it streams.
        usage: Whether it counts tokens.
        check: Called with every body; may raise `Refused`.
        seconds_per_token: Of a reply.
        bodies: What was asked.
    """

    kind: str = ""
    context: int = 1024
    cuts: bool = False
    slots: int = 2
    several: Any = True
    logprobs: str = "raw"
    schemas: bool = True
    tools: Any = True
    notices: tuple[str, ...] = ("stream", "plain")
    streams: bool = True
    usage: bool = True
    check: Callable[[Json], None] = lambda body: None
    seconds_per_token: float = 0.001
    bodies: list[Json] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._working: dict[int, int] = {}  # tokens so far by request
        self._generated = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> str:
        """Serve; return the address for clients."""
        app = web.Application()
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._complete)
        if self.kind == "llama.cpp":
            app.router.add_get("/props", self._props)
            app.router.add_get("/slots", self._slots)
        if self.kind == "vLLM":
            app.router.add_get("/metrics", self._metrics)
            app.router.add_get("/version", self._version)
        self._server = TestServer(app)
        await self._server.start_server()
        return str(self._server.make_url("/v1"))

    async def __aexit__(self, *told: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.close()

    async def _models(self, request: web.Request) -> web.Response:
        entry: Json = {"id": "patient", "object": "model"}
        if self.kind == "vLLM":
            entry |= {"owned_by": "vllm", "max_model_len": self.context}
        return web.json_response({"data": [entry]})

    async def _props(self, request: web.Request) -> web.Response:
        told = {"total_slots": self.slots, "default_generation_settings": {"n_ctx": self.context}}
        return web.json_response(told | {"chat_template_caps": {"supports_tools": False}})

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": "0.99"})

    async def _slots(self, request: web.Request) -> web.Response:
        busy = [
            {"id": i, "is_processing": True, "next_token": [{"n_decoded": n}]}
            for i, n in enumerate(self._working.values())
        ]
        idle = [{"id": i, "is_processing": False} for i in range(self.slots - len(busy))]
        return web.json_response(busy + idle)

    async def _metrics(self, request: web.Request) -> web.Response:
        lines = (
            "# TYPE vllm:num_requests_running gauge",
            f'vllm:num_requests_running{{engine="0",model_name="patient"}} {len(self._working)}.0',
            f'vllm:generation_tokens_total{{engine="0",model_name="patient"}} {self._generated}.0',
        )
        return web.Response(text="\n".join(lines))

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        try:
            self.check(body)
            if len(body["messages"][-1]["content"].split()) > self.context and not self.cuts:
                raise Refused(400, "too long", code="exceed_context_size_error")
        except Refused as refused:
            return web.json_response(refused.body, status=refused.status)
        words = self._words(body)
        way = "stream" if body.get("stream") and self.streams else "plain"
        work = asyncio.create_task(self._work(len(words)))
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)
        reply = None
        try:
            if way == "stream":
                reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
                await reply.prepare(request)
                await self._send(reply, self._chunk({"role": "assistant", "content": ""}))
                for place, word in enumerate(words):
                    await asyncio.sleep(self.seconds_per_token)
                    await self._send(reply, self._chunk({"content": word}, self._told(body, place)))
                await self._send(reply, self._chunk({}, finish_reason=self._end(body, words)))
                await self._send(reply, {"choices": [], **self._usage(len(words))})
                await reply.write(b"data: [DONE]\n\n")
                return reply
            await asyncio.shield(work)
            return web.json_response(self._whole(body, words))
        except (asyncio.CancelledError, ConnectionError):
            if way in self.notices:
                work.cancel()
            raise

    async def _work(self, tokens: int) -> None:
        key = id(asyncio.current_task())
        self._working[key] = 0
        try:
            for _ in range(tokens):
                await asyncio.sleep(self.seconds_per_token)
                self._working[key] += 1
                self._generated += 1
        finally:
            del self._working[key]

    def _words(self, body: Json) -> list[str]:
        if body.get("response_format") and self.schemas:
            return ['{"colour":', '"red",', '"count":', "3}"]
        if body.get("tools"):
            return ["It", " is", " warm."]
        limit = body.get("max_tokens", body.get("max_completion_tokens", 10**6))
        return [f"{number}, " for number in range(1, 301)][:limit]

    def _end(self, body: Json, words: list[str]) -> str:
        return "length" if words[0] == "1, " and len(words) < 300 else "stop"

    def _told(self, body: Json, place: int) -> Json:
        if not body.get("logprobs") or self.logprobs == "none":
            return {}
        if self.logprobs == "some" and place:
            return {"logprobs": {"content": [{"token": "x"}]}}
        if self.kind == "llama.cpp" and body.get("post_sampling_probs"):
            return {"logprobs": {"content": [{"token": "x", "prob": TOP[0]}]}}
        power = 1 / body["temperature"] if self.logprobs == "processed" else 1.0
        top = [math.log(p) * power for p in TOP]
        top = [value - math.log(sum(map(math.exp, top))) for value in top]
        told: Json = {"token": "x", "logprob": top[0]}
        if body.get("top_logprobs"):
            told["top_logprobs"] = [{"token": "x", "logprob": value} for value in top]
        return {"logprobs": {"content": [told]}}

    def _usage(self, tokens: int) -> Json:
        counts = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
        return {"usage": counts} if self.usage else {}

    def _whole(self, body: Json, words: list[str]) -> Json:
        message: Json = {"role": "assistant", "content": "".join(words)}
        if body.get("tools") and self.tools:
            arguments = "{" if self.tools == "broken" else '{"city": "Paris"}'
            call = {"name": "get_weather", "arguments": arguments}
            message |= {"content": None, "tool_calls": [{"id": "1", "function": call}]}
        content = [
            entry
            for place in range(len(words))
            for entry in self._told(body, place).get("logprobs", {}).get("content", ())
        ]
        number = body.get("n", 1) if self.several else 1
        choice = {"message": message, "finish_reason": self._end(body, words)}
        choice |= {"logprobs": {"content": content} if content else None}
        choices = [{"index": index, **choice} for index in range(number)]
        return {"choices": choices} | self._usage(
            len(words) * (1 if self.several == "one" else number)
        )

    def _chunk(self, delta: Json, more: Json | None = None, **ending: Any) -> Json:
        choice = {"index": 0, "delta": delta, **(more or {}), **ending}
        return {"object": "chat.completion.chunk", "choices": [choice]}

    async def _send(self, reply: web.StreamResponse, chunk: Json) -> None:
        await reply.write(f"data: {json.dumps(chunk)}\n\n".encode())

"""What a back end serves, and how it is written on the wire: one JSON object or a stream of deltas."""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from typing import Any

from bestofinf.records import ToolCall
from support.request import ChatRequest, Json

try:
    import orjson
except ImportError:  # slower, else the same
    orjson = None  # type: ignore[assignment]

MOST_DELTAS = 64
"""A streamed text comes in at most this many pieces."""

_PIECES = re.compile(r"\s*\S+|\s+")
_DONE = b"data: [DONE]\n\n"


def dumps(value: Any) -> bytes:
    """Write compact JSON."""
    if orjson is not None:
        try:
            return orjson.dumps(value)
        except TypeError:  # half a character, or a number of more than 64 bits
            return plainly(value)
    return plainly(value)


def plainly(value: Any) -> bytes:
    """Write compact JSON in ASCII, with whatever Python takes for JSON: NaN, halves of characters."""
    return json.dumps(value, separators=(",", ":")).encode()


def loads(text: bytes) -> Any:
    """Read JSON; raises ValueError."""
    return json.loads(text) if orjson is None else orjson.loads(text)


@dataclass(frozen=True)
class Served:
    """One choice of a reply.

    Attributes:
        text: The content; None sends null.
        tokens: Generated tokens as they are billed; the number of pieces when None.
        tool_calls: Calls to ask for. Where an id is missing, a unique one is made. Arguments given
            as a string are sent as they stand, so that they may be malformed.
        finish_reason: Made from the content and the request when None.
        refusal: Text of a refusal; the content is then null.
        pieces: Tokens whose concatenation is the text; split at words when empty.
        logprobs: Log-probability of every piece; made up when empty.
        end: Text and log-probability of the token that ends it; None where it is not told.
        extra: Further keys of the message, such as ``reasoning_content``.
        usage: Token counts that are told in place of the true ones, whatever they are.
        question: Id of the question that was recognised in the prompt.
        answer: The answer a client should read from it; None where there is none to read.
    """

    text: str | None = ""
    tokens: int | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    refusal: str | None = None
    pieces: tuple[str, ...] = ()
    logprobs: tuple[float, ...] = ()
    end: tuple[str, float] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    question: str = ""
    answer: str | None = None

    @cached_property
    def all_pieces(self) -> Sequence[str]:
        return self.pieces or _PIECES.findall(self.text or "")

    @cached_property
    def completion_tokens(self) -> int:
        if self.tokens is not None:
            return self.tokens
        arguments = sum(len(_arguments(call).split()) + 1 for call in self.tool_calls)
        return len(self.all_pieces) + arguments + len((self.refusal or "").split())


def shape(served: Served, request: ChatRequest) -> Served:
    """Apply ``stop`` and ``max_tokens`` of the request.

    A text that is cut keeps the same share of its tokens. Where the recorded tokens exceed the
    limit, the text loses its end, and with it the answer, as it would have.
    """
    if request.stop and served.text:
        places = [place for s in request.stop if s and (place := served.text.find(s)) >= 0]
        if places:
            served = _cut(served, min(places), "stop")
    limit = request.max_tokens
    if limit is not None and served.completion_tokens > limit:
        pieces = served.all_pieces
        kept = len(pieces) * limit // max(served.completion_tokens, 1)
        served = _cut(served, len("".join(pieces[:kept])), "length")
        served = replace(served, tokens=limit, tool_calls=())
    return served


def _cut(served: Served, length: int, reason: str) -> Served:
    text = served.text or ""
    kept, position = 0, 0
    for piece in served.all_pieces:
        if position >= length:
            break
        position += len(piece)
        kept += 1
    share = length / len(text) if text else 0.0
    return replace(
        served,
        text=text[:length],
        tokens=None if served.tokens is None else round(served.tokens * share),
        # The last piece kept may be cut as well.
        pieces=_split_like(served.pieces[:kept], length),
        logprobs=served.logprobs[:kept],
        finish_reason=reason,
        answer=None,
    )


def _split_like(pieces: tuple[str, ...], length: int) -> tuple[str, ...]:
    if not pieces:
        return ()
    before = sum(len(piece) for piece in pieces[:-1])
    return (*pieces[:-1], pieces[-1][: length - before])


@dataclass(frozen=True)
class Encoder:
    """Writes the choices of one reply.

    Attributes:
        request: What is answered.
        choices: Its choices, shaped to the request.
        with_usage: Whether token counts are told.
        call_id: Gives the id of a call from its choice and place.
    """

    request: ChatRequest
    choices: Sequence[Served]
    with_usage: bool = True
    call_id: Callable[[int, int], str] | None = None

    def whole(self) -> bytes:
        """Return the reply as one JSON object."""
        body = self._frame("chat.completion")
        body["choices"] = [self._choice(index, served) for index, served in enumerate(self.choices)]
        if self.with_usage:
            body["usage"] = self._told_usage
        return self._written(body)

    def events(self) -> Iterator[bytes]:
        """Give the reply as server-sent events; the choices take turns."""
        frame = self._frame("chat.completion.chunk")
        if self.request.include_usage and self.with_usage:
            frame["usage"] = None
        turns = [self._deltas(index, served) for index, served in enumerate(self.choices)]
        for turn in zip_longest(*turns):
            for choice in turn:
                if choice is not None:
                    yield _event({**frame, "choices": [choice]})
        if self.request.include_usage and self.with_usage:
            last = {**frame, "choices": [], "usage": self._told_usage}
            yield b"data: " + self._written(last) + b"\n\n"
        yield _DONE

    @cached_property
    def usage(self) -> dict[str, int]:
        prompt = self.request.prompt_tokens()
        completion = sum(served.completion_tokens for served in self.choices)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }

    @property
    def _told_usage(self) -> Mapping[str, Any]:
        told = (served.usage for served in self.choices if served.usage is not None)
        return next(told, self.usage)

    def _written(self, body: Json) -> bytes:
        # The quick writer makes null of NaN.
        return dumps(body) if self._told_usage is self.usage else plainly(body)

    def _frame(self, kind: str) -> Json:
        return {
            "id": f"chatcmpl-{self.request.number}",
            "object": kind,
            "created": int(time.time()),
            "model": self.request.model,
            "system_fingerprint": "fp_loopback",
        }

    def _choice(self, index: int, served: Served) -> Json:
        message: Json = {
            "role": "assistant",
            "content": _content(served),
            "refusal": served.refusal,
            **served.extra,
        }
        if served.tool_calls:
            message["tool_calls"] = self._calls(index, served)
        return {
            "index": index,
            "message": message,
            "logprobs": self._logprobs(served, served.all_pieces, 0),
            "finish_reason": _finish_reason(served),
        }

    def _calls(self, index: int, served: Served) -> list[Json]:
        return [
            {
                "id": self._id(index, place, call),
                "type": "function",
                "function": {"name": call.name, "arguments": _arguments(call)},
            }
            for place, call in enumerate(served.tool_calls)
        ]

    def _id(self, index: int, place: int, call: ToolCall) -> str:
        if self.call_id is not None:
            return self.call_id(index, place)
        return call.id or f"call_{self.request.number}_{index}_{place}"

    def _deltas(self, index: int, served: Served) -> Iterator[Json]:
        def choice(delta: Json, reason: str | None = None, logprobs: Json | None = None) -> Json:
            return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}

        yield choice({"role": "assistant", "content": "" if served.text is not None else None})
        if served.extra:
            yield choice(dict(served.extra))
        if _content(served) is not None:
            pieces = served.all_pieces
            step = -(-len(pieces) // MOST_DELTAS) or 1
            for start in range(0, len(pieces), step):
                some = pieces[start : start + step]
                yield choice(
                    {"content": "".join(some)}, logprobs=self._logprobs(served, some, start)
                )
        for piece in _PIECES.findall(served.refusal or ""):
            yield choice({"refusal": piece})
        for place, call in enumerate(self._calls(index, served)):
            function = call["function"]
            arguments = function["arguments"]
            opening = {**call, "index": place, "function": {**function, "arguments": ""}}
            yield choice({"tool_calls": [opening]})
            step = max(-(-len(arguments) // MOST_DELTAS), 6)
            for start in range(0, len(arguments), step):
                part = {"arguments": arguments[start : start + step]}
                yield choice({"tool_calls": [{"index": place, "function": part}]})
        yield choice({}, _finish_reason(served))

    def _logprobs(self, served: Served, pieces: Sequence[str], start: int) -> Json | None:
        top = self.request.top_logprobs
        if top is None:
            return None
        content = [
            _logprob(served, piece, start + place, top) for place, piece in enumerate(pieces)
        ]
        if served.end is not None and start + len(pieces) == len(served.all_pieces):
            token, logprob = served.end
            content.append({"token": token, "logprob": logprob, "bytes": None, "top_logprobs": []})
        return {"content": content, "refusal": None}


def _event(body: Json) -> bytes:
    return b"data: " + dumps(body) + b"\n\n"


def _content(served: Served) -> str | None:
    if served.refusal is not None or (served.tool_calls and not served.text):
        return None
    return served.text


def _arguments(call: ToolCall) -> str:
    return call.args if isinstance(call.args, str) else dumps(dict(call.args)).decode()


def _finish_reason(served: Served) -> str:
    return served.finish_reason or ("tool_calls" if served.tool_calls else "stop")


def _logprob(served: Served, piece: str, place: int, top: int) -> Json:
    def entry(token: str, logprob: float) -> Json:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode())}

    if served.logprobs:
        own = served.logprobs[place]
    else:
        # Any value below zero will do; it is the same whenever the same reply is served.
        own = -(1 + zlib.crc32(f"{place} {piece}".encode()) % 1000) / 1000
    # The token itself is the likeliest, its made-up rivals follow.
    rivals = [entry(f" alt{rank}", own - 1.0 - rank) for rank in range(1, top)]
    return {**entry(piece, own), "top_logprobs": [entry(piece, own), *rivals][:top]}

"""Write replies as chat completions: one body, or the chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bestofinf.records import Reply
from bestofinf.wire.replies import TokenCounts
from bestofinf.wire.requests import OWN_PART
from bestofinf.wire.values import Json, dumps, items, mapping

PIECE = 2_000
"""Maximum number of characters of a text in one chunk."""
_IN_ORDER = ("reasoning_content", "reasoning", "content", "refusal")


def completion(
    replies: Sequence[Reply],
    *,
    id: str,
    created: int,
    model: str,
    usage: TokenCounts | None = None,
    told: Mapping[str, Any] | None = None,
) -> Json:
    """Return replies as one completion.

    A reply that came as a completion keeps all fields of its server; only the fields named here are
    replaced.

    Args:
        replies: One for each choice; the other fields of the response come from the first one's
            body.
        id: Id of the completion.
        created: Unix time in seconds.
        model: Name of the ensemble.
        usage: Usage to report; None keeps that of the first reply's own body.
        told: The decision, put under ``bestofinf``.
    """
    native = mapping(replies[0].native) if replies else {}
    body: Json = {**native, "id": id, "object": "chat.completion", "created": created}
    body["model"] = model
    body["choices"] = [_choice(place, reply) for place, reply in enumerate(replies)]
    if usage is not None:
        body["usage"] = usage_body(usage)
    if told is not None:
        body[OWN_PART] = dict(told)
    return body


def usage_body(tokens: TokenCounts) -> Json:
    """Return token counts in OpenAI's format, which has no value for unknown: they become 0."""
    read, written = tokens.input or 0, tokens.output or 0
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": tokens.cached or 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning or 0},
    }


def chunks(body: Mapping[str, Any], *, include_usage: bool = False) -> Iterator[Json]:
    """Yield a completion as the chunks of a stream.

    For every choice: the role, thoughts and text in pieces, each tool call whole, then the finish
    reason. The decision comes with the last finish reason, and the usage, if requested, at the end.

    Args:
        body: A completion.
        include_usage: Whether the client asked for a chunk of usage.
    """
    described = {k: v for k, v in body.items() if k not in ("choices", "usage", OWN_PART)}
    frame: Json = {**described, "object": "chat.completion.chunk"}
    if include_usage:
        frame["usage"] = None
    choices = [mapping(choice) for choice in items(body.get("choices"))]
    for place, choice in enumerate(choices):
        *deltas, end = _deltas(choice)
        for delta in deltas:
            yield {**frame, "choices": [delta]}
        last = {**frame, "choices": [end]}
        if place == len(choices) - 1 and OWN_PART in body:
            last[OWN_PART] = body[OWN_PART]
        yield last
    if include_usage:
        yield {**frame, "choices": [], "usage": body.get("usage")}


def _choice(place: int, reply: Reply) -> Json:
    """Return one choice: that of its server, or one made from the reply."""
    own = [mapping(choice) for choice in items(mapping(reply.native).get("choices"))]
    if own and own[0]:
        return {**own[0], "index": place}
    message: Json = {"role": "assistant", "content": reply.text or None}
    if reply.parsed is not None and not reply.text:
        message["content"] = dumps(reply.parsed)
    if reply.refusal:
        message["refusal"], message["content"] = reply.text, None
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id or f"call_{place}_{number}",
                "type": "function",
                "function": {"name": call.name, "arguments": dumps(dict(call.args))},
            }
            for number, call in enumerate(reply.tool_calls)
        ]
    finish = reply.finish_reason or ("tool_calls" if reply.tool_calls else "stop")
    return {"index": place, "message": message, "logprobs": None, "finish_reason": finish}


def _deltas(choice: Mapping[str, Any]) -> Iterator[Json]:
    """Yield the parts of a choice for the chunks; the last one has the finish reason."""
    message = mapping(choice.get("message"))
    index = choice.get("index", 0)
    logprobs = choice.get("logprobs")

    def part(delta: Json) -> Json:
        return {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}

    texts = {name: message[name] for name in _IN_ORDER if isinstance(message.get(name), str)}
    others = {k: v for k, v in message.items() if k not in (*texts, "tool_calls", "role")}
    opening = {"role": "assistant", **others}
    yield part(opening | {"content": ""} if "content" in texts else opening)
    for name, said in texts.items():
        for start in range(0, len(said), PIECE):
            piece = part({name: said[start : start + PIECE]})
            if name == "content":
                piece["logprobs"], logprobs = logprobs, None
            yield piece
    for place, call in enumerate(items(message.get("tool_calls"))):
        yield part({"tool_calls": [{"index": place, **call}]})
    rest = {k: v for k, v in choice.items() if k not in ("message", "index")}
    yield {"index": index, **rest, "delta": {}, "logprobs": logprobs}

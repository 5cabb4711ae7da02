"""The probes: each sends requests to find out one ability of a server, and returns a finding."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bestofinf.border import as_finite
from bestofinf.doctor.server import COUNTING, SHORT, Asked, Server
from bestofinf.wire import EndpointError, read_completion
from bestofinf.wire.values import items, loads, mapping

Verdict = Literal["yes", "no", "partly", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one probe.

    Attributes:
        name: Name of the probe.
        verdict: Whether the server can do it; ``partly`` as described in `said`; ``unknown`` if
            that cannot be seen.
        said: The finding in one line.
        details: The finding as JSON values.
    """

    name: str
    verdict: Verdict
    said: str
    details: Mapping[str, Any] = field(default_factory=dict)


Probe = Callable[[Server], Awaitable[Finding]]

_OTHER_NAMES = {"max_tokens": "max_completion_tokens"}
_SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "blue"]}, "count": {"type": "integer"}},
    "required": ["colour", "count"],
    "additionalProperties": False,
}
_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tell the weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
_SHARP = 0.25  # temperature at which the gaps of processed log-probabilities are four times as wide


async def chat(server: Server) -> Finding:
    """Ask a question; fields that the server refuses are renamed or left out from then on."""
    for _ in range(3):
        try:
            asked = await server.ask()
            break
        except EndpointError as error:
            if not _adapted(server, error):
                raise
    else:
        asked = await server.ask()
    tokens = read_completion(asked.body).tokens
    if tokens.output:
        server.facts.seconds_per_token = asked.seconds / tokens.output
    changed = [f"{old} is called {new} here" for old, new in server.facts.rename.items()]
    changed += [f"{name} is not taken here" for name in server.facts.drop]
    counts = f"{tokens.input} + {tokens.output} tokens"
    if tokens.input is None or tokens.output is None:
        counts = "no token counts: budgets of tokens and money cannot hold"
    said = "; ".join([f"{asked.text!r} in {asked.seconds:.2f} s, {counts}", *changed])
    return Finding("chat", "yes", said, {"seconds": round(asked.seconds, 3)})


async def streams(server: Server) -> Finding:
    """Ask for a stream."""
    asked = await server.ask(stream=True)
    if asked.pieces == 1:
        server.facts.streams = False
        return Finding("stream", "no", "a stream was asked for, the reply came in one piece")
    server.facts.streams = True
    server.facts.seconds_per_token = (asked.seconds - asked.first) / (asked.pieces - 1)
    counted = read_completion(asked.body).tokens.output is not None
    usage = "usage at its end" if counted else "no usage at its end, though it was asked for"
    said = f"{asked.pieces} events, the first after {asked.first:.2f} s; {usage}"
    return Finding("stream", "yes" if counted else "partly", said, {"usage": counted})


async def several(server: Server) -> Finding:
    """Ask for three replies in one request, each of which ends at its limit."""
    asked = await server.ask(n=3)
    replies = len(asked.choices)
    server.facts.several = replies == 3
    if replies != 3:
        return Finding("n", "no", f"3 replies were asked for, {replies} came", {"replies": replies})
    told = read_completion(asked.body).tokens.output
    ended = [read_completion({"choices": [choice]}).replies[0] for choice in asked.choices]
    details = {"replies": 3, "completion_tokens": told}
    if not all(reply.finish_reason == "length" for reply in ended) or told is None:
        return Finding("n", "yes", f"3 replies, usage {told} tokens for all of them", details)
    server.facts.counts_all = told >= 3 * SHORT
    alike = "; all three are the same text" if len({r.text for r in ended}) == 1 else ""
    if server.facts.counts_all:
        return Finding("n", "yes", f"3 replies, and usage counts all of them{alike}", details)
    said = f"3 replies of {SHORT} tokens, but usage says {told}: budgets of tokens are wrong by n"
    return Finding("n", "partly", said + alike, details)


async def logprobs(server: Server) -> Finding:
    """Ask for log-probabilities at two temperatures, and for those of the sampled distribution."""
    try:
        flat = await _top(server, 1.0)
        sharp = await _top(server, _SHARP)
    except EndpointError as error:
        if error.status_code not in (400, 422):
            raise
        return Finding("logprobs", "no", f"refused: {error}")
    if flat is None or sharp is None:
        return Finding("logprobs", "no", "asked for, and none came")
    if not await _all_told(server):
        server.facts.logprobs = None
        return Finding("logprobs", "partly", "not for every token: a reply's own is not known")
    kind = _kind(flat, sharp)
    server.facts.logprobs = kind
    found = f"{len(flat)} alternatives" if flat else "no alternatives"
    if kind == "processed":
        return Finding("logprobs", "yes", f"of what is sampled from; {found}", {"kind": kind})
    said = {
        "raw": "the model's own, before temperature and cuts",
        "unknown": "whether before or after temperature is not clear",
    }[kind]
    if server.facts.software == "llama.cpp" and await _post_sampling(server):
        server.facts.on_request = {"post_sampling_probs": True}
        said += "; with post_sampling_probs those sampled from"
    elif server.facts.software == "vLLM" and kind == "raw":
        said += "; vLLM documents --logprobs-mode processed_logprobs"
    on_request = dict(server.facts.on_request)
    return Finding("logprobs", "yes", f"{said}; {found}", {"kind": kind, "on_request": on_request})


async def schemas(server: Server) -> Finding:
    """Ask for an object that no model would write by itself."""
    wanted = {"name": "pick", "strict": True, "schema": _SCHEMA}
    form = {"type": "json_schema", "json_schema": wanted}
    try:
        asked = await server.ask("Say hello.", response_format=form, max_tokens=40)
    except EndpointError as error:
        if error.status_code not in (400, 404, 422, 501):
            raise
        server.facts.schemas = False
        return Finding("json_schema", "no", f"refused: {error}")
    server.facts.schemas = _fits(asked.text)
    if server.facts.schemas:
        return Finding("json_schema", "yes", f"enforced: {_short(asked.text)}")
    return Finding("json_schema", "no", f"not enforced: {_short(asked.text)} came")


async def tools(server: Server) -> Finding:
    """Demand a call of a tool."""
    try:
        asked = await server.ask(
            "What is the weather in Paris?",
            tools=[_TOOL],
            tool_choice="required",
            max_tokens=48,
            temperature=0.2,
        )
    except EndpointError as error:
        if error.status_code not in (400, 404, 422, 500, 501):
            raise
        server.facts.tools = False
        return Finding("tools", "no", f"refused: {error}")
    calls = read_completion(asked.body).replies[0].tool_calls
    written = items(mapping(asked.choices[0].get("message")).get("tool_calls"))
    server.facts.tools = bool(calls)
    if calls:
        return Finding(
            "tools", "yes", f"called {calls[0].name}({_short(str(dict(calls[0].args)))})"
        )
    if written:
        return Finding("tools", "partly", "called, but the arguments are no JSON object")
    said = f"a call was demanded (tool_choice required), text came: {_short(asked.text)}"
    return Finding("tools", "no", said)


def _adapted(server: Server, error: EndpointError) -> bool:
    """Adapt requests if a server refuses a field by name; return whether something was changed."""
    told = f"{error.param or ''} {error}"
    if error.status_code not in (400, 422):
        return False
    for name, other in _OTHER_NAMES.items():
        if name in told and name not in server.facts.rename:
            server.adapted(rename={name: other})
            return True
    if "temperature" in told and "temperature" not in server.facts.drop:
        server.adapted(drop="temperature")
        return True
    return False


async def _top(server: Server, temperature: float) -> list[float] | None:
    """Return the log-probabilities of the likeliest first tokens, falling; None if there are none."""
    asked = await server.ask(
        COUNTING, logprobs=True, top_logprobs=5, temperature=temperature, max_tokens=1
    )
    if not asked.places or as_finite(asked.places[0].get("logprob")) is None:
        return None
    top = [mapping(t).get("logprob") for t in items(asked.places[0].get("top_logprobs"))]
    found = [value for value in map(as_finite, top) if value is not None]
    return sorted((value for value in found if value > -50), reverse=True)


async def _all_told(server: Server) -> bool:
    """Return whether every token of a longer reply has its log-probability."""
    asked = await server.ask(logprobs=True)
    return read_completion(asked.body).replies[0].logprobs is not None


async def _post_sampling(server: Server) -> bool:
    """Return whether llama.cpp returns the probabilities that it samples from, on request."""
    asked: Asked = await server.ask(
        logprobs=True, top_logprobs=2, post_sampling_probs=True, max_tokens=1
    )
    return bool(asked.places) and as_finite(asked.places[0].get("prob")) is not None


def _kind(flat: list[float], sharp: list[float]) -> str:
    """Distinguish raw from processed by the gap between the two likeliest tokens at two temperatures.

    A temperature T makes the gap of processed ones 1/T times as wide and does not change raw ones.
    If a cut such as top-k leaves one token, there is no gap, and they are certainly processed.
    """
    if len(flat) > 1 and len(sharp) == 1 and sharp[0] == 0:
        return "processed"
    if len(flat) < 2 or len(sharp) < 2:
        return "unknown"
    gap, other = flat[0] - flat[1], sharp[0] - sharp[1]
    if gap < 0.05 or other <= 0:
        return "unknown"
    place = math.log(other / gap) / math.log(1 / _SHARP)  # 0: as wide, 1: four times as wide
    return "raw" if place < 0.25 else "processed" if place > 0.75 else "unknown"


def _fits(text: str) -> bool:
    """Return whether a text is an object of the schema."""
    try:
        found = loads(text)
    except ValueError:
        return False
    return (
        isinstance(found, dict)
        and found.keys() == {"colour", "count"}
        and found["colour"] in ("red", "blue")
        and isinstance(found["count"], int)
    )


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= 60 else f"{flat[:57]}…")

"""Probes for the server itself: its models, its slots, and its behaviour when it is overloaded."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

from bestofinf.border import as_count
from bestofinf.doctor.probes import Finding
from bestofinf.doctor.server import Server
from bestofinf.errors import UsageError, retry_after
from bestofinf.wire import EndpointError
from bestofinf.wire.values import items, mapping, text

_OWNERS = {"llamacpp": "llama.cpp", "vllm": "vLLM", "library": "Ollama"}
_CONTEXTS = ("max_model_len", "context_length", "context_window", "max_context_length")
_REFUSING = ("llama.cpp", "vLLM")  # servers that refuse too long prompts before they process them
_LARGEST_CONTEXT = 2**15
_FIRST, _MOST = 8, 24  # requests at a time


async def models(server: Server) -> Finding:
    """Ask for the list of models, and choose one if none is named.

    Raises:
        UsageError: If no model is named and none is listed.
    """
    try:
        told, headers = await server.look("models")
    except EndpointError as error:
        if not server.named:
            raise UsageError(f"name a model, --model MODEL: {error}") from error
        raise
    listed = [mapping(entry) for entry in items(mapping(told).get("data"))]
    names = [name for name in (text(entry.get("id")) for entry in listed) if name]
    facts, asked = server.facts, server.endpoint.model if server.named else None
    facts.models = tuple(names)
    owners = [_OWNERS.get(str(entry.get("owned_by"))) for entry in listed]
    facts.software = next(filter(None, owners), None)
    if any(name.startswith("x-litellm") for name in headers):
        facts.software = "LiteLLM"
    if not asked and not names:
        raise UsageError("the server lists no model: name one, --model MODEL")
    if not asked:
        server.name(names[0])
    for entry in listed:
        if entry.get("id") == server.endpoint.model:
            found = {**mapping(entry.get("meta")), **entry}
            sizes = [as_count(found.get(key)) for key in (*_CONTEXTS, "n_ctx")]
            facts.context = next(filter(None, sizes), None)
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    details = {"models": names}
    if asked and asked not in names:
        return Finding("models", "partly", f"{asked!r} is not listed; listed: {shown}", details)
    return Finding("models", "yes", shown, details)


async def software(server: Server) -> Finding:
    """Look for properties that only one kind of server shows: its slots, its context, its version."""
    facts, told = server.facts, []
    props, _ = await server.may_look("/props")
    slots = as_count(mapping(props).get("total_slots"))
    if slots:
        facts.software, facts.slots = "llama.cpp", slots
        settings = mapping(mapping(props).get("default_generation_settings"))
        facts.context = as_count(settings.get("n_ctx")) or facts.context
        known = mapping(mapping(props).get("chat_template_caps")).get("supports_tools")
        if known is False:
            told.append("its chat template knows no tools")
    if facts.software in (None, "vLLM"):
        version = text(mapping((await server.may_look("/version"))[0]).get("version"))
        if version and facts.software:
            told.append(f"version {version}")
    if facts.software in (None, "Ollama"):
        version = text(mapping((await server.may_look("/api/version"))[0]).get("version"))
        if version:
            facts.software = "Ollama"
            told.append(f"version {version}; it cuts a prompt silently at num_ctx")
    if facts.software in (None, "LiteLLM"):
        ready, headers = await server.may_look("/health/readiness")
        known = mapping(ready)
        if {"status", "db"} <= known.keys() or any(n.startswith("x-litellm") for n in headers):
            facts.software = "LiteLLM"
            told.append("a proxy: what follows is true of the model behind it")
    seen = [f"{slots} slots" if slots else "slots not told"]
    seen.append(f"context {facts.context} tokens" if facts.context else "context not told")
    details = {"software": facts.software, "slots": slots, "context": facts.context}
    said = "; ".join([facts.software or "not recognised", *seen, *told])
    return Finding("server", "yes" if facts.software else "unknown", said, details)


async def context(server: Server) -> Finding:
    """Send a prompt that is too long, if the server refuses it before processing it."""
    size, kind = server.facts.context, server.facts.software
    if size is None:
        return Finding("context", "unknown", "the server does not tell its length")
    details = {"context": size}
    if kind not in _REFUSING or size > _LARGEST_CONTEXT:
        return Finding("context", "yes", f"{size} tokens; not tried", details)
    try:
        await server.ask("a " * (size + 64), max_tokens=1)
    except EndpointError as error:
        said = f"{size} tokens; more is refused with {error.status_code} ({error.code})"
        return Finding("context", "yes", said, details | {"code": error.code})
    return Finding("context", "partly", f"{size} tokens; more is cut silently", details)


async def crowding(server: Server) -> Finding:
    """Send more requests at a time than the server has slots, of one token each."""
    wanted = min(max(_FIRST, (server.facts.slots or 0) + 2), _MOST)
    began = time.monotonic()

    async def one() -> EndpointError | None:
        try:
            await server.ask("Say hi.", max_tokens=1)
        except EndpointError as error:
            return error
        return None

    found = await asyncio.gather(*(one() for _ in range(wanted)))
    seconds = time.monotonic() - began
    refused = [error for error in found if error is not None]
    details: dict[str, Any] = {"sent": wanted, "refused": len(refused)}
    if not refused:
        said = f"{wanted} at a time: all answered in {seconds:.1f} s, none refused (429 not seen)"
        return Finding("crowding", "yes", said, details)
    server.facts.allowed = max(1, wanted - len(refused))
    statuses = Counter(error.status_code for error in refused)
    waits = [wait for error in refused if (wait := retry_after(error)) is not None]
    told = ", ".join(f"{count} with {status}" for status, count in statuses.items())
    waiting = f"Retry-After up to {max(waits):g} s" if waits else "no Retry-After"
    details |= {"statuses": {str(s): c for s, c in statuses.items()}, "retry_after": bool(waits)}
    said = f"{wanted} at a time: {len(refused)} refused ({told}), {waiting}"
    return Finding("crowding", "partly", said, details)

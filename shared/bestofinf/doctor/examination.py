"""The examination: all probes in turn, each with a share of a minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from bestofinf.border import error_text
from bestofinf.doctor import probes, slots
from bestofinf.doctor.leaving import leaving
from bestofinf.doctor.prescription import concurrency, members
from bestofinf.doctor.probes import Finding, Probe, Verdict
from bestofinf.doctor.server import Facts, Server
from bestofinf.ensemble.endpoint import Endpoint
from bestofinf.wire import EndpointError

SECONDS = 55.0
"""Maximum seconds of the whole examination."""
EACH = 20.0
"""Maximum seconds of one probe."""

PROBES: dict[str, Probe] = {
    "models": slots.models,
    "server": slots.software,
    "chat": probes.chat,
    "stream": probes.streams,
    "n": probes.several,
    "logprobs": probes.logprobs,
    "json_schema": probes.schemas,
    "tools": probes.tools,
    "context": slots.context,
    "crowding": slots.crowding,
    "leaving": leaving,
}
_PASSING = (408, 425, 429)
_WITHOUT_MODEL = ("models", "server")
_WITHOUT_CHAT = (*_WITHOUT_MODEL, "chat")


@dataclass(frozen=True)
class Report:
    """The result of an examination.

    Attributes:
        url: URL of the server.
        model: The model that was asked.
        findings: The findings in the order of the probes.
        facts: The findings as values.
        members: The member to paste, by ``langchain``, ``llamaindex`` and ``toml``; empty if the
            server does not chat.
        seconds: Duration in seconds.
    """

    url: str
    model: str
    findings: tuple[Finding, ...]
    facts: Facts
    members: dict[str, str]
    seconds: float

    @property
    def chats(self) -> bool:
        """Whether the server answered at all."""
        return any(found.name == "chat" and found.verdict == "yes" for found in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "url": self.url,
            "model": self.model,
            "seconds": round(self.seconds, 1),
            "tokens": self.facts.tokens,
            "concurrency": concurrency(self.facts),
            "findings": [
                {**asdict(found), "details": dict(found.details)} for found in self.findings
            ],
            "members": self.members,
        }


async def examine(
    endpoint: Endpoint,
    *,
    named: bool = True,
    seconds: float = SECONDS,
    told: Callable[[Finding], object] | None = None,
) -> Report:
    """Return what a server can do.

    Args:
        endpoint: The server and the model.
        named: Whether to ask the endpoint's model; if not, the first that the server lists.
        seconds: Time limit in seconds; probes that do not fit are unknown.
        told: Called with each finding as it is made.

    Raises:
        UsageError: If no model is named and the server lists none.
    """
    server, began = Server(endpoint, named=named), time.monotonic()
    findings: list[Finding] = []
    try:
        for name, probe in PROBES.items():
            found = await _found(
                server, name, probe, seconds - (time.monotonic() - began), findings
            )
            findings.append(found)
            if told is not None:
                told(found)
    finally:
        await server.aclose()
    report = Report(
        endpoint.url,
        server.endpoint.model,
        tuple(findings),
        server.facts,
        {},
        time.monotonic() - began,
    )
    if report.chats:
        report.members.update(members(server.endpoint, server.facts))
    return report


async def _found(
    server: Server, name: str, probe: Probe, left: float, before: list[Finding]
) -> Finding:
    """Return the finding of one probe, or why it could not be made."""
    if name not in _WITHOUT_CHAT and any(f.name == "chat" and f.verdict == "no" for f in before):
        return Finding(name, "unknown", "not asked: the server does not chat")
    if not server.named and name not in _WITHOUT_MODEL:
        return Finding(name, "no", "not asked: no model is known, name one with --model")
    if left <= 0:
        return Finding(name, "unknown", "not asked: the time is over")
    failed: Verdict = "no" if name == "chat" else "unknown"  # else it proves nothing
    try:
        async with asyncio.timeout(min(EACH, left)):
            return await probe(server)
    except EndpointError as error:
        status = error.status_code
        lasting = status is not None and status < 500 and status not in _PASSING
        said = error_text(str(error))
        return Finding(name, "no" if lasting else failed, said, {"status": status})
    except TimeoutError:
        return Finding(name, failed, f"nothing came within {min(EACH, left):.0f} s")
    except ConnectionError as error:
        return Finding(name, failed, error_text(str(error)))

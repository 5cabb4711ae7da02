"""How each fault is put into a reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from support.exchange import Exchange, divided
from support.faults import (
    DUPLICATE_ID,
    HTML,
    HUGE_FILLER,
    HUGE_PIECES,
    REFUSAL_TEXT,
    STATUS,
    Fault,
    Faults,
)
from support.reply import Served, dumps

HTML_TYPE = (b"content-type", b"text/html; charset=utf-8")
WITHOUT_REPLY = frozenset({*STATUS, Fault.HANG, Fault.RESET, Fault.WRONG_CONTENT_TYPE})
BROKEN_OFF = frozenset({Fault.TRUNCATED, Fault.CUT_SHORT, Fault.MALFORMED_JSON})
SPOILS_BODY = BROKEN_OFF | {Fault.SLOW_DRIP}
BROKEN = b'{"id": "chatcmpl-1", "choices": [{"index": 0, "message": {"role": "assist'
BROKEN_STREAM = b"data: " + BROKEN + b"\n\n"


async def send_without_reply(exchange: Exchange, faults: Faults, fault: Fault | None) -> None:
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


def spoilt(choices: Sequence[Served], fault: Fault | None) -> Sequence[Served]:
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


def same_id(choice: int, place: int) -> str:
    return DUPLICATE_ID


def first_half(parts: Sequence[bytes]) -> bytes:
    if len(parts) > 1:  # a stream: whole events
        return b"".join(parts[: len(parts) // 2])
    return divided(parts[0], 2)[0]

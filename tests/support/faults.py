"""Faults that the server injects on purpose, decided by the number of the request and a seed."""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from support.request import Json


class Fault(StrEnum):
    """What can go wrong with a reply."""

    RATE_LIMIT_RETRY_AFTER = "rate_limit_retry_after"  # 429 that says when to come back
    RATE_LIMIT = "rate_limit"  # 429 without Retry-After
    QUOTA = "quota"  # 429, code insufficient_quota: asking again cannot help
    SERVER_ERROR = "server_error"  # 500
    UNAVAILABLE = "unavailable"  # 503
    UNAUTHORIZED = "unauthorized"  # 401
    BAD_REQUEST = "bad_request"  # 400
    ERROR_IN_BODY = "error_in_body"  # 200, with an error in place of a reply, as routers send it
    RESET = "reset"  # connection reset before any byte
    HANG = "hang"  # never answers
    SLOW_DRIP = "slow_drip"  # a valid reply in dribs and drabs
    TRUNCATED = "truncated"  # connection closed halfway through the body
    CUT_SHORT = "cut_short"  # a body that ends properly after its first half
    MALFORMED_JSON = "malformed_json"  # 200, application/json, but no JSON
    WRONG_CONTENT_TYPE = "wrong_content_type"  # 200, an HTML page
    EMPTY_CHOICES = "empty_choices"  # choices: []
    NULL_CONTENT = "null_content"  # content: null and nothing else
    REFUSAL = "refusal"  # content: null, refusal: text
    HUGE = "huge"  # a valid reply after 10 MB of filler
    NO_USAGE = "no_usage"  # a valid reply without token counts
    DUPLICATE_TOOL_IDS = "duplicate_tool_ids"  # all calls of all replies have one id


HARMLESS = frozenset({Fault.SLOW_DRIP, Fault.HUGE, Fault.NO_USAGE, Fault.DUPLICATE_TOOL_IDS})
"""A client that waits long enough reads a valid reply in spite of these."""

HUGE_PIECES = 20
HUGE_FILLER = "Let us see. " * (10 * 2**20 // 12 // HUGE_PIECES + 1)
DUPLICATE_ID = "call_duplicate"
REFUSAL_TEXT = "I'm sorry, but I can't help with that request."
HTML = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"


def _error(message: str, kind: str, code: str | None) -> Json:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


STATUS: Mapping[Fault, tuple[int, Json]] = {
    Fault.RATE_LIMIT_RETRY_AFTER: (
        429,
        _error("Rate limit reached. Please try again later.", "requests", "rate_limit_exceeded"),
    ),
    Fault.RATE_LIMIT: (
        429,
        _error("Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
    ),
    Fault.QUOTA: (
        429,
        _error("You exceeded your current quota.", "insufficient_quota", "insufficient_quota"),
    ),
    Fault.SERVER_ERROR: (
        500,
        _error("The server had an error while processing your request.", "server_error", None),
    ),
    Fault.UNAVAILABLE: (503, _error("The engine is currently overloaded.", "overloaded", None)),
    Fault.UNAUTHORIZED: (
        401,
        _error("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    ),
    Fault.ERROR_IN_BODY: (
        200,
        {"error": {"message": "Provider returned error", "code": 502}},
    ),
    Fault.BAD_REQUEST: (
        400,
        _error("This model's maximum context length is exceeded.", "invalid_request_error", None),
    ),
}
"""Faults that are an HTTP status with an error in OpenAI's form, or nearly so."""


@dataclass(frozen=True)
class Faults:
    """Decides which requests go wrong, and how.

    The decision depends on the seed and on the number of the request alone, so a run with the same
    order of arrival meets the same faults, and any run of the same length the same number of them.

    Attributes:
        rate: Share of the requests that get a fault, in [0, 1].
        kinds: Faults to choose from, all equally likely.
        seed: Another seed, other requests.
        at: Faults for given request numbers; they come before the draw by rate.
        models: Only requests to these models; None for all.
        until: Only requests with a number below this, so that the server recovers.
        retry_after: Seconds told with `Fault.RATE_LIMIT_RETRY_AFTER`.
        drip_seconds: Time over which `Fault.SLOW_DRIP` stretches a reply.
    """

    rate: float = 0.0
    kinds: Collection[Fault] = tuple(Fault)
    seed: int = 0
    at: Mapping[int, Fault] = field(default_factory=dict)
    models: Collection[str] | None = None
    until: int | None = None
    retry_after: float = 1.0
    drip_seconds: float = 0.5

    @classmethod
    def always(cls, kind: Fault, *, models: Collection[str] | None = None) -> Faults:
        """Every request, or every one to these models, meets this fault."""
        return cls(1.0, (kind,), models=models)

    def pick(self, number: int, model: str) -> Fault | None:
        """Return the fault for a request; None lets it through."""
        if self.models is not None and model not in self.models:
            return None
        if number in self.at:
            return self.at[number]
        if self.rate <= 0 or (self.until is not None and number >= self.until):
            return None
        source = random.Random(f"{self.seed}/{number}")
        return source.choice(tuple(self.kinds)) if source.random() < self.rate else None


@dataclass(frozen=True)
class RateLimit(Faults):
    """Refuses what exceeds so many requests in a window of time, and does not say for how long.

    Attributes:
        requests: Requests that one window lets through.
        seconds: Length of a window.
    """

    requests: int = 20
    seconds: float = 60.0
    _window: dict[str, float] = field(default_factory=lambda: {"begun": 0.0, "taken": 0})

    def pick(self, number: int, model: str) -> Fault | None:
        """Return a refusal where the window is full; requests of a refusal take no place in it."""
        now, window = time.monotonic(), self._window
        if now - window["begun"] >= self.seconds:
            window.update(begun=now, taken=0)
        if window["taken"] >= self.requests:
            return Fault.RATE_LIMIT
        window["taken"] += 1
        return super().pick(number, model)

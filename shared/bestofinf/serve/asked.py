"""A checked request, and its settings for the ensemble."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bestofinf.ensemble import TraceDetail, tightened
from bestofinf.errors import UsageError, shown
from bestofinf.serve.catalogue import Served
from bestofinf.serve.config import OPTIONS, Serving
from bestofinf.wire import BadRequestError, ChatRequest, read_request
from bestofinf.wire.values import Json

_MARGIN = 5.0  # the answer must be sent this many seconds before the client gives up
_KNOBS = ("rule", "max_samples", "deadline")


@dataclass(frozen=True)
class Asked:
    """A request for a completion.

    Attributes:
        request: The request of the client.
        served: The model that answers.
        settings: Settings of the call that override the ensemble's.
        owner: Name of the owner of the key that came with it.
        question_id: The client's own name of the question.
        usage: ``winner`` or ``all``: whose tokens the response reports.
        trace: How much of the vote the response reports.
        progress: Whether a stream reports the votes while it waits.
        call_id: Identifier of the call and of the completion.
        created: Unix time in seconds.
    """

    request: ChatRequest
    served: Served
    settings: Mapping[str, Any]
    owner: str = ""
    question_id: str | None = None
    usage: str = "winner"
    trace: TraceDetail = "full"
    progress: bool = False
    call_id: str = field(default_factory=lambda: f"chatcmpl-{uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def body(self) -> Json:
        """The body for the members, before it is adapted to each of them."""
        body = dict(self.request.body)
        least = self.served.serving.get("temperature")
        own = body.get("temperature")
        if least is not None and (not isinstance(own, int | float) or own < least):
            body["temperature"] = least
        return body


def read_asked(
    body: Any,
    find: Any,
    serving: Serving,
    *,
    owner: str = "",
    headers: Mapping[str, str],
) -> Asked:
    """Return a request that passed the checks.

    Args:
        body: As the client sent it, parsed.
        find: Returns the model of a name; None if there is none.
        serving: The settings of the server, which limit what a request may set.
        owner: Name of the owner of the key that came with it.
        headers: Headers of the request, with lower-case names.

    Raises:
        BadRequestError: If a field is wrong.
        LookupError: If there is no such model.
    """
    request = read_request(body)
    served: Served | None = find(request.model)
    if served is None:
        raise LookupError(request.model)
    options = _options(request.options, serving)
    settings = _settings(request, served, options, headers)
    question = options.get("question") or headers.get("x-bestofinf-question")
    return Asked(
        request,
        served,
        settings,
        owner,
        question,
        options.get("usage") or served.serving.get("usage") or "winner",
        options.get("trace") or serving.trace,
        bool(options.get("progress")),
    )


def _options(given: Mapping[str, Any], serving: Serving) -> Mapping[str, Any]:
    for name, value in given.items():
        if name not in OPTIONS:
            raise BadRequestError(
                f"bestofinf.{name[:40]}: unknown; there are {', '.join(OPTIONS)}",
                f"bestofinf.{name[:40]}",
            )
        if name not in serving.allow:
            raise BadRequestError(f"bestofinf.{name}: not allowed here", f"bestofinf.{name}")
        wanted = _CHOICES.get(name)
        if wanted is not None and value not in wanted:
            raise BadRequestError(
                f"bestofinf.{name} must be one of {', '.join(map(str, wanted))}, got {shown(value)}",
                f"bestofinf.{name}",
            )
    question = given.get("question", "q")
    if not isinstance(question, str) or not 0 < len(question) <= 500:
        raise BadRequestError(
            "bestofinf.question must be a text of at most 500 characters", "bestofinf.question"
        )
    return given


_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "usage": ("winner", "all"),
    "trace": ("full", "counts", "off"),
    "progress": (True, False),
}


def _settings(
    request: ChatRequest, served: Served, options: Mapping[str, Any], headers: Mapping[str, str]
) -> dict[str, Any]:
    wanted = {name: options[name] for name in _KNOBS if options.get(name) is not None}
    patience = None if request.stream else _patience(headers)
    if patience is not None:
        wanted["deadline"] = _sooner(wanted.get("deadline"), patience)
    settings: dict[str, Any] = {}
    for name, value in wanted.items():
        try:
            settings |= tightened(served.ensemble, {name: value})
        except UsageError as error:
            raise BadRequestError(f"bestofinf.{name}: {error}", f"bestofinf.{name}") from None
    if request.n > 1:
        if request.n > served.ensemble.max_samples:
            raise BadRequestError(f"n must be at most {served.ensemble.max_samples}", "n")
        # A client that asks for a number of votes gets exactly that many.
        settings |= {
            "rule": f"fixed:n={request.n}",
            "max_samples": request.n,
            "abstain_limit": None,
            "min_confidence": 0.0,
            "coverage": None,
            "on_unvotable": "first",
        }
    return settings


def _sooner(first: Any, second: float) -> Any:
    is_time = isinstance(first, int | float) and not isinstance(first, bool)
    return min(first, second) if is_time else (second if first is None else first)


def _patience(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the client says it waits for the answer; None if it does not say."""
    try:
        told = float(headers.get("x-stainless-read-timeout", ""))
    except ValueError:
        return None
    return max(told - _MARGIN, told / 2) if 0 < told < float("inf") else None

"""Errors in OpenAI's format: from a server's body to an exception, and from an exception to a body.

Servers use different formats. These are read: OpenAI's own ``{"error": {...}}``, the same in a list
(Google), a text instead of the object (Ollama), ``{"detail": ...}`` (FastAPI), the flat
``{"object": "error", ...}`` (vLLM, Mistral), and pages that are not JSON (proxies).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bestofinf.border import error_text
from bestofinf.errors import (
    BestOfInfError,
    DeadlineError,
    NoConsensusError,
    SamplingError,
    UsageError,
    is_number,
    retry_after,
    status_of,
)
from bestofinf.wire.values import Json, loads, mapping, text

# Kinds of errors that come without a status: in a body with status 200, or within a stream.
_STATUS_OF_KIND = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "exceed_context_size_error": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "insufficient_quota": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "too_many_requests": 429,
    "api_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "server_error": 500,
    "overloaded": 503,
    "overloaded_error": 503,
    "unavailable_error": 503,
}
_REFUSED = frozenset({400, 404, 413, 422})  # statuses that mean that the request itself is wrong
_KEPT = frozenset({401, 403})  # statuses that mean that access is denied
_ADDRESS = re.compile(r"\b[a-z][a-z+.\-]{0,20}://[^\s'\"<>]+|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?")


class EndpointError(BestOfInfError):
    """A server refused or failed a request, or returned something that is not a reply.

    Attributes:
        status_code: HTTP status, or the one the body names if the transport said 200; None if
            neither does.
        type: The server's type of the error.
        code: The server's more specific code, such as ``context_length_exceeded`` or
            ``rate_limit_exceeded``; `type` if there is none.
        param: Field of the request that caused the error.
        headers: Headers of the response, with lower-case names.
        body: The server's own body, if it was JSON.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        kind: str | None = None,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> None:
        self.status_code = status
        self.type = kind
        self.code = code or kind
        self.param = param
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        self.body = body
        super().__init__(message)

    @property
    def response(self) -> EndpointError:
        """Where `bestofinf.errors.retry_after` looks for headers."""
        return self


class LostReplyError(EndpointError, ConnectionError):
    """A stream ended before its reply was complete. Transient: the same request may succeed."""


class BadRequestError(UsageError):
    """A request is not in OpenAI's format.

    Attributes:
        param: The field that is wrong; None for the whole request.
    """

    def __init__(self, message: str, param: str | None = None) -> None:
        self.param = param
        super().__init__(message)


def endpoint_error(
    status: int | None, body: Any, *, headers: Mapping[str, str] | None = None
) -> EndpointError:
    """Return the exception for an error response.

    Args:
        status: HTTP status; None or 200 if the transport has no error status, as within a stream.
        body: The body: parsed JSON, or text or bytes as received.
        headers: Headers of the response.
    """
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    if isinstance(body, str):
        try:
            body = loads(body)
        except ValueError:
            page = body
            return _made(status, page or "no further word", {}, headers=headers, body=None)
    found = body[0] if isinstance(body, list) and body else body
    outer = mapping(found)
    inner = outer.get("error")
    if isinstance(inner, str):
        fields: Mapping[str, Any] = {**outer, "message": inner}
    elif isinstance(inner, Mapping):
        fields = inner
    else:
        fields = outer
    message = fields.get("message", fields.get("detail"))
    if not isinstance(message, str):
        # FastAPI and Mistral give a list of what is wrong with the request.
        message = str(message if message is not None else found)
    return _made(status, message, fields, headers=headers, body=body)


def _made(
    status: int | None,
    message: str,
    fields: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None,
    body: Any,
) -> EndpointError:
    kind = text(fields.get("type"))
    code = fields.get("code")
    named = code if isinstance(code, str) and code and not code.isdecimal() else None
    if status is None or status < 400:
        status = _status_in(fields, named, kind)
    what = f" ({(named or kind or '')[:80]})" if named or kind else ""
    answered = "an error" if status is None else f"status {status}"
    said = error_text(f"the server answered {answered}{what}: {message}")
    return EndpointError(
        " ".join(said.split()),
        status=status,
        kind=kind,
        code=named,
        param=text(fields.get("param")),
        headers=headers,
        body=body,
    )


def _status_in(fields: Mapping[str, Any], code: str | None, kind: str | None) -> int | None:
    for field_name in ("code", "status", "status_code"):
        value = fields.get(field_name)
        if isinstance(value, str) and value.isdecimal() and len(value) == 3:
            value = int(value)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    kinds = [name.lower() for name in (code, kind) if name is not None]
    return next((_STATUS_OF_KIND[name] for name in kinds if name in _STATUS_OF_KIND), None)


def error_in(body: Any) -> bool:
    """Return whether a body that came with status 200 is nevertheless an error."""
    found = mapping(body[0] if isinstance(body, list) and body else body)
    return bool(found.get("error")) or found.get("object") == "error"


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """How an exception is reported to a client.

    Attributes:
        status: HTTP status.
        body: The body in OpenAI's format.
        headers: Headers to add to the response.
    """

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


def error_body(
    message: str, *, kind: str, code: str | None = None, param: str | None = None
) -> Json:
    """Return an error in OpenAI's form."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_response(error: BaseException) -> ErrorResponse:
    """Return the response for a failed request.

    If every member refused the request as wrong, the response has the member's own status and body,
    so that ``context_length_exceeded`` is passed on. If there was no consensus, the status is one that
    clients do not retry, because the samples have been paid for.

    Args:
        error: The error raised instead of a decision.
    """
    if isinstance(error, BadRequestError):
        body = error_body(str(error), kind="invalid_request_error", param=error.param)
        return ErrorResponse(400, body)
    if isinstance(error, UsageError):
        return ErrorResponse(400, error_body(str(error), kind="invalid_request_error"))
    if isinstance(error, NoConsensusError):
        body = error_body(_without_addresses(error), kind="server_error", code="no_consensus")
        return ErrorResponse(422, body, {"x-should-retry": "false"})
    if isinstance(error, DeadlineError):
        body = error_body(_without_addresses(error), kind="server_error", code="deadline_exceeded")
        return ErrorResponse(422, body, {"x-should-retry": "false"})
    given = error.causes if isinstance(error, SamplingError) else (error,)
    # A member that rests was not asked: it counts with the error of its last refusal.
    causes = tuple(cause for cause in given if not hasattr(cause, "refused_with"))
    statuses = {status_of(cause) for cause in causes}
    if causes and statuses <= _REFUSED and isinstance(causes[0], EndpointError):
        return _refused(causes[0])
    limited = statuses == {429} or (given and not causes)
    if limited or statuses in ({503}, {529}):
        waits = [wait for cause in given if (wait := _wait_of(cause)) is not None]
        body = error_body(
            f"all members are {'limited' if limited else 'overloaded'}: "
            + _without_addresses(given[0]),
            kind="rate_limit_error" if limited else "server_error",
            code="rate_limit_exceeded" if limited else "overloaded",
        )
        headers = {"retry-after": f"{math.ceil(max(waits))}"} if waits else {}
        return ErrorResponse(429 if limited else 503, body, headers)
    if causes and len(statuses) == 1 and statuses <= _KEPT:
        body = error_body(
            f"the members refused: {_without_addresses(causes[0])}",
            kind="authentication_error" if statuses == {401} else "permission_error",
            code=causes[0].code if isinstance(causes[0], EndpointError) else None,
        )
        return ErrorResponse(statuses.pop() or 401, body)
    if isinstance(error, SamplingError | EndpointError):
        told = "; ".join(dict.fromkeys(map(_without_addresses, causes[:5])))
        body = error_body(
            f"the members failed: {told or error}", kind="server_error", code="members_failed"
        )
        return ErrorResponse(502, body)
    return ErrorResponse(
        500,
        error_body("an error within the server", kind="server_error", code="internal_error"),
    )


def _wait_of(error: BaseException) -> float | None:
    """Return the seconds after which a member may be asked again; None if it does not say."""
    seconds: Any = getattr(error, "seconds", None)
    return float(seconds) if is_number(seconds) else retry_after(error)


def _refused(error: EndpointError) -> ErrorResponse:
    own = mapping(error.body)
    if isinstance(own.get("error"), Mapping):
        body = {**own}
    else:
        kind = error.type or "invalid_request_error"
        body = error_body(_without_addresses(error), kind=kind, code=error.code, param=error.param)
    return ErrorResponse(error.status_code or 400, body)


def _without_addresses(error: BaseException) -> str:
    return _ADDRESS.sub("[address]", error_text(error))

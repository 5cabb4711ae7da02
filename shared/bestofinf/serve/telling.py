"""Send errors and JSON in OpenAI's form."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from bestofinf.errors import MissingExtraError, StoreError, status_of
from bestofinf.serve.exchange import JSON_TYPE, GoneError, Send, SlowBodyError, TooLargeError
from bestofinf.wire import EndpointError, ErrorResponse, error_response
from bestofinf.wire.errors import error_body
from bestofinf.wire.values import encoded

logger = logging.getLogger(__name__)

_KINDS = {
    401: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}


class RefusedError(Exception):
    """A request that is refused before any member is asked.

    Args:
        status: HTTP status.
        message: Message for the client.
        code: Error code in OpenAI's form.
        headers: Headers of the response.
    """

    def __init__(
        self, status: int, message: str, code: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        super().__init__(message)


def told(error: BaseException, *, passed: bool = False) -> ErrorResponse:
    """Return the response to a client for an error.

    Args:
        error: The error.
        passed: Whether a member's own status and message are passed on.
    """
    if isinstance(error, RefusedError):
        kind = _KINDS.get(error.status, "invalid_request_error")
        return ErrorResponse(
            error.status, error_body(str(error), kind=kind, code=error.code), error.headers
        )
    if isinstance(error, TooLargeError):
        return told(RefusedError(413, "the body is too large", "request_too_large"))
    if isinstance(error, SlowBodyError):
        return told(RefusedError(408, "the body did not arrive in time", "request_timeout"))
    if isinstance(error, StoreError):
        body = error_body("the store fails", kind="server_error", code="store_failed")
        return ErrorResponse(503, body)
    if passed and isinstance(error, EndpointError) and isinstance(error.body, dict):
        status = status_of(error) or 502
        names = ("retry-after", "retry-after-ms", "x-should-retry")
        headers = {name: error.headers[name] for name in names if name in error.headers}
        return ErrorResponse(status, error.body, headers)
    if passed and isinstance(error, OSError):  # connection lost, too late, or never made
        body = error_body(
            f"the member failed: {type(error).__name__}", kind="server_error", code="members_failed"
        )
        return ErrorResponse(502, body)
    response = error_response(error)
    if response.status == 500 and not isinstance(error, GoneError | MissingExtraError):
        # Its class and position but not its message, which may quote the request.
        logger.error("an error within the server: %s", _place(error))
    return response


def _place(error: BaseException) -> str:
    step, at = error.__traceback__, "?"
    while step is not None:
        at = f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}"
        step = step.tb_next
    return f"{type(error).__name__} at {at}"


async def send_error(send: Send, status: int, message: str, code: str) -> None:
    """Send an error in OpenAI's form."""
    response = told(RefusedError(status, message, code))
    await send_json(send, response.status, response.body, response.headers)


async def send_json(
    send: Send, status: int, body: object, headers: Mapping[str, str] | None = None
) -> None:
    """Send a JSON value."""
    text = encoded(body)
    given = [
        (k.lower().encode(), v.encode("latin-1", "replace")) for k, v in (headers or {}).items()
    ]
    length = (b"content-length", str(len(text)).encode())
    await send(
        {"type": "http.response.start", "status": status, "headers": [JSON_TYPE, length, *given]}
    )
    await send({"type": "http.response.body", "body": text})

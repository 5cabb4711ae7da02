"""Classify the errors of clients, which have no common base class; see `kind_of`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_VARARGS
from itertools import pairwise
from types import FrameType
from typing import Any

from bestofinf.errors.checks import is_number
from bestofinf.errors.own import SamplingError


class ErrorKind(Enum):
    """What an error of a client is about, which decides how a vote reacts to it."""

    QUESTION = "question"
    """The request was refused because of its content: too long, filtered, malformed. A retry at the
    same member cannot help; other questions are not affected."""
    MEMBER = "member"
    """The member cannot be asked at all: bad key, no quota, no access, no such model."""
    BUSY = "busy"
    """The member is overloaded or limits the rate of requests."""
    PASSING = "passing"
    """The same request may well succeed a moment later: time-outs, lost connections, 5xx."""
    CONTROL = "control"
    """No failure: it steers the program around the vote, as LangGraph's interrupts do."""
    OTHER = "other"
    """An error of an unknown kind."""


_KIND_OF_STATUS = {
    **dict.fromkeys((400, 413, 422), ErrorKind.QUESTION),
    **dict.fromkeys((401, 402, 403, 404, 410), ErrorKind.MEMBER),
    **dict.fromkeys((429, 503, 529), ErrorKind.BUSY),
    **dict.fromkeys((408, 409, 425, 500, 502, 504, *range(520, 525)), ErrorKind.PASSING),
}
_KIND_OF_CODE = {
    **dict.fromkeys(
        (
            "content_filter",
            "content_policy_violation",
            "context_length_exceeded",
            "exceed_context_size_error",
            "string_above_max_length",
        ),
        ErrorKind.QUESTION,
    ),
    **dict.fromkeys(
        ("account_deactivated", "insufficient_quota", "invalid_api_key", "model_not_found"),
        ErrorKind.MEMBER,
    ),
}
# Parts of class names in lower case, in order: the first part that is found decides.
_KIND_OF_NAME = {
    "graphbubbleup": ErrorKind.CONTROL,
    "nestingerror": ErrorKind.CONTROL,
    "contextoverflow": ErrorKind.QUESTION,
    "contextwindow": ErrorKind.QUESTION,
    "contentfilter": ErrorKind.QUESTION,
    "contentpolicy": ErrorKind.QUESTION,
    "invalidrequest": ErrorKind.QUESTION,
    "modelrefusal": ErrorKind.QUESTION,
    "authenticationerror": ErrorKind.MEMBER,
    "permissiondenied": ErrorKind.MEMBER,
    "modelnotfound": ErrorKind.MEMBER,
    "restingerror": ErrorKind.BUSY,
    "ratelimit": ErrorKind.BUSY,
    "overloaded": ErrorKind.BUSY,
    "throttl": ErrorKind.BUSY,
    "unavailable": ErrorKind.BUSY,
    "timeout": ErrorKind.PASSING,
    "connection": ErrorKind.PASSING,
}

_PAUSING = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR


def kind_of(error: BaseException) -> ErrorKind:
    """Return what an error of a client is about.

    The decision uses, in this order, the server's error code, the HTTP status, the names of the
    error's classes, and its attribute ``is_retryable``. The `SamplingError` of an ensemble that is
    itself a member has the kind of its causes, if they all have the same.
    """
    if isinstance(error, SamplingError) and error.causes:
        kinds = {kind_of(cause) for cause in error.causes}
        alike = kinds.pop() if len(kinds) == 1 else ErrorKind.OTHER
        return alike if alike in (ErrorKind.QUESTION, ErrorKind.MEMBER) else ErrorKind.OTHER
    for code in _codes(error):
        if code in _KIND_OF_CODE:
            return _KIND_OF_CODE[code]
    status = status_of(error)
    if status is not None:
        return _KIND_OF_STATUS.get(status, ErrorKind.OTHER)
    if isinstance(error, TimeoutError | ConnectionError):
        return ErrorKind.PASSING
    names = "/".join(kind.__name__ for kind in type(error).__mro__).lower()
    # LangChain's models mark errors that may be retried.
    unnamed = ErrorKind.PASSING if getattr(error, "is_retryable", None) is True else ErrorKind.OTHER
    return next((kind for part, kind in _KIND_OF_NAME.items() if part in names), unnamed)


def is_fatal(error: BaseException) -> bool:
    """Return whether asking the same member again cannot help: bad key, no quota, no access."""
    return kind_of(error) is ErrorKind.MEMBER


def is_busy(error: BaseException) -> bool:
    """Return whether a member refused a request because it is overloaded or limits the rate."""
    return kind_of(error) is ErrorKind.BUSY


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may well succeed a moment later."""
    return kind_of(error) in (ErrorKind.BUSY, ErrorKind.PASSING)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error carries in one of the usual places; None if none.

    The body is read as well: some servers report a failure in the body of a response with status
    200.
    """
    response = getattr(error, "response", None)
    for holder in (error, response):
        for name in ("status_code", "status", "http_status"):
            value = getattr(holder, name, None)
            if isinstance(value, int):
                return int(value)
    for body in _bodies(error):
        for name in ("code", "status", "status_code", "HTTPStatusCode"):
            value = body.get(name)
            if isinstance(value, str) and value.isdecimal() and len(value) == 3:
                value = int(value)
            if isinstance(value, int) and 400 <= value < 600:
                return int(value)
    return None


def retry_after(error: BaseException | None) -> float | None:
    """Return the seconds that a server asks to wait; None if it names none or an invalid number.

    Source: RFC 9110, section 10.2.3: seconds or a date; ``retry-after-ms`` is OpenAI's.
    """
    headers = getattr(getattr(error, "response", None), "headers", None)
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name) if headers is not None else None
        seconds = _seconds(value) * unit
        if 0 <= seconds < math.inf:
            return seconds
    return None


def _seconds(value: object) -> float:
    """Return a number of seconds, or the seconds until a date; NaN if the value is neither."""
    from email.utils import (
        parsedate_to_datetime,  # brings sockets, which this package alone need not
    )

    if is_number(value):
        return float(value)  # type: ignore[arg-type]
    if not isinstance(value, str):
        return math.nan
    try:
        return float(value)
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(value)
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):  # no date, or none that a calendar holds
        return math.nan


def _bodies(error: BaseException) -> Iterator[Mapping[str, Any]]:
    """Yield the server's error objects that the error holds, the outermost first."""
    response = getattr(error, "response", None)
    said = [{"code": getattr(error, "code", None)}, getattr(error, "body", None), response]
    for body in [*said, *error.args[:1]]:
        if isinstance(body, Mapping):
            yield body
            for name in ("error", "ResponseMetadata"):
                inner = body.get(name)
                if isinstance(inner, Mapping):
                    yield inner


def _codes(error: BaseException) -> Iterator[str]:
    for body in _bodies(error):
        for name in ("code", "type"):
            value = body.get(name)
            if isinstance(value, str):
                yield value.lower()


def is_interrupt(error: BaseException) -> bool:
    """Return whether an error is meant for the whole program: Ctrl-C, or raised by a signal handler.

    Any other error of a member, even `SystemExit`, is only the failure of its draw. Python calls
    a signal handler with the signal's number and the frame it interrupts; a traceback in which a
    function was called with the frame above it is therefore that of a handler.
    """
    if isinstance(error, KeyboardInterrupt):
        return True
    step = error.__traceback__
    # An error object that is raised again and again has more steps than any stack.
    for _ in range(sys.getrecursionlimit()):
        if step is None or step.tb_next is None:
            break
        given = _arguments(step.tb_next.tb_frame)
        if any(isinstance(a, int) and b is step.tb_frame for a, b in pairwise(given)):
            return True
        step = step.tb_next
    return False


def ends_the_task(error: BaseException) -> bool:
    """Return whether an error is meant for the running task: its cancellation, or an interrupt.

    That a task was cancelled for which the running one waits is only a failure of that task.
    """
    import asyncio  # late, because whoever only makes an ensemble should not wait for it

    if is_interrupt(error):
        return True
    if not isinstance(error, asyncio.CancelledError):
        return False
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _arguments(frame: FrameType) -> list[Any]:
    """Return the positional arguments of a function; none where it can be no handler of signals."""
    code = frame.f_code
    more = code.co_flags & CO_VARARGS
    if code.co_flags & _PAUSING or (code.co_argcount < 2 and not more):
        return []
    values = frame.f_locals  # made anew each time
    given = [values.get(name) for name in code.co_varnames[: code.co_argcount]]
    if more:
        rest = values.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        given += rest if isinstance(rest, tuple) else ()
    return given

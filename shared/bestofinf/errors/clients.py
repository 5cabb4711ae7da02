"""What the errors of clients mean: they have no common base class, and `kind_of` classifies them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from inspect import CO_VARARGS
from itertools import pairwise
from types import FrameType
from typing import Any

<<<<<<< HEAD:shared/bestofinf/errors/clients.py
from bestofinf.errors.checks import is_number
from bestofinf.errors.own import SamplingError
=======

def shown(value: object) -> str:
    """Return a value for an error message: a plain value as its `repr`, any other as its type.

    Models and clients show their API keys in their `repr`, which must not enter a message.
    """
    if value is None or isinstance(value, str | bool | Real):
        return (
            repr(value) if not isinstance(value, str) or len(value) <= 200 else f"{value[:200]!r}…"
        )
    if isinstance(value, tuple | list) and all(isinstance(v, str | Real) for v in value):
        return f"{value!r:.200}"
    return f"a value of type {type(value).__name__}"


def is_number(value: object) -> bool:
    """Return whether a value is a real number; True and False are not."""
    return isinstance(value, Real) and not isinstance(value, bool)


def whole(name: str, value: object, least: int = 1) -> None:
    """Refuse a setting that is not a whole number of at least `least`.

    Raises:
        UsageError: If it is not; True and False are not whole numbers here.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, got {shown(value)}")


def one_of(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a setting that is not one of these texts.

    Raises:
        UsageError: If it is not; the message lists the choices.
    """
    if not isinstance(value, str) or value not in choices:
        raise UsageError(f"{name} must be one of {', '.join(choices)}, got {shown(value)}")


class BestOfInfError(Exception):
    """Root of all errors raised by this library."""


class UsageError(BestOfInfError, ValueError):
    """An argument, a file or a setting is wrong; the message says what was expected and what was given."""


class MissingExtraError(BestOfInfError, ImportError):
    """A part of the library needs an optional package that is not installed.

    Attributes:
        package: Name of the missing package.
        extra: The extra of bestofinf that installs it; None if no extra does.
    """

    def __init__(self, package: str, extra: str | None, purpose: str) -> None:
        self.package = package
        self.extra = extra
        wanted = package if extra is None else f"'bestofinf[{extra}]'"
        super().__init__(
            f"{purpose} needs the package {package!r}: install it with pip install {wanted}"
        )


class StoreError(BestOfInfError):
    """An evaluation store cannot be opened, read or written. Its content is unchanged.

    Attributes:
        permanent: True if a retry cannot help, because the rows themselves are refused.
        gone: True if the earlier content is lost; the next try begins a new store.
    """

    def __init__(self, message: str, *, permanent: bool = False, gone: bool = False) -> None:
        self.permanent = permanent
        self.gone = gone
        super().__init__(message)


class ProtocolMisuseError(BestOfInfError, RuntimeError):
    """A driver broke the protocol of the engine: a bug in the driver. The engine is unchanged."""


class UncheckedValueError(UsageError, ProtocolMisuseError):
    """An unchecked number from a model or a file reached a record of a vote.

    Code that makes `Sample` and `Usage` from the replies of models checks them by `bestofinf.border`.
    """


class SamplingError(BestOfInfError):
    """No decision is possible, because the members failed.

    Attributes:
        causes: Every underlying exception, in draw order.
    """

    def __init__(self, message: str, causes: Sequence[BaseException] = ()) -> None:
        self.causes = tuple(causes)
        super().__init__(message)


class NoConsensusError(SamplingError):
    """Members answered, but the vote did not reach the agreement that the caller demanded."""


class DeadlineError(SamplingError):
    """The time for a question had passed before its vote was decided."""


# -- errors of clients ------------------------------------------------------------------------
>>>>>>> d93ffa3 (Say in the command line, the records, the engine and the drivers what each part does, in plain words):shared/bestofinf/errors.py


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
    """Return whether a member has refused a request because it has too much to do."""
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
    """Return the seconds a server asked to wait; None if it did not, or asked for nonsense.

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
    """Return a number of seconds, or the time until a date; NaN where it is neither."""
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
    while step is not None and step.tb_next is not None:
        given = _arguments(step.tb_next.tb_frame)
        if any(isinstance(a, int) and b is step.tb_frame for a, b in pairwise(given)):
            return True
        step = step.tb_next
    return False


def _arguments(frame: FrameType) -> list[Any]:
    """Return the positional arguments that a function was called with."""
    code = frame.f_code
    given = [frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount]]
    if code.co_flags & CO_VARARGS:
        rest = frame.f_locals.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        given += rest if isinstance(rest, tuple) else ()
    return given

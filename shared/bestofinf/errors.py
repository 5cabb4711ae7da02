"""The errors of the library, by the person who must act, and the kinds of errors that clients raise.

Every error is a `BestOfInfError`. A `UsageError` is for the caller, a `StoreError` for the operator
of the database, a `ProtocolMisuseError` for the author of a driver, a `SamplingError` for the
operator of the models.

Clients of models raise errors of their own, without a common base class. `kind_of` classifies them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from inspect import CO_VARARGS
from itertools import pairwise
from numbers import Real
from types import FrameType
from typing import Any


def shown(value: object) -> str:
    """Return a value as messages show it: plain values as they are, of others only the type.

    Models and clients write their keys into their own representations.
    """
    if value is None or isinstance(value, str | bool | Real):
        return (
            repr(value) if not isinstance(value, str) or len(value) <= 200 else f"{value[:200]!r}…"
        )
    if isinstance(value, tuple | list) and all(isinstance(v, str | Real) for v in value):
        return f"{value!r:.200}"
    return f"a value of type {type(value).__name__}"


def is_number(value: object) -> bool:
    """Return whether a value is a real number; truth values are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def whole(name: str, value: object, least: int = 1) -> None:
    """Refuse a setting that is not a whole number of at least `least`.

    Raises:
        UsageError: If it is none; truth values are none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, got {shown(value)}")


def one_of(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a setting that is none of these texts.

    Raises:
        UsageError: If it is none; the message lists them.
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
        package: What is missing.
        extra: The extra of this distribution that installs it; None if none does.
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


class ErrorKind(Enum):
    """What an error of a client concerns, and thereby what can be done about it."""

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
    """Nothing is known of it."""


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
# Parts of the names of classes, in lower case; the first that is found decides.
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

    Read are, in this order, the code that the server has given, the HTTP status, the names of the
    classes, and ``is_retryable``. An ensemble as a member has failed as its members did, if all
    did so alike.
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
    # LangChain's models say of their errors whether to try again.
    unnamed = ErrorKind.PASSING if getattr(error, "is_retryable", None) is True else ErrorKind.OTHER
    return next((kind for part, kind in _KIND_OF_NAME.items() if part in names), unnamed)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status an error carries, in any of the usual places; None if none.

    That may be the body: some servers say with status 200 that they have failed.
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


def _bodies(error: BaseException) -> Iterator[Mapping[str, Any]]:
    """Yield what the server has said, as far as the error holds it; the outermost first."""
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
    """Return whether an error was meant for the whole program: Ctrl-C, or from a signal's handler.

    What a member raises by itself, even `SystemExit`, is the failure of its draw. A handler runs
    wherever the program is at the moment, and is given the signal and the frame that it interrupts.
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
    """Return what a function was called with, by position."""
    code = frame.f_code
    given = [frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount]]
    if code.co_flags & CO_VARARGS:
        rest = frame.f_locals.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        given += rest if isinstance(rest, tuple) else ()
    return given

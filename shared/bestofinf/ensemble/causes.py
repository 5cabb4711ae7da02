"""Errors of failed votes that also have the classes of their causes.

Fallbacks, retries and middleware, such as one that shortens a conversation which is too long, look
at the class of a model's error. With these errors they work for an ensemble as for its members.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

from bestofinf.drivers.limits import RestingError
from bestofinf.ensemble.client import NoObjectError
from bestofinf.errors import BestOfInfError, SamplingError, status_of

# An error of these classes could silently end a generator of the caller.
_ENDS = (StopIteration, StopAsyncIteration)


def of_kind(error: SamplingError) -> SamplingError:
    """Return the error with the classes that all of its causes have in common.

    A member that was not asked because it refused earlier requests (`RestingError`) counts with the
    class of that refusal, and a reply without the requested object (`NoObjectError`) with the class
    of its own cause. The result has the attributes of the first cause, such as ``response`` or
    ``body``; ``status_code`` if all causes have the same; and ``is_retryable`` (an attribute of
    errors of LangChain's models), true if it is true for all causes. If there is no class in
    common, the error itself is returned, with only the last two attributes added. An error without
    causes, or with one that is not an `Exception`, is returned unchanged.
    """
    if not error.causes or not all(isinstance(cause, Exception) for cause in error.causes):
        return error
    found = error
    if kinds := common_kinds([_kind(cause) for cause in error.causes]):
        try:
            found = _both((type(error), *kinds))()
        except TypeError:  # classes that cannot be joined with each other
            found = error
        else:
            _take_over(found, error)
    _tell_in_common(found)
    return found


def common_kinds(causes: Sequence[type[BaseException]]) -> tuple[type[BaseException], ...]:
    """Return the most derived classes of errors that all causes have, except this library's own.

    Classes that cannot be joined with it do not count, such as pydantic's ``ValidationError``, which
    cannot be made without its arguments.
    """
    common = [
        kind
        for kind in causes[0].__mro__
        if issubclass(kind, Exception)
        and kind is not Exception
        and not issubclass(kind, (BestOfInfError, *_ENDS))
        and all(issubclass(cause, kind) for cause in causes)
        and _can_be_joined(kind)
    ]
    return tuple(
        kind
        for kind in common
        if not any(other is not kind and issubclass(other, kind) for other in common)
    )


def _kind(cause: BaseException) -> type[BaseException]:
    if isinstance(cause, NoObjectError) and cause.causes:
        cause = cause.causes[0]
    return cause.refused_with if isinstance(cause, RestingError) else type(cause)


def _sent(error: SamplingError) -> list[BaseException]:
    """Return the causes that are errors of requests that were sent."""
    return [cause for cause in error.causes if not isinstance(cause, RestingError)]


@lru_cache(maxsize=128)
def _both(kinds: tuple[type[BaseException], ...]) -> Callable[[], Any]:
    """Return a function that makes an empty error of several classes, this library's own first."""

    def text(self: SamplingError) -> str:
        return str(self.args[0]) if self.args else ""

    def reduced(self: SamplingError) -> Any:
        return _again, (kinds[0], str(self), self.causes)

    own = {"__str__": text, "__reduce__": reduced, "__module__": __name__}
    kind: Any = type(f"Ensemble{kinds[1].__name__}", kinds, own)
    return partial(kind.__new__, kind)


def _can_be_joined(kind: type[BaseException]) -> bool:
    try:
        _both((SamplingError, kind))()
    except TypeError:
        return False
    return True


def _again(kind: type[SamplingError], message: str, causes: Sequence[BaseException]) -> Any:
    return of_kind(kind(message, causes))


def _take_over(found: SamplingError, error: SamplingError) -> None:
    """Copy the attributes of the first cause and of the original error to an error."""
    found.args = (str(error),)
    first = next((vars(cause) for cause in _sent(error)), {})
    for name, value in {**first, **vars(error)}.items():
        if not name.startswith("__"):
            found.__dict__[name] = value


def _tell_in_common(error: SamplingError) -> None:
    causes = _sent(error)
    states = {status_of(cause) for cause in causes}
    if len(states) == 1 and (status := states.pop()) is not None:
        error.__dict__["status_code"] = status
    retryable = [getattr(cause, "is_retryable", None) for cause in causes]
    if causes and all(isinstance(one, bool) for one in retryable):
        error.__dict__["is_retryable"] = all(retryable)

"""A failed vote raises an error that is also of the kind of its causes.

What stands around a model in an application looks at the classes of its errors: fallbacks,
retries, middleware that shortens a conversation which is too long. They are to work as with the
member itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

from bestofinf.drivers.limits import RestingError
from bestofinf.errors import BestOfInfError, SamplingError, status_of

# What Python itself takes for the end of a generator.
_ENDS = (StopIteration, StopAsyncIteration)


def of_kind(error: SamplingError) -> SamplingError:
    """Return the error with the classes that all of its causes have in common.

    A member that was not asked because it had refused others counts as refusing this, too. The
    error has the attributes of the first cause, such as ``response`` or ``body``. A ``status_code``
    that all causes have is its own too. It is retryable (``is_retryable``, as errors of
    LangChain's models say) if all of its causes are. Without a class in common, only the status
    and that are added.
    """
    if not error.causes or not all(isinstance(cause, Exception) for cause in error.causes):
        return error
    found = error
    if kinds := common_kinds([_kind(cause) for cause in error.causes]):
        try:
            found = _both((type(error), *kinds))()
        except TypeError:  # classes that cannot be joined, or made without their arguments
            found = error
        else:
            _take_over(found, error)
    _tell_in_common(found)
    return found


def common_kinds(causes: Sequence[type[BaseException]]) -> tuple[type[BaseException], ...]:
    """Return the most special classes of errors that all causes have, without our own."""
    common = [
        kind
        for kind in causes[0].__mro__
        if issubclass(kind, Exception)
        and kind is not Exception
        and not issubclass(kind, (BestOfInfError, *_ENDS))
        and all(issubclass(cause, kind) for cause in causes)
    ]
    return tuple(
        kind
        for kind in common
        if not any(other is not kind and issubclass(other, kind) for other in common)
    )


def _kind(cause: BaseException) -> type[BaseException]:
    return cause.refused_with if isinstance(cause, RestingError) else type(cause)


def _sent(error: SamplingError) -> list[BaseException]:
    """Return the causes that came of a request."""
    return [cause for cause in error.causes if not isinstance(cause, RestingError)]


@lru_cache(maxsize=128)
def _both(kinds: tuple[type[BaseException], ...]) -> Callable[[], Any]:
    """Return what makes an error, still without a text, of our own class and of some others."""

    def text(self: SamplingError) -> str:
        return str(self.args[0]) if self.args else ""

    def reduced(self: SamplingError) -> Any:
        return _again, (kinds[0], str(self), self.causes)

    own = {"__str__": text, "__reduce__": reduced, "__module__": __name__}
    kind: Any = type(f"Ensemble{kinds[1].__name__}", kinds, own)
    return partial(kind.__new__, kind)


def _again(kind: type[SamplingError], message: str, causes: Sequence[BaseException]) -> Any:
    return of_kind(kind(message, causes))


def _take_over(found: SamplingError, error: SamplingError) -> None:
    """Give an error what the first cause and the original error hold."""
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
